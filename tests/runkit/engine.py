# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the chosen checks: in parallel where lanes allow, with their progress, logs and counts."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import counts, tools
from .table import GRACE_SECONDS, STAGES, Check, Table

HEARTBEAT_SECONDS = 20.0
TAIL_LINES = 40
# Names that would make a check depend on the caller's shell.
CLEARED = ("ANSIBLE_CONFIG", "ANSIBLE_COLLECTIONS_PATH", "ANSIBLE_HOME", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


@dataclass
class Result:
    """How one check ended."""

    check: Check
    count: counts.Count
    seconds: float
    problem: str = ""
    cpu: float = 0.0

    @property
    def good(self) -> bool:
        """Whether everything in it passed."""
        return self.count.failed == 0


class Run:
    """One call of the runner."""

    def __init__(self, root: Path, table: Table, results: Path, jobs: int, say: Callable[[str], None]) -> None:
        self.root = root
        self.table = table
        self.results = results
        self.jobs = jobs
        self.say = say
        self.work = tools.cache_root() / "runs" / f"{int(time.time())}-{os.getpid()}"
        self.finished: dict[str, Result] = {}
        self.running: dict[str, float] = {}
        self.environments: dict[str, Path] = {}
        self.change = threading.Condition()
        self.making = threading.Lock()
        self.stopped = ""

    def stop(self, why: str) -> None:
        """Have every command end and start no other; called by a signal, so it only leaves a note."""
        self.stopped = why

    def all(self, checks: Sequence[Check]) -> list[Result]:
        """Run the checks and give their results in the same order."""
        tools.clean_runs(self.work.parent)
        tools.copy_tree(self.root, self.work / "main")
        waiting = list(checks)
        threads: list[threading.Thread] = []
        heartbeat = threading.Thread(target=self.heartbeat, args=(waiting,), daemon=True)
        heartbeat.start()
        try:
            with self.change:
                while (waiting or self.running) and not (self.stopped and not self.running):
                    started = None if self.stopped else self.next_of(waiting)
                    if started is None:
                        self.change.wait(1.0)
                        continue
                    waiting.remove(started)
                    self.running[started.name] = time.monotonic()
                    thread = threading.Thread(target=self.perform, args=(started,))
                    threads.append(thread)
                    thread.start()
        finally:
            for thread in threads:
                thread.join()
            shutil.rmtree(self.work, ignore_errors=True)
        for check in waiting:
            self.finished[check.name] = Result(check, counts.one(False), 0.0, f"not run: {self.stopped}")
        return [self.finished[check.name] for check in checks]

    def next_of(self, waiting: Sequence[Check]) -> Check | None:
        """The first check that may start now."""
        busy = [self.table.check(name) for name in self.running]
        for check in waiting:
            if any(need not in self.finished for need in check.needs):
                continue
            if not check.background:
                earlier = STAGES[: STAGES.index(check.stage)] if check.lane != "cpu" else ()
                others = [item for item in [*busy, *waiting] if not item.background and item is not check]
                if any(item.stage in earlier for item in others):
                    continue
            mates = [item for item in busy if item.lane == check.lane and item.background == check.background]
            limit = self.jobs if check.lane == "cpu" and not check.background else 1
            if len(mates) < limit:
                return check
        return None

    def perform(self, check: Check) -> None:
        """Run one check in its thread and note its result, whatever happens."""
        began = time.monotonic()
        bad = [need for need in check.needs if not self.finished[need].good]
        if bad:
            result = Result(check, counts.one(False), 0.0, f"not run: {', '.join(bad)} failed")
        else:
            self.say(f"start  {check.name}: {check.about}")
            try:
                result = self.execute(check, began)
            except (tools.ToolError, OSError, ValueError) as exc:
                result = Result(check, counts.one(False), time.monotonic() - began, f"{type(exc).__name__}: {exc}")
        self.tell(result)
        with self.change:
            self.running.pop(check.name, None)
            self.finished[check.name] = result
            self.change.notify_all()

    def environment(self, name: str) -> Path:
        """The tools of a check; made once in a run, one at a time."""
        with self.making:
            if name not in self.environments:
                wanted = self.table.environments[name]
                path, _python = tools.environment_path(self.root, wanted)
                if not (path / tools.DONE).exists():
                    self.say(f"       making the tool environment {name} from {wanted.lock}")
                self.environments[name] = tools.make_environment(self.root, wanted)
            return self.environments[name]

    def execute(self, check: Check, began: float) -> Result:
        """Run the command of a check, with its log, its time limit and its count."""
        collections = self.work / ("main" if check.place != "own-copy" else check.name.replace(" ", "-"))
        if check.place == "own-copy":
            tools.copy_tree(self.root, collections)
        log, junit = self.log(check), self.results / f"{check.name}.xml"
        env = {key: value for key, value in os.environ.items() if key not in CLEARED}
        paths = []
        values = {
            "root": str(self.root),
            "copy": str(collections / tools.COLLECTION),
            "collections": str(collections),
            "cache": str(tools.cache_root()),
            "work": str(self.work),
            "results": str(self.results),
            "junit": str(junit),
        }
        if check.environment:
            tool = self.environment(check.environment)
            values["tools"] = str(tool)
            paths.append(str(tool / "bin"))
            for item in self.table.environments.values():
                if item.name in self.environments:
                    paths.append(str(tools.interpreter(item.python).parent))
        env["PATH"] = os.pathsep.join([*paths, env.get("PATH", os.defpath)])
        env.update(LC_ALL="C.UTF-8", ANSIBLE_COLLECTIONS_PATH=str(collections), ANSIBLE_NOCOLOR="1", NO_COLOR="1")
        env.update({key: fill(value, values) for key, value in check.set.items()})
        note = ""
        if check.counts == "ansible-test":
            home = tools.cache_root() / "ansible-test" / tool.name
            home.mkdir(parents=True, exist_ok=True)
            env["HOME"] = str(home)
            note = tools.prepare_ansible_test(tool, home)
        argv = [fill(item, values) for item in check.run]
        place = self.root if check.place == "checkout" else collections / tools.COLLECTION
        with log.open("wb") as file:
            file.write(f"{note}\n$ {' '.join(argv)}\n".encode())
            file.flush()
            process = subprocess.Popen(
                argv,
                cwd=place,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            code, cpu = wait(process, check.timeout, lambda: bool(self.stopped))
            if process.poll() is None and check.grace > GRACE_SECONDS:
                self.say(f"       {check.name} has {check.grace} s to put back what it holds")
            end_group(process, check.grace)
        seconds = time.monotonic() - began
        if self.stopped:
            return Result(check, counts.one(False), seconds, self.stopped, cpu)
        if code is None:
            return Result(check, counts.one(False), seconds, f"no end after {check.timeout} s", cpu)
        output = log.read_text(encoding="utf-8", errors="replace")
        count, problem = counts.judge(check.counts, code, output, junit, check.may_skip)
        return Result(check, count, seconds, problem, cpu)

    def log(self, check: Check) -> Path:
        """The file with a check's output."""
        return self.results / f"{check.name}.log"

    def tell(self, result: Result) -> None:
        """Say how a check ended; of a failed one the end of its output too."""
        check, count = result.check, result.count
        word = "ok    " if result.good else "FAILED"
        more = f" ({result.problem})" if result.problem else ""
        lines = [f"{word} {check.name}: {count.passed} passed, {count.failed} failed in {result.seconds:.1f} s{more}"]
        log = self.log(check)
        if not result.good and log.exists():
            tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
            lines += [f"    | {line}" for line in tail]
            lines.append(f"    the whole output: {log}")
        self.say("\n".join(lines))

    def heartbeat(self, waiting: Sequence[Check]) -> None:
        """Say what goes on while nothing ends."""
        while True:
            time.sleep(HEARTBEAT_SECONDS)
            now = time.monotonic()
            items = [f"{name} {now - began:.0f} s" for name, began in list(self.running.items())]
            if items:
                self.say(f"       running: {', '.join(items)}; waiting: {len(waiting)}")
            for name in list(self.running):
                last = last_line(self.results / f"{name}.log")
                if last:
                    self.say(f"         {name}: {last}")


def wait(process: subprocess.Popen[bytes], limit: float, stopped: Callable[[], bool]) -> tuple[int | None, float]:
    """The exit code of a command, or none at its time limit, and the CPU time of it and its children."""
    end = time.monotonic() + limit
    while time.monotonic() < end and not stopped():
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, usage.ru_utime + usage.ru_stime
        time.sleep(0.05)
    return None, 0.0


def fill(text: str, values: dict[str, str]) -> str:
    """Put {names} into a text; other braces stay."""
    for key, value in values.items():
        text = text.replace("{" + key + "}", value)
    return text


def last_line(log: Path) -> str:
    """The last line of a growing log, shortened."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 2000))
            lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    except OSError:
        return ""
    return lines[-1].strip()[:140] if lines else ""


def end_group(process: subprocess.Popen[bytes], grace: float = GRACE_SECONDS) -> None:
    """End a command and all that it left running in its group; it has some time to put back what it holds."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        limit = time.monotonic() + grace
        while process.poll() is None and time.monotonic() < limit:
            time.sleep(0.1)
    process.wait()
