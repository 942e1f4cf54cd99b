# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agreement between the module and the host: real files, the real script of the host, killed at every step."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import threading
import time
from pathlib import Path

import pytest

from ansible_collections.mcp_auth.openshift.plugins.module_utils._external_oidc import hostfile
from ansible_collections.mcp_auth.openshift.plugins.module_utils._external_oidc.kubernetes import sha256

SCRIPT = Path(__file__).parents[3] / "roles" / "external_auth" / "files" / "mcp-auth-revert.sh"
EMPTY, OLD, NEW, NEWER = b'{"jwt": []}', b'{"old": 1}', b'{"new": 1}', b'{"newer": 1}'
# Both of the shells that hosts have as /bin/sh.
SHELLS = [shell for shell in ("dash", "bash") if shutil.which(shell)]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "authentication.json"
    path.write_bytes(OLD)
    path.chmod(0o640)
    return hostfile.HostFile(str(path))


def tick(
    file: hostfile.HostFile, mode: str = "tick", shell: str = SHELLS[0], path: str = ""
) -> subprocess.CompletedProcess:
    environment = {"AUTH_FILE": file.path, "PATH": (path + ":" if path else "") + os.environ["PATH"]}
    return subprocess.run([shell, str(SCRIPT), mode], env=environment, capture_output=True, text=True, check=False)


def names(file: hostfile.HostFile) -> set[str]:
    return {one.name.partition("authentication.json")[2] for one in Path(file.folder).iterdir()}


def overdue(file: hostfile.HostFile) -> None:
    """The deadline has passed."""
    path = Path(file.beside("revert-at"))
    path.write_text("1\n" + path.read_text().partition("\n")[2])


@pytest.mark.parametrize("shell", SHELLS)
def test_put_back_after_the_deadline_and_not_before(file, shell):
    file.write(NEW, 60, EMPTY)
    assert tick(file, shell=shell).returncode == 0
    assert file.read() == NEW
    overdue(file)
    said = tick(file, shell=shell)
    assert file.read() == OLD
    assert "<4>" in said.stderr and "not confirmed in time" in said.stderr
    assert names(file) == {"", ".previous", ".rejected", ".reverted"}
    assert Path(file.beside("rejected")).read_bytes() == NEW
    assert file.reverted().sha256 == sha256(NEW)
    assert stat.S_IMODE(os.stat(file.path).st_mode) == 0o640
    assert tick(file, shell=shell).stderr == ""


def test_confirmed_stays(file):
    file.write(NEW, 60, EMPTY)
    assert file.confirm(sha256(NEW))
    assert not file.confirm(sha256(NEW))
    assert tick(file).stderr == ""
    assert tick(file, "boot").stderr == ""
    assert file.read() == NEW
    assert Path(file.beside("previous")).read_bytes() == OLD


def test_a_boot_does_not_wait_for_the_deadline(file):
    file.write(NEW, 600, EMPTY)
    assert "before this boot" in tick(file, "boot").stderr
    assert file.read() == OLD


def test_too_late_to_confirm(file):
    file.write(NEW, 60, EMPTY)
    overdue(file)
    tick(file)
    with pytest.raises(hostfile.HostFileError, match="too late") as refused:
        file.confirm(sha256(NEW))
    assert refused.value.reason == "reverted"


def test_another_file_is_not_confirmed(file):
    file.write(NEW, 60, EMPTY)
    Path(file.path).write_bytes(NEWER)
    with pytest.raises(hostfile.HostFileError) as refused:
        file.confirm(sha256(NEW))
    assert refused.value.reason == "changed"


def test_a_second_change_goes_back_to_what_was_confirmed(file):
    file.write(NEW, 60, EMPTY)
    file.write(NEWER, 60, EMPTY)
    overdue(file)
    tick(file)
    assert file.read() == OLD


def test_a_file_that_was_not_there(file):
    os.unlink(file.path)
    file.write(NEW, 60, EMPTY)
    assert stat.S_IMODE(os.stat(file.path).st_mode) == 0o600
    overdue(file)
    tick(file)
    assert file.read() == EMPTY


def test_without_a_deadline(file):
    file.write(NEW, 60, EMPTY)
    file.write(NEWER, 0, EMPTY)
    assert file.pending() is None
    tick(file, "boot")
    assert file.read() == NEWER


def test_asked_to_go_back(file):
    assert not file.revert()
    file.write(NEW, 60, EMPTY)
    assert file.revert()
    assert file.read() == OLD
    assert file.reverted().why == "asked"
    assert names(file) == {"", ".previous", ".rejected", ".reverted"}


def test_a_torn_deadline_counts_as_passed(file):
    file.write(NEW, 60, EMPTY)
    Path(file.beside("revert-at")).write_text("")
    tick(file)
    assert file.read() == OLD


def test_nothing_to_go_back_to(file):
    file.write(NEW, 60, EMPTY)
    os.unlink(file.beside("previous"))
    overdue(file)
    said = tick(file)
    assert said.returncode == 1 and "missing or empty" in said.stderr
    assert file.read() == NEW
    assert tick(file).stderr == ""


def test_harmless_when_nothing_is_pending_or_nothing_is_set(tmp_path, file):
    assert tick(file).stderr == ""
    said = subprocess.run(
        [SHELLS[0], str(SCRIPT)],
        env={"PATH": os.environ["PATH"], "MCP_AUTH_REVERT_CONF": str(tmp_path / "none")},
        check=True,
    )
    assert said.returncode == 0
    conf = tmp_path / "conf"
    conf.write_text("# a comment\nAUTH_FILE=relative\n")
    said = subprocess.run(
        [SHELLS[0], str(SCRIPT)],
        env={"PATH": os.environ["PATH"], "MCP_AUTH_REVERT_CONF": str(conf)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert said.returncode == 1 and "absolute" in said.stderr


def test_the_host_answers(file):
    assert not file.watched(0.3)
    assert names(file) == {""}
    done = threading.Event()

    def host():
        while not done.is_set():
            tick(file)
            time.sleep(0.1)

    thread = threading.Thread(target=host)
    thread.start()
    try:
        assert file.watched(10)
    finally:
        done.set()
        thread.join()
    assert names(file) == {""}


def test_two_runs_do_not_meet(file):
    with file.lock(), pytest.raises(hostfile.HostFileError) as refused, hostfile.HostFile(file.path).lock(0.3):
        pass
    assert refused.value.reason == "locked"
    with file.lock(0.3):
        pass


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(hostfile.HostFileError) as refused:
        hostfile.HostFile(str(tmp_path / "no" / "file"))
    assert refused.value.reason == "folder_missing"


def test_a_disk_that_is_full_leaves_the_file(file, monkeypatch):
    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(hostfile.os, "fsync", full)
    with pytest.raises(hostfile.HostFileError) as refused:
        file.write(NEW, 60, EMPTY)
    assert refused.value.reason == "enospc"
    assert file.read() == OLD
    assert names(file) == {""}


class Killed(BaseException):
    """The process ends here."""


def test_the_module_killed_at_every_step(tmp_path, monkeypatch):
    """Whatever was done until then: the host alone ends at the old file, or at the new one only when it was confirmed."""
    for step in range(1, 40):
        folder = tmp_path / str(step)
        folder.mkdir()
        (folder / "authentication.json").write_bytes(OLD)
        file = hostfile.HostFile(str(folder / "authentication.json"))
        left = iter(range(step - 1, -1, -1))
        with monkeypatch.context() as patch:
            for name in ("replace", "fsync", "unlink", "rename", "fchmod"):
                real = getattr(os, name)

                def counted(*args, _real=real, _left=left, **more):
                    if next(_left, -1) == 0:
                        raise Killed
                    return _real(*args, **more)

                patch.setattr(hostfile.os, name, counted)
            try:
                file.write(NEW, 60, EMPTY)
                file.confirm(sha256(NEW))
            except Killed:
                confirmed = file.pending() is None and file.read() == NEW
            else:
                assert step > 10, "the counter counts nothing"
                return
        if file.pending() is not None:
            overdue(file)
        assert tick(file).returncode == 0
        assert file.read() == (NEW if confirmed else OLD)
        assert file.pending() is None
    pytest.fail("never came to the end")


STUB = """#!/bin/sh
n=$(cat "{count}"); n=$((n - 1)); echo "$n" > "{count}"
if [ "$n" -eq {before} ]; then kill -9 "$PPID"; exit 1; fi
{real} "$@"; rc=$?
if [ "$n" -eq {after} ]; then kill -9 "$PPID"; fi
exit $rc
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_script_killed_at_every_step(tmp_path, when):
    """SIGKILL before or after each program that it starts: the next tick finishes."""
    for step in range(1, 40):
        folder = tmp_path / f"{when}{step}"
        bin_folder = folder / "bin"
        bin_folder.mkdir(parents=True)
        count = folder / "count"
        count.write_text(str(step))
        for program in ("mv", "cp", "rm", "cmp", "sed", "date", "sync"):
            stub = bin_folder / program
            stub.write_text(
                STUB.format(
                    count=count,
                    real=shutil.which(program),
                    before=0 if when == "before" else -1000,
                    after=0 if when == "after" else -1000,
                )
            )
            stub.chmod(0o755)
        (folder / "f").mkdir()
        (folder / "f" / "authentication.json").write_bytes(OLD)
        file = hostfile.HostFile(str(folder / "f" / "authentication.json"))
        file.write(NEW, 60, EMPTY)
        overdue(file)
        killed = tick(file, path=str(bin_folder))
        assert file.read() in (OLD, NEW)
        if killed.returncode == 0 and int(count.read_text()) > 0:
            assert step > 8, "the counter counts nothing"
            return
        assert tick(file).returncode == 0
        assert file.read() == OLD
        assert not names(file) & {".revert-at", ".reverting"}
    pytest.fail("never came to the end")
