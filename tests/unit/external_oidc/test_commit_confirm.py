# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agreement between the module and the host: real files, the real script of the host, killed at every step."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import threading
import time
from pathlib import Path

import pytest

from ansible_collections.mcp_auth.openshift.plugins.module_utils._external_oidc import host, hostfile, kubernetes
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


def test_since_when_the_file_is_what_it_is(file):
    """An API server that loaded it after that has it; one that loaded something before has not."""
    os.utime(file.path, (1000, 1000))
    assert file.modified() == 1000
    file.write(NEW, 60, EMPTY)
    written = file.modified()
    assert written == os.stat(file.path).st_mtime > 1000
    # A later deadline is no other file.
    file.extend(60, sha256(NEW), sha256(NEW))
    assert file.modified() == written
    os.utime(file.beside("previous"), (1000, 1000))
    overdue(file)
    tick(file)
    assert os.stat(file.path).st_mtime == 1000 and abs(file.modified() - written) < 10
    os.unlink(file.path)
    assert file.modified() == 0


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
        for program in ("mv", "cp", "ln", "rm", "cmp", "sed", "date", "sync"):
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


# -- a call that finds an earlier change unconfirmed -----------------------------------------------------------------------


def entry(url: str, prefix: str = "x:") -> dict:
    return {
        "issuer": {"url": url, "audiences": ["a"]},
        "claimMappings": {"username": {"claim": "sub", "prefix": prefix}},
    }


A, B = "https://a.example.com", "https://b.example.com"


def holding(tmp_path: Path, *entries: dict) -> hostfile.HostFile:
    path = tmp_path / "authentication.json"
    path.write_bytes(kubernetes.render({**kubernetes.empty(), "jwt": list(entries)}))
    return hostfile.HostFile(str(path))


def call(file: hostfile.HostFile, state: str, *entries: dict, within: int = 300) -> bool:
    """As the module does it. Whether anything changed."""
    wanted = host.Wanted(path=file.path, state=state, jwt=list(entries), confirm_within=within, watch_timeout=0)
    with file.lock():
        file.wait_for_revert()
        host.check(file, wanted)
        return host.apply(file, wanted, host.plan(wanted, file.read()))[1]


@pytest.fixture
def answered(monkeypatch):
    monkeypatch.setattr(hostfile.HostFile, "watched", lambda self, timeout: True)


def aged(file: hostfile.HostFile) -> int:
    """A deadline that is nearly over, as of a run that was killed a while ago."""
    path = Path(file.beside("revert-at"))
    lines = path.read_text().splitlines()
    early = int(lines[0]) - 200
    path.write_text("\n".join([str(early), *lines[1:]]) + "\n")
    return early


@pytest.mark.usefixtures("answered")
@pytest.mark.parametrize(
    ("before", "first", "again", "trusted"),
    [
        ([entry(A)], ("absent", entry(A)), ("absent", entry(A)), [A]),
        ([], ("present", entry(A)), ("absent", entry(B)), []),
        ([entry(B)], ("present", entry(A)), ("present", entry(B)), [B]),
    ],
    ids=["the same removal", "a removal of another", "another that is there"],
)
def test_nothing_to_write_confirms_nobodys_file(tmp_path, before, first, again, trusted):
    file = holding(tmp_path, *before)
    assert call(file, *first)
    early = aged(file)
    assert call(file, *again), "the deadline moved"
    assert file.pending().deadline > early
    overdue(file)
    tick(file)
    assert kubernetes.issuers(json.loads(file.read())) == trusted


@pytest.mark.usefixtures("answered")
@pytest.mark.parametrize("url", [A, B], ids=["the same", "another"])
def test_without_a_deadline_an_earlier_change_is_not_decided(tmp_path, url):
    file = holding(tmp_path)
    call(file, "present", entry(A))
    pending = file.pending()
    with pytest.raises(hostfile.HostFileError, match="waits for its confirmation") as refused:
        call(file, "present", entry(url), within=0)
    assert refused.value.reason == "pending"
    assert file.pending() == pending


# -- a deadline that passes just then --------------------------------------------------------------------------------------


def test_the_answering_tick_puts_back_what_was_planned_on(tmp_path, monkeypatch):
    file = holding(tmp_path, entry(A, "old:"))
    old = file.read()
    file.write(kubernetes.render({**kubernetes.empty(), "jwt": [entry(A, "bad:")]}), 60, EMPTY)

    def answer(self, timeout):
        overdue(self)
        assert tick(self).returncode == 0
        return True

    monkeypatch.setattr(hostfile.HostFile, "watched", answer)
    assert call(file, "present", entry(B))
    assert Path(file.beside("previous")).read_bytes() == old
    # Made from what is there now, not from what was there before the host went back.
    assert kubernetes.issuers(json.loads(file.read())) == [A, B]
    assert b"bad:" not in file.read()
    tick(file, "boot")
    assert file.read() == old


def test_the_host_answers_after_it_has_gone_back(tmp_path, file):
    """Who gets the answer may believe what is in the file."""
    file.write(NEW, 60, EMPTY)
    overdue(file)
    seen = tmp_path / "bin"
    seen.mkdir()
    stub = seen / "mv"
    stub.write_text(
        f'#!/bin/sh\ncase $* in *revert-pong) cat "{file.path}" >"{tmp_path}/seen";; esac\nexec {shutil.which("mv")} "$@"\n'
    )
    stub.chmod(0o755)
    Path(file.beside("revert-ping")).write_text("1\n")
    tick(file, path=str(seen))
    assert (tmp_path / "seen").read_bytes() == OLD
    assert not Path(file.beside("reverting")).exists()


@pytest.mark.parametrize("at", ["claimed", "done"])
@pytest.mark.parametrize("after", ["pending", "_write"])
def test_a_deadline_that_passes_inside_a_write(file, monkeypatch, after, at):
    """Whatever the host does while the module writes: .previous is never what nobody confirmed."""
    file.write(NEW, 60, EMPTY)
    real = getattr(file, after)
    once = []

    def meanwhile(*args):
        # before the deadline is read, or before the new one is written
        if not once:
            once.append(1)
            overdue(file)
            if at == "done":
                tick(file)
            else:
                os.rename(file.beside("revert-at"), file.beside("reverting"))
                thread = threading.Timer(0.5, tick, [file])
                once.append(thread)
                thread.start()
        return real(*args)

    monkeypatch.setattr(file, after, meanwhile)
    with pytest.raises(hostfile.HostFileError) as refused:
        file.write(NEWER, 60, EMPTY, sha256(NEW))
    for thread in once[1:]:
        thread.join()
    assert refused.value.reason == "changed"
    assert file.read() == Path(file.beside("previous")).read_bytes() == OLD
    assert file.pending() is None


@pytest.mark.parametrize("newer", [False, True], ids=["taken back", "given back"])
def test_a_claim_while_it_is_confirmed(file, monkeypatch, newer):
    file.write(NEW, 60, EMPTY)
    real, threads = file.pending, []

    def claimed():
        if not threads:
            if not newer:
                overdue(file)
            os.rename(file.beside("revert-at"), file.beside("reverting"))
            other = [os.rename, [file.beside("reverting"), file.beside("revert-at")]] if newer else [tick, [file]]
            threads.append(threading.Timer(0.5, *other))
            threads[0].start()
        return real()

    monkeypatch.setattr(file, "pending", claimed)
    if newer:
        assert file.confirm(sha256(NEW))
        assert not Path(file.beside("revert-at")).exists()
    else:
        with pytest.raises(hostfile.HostFileError, match="too late"):
            file.confirm(sha256(NEW))
    threads[0].join()


# -- clocks, space, mounts -------------------------------------------------------------------------------------------------


def test_a_clock_that_is_set_back_gives_no_more_time(tmp_path, file):
    file.write(NEW, 60, EMPTY)
    path = Path(file.beside("revert-at"))
    deadline, digest, uptime = path.read_text().splitlines()
    assert uptime.split()[1] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    path.write_text(f"{int(deadline) + 7200}\n{digest}\n{uptime}\n")
    tick(file)
    assert file.read() == NEW
    path.write_text(f"{int(deadline) + 7200}\n{digest}\n1 another-boot\n")
    tick(file)
    assert file.read() == NEW, "seconds of another boot say nothing"
    path.write_text(f"{int(deadline) + 7200}\n{digest}\n1 {uptime.split()[1]}\n")
    tick(file)
    assert file.read() == OLD


@pytest.mark.parametrize("value", ["99999999999999999999", "-1", "12a"])
def test_a_deadline_that_is_none(file, value):
    file.write(NEW, 60, EMPTY)
    Path(file.beside("revert-at")).write_text(f"{value}\nabc\n")
    tick(file)
    assert file.read() == OLD


@pytest.mark.parametrize("links", [True, False], ids=["hard links", "no hard links"])
def test_back_without_space(tmp_path, file, links):
    """Nothing can be copied: the way back needs no copy."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for program in ("cp",) if links else ("cp", "ln"):
        (bin_folder / program).write_text("#!/bin/sh\nexit 1\n")
        (bin_folder / program).chmod(0o755)
    file.write(NEW, 60, EMPTY)
    overdue(file)
    assert tick(file, path=str(bin_folder)).returncode == 0
    assert file.read() == OLD
    assert names(file) - {".previous", ".rejected", ".."} == {"", ".reverted"} | ({"bin"} & names(file))
    assert Path(file.beside("rejected")).exists() == links


def test_two_of_them_at_once_never_tear_the_file(tmp_path, file):
    """A slow copy and a second call in the middle of it: whoever reads the file reads a whole one."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "ln").write_text("#!/bin/sh\nexit 1\n")
    (bin_folder / "cp").write_text(
        f'#!/bin/sh\nfor last; do :; done\n: >"$last"\nsleep 0.3\nexec {shutil.which("cp")} "$@"\n'
    )
    (bin_folder / "sync").write_text("#!/bin/sh\nsleep 0.2\n")
    for stub in bin_folder.iterdir():
        stub.chmod(0o755)
    file.write(NEW, 60, EMPTY)
    overdue(file)
    threads = []
    for delay, mode in ((0.0, "boot"), (0.4, "tick"), (0.65, "tick")):
        threads.append(threading.Timer(delay, tick, [file, mode], {"path": str(bin_folder)}))
        threads[-1].start()
    while any(thread.is_alive() for thread in threads):
        assert file.read() in (OLD, NEW)
        time.sleep(0.01)
    assert file.read() == OLD


def test_a_link_to_the_file(tmp_path, file):
    link = tmp_path / "linked" / "authentication.json"
    link.parent.mkdir()
    link.symlink_to(file.path)
    seen = hostfile.HostFile(str(link))
    seen.write(NEW, 60, EMPTY)
    overdue(seen)
    subprocess.run([SHELLS[0], str(SCRIPT)], env={"AUTH_FILE": str(link), "PATH": os.environ["PATH"]}, check=True)
    assert seen.read() == OLD
    assert link.is_symlink()


def test_a_file_that_is_a_mount(file, monkeypatch):
    real = os.replace

    def busy(source, target):
        if target == file.path:
            raise OSError(16, "Device or resource busy")
        real(source, target)

    monkeypatch.setattr(hostfile.os, "replace", busy)
    with pytest.raises(hostfile.HostFileError) as refused:
        file.write(NEW, 60, EMPTY)
    assert refused.value.reason == "ebusy"
    assert "mount its folder" in refused.value.fix
    assert file.pending() is None
    # What follows must not hide that: there is nothing to put back, and asked for it nothing is written.
    assert not file.revert()
    file.extend(60, sha256(NEW), sha256(OLD))
    assert file.revert()
    assert names(file) == {"", ".previous", ".reverted"}


def test_back_from_what_was_confirmed(file):
    """Another control-plane host could not be confirmed, so this one goes back, too."""
    file.write(NEW, 60, EMPTY)
    file.confirm(sha256(NEW))
    assert not file.revert()
    assert not file.revert(sha256(NEWER))
    assert file.read() == NEW
    assert file.revert(sha256(NEW))
    assert file.read() == OLD
    assert file.reverted().sha256 == sha256(NEW)
    assert not file.revert(sha256(NEW))
