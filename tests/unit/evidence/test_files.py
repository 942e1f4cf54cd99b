# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report that cannot be written is said before anything is tried, and loses nothing of what was found."""

from __future__ import annotations

import errno
import json
import os
import stat

import pytest
from ansible.module_utils import basic

from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence import files, model
from ansible_collections.mcp_auth.openshift.plugins.modules import chain_verify

from . import sample


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the module with those reports; the chain is a sample."""
    tried = []

    def started(report, evidence=None, **options):
        def verify(*args, **kwargs):
            tried.append(kwargs)
            return evidence or sample.evidence()

        monkeypatch.setattr(chain_verify.entry, "verify", verify)
        arguments = {"ANSIBLE_MODULE_ARGS": {"chain": {"name": "lab"}, "report": report, **options}}
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps(arguments).encode())
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        with pytest.raises(SystemExit):
            chain_verify.main()
        return json.loads(capsys.readouterr().out.strip().splitlines()[-1])

    started.tried = tried
    return started


def paths(folder):
    return {kind: str(folder / f"chain.{kind}") for kind in ("json", "junit", "html")}


def test_reports_are_written_with_their_permissions_and_nothing_beside_them(run, tmp_path):
    (tmp_path / "chain.json").write_text("an older one")
    found = run({**paths(tmp_path), "mode": "0600"})
    assert "failed" not in found and sorted(found["reports"]) == sorted(paths(tmp_path).values())
    assert {stat.S_IMODE(one.stat().st_mode) for one in tmp_path.iterdir()} == {0o600}
    assert len(list(tmp_path.iterdir())) == 3
    assert json.loads((tmp_path / "chain.json").read_text())["summary"]["verdict"] == "passed"


@pytest.mark.parametrize(("mode", "bits"), [("0644", 0o644), (0o640, 0o640), ("u=rw,g=r,o=", 0o640), (None, 0o640)])
def test_permissions_are_understood_as_by_other_modules(run, tmp_path, mode, bits):
    run({"html": str(tmp_path / "c.html"), **({} if mode is None else {"mode": mode})})
    assert stat.S_IMODE((tmp_path / "c.html").stat().st_mode) == bits


def test_a_relative_path_is_one_of_the_working_directory(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run({"json": "c.json"})["reports"] == [str(tmp_path / "c.json")]


@pytest.mark.parametrize(
    ("report", "words"),
    [
        ({"html": "{}/not/there/c.html"}, "No such file or directory"),
        ({"html": "{}/c.html", "json": "{}/not/there/c.json"}, "No such file or directory"),
        ({"html": "{}/file/c.html"}, "Not a directory"),
        ({"html": "{}/folder"}, "is no file"),
        ({"html": "{}/pipe"}, "is no file"),
        ({"html": "{}/c.html", "mode": "rubbish"}, "octal or symbolic"),
    ],
)
def test_what_cannot_be_written_is_said_before_anything_is_tried(run, tmp_path, report, words):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "c.html").write_text("of an older run")
    before = sorted(tmp_path.iterdir())
    found = run({key: value.format(tmp_path) for key, value in report.items()})
    assert found["failed"] and words in found["msg"]
    assert "Traceback" not in json.dumps(found)
    assert run.tried == []
    # What was there before is there still, and nothing else.
    assert sorted(tmp_path.iterdir()) == before


def test_an_older_report_does_not_outlive_a_run_that_ends_early(run, tmp_path, monkeypatch):
    (tmp_path / "c.html").write_text("of an older run")
    evidence = sample.evidence()
    monkeypatch.setattr(files.Reports, "write", lambda self, found: None)
    run({"html": str(tmp_path / "c.html")}, evidence)
    assert not (tmp_path / "c.html").exists()


def full_disk(monkeypatch, name):
    """Let the disk be full when that file comes to its place."""
    replace = os.replace

    def replaced(source, target):
        if str(target).endswith(name):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    monkeypatch.setattr(files.os, "replace", replaced)


@pytest.mark.parametrize("broken", [False, True])
def test_a_report_that_fails_at_the_end_loses_nothing(run, tmp_path, monkeypatch, broken):
    full_disk(monkeypatch, "chain.junit")
    found = run(paths(tmp_path), sample.evidence(broken=broken))
    assert found["failed"]
    assert "chain.junit" in found["msg"] and "No space left on device" in found["msg"]
    assert found["msg"].startswith("failed: " if broken else "passed: ")
    assert found["summary"]["verdict"] == ("failed" if broken else "passed")
    # The report is where everything would have been.
    assert len(found["cells"]) == len(sample.evidence().cells)
    assert sorted(found["reports"]) == sorted(paths(tmp_path)[kind] for kind in ("json", "html"))
    assert sorted(one.name for one in tmp_path.iterdir()) == ["chain.html", "chain.json"]


def test_nothing_is_looked_at_in_check_mode(run, tmp_path):
    found = run({"html": str(tmp_path / "not" / "there" / "c.html")}, _ansible_check_mode=True)
    assert "failed" not in found and run.tried == []


def test_a_failed_run_that_was_reported_shows_what_failed_only(run, tmp_path):
    found = run(paths(tmp_path), sample.evidence(broken=True))
    assert found["failed"] and {one["verdict"] for one in found["cells"]} <= set(model.BAD_VERDICTS)
