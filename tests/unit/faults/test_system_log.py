# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The system log is searched, or it is said why not."""

from __future__ import annotations

import json
import os
import pathlib
import socket
import time
from types import SimpleNamespace
from typing import Any

import pytest
from kind import canary
from kind.report import Report


@pytest.fixture
def log(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A system log's socket of the test's own."""
    place = tmp_path / "log"
    monkeypatch.setattr(canary, "LOG_SOCKET", place)
    return place


def send(place: pathlib.Path, text: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(text, str(place))


def test_the_socket_of_a_killed_stage_is_taken_away(tmp_path: pathlib.Path, log: pathlib.Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as killed:
        killed.bind(str(log))
    assert log.exists()
    with canary.system_log(tmp_path) as found:
        send(log, b"Invoked with x")
        until = time.monotonic() + 10
        while not (found.file.exists() and found.file.read_bytes()) and time.monotonic() < until:
            time.sleep(0.05)
        found.read()
        assert found.file.read_bytes() == b"Invoked with x\n" and not found.why_not
    assert not log.exists()


def journal(folder: pathlib.Path, *entries: dict[str, Any]) -> None:
    """A journalctl that shows these."""
    program = folder / "journalctl"
    (folder / "entries").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    program.write_text(f'#!/bin/sh\necho "$*" > {folder}/asked\ncat {folder}/entries\n')
    program.chmod(0o755)


def test_a_living_daemon_s_journal_is_read(
    tmp_path: pathlib.Path, log: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    journal(
        tmp_path,
        {"SYSLOG_IDENTIFIER": "sshd", "MESSAGE": "not ours"},
        {"SYSLOG_IDENTIFIER": "ansible-command", "MESSAGE": "Invoked with one"},
        {"SYSLOG_IDENTIFIER": "python3", "MESSAGE": list(b"ansible-stat Invoked with two")},
        {"SYSLOG_IDENTIFIER": "ansible-none", "MESSAGE": None},
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(str(log))
        with canary.system_log(tmp_path) as found:
            found.read()
        assert log.exists()
    assert found.file.read_text() == "Invoked with one\nansible-stat Invoked with two\n"
    assert f"--since=@{found.began:.0f}" in (tmp_path / "asked").read_text()


class NoSecrets:
    """A lab whose Secrets are what is asked for."""

    def __init__(self, out: pathlib.Path) -> None:
        self.out = self.state = out
        self.namespaces = ("a", "b")
        self.kube = SimpleNamespace(secrets=lambda _namespaces: {})


@pytest.mark.parametrize(("why_not", "content", "failed"), [("nobody knows", "", 1), ("", "", 2), ("", "x", 1)])
def test_the_report_says_whether_it_was_searched(
    tmp_path: pathlib.Path, why_not: str, content: str, failed: int
) -> None:
    lab: Any = NoSecrets(tmp_path)
    (tmp_path / "cluster").mkdir()
    (tmp_path / "audit").mkdir()
    for name in ("a.ansible.log", "a.xml", "a.argv", "cluster/a-events.json", "a.out"):
        (tmp_path / name).write_text('"module_args"')
    found = canary.SystemLog(tmp_path / "syslog.txt", ours=not why_not, why_not=why_not)
    if content:
        found.file.write_text(content)
    said: list[str] = []
    report = Report(None, said.append)
    with report.section("secrets"):
        # Too few secrets to look for: one failure of its own.
        canary.search(lab, report, {}, found)
    assert report.failed == failed, said
    assert any("less the system log: nobody knows" in line for line in said) is bool(why_not)
    assert any("nothing to search in: ['system log']" in line for line in said) is (failed == 2)
