# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person sees while the lab works: one line a step, and a sign of life while a command runs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from .child import Child

START = time.monotonic()
HEARTBEAT_SECONDS = 15.0
# A package manager that is told to end finishes the package that it is at.
END_SECONDS = 60.0
DISK_FULL_SIGNS = ("no space left on device", "errno 28", "disk quota exceeded")


class LabError(Exception):
    """Something that a person has to know or to do; printed without a traceback."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def say(text: str) -> None:
    """Print one progress line with the time since the start."""
    print(f"[lab {time.monotonic() - START:6.1f}s] {text}", file=sys.stderr, flush=True)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Announce a step, and how long it took when it is done."""
    say(f"{text} ...")
    began = time.monotonic()
    yield
    say(f"{text}: done in {time.monotonic() - began:.1f} s")


def disk_full(text: str) -> bool:
    """Whether a command's output says that the disk is full."""
    low = text.lower()
    return any(sign in low for sign in DISK_FULL_SIGNS)


def failure(what: str, code: int, output: str) -> LabError:
    """The error of a command that failed, with its last lines, and the full disk named as such."""
    tail = "\n".join("    " + line for line in output.strip().splitlines()[-12:])
    if disk_full(output):
        return LabError(
            f"{what}: the disk is full\n{tail}",
            "Free some space, or put the cache on another disk with LAB_CACHE=<folder>.",
        )
    return LabError(f"{what} failed (exit code {code})\n{tail}")


def run(
    argv: Sequence[str],
    *,
    what: str = "",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    check: bool = True,
    stdin: bytes | None = None,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a short command quietly; its output is returned, and shown only when it fails."""
    name = what or Path(argv[0]).name
    try:
        done = subprocess.run(
            list(argv),
            cwd=cwd,
            env={**os.environ, **(env or {})},
            input=stdin,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError as exc:
        raise LabError(f"{name}: the command {argv[0]} is not installed") from exc
    except subprocess.TimeoutExpired as exc:
        raise LabError(f"{name}: no end after {timeout} s") from exc
    out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    if check and done.returncode:
        raise failure(name, done.returncode, out + err)
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


def run_long(
    argv: Sequence[str],
    *,
    what: str,
    log: Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    each_line: Callable[[str], None] | None = None,
) -> str:
    """Run a long command with its output in a log file and a sign of life; return the output."""
    log.parent.mkdir(parents=True, exist_ok=True)
    last: list[str] = [""]
    lines: list[str] = []
    began = time.monotonic()
    over = threading.Event()

    def heartbeat() -> None:
        while not over.wait(HEARTBEAT_SECONDS):
            say(f"  {what}: {time.monotonic() - began:.0f} s, {last[0][-100:] or 'working'}")

    try:
        process = Child(
            list(argv),
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except FileNotFoundError as exc:
        raise LabError(f"{what}: the command {argv[0]} is not installed") from exc
    threading.Thread(target=heartbeat, daemon=True).start()
    try:
        assert process.stdout is not None
        with log.open("w", encoding="utf-8") as file:
            for raw in process.stdout:
                line = raw.decode(errors="replace").rstrip()
                file.write(line + "\n")
                lines.append(line)
                last[0] = line.strip() or last[0]
                if each_line:
                    each_line(line)
        code = process.wait()
    except BaseException:
        process.end(END_SECONDS)
        raise
    finally:
        over.set()
    output = "\n".join(lines)
    if code:
        error = failure(what, code, output)
        error.hint = error.hint or f"The whole output is in {log}"
        raise error
    return output
