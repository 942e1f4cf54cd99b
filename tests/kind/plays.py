# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs plays of the installed collection the way a person would, and reads what they say."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faults.kill import MARKER, marked
from faults.pki import write_private
from labkit import child

from .report import CheckFailed, expect

RECAP = re.compile(r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)
TASK = re.compile(r"^(?:TASK|RUNNING HANDLER) \[(.*?)\] \*+$")
RESULT = re.compile(r"^(changed|fatal|failed): \[[^\]]+\]")
# What would make a run depend on the shell that started it.
CLEARED = ("ANSIBLE_", "K8S_AUTH_", "KUBECONFIG", "MOLECULE_", "PYTHONPATH", "MCP_AUTH_")


@dataclass
class Done:
    """A finished run."""

    name: str
    code: int
    seconds: float
    output: str
    log: Path
    changed_tasks: list[str] = field(default_factory=list)

    @property
    def changed(self) -> int:
        """How many tasks changed something."""
        return sum(int(found[2]) for found in RECAP.findall(self.output))

    @property
    def tail(self) -> str:
        """The end of its output, for a failure message."""
        lines = self.output.strip().splitlines()
        fatal = [number for number, line in enumerate(lines) if RESULT.match(line) and not line.startswith("changed")]
        start = max(0, (fatal[0] - 2) if fatal else len(lines) - 25)
        return "\n".join(line[:600] for line in lines[start : start + 40]) + f"\n(whole output: {self.log})"

    def succeeded(self) -> Done:
        """Fail the check unless the run ended well."""
        expect(self.code == 0, f"{self.name} ended with exit code {self.code}\n{self.tail}")
        expect(RECAP.search(self.output), f"{self.name} ran no play\n{self.tail}")
        return self

    def unchanged(self) -> Done:
        """Fail the check unless nothing was changed."""
        self.succeeded()
        expect(
            not self.changed,
            f"{self.name} changed something: {', '.join(self.changed_tasks)}\n(whole output: {self.log})",
        )
        return self

    def refused(self, *words: str) -> Done:
        """Fail the check unless it failed with a message that has these words, and no traceback."""
        expect(self.code not in (0, -9), f"{self.name} was not refused (exit code {self.code})\n{self.tail}")
        low = " ".join(self.output.split()).lower()
        missing = [word for word in words if not re.search(word.lower(), low)]
        expect(not missing, f"{self.name}: the error does not say {missing}\n{self.tail}")
        for bad in ("Traceback (most recent call last)", "MODULE FAILURE", "Unexpected Exception"):
            expect(bad not in self.output, f"{self.name}: a traceback instead of an error\n{self.tail}")
        return self


def changed_tasks(output: str) -> list[str]:
    """The names of the tasks that changed something."""
    found: list[str] = []
    task = ""
    for line in output.splitlines():
        heading = TASK.match(line)
        if heading:
            task = heading.group(1)
        elif line.startswith("changed: ") and task not in found:
            found.append(task)
    return found


class Arguments(threading.Thread):
    """Notes the command lines of a run's processes: secrets must not be in them."""

    def __init__(self, marker: str, log: Path) -> None:
        super().__init__(daemon=True)
        self.marker = marker
        self.log = log
        self.over = threading.Event()

    def run(self) -> None:
        seen: set[bytes] = set()
        with self.log.open("wb") as file:
            while not self.over.wait(0.4):
                for pid in marked(self.marker):
                    try:
                        line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
                    except OSError:
                        continue
                    if line not in seen:
                        seen.add(line)
                        file.write(line + b"\n")


class Plays:
    """Runs plays against one lab."""

    def __init__(self, collections: Path, out: Path, private: Path, lab_vars: Path, project: Path) -> None:
        self.collections = collections
        self.out = out
        self.private = private
        self.lab_vars = lab_vars
        self.project = project
        self.numbers = 0

    def environment(self, name: str) -> dict[str, str]:
        """The environment of a run: what a person's shell has, and where the output goes."""
        env = {key: value for key, value in os.environ.items() if not key.startswith(CLEARED)}
        env.update(
            ANSIBLE_COLLECTIONS_PATH=str(self.collections),
            ANSIBLE_CONFIG=str(self.project / "ansible.cfg"),
            ANSIBLE_LOG_PATH=str(self.out / f"{name}.ansible.log"),
            ANSIBLE_CALLBACKS_ENABLED="mcp_auth.openshift.progress,ansible.builtin.junit",
            JUNIT_OUTPUT_DIR=str(self.out / f"{name}.junit"),
            ANSIBLE_NOCOLOR="1",
            ANSIBLE_LOCALHOST_WARNING="false",
            ANSIBLE_INVENTORY_UNPARSED_WARNING="false",
            ANSIBLE_RETRY_FILES_ENABLED="false",
            LC_ALL="C.UTF-8",
            PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        )
        return env

    def run(
        self,
        name: str,
        playbook: str = "mcp_auth.openshift.site",
        values: Mapping[str, Any] | None = None,
        arguments: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        marker: str = "",
        timeout: float = 1200,
        watch_arguments: bool = False,
        with_lab: bool = True,
    ) -> Done:
        """Run a playbook (a file, or a name in the collection) without a terminal."""
        self.numbers += 1
        name = f"{self.numbers:02d}-{name}"
        marker = marker or uuid.uuid4().hex
        command = [ansible_playbook(), playbook, *(["-e", f"@{self.lab_vars}"] if with_lab else [])]
        if values:
            # In a file of its own: values may be secret, and command lines are public.
            command += ["-e", f"@{write_private(self.private / f'{name}.json', json.dumps(values))}"]
        command += arguments
        log = self.out / f"{name}.out"
        log.parent.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        watcher = Arguments(marker, self.out / f"{name}.argv") if watch_arguments else None
        if watcher:
            watcher.start()
        try:
            with log.open("wb") as file:
                code = child.run(
                    command,
                    timeout=timeout,
                    cwd=self.project,
                    env={**self.environment(name), MARKER: marker, **(env or {})},
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except subprocess.TimeoutExpired as exc:
            text = log.read_text(encoding="utf-8", errors="replace")
            raise CheckFailed(f"{name}: no end after {timeout:.0f} s\n{text[-3000:]}") from exc
        finally:
            if watcher:
                watcher.over.set()
                watcher.join()
        output = log.read_text(encoding="utf-8", errors="replace")
        return Done(name, code, time.monotonic() - began, output, log, changed_tasks(output))


def ansible_playbook() -> str:
    """The command beside this Python, or in PATH."""
    beside = Path(sys.executable).parent / "ansible-playbook"
    return str(beside) if beside.exists() else shutil.which("ansible-playbook") or "ansible-playbook"
