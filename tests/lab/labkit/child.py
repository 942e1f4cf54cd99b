# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command that ends when we do, with everything that it has started.

Ansible's workers go to sessions of their own and live on when their parent is killed. So a child carries a marker in its
environment, which all its descendants inherit; a child of a child has both markers.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

MARKER = "MCP_AUTH_CHILD"
# So long a child may take to put back what it holds.
GRACE_SECONDS = 15.0


# What `run` waits for, in whichever thread.
RUNNING: set[Child] = set()


class Child(subprocess.Popen[bytes]):
    """A running command."""

    def __init__(self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, **options: Any) -> None:
        self.marker = new_marker()
        self.leads_group = bool(options.get("start_new_session"))
        given = os.environ if env is None else env
        self.asked = False
        super().__init__(argv, env={**given, MARKER: self.marker}, **options)

    def ask(self) -> None:
        """Ask it to end, once; its group too where it leads one."""
        if self.asked or self.poll() is not None:
            return
        self.asked = True
        if self.leads_group:
            os.killpg(self.pid, signal.SIGTERM)
        else:
            self.terminate()

    def end(self, grace: float = GRACE_SECONDS) -> None:
        """Ask it to end, and after a while kill what is left of its family."""
        self.ask()
        try:
            until = time.monotonic() + grace
            while (self.poll() is None or any(marked(self.marker))) and time.monotonic() < until:
                time.sleep(0.1)
        finally:  # also when whoever stops us does not want to wait
            kill_marked(self.marker)
            self.wait()


def run(argv: Sequence[str], *, timeout: float | None = None, grace: float = GRACE_SECONDS, **options: Any) -> int:
    """Run a command to its end and give its exit code; at the time limit, or when we are stopped, it is ended."""
    child = Child(argv, **options)
    RUNNING.add(child)
    try:
        return child.wait(timeout)
    except BaseException:
        child.end(grace)
        raise
    finally:
        RUNNING.discard(child)


def ask_all() -> None:
    """Ask all that run to end: a stop reaches the main thread only."""
    for child in list(RUNNING):
        child.ask()


def new_marker() -> str:
    """A marker of its own, behind the one that we carry."""
    return "/".join([*filter(None, [os.environ.get(MARKER)]), uuid.uuid4().hex])


def unmarked() -> dict[str, str]:
    """Our environment for a daemon that is to outlive us."""
    return {name: value for name, value in os.environ.items() if name != MARKER}


def marked(marker: str) -> Iterator[int]:
    """The living processes that carry a marker, or one behind it; never ourselves."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        found = [item.decode() for item in environment if item.startswith(f"{MARKER}=".encode())]
        value = found[-1].partition("=")[2] if found else ""
        # A zombie has no environment any more.
        if (value == marker or value.startswith(f"{marker}/")) and int(entry.name) != os.getpid():
            yield int(entry.name)


def kill_marked(marker: str, limit: float = 10.0) -> None:
    """SIGKILL to every process that carries a marker, until none is left."""
    until = time.monotonic() + limit
    while time.monotonic() < until:
        found = list(marked(marker))
        if not found:
            return
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)
