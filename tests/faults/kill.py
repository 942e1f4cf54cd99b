# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kill points: which writes of a run to die at, who has to die, and what must be the same afterwards."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MARKER = "MCP_AUTH_TEST_RUN"


@dataclass(frozen=True)
class Point:
    """A write to die at: before the server has heard of it, or when it is done and nobody knows."""

    write: int
    after: bool

    @property
    def action(self) -> str:
        """The proxy's word for it."""
        return "kill_after" if self.after else "kill_before"

    def __str__(self) -> str:
        return f"write {self.write} ({'done, answer lost' if self.after else 'not sent'})"


def spread(total: int, count: int, seed: int) -> list[Point]:
    """Points drawn one from each part of equal length, so that every phase gets some; half of them after the write."""
    if total < count:
        raise ValueError(f"{count} kill points in {total} writes")
    dice = random.Random(seed)
    edges = [round(part * total / count) for part in range(count + 1)]
    flip = dice.random() < 0.5
    return [
        Point(dice.randint(low + 1, high), (number % 2 == 0) != flip)
        for number, (low, high) in enumerate(zip(edges, edges[1:], strict=False))
    ]


def in_a_row(points: Sequence[Point]) -> list[Point]:
    """The same points when each run goes on where the one before was killed: the count begins anew each time."""
    steps: list[Point] = []
    done = 0
    for point in points:
        steps.append(Point(max(1, point.write - done), point.after))
        # A write that was sent and not answered is found done by the next run.
        done = point.write if point.after else point.write - 1
    return steps


def marked(value: str) -> Iterator[int]:
    """The processes that carry the marker of a run, whatever group or session they have gone to."""
    wanted = f"{MARKER}={value}".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    yield int(entry.name)
            except OSError:
                continue


def kill_marked(value: str, limit: float = 10.0) -> int:
    """SIGKILL to every process of a run, until none is left: Ansible's workers leave the group of their parent."""
    killed: set[int] = set()
    until = time.monotonic() + limit
    while time.monotonic() < until:
        found = [pid for pid in marked(value) if not zombie(pid)]
        if not found:
            break
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
            except ProcessLookupError:
                continue
    return len(killed)


def zombie(pid: int) -> bool:
    """Whether a process is dead and only not yet waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


Snapshot = Mapping[str, str]


def differences(before: Snapshot, after: Snapshot, may_go: Sequence[str] = ()) -> list[str]:
    """What a later run made anew or took away of what an earlier one had made. Names in may_go may be gone."""
    found = []
    for name, fingerprint in sorted(before.items()):
        if name not in after:
            if not any(name.startswith(prefix) for prefix in may_go):
                found.append(f"{name} is gone")
        elif after[name] != fingerprint:
            found.append(f"{name} has another value")
    return found
