# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""However a stage ends: nothing of it goes on, its lab goes down, and the next one is not red for it."""

from __future__ import annotations

import fcntl
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import uuid
import xml.etree.ElementTree as ET

import pytest
from kind import leftovers, stage
from labkit import child
from labkit.engine import Engine

TESTS = pathlib.Path(__file__).resolve().parents[2]

OURS = "mcp-auth-test"
# A stage whose lab is a file, and whose only part after `up` is a play that sleeps.
STAGE = """
    import json, pathlib, sys
    from concurrent.futures import ThreadPoolExecutor
    sys.path[:0] = [{tests!r}, {lab!r}]
    from kind import stage
    from kind.plays import Plays

    folder = pathlib.Path({folder!r})

    class Tool(stage.Tool):
        def call(self, *words, **_options):
            with (folder / "calls").open("a") as file:
                print(*words, file=file)
            return 0, ""

    def up(this):
        this.brought_up = True
        this.tool.must("up")

    def play(this):
        (this.private / "admin.key").write_text("key")
        play = {{"hosts": "localhost", "gather_facts": False, "connection": "local", "tasks": [{{"command": "sleep 47"}}]}}
        (folder / "p.yml").write_text(json.dumps([play]))
        (folder / "ansible.cfg").touch()
        plays = Plays(folder, this.out, this.private, pathlib.Path("none"), folder)
        plays.run("sleeps", str(folder / "p.yml"), with_lab=False)

    def pair(this):
        # As targets run: a stop reaches the main thread only.
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda _number: stage.child.run(["sleep", "47"]), range(4)))

    stage.Tool = Tool
    stage.install = lambda out, private: private
    stage.PARTS = {{"up": up, "play": play, "pair": pair}}
    sys.exit(stage.main())
"""


def surroundings(folder: pathlib.Path) -> dict[str, str]:
    """A cache, a state and a temporary folder of the test's own."""
    (folder / "tmp").mkdir()
    return {
        "LAB_CACHE": str(folder / "cache"),
        "LAB_STATE": str(folder / "state"),
        "LAB_ENGINE": "own",
        "TMPDIR": str(folder / "tmp"),
    }


def sleeping(marker: str) -> bool:
    """Whether it has come as far as the command that takes its time."""
    lines = [pathlib.Path(f"/proc/{pid}/cmdline") for pid in child.marked(marker)]
    return any(line.exists() and line.read_bytes().startswith(b"sleep\0") for line in lines)


@pytest.mark.parametrize(
    ("number", "words", "calls"),
    [
        (signal.SIGTERM, ["--only=up,play"], ["up", "down"]),
        (signal.SIGHUP, ["--only=up,pair", "--keep"], ["up"]),
    ],
)
def test_a_stopped_stage_leaves_nothing_running_and_no_lab(
    tmp_path: pathlib.Path, number: signal.Signals, words: list[str], calls: list[str]
) -> None:
    marker = uuid.uuid4().hex
    script = textwrap.dedent(STAGE).format(tests=str(TESTS), lab=str(TESTS / "lab"), folder=str(tmp_path))
    argv = [sys.executable, "-c", script, f"--junit={tmp_path}/j.xml", f"--output={tmp_path}/out", *words]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("LAB_", "MCP_AUTH_"))}
    env |= {**surroundings(tmp_path), child.MARKER: marker}
    with (tmp_path / "said").open("wb") as log:
        process = subprocess.Popen(argv, env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        until = time.monotonic() + 60
        while not sleeping(marker) and process.poll() is None and time.monotonic() < until:
            time.sleep(0.1)
        process.send_signal(number)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)  # somebody is impatient
        code = process.wait(60)
        said = (tmp_path / "said").read_text()
        assert code == 128 + number, said
        assert not list(child.marked(marker))
    finally:
        child.kill_marked(marker)
    assert (tmp_path / "calls").read_text().splitlines() == calls
    assert not list((tmp_path / "tmp").glob(f"{leftovers.PRIVATE}*"))
    failed = [case.get("name") for case in ET.parse(tmp_path / "j.xml").iter("testcase") if len(case)]
    assert failed == ["goes to its end"]
    if "--keep" in words:
        assert f"LAB_NAME={OURS}" in said and "python3 tests/lab/lab.py down" in said


def test_it_begins_by_itself(tmp_path: pathlib.Path) -> None:
    argv = [sys.executable, str(TESTS / "kind" / "stage.py"), "--help"]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    assert subprocess.run(argv, env=env, cwd=tmp_path, capture_output=True, check=False).returncode == 0


# -- the next one ------------------------------------------------------------------------------------------------------
class Bed:
    """A stage in this process, whose lab is a list of calls."""

    def __init__(self, folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.patch = monkeypatch
        self.calls: list[tuple[str, ...]] = []
        for name in [name for name in os.environ if name.startswith(("LAB_", "MCP_AUTH_"))]:
            monkeypatch.delenv(name)
        for name, value in surroundings(folder).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv(child.MARKER, "")
        monkeypatch.setattr(tempfile, "tempdir", str(folder / "tmp"))
        monkeypatch.setattr(stage, "end_by_signals", lambda: None)
        monkeypatch.setattr(stage, "install", lambda _out, private: private)
        monkeypatch.setattr(stage.Tool, "call", self.call)
        monkeypatch.setattr(stage, "PARTS", {"up": self.up})

    def call(self, *words: str, **_options: object) -> tuple[int, str]:
        self.calls.append(words)
        return 0, ""

    def up(self, this: stage.Stage) -> None:
        with this.report.check("up"):
            stage.clear_the_way(this)
            this.brought_up = True
            this.tool.must("up")

    def main(self) -> int:
        argv = ["stage.py", f"--junit={self.folder}/j.xml", f"--output={self.folder}/out"]
        self.patch.setattr(sys, "argv", argv)
        return stage.main()


@pytest.fixture
def bed(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Bed:
    return Bed(tmp_path, monkeypatch)


def test_a_lab_that_a_killed_stage_left_goes_down_first(bed: Bed) -> None:
    (bed.folder / "state" / OURS).mkdir(parents=True)
    killed = bed.folder / "tmp" / f"{leftovers.PRIVATE}{2**22 + 1}-x"
    (killed / "admin").mkdir(parents=True)
    assert bed.main() == 0
    assert bed.calls == [("down",), ("up",), ("down",)]
    assert not killed.exists()


def test_a_lab_of_another_name_may_be_somebody_s(bed: Bed, capsys: pytest.CaptureFixture[str]) -> None:
    (bed.folder / "state" / "mine").mkdir(parents=True)
    bed.patch.setenv("LAB_NAME", "mine")
    assert bed.main() == 1
    assert "LAB_NAME=mine" in capsys.readouterr().out and bed.calls == []


def test_two_stages_never_share_a_lab(bed: Bed, capsys: pytest.CaptureFixture[str]) -> None:
    lock = bed.folder / "cache" / "locks" / f"stage-{OURS}"
    lock.parent.mkdir(parents=True)
    (bed.folder / "out").mkdir()
    (bed.folder / "out" / "of-the-first").touch()
    with lock.open("w") as file:
        file.write("process 1\n")
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        assert bed.main() == 1
    assert f"another run (process 1) is busy with the lab {OURS}" in capsys.readouterr().out
    assert (bed.folder / "out" / "of-the-first").exists() and bed.calls == []


# -- what is left ------------------------------------------------------------------------------------------------------
DOCKER = """#!/bin/sh
case "$*" in
    "ps -a --format {{.Networks}}") echo bridge; echo one,two ;;
    "ps -a --filter "*) cat %(folder)s/nodes ;;
    "network ls"*) printf 'bridge\\nhost\\nnone\\none\\n'; cat %(folder)s/networks ;;
    "volume ls"*) cat %(folder)s/volumes ;;
    *) exit 1 ;;
esac
"""


@pytest.mark.parametrize(
    ("what", "left"),
    [
        ("nodes", "container x-control-plane"),
        ("networks", "network x-control-plane"),
        ("volumes", "volume x-control-plane"),
    ],
)
def test_what_a_lab_forgot_in_the_engine_is_seen(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, what: str, left: str
) -> None:
    docker = tmp_path / "docker"
    docker.write_text(DOCKER % {"folder": tmp_path})
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for name, content in (("nodes", ""), ("networks", "old\n"), ("volumes", "older\n")):
        (tmp_path / name).write_text(content)
    engine = Engine("unix:///x", True)
    before = leftovers.in_engine(engine, "x")
    assert before == {"network old", "volume older"}
    assert leftovers.since(before, leftovers.in_engine(engine, "x")) == []
    with (tmp_path / what).open("a") as file:
        file.write("x-control-plane\n")
    assert leftovers.since(before, leftovers.in_engine(engine, "x")) == [left]


def test_what_the_engine_did_not_put_back_is_seen(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forward = tmp_path / "ip_forward"
    forward.write_text("1\n")
    rules = {"-A FORWARD -i br-1 -j ACCEPT"}
    monkeypatch.setattr(leftovers.engines, "IP_FORWARD", forward)
    monkeypatch.setattr(leftovers.engines, "forward_policy", lambda: "DROP")
    monkeypatch.setattr(leftovers.engines, "other_dockers", lambda: False)
    monkeypatch.setattr(leftovers, "bridge_rules", lambda: {*rules, ":DOCKER -", "-A FORWARD -o br-2 -j ACCEPT"})
    noted = json.loads('{"forward_policy": "ACCEPT", "ip_forward": "0"}')
    assert leftovers.in_network(noted, rules) == [
        "packet filter: -A FORWARD -o br-2 -j ACCEPT",
        "packet filter: :DOCKER -",
        "forward_policy: DROP, was ACCEPT",
        "ip_forward: 1, was 0",
    ]
    monkeypatch.setattr(leftovers, "bridge_rules", lambda: rules)
    assert leftovers.in_network({"forward_policy": "DROP", "ip_forward": "1"}, rules) == []


def test_private_folders_of_dead_stages_go(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    living, other = tmp_path / f"{leftovers.PRIVATE}{os.getpid()}-x", tmp_path / f"{leftovers.PRIVATE}abc123"
    for folder in (living, other, tmp_path / f"{leftovers.PRIVATE}{2**22 + 1}-x"):
        folder.mkdir()
    leftovers.sweep_private()
    assert sorted(tmp_path.iterdir()) == sorted([living, other])
