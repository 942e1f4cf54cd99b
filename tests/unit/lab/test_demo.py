# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo and how the lab's programs end: two runs meet in peace, no traceback, commands that mean this cluster."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from pathlib import Path

import demo
import pytest
from labkit import child, cluster, program
from labkit.settings import Settings, command_prefix
from labkit.ui import LabError

PORTS = {f"LAB_PORT_{part}": str(32760 + n) for n, part in enumerate(("SSO", "MCP", "PLAYGROUND", "INSPECTOR"))}


@pytest.mark.parametrize(
    ("words", "name"), [(["demo.py"], "demo"), (["lab.py", "up"], "lab"), (["lab.py", "down"], "lab")]
)
def test_a_cache_that_cannot_be_made_is_no_traceback(lab: Path, words: list[str], name: str) -> None:
    env = {
        "PATH": os.environ["PATH"],
        "HOME": "/nowhere",
        "LAB_NAME": f"never-made-{name}",
        "LAB_ENGINE": "own",
        "LAB_CACHE": "/dev/null/x",
        "LAB_STATE": "/dev/null/y",
        **PORTS,
    }
    argv = [sys.executable, str(lab / words[0]), *words[1:]]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1, done.stderr
    assert "ERROR: [Errno 20] Not a directory" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_of_another_user_is_said_with_its_cure(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def body(_settings: Settings) -> None:
        raise PermissionError(13, "Permission denied", "/c/locks")

    assert program.main(lab, "make demo", body) == 1
    told = capsys.readouterr().err
    assert "Permission denied: '/c/locks'" in told
    assert "chown" in told


def test_a_full_disk_is_said_as_such(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def body(_settings: Settings) -> None:
        raise OSError(28, "No space left on device")

    assert program.main(lab, "make demo", body) == 1
    assert "make demo: the disk is full" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("ignored", [False, True])
def test_a_stop_from_outside_undoes_what_is_half_done(lab: Path, number: signal.Signals, ignored: bool) -> None:
    script = textwrap.dedent(f"""
        import os, signal, sys
        sys.path.insert(0, {str(lab)!r})
        from pathlib import Path
        from labkit import program
        if {ignored}:
            signal.signal({int(number)}, signal.SIG_IGN)
        def body(_settings):
            try:
                os.kill(os.getpid(), {int(number)})
            finally:
                print("undone")
        sys.exit(program.main(Path({str(lab)!r}), "a test", body))
    """)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "undone\n"
    assert done.returncode == (0 if ignored else 128 + number), done.stderr


# A program as Ansible is: a worker in a session of its own, which outlives its parent; the first takes a while to end.
PLAYBOOK = """#!{python}
import os, pathlib, signal, sys, time
def end(number, _frame):
    time.sleep(0.5)
    pathlib.Path({folder!r}, "tidied").touch()
    sys.exit(99)
signal.signal(signal.SIGTERM, end)
if not os.fork():
    os.setsid()
    pathlib.Path({folder!r}, "began").touch()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)
time.sleep(60)
"""


def test_a_stopped_demo_leaves_no_worker_that_writes(lab: Path, tmp_path: Path) -> None:
    book = tmp_path / "bin" / "ansible-playbook"
    book.parent.mkdir()
    book.write_text(PLAYBOOK.format(python=sys.executable, folder=str(tmp_path)))
    book.chmod(0o755)
    script = textwrap.dedent(f"""
        import sys
        sys.path.insert(0, {str(lab)!r})
        from pathlib import Path
        import demo
        from labkit import child, program
        child.run.__kwdefaults__["grace"] = 3.0
        def body(settings):
            demo.Demo(settings, Path({str(book.parent)!r}, "python")).site([])
        sys.exit(program.main(Path({str(lab)!r}), "a test", body))
    """)
    marker = uuid.uuid4().hex
    env = {**os.environ, "LAB_STATE": str(tmp_path / "state"), child.MARKER: marker}
    process = subprocess.Popen([sys.executable, "-c", script], env=env)
    try:
        until = time.monotonic() + 30
        while not (tmp_path / "began").exists() and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
        assert not list(child.marked(marker))
        assert (tmp_path / "tidied").exists()
    finally:
        child.kill_marked(marker)


def test_a_daemon_of_ours_outlives_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(child.MARKER, "outer")
    inner = child.Child(["sleep", "30"])
    daemon = subprocess.Popen(["sleep", "30"], env=child.unmarked())
    try:
        assert inner.marker.startswith("outer/")
        assert list(child.marked("outer")) == [inner.pid]
        inner.end()
        assert inner.returncode == -signal.SIGTERM and daemon.poll() is None
    finally:
        daemon.kill()
        daemon.wait()


def test_a_child_that_does_not_end_in_time_is_ended() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        child.run(["sh", "-c", "trap '' TERM; sleep 30 & wait; sleep 30"], timeout=0.5, grace=0.5)
    assert child.run(["sh", "-c", "exit 3"]) == 3
    assert not child.RUNNING


def test_a_second_demo_waits_until_the_first_is_verified(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def held(step: str) -> None:
        path = settings.cache / "locks" / f"cluster-{settings.name}"
        with path.open("a+", encoding="utf-8") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        seen.append(step)

    monkeypatch.setattr(cluster, "refuse_what_cannot_work", lambda _settings: None)
    monkeypatch.setattr(cluster, "node_state", lambda *_: "")
    monkeypatch.setattr(cluster, "bring_up", lambda _settings: held("up"))
    monkeypatch.setattr(demo.engine, "find", lambda _settings: None)
    monkeypatch.setattr(demo.pyenv, "ensure", lambda _settings: Path("/python"))
    monkeypatch.setattr(demo.Demo, "install", lambda _self: held("install"))
    monkeypatch.setattr(demo.Demo, "site", lambda _self, _words: held("site"))
    monkeypatch.setattr(demo.Demo, "where_to_look", lambda _self: "")
    demo.bring_up(settings)
    assert seen == ["up", "install", "site"]
    # What a time stands for: nothing in the cache, no cluster, a demo that had ended well.
    for kind, state in (("cold", ""), ("warm", ""), ("again", "running")):
        monkeypatch.setattr(cluster, "node_state", lambda *_, state=state: state)
        demo.bring_up(settings)
        assert kind in demo.Demo(settings, Path("/python")).timings()
        (settings.cache / "env").mkdir(exist_ok=True)


def test_the_collection_is_swapped_only_when_it_is_whole(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    one = demo.Demo(settings, Path("/python/bin/python"))
    one.collections.mkdir(parents=True)
    (one.collections / "old").touch()

    def fails(argv: list[str], **_options: object) -> None:
        if argv[2] == "install":
            raise LabError("no")
        (Path(argv[argv.index("--output-path") + 1]) / "x.tar.gz").touch()

    def works(argv: list[str], **options: object) -> None:
        if argv[2] != "install":
            fails(argv, **options)
            return
        (Path(argv[argv.index("-p") + 1])).mkdir()
        (Path(argv[argv.index("-p") + 1]) / "new").touch()

    monkeypatch.setattr(demo, "run", fails)
    with pytest.raises(LabError):
        one.install()
    assert [p.name for p in one.collections.iterdir()] == ["old"]
    monkeypatch.setattr(demo, "run", works)
    one.install()
    assert [p.name for p in one.collections.iterdir()] == ["new"]


def test_printed_commands_mean_this_cluster(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command_prefix({"LAB_NAME": "two", "LAB_STATE": "/a b", "HOME": "/h"}) == "LAB_NAME=two LAB_STATE='/a b' "
    for name in ("MCP_AUTH_CACHE", "LAB_CACHE", "LAB_STATE", "LAB_ENGINE", "DOCKER_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LAB_NAME", "two")
    monkeypatch.setattr(cluster, "read_facts", lambda _settings: {"urls": {"sso": "https://s", "mcp": "https://m"}})
    text = demo.Demo(settings, Path("/python")).where_to_look()
    assert "LAB_NAME=two make demo-down" in text
    assert text.count("LAB_NAME=two python3 tests/lab/lab.py kubectl") == text.count("lab.py kubectl") == 3
