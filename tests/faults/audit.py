# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API server's audit log as a witness: who wrote what since a moment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from .ledger import QUESTIONS

WRITING_VERBS = ("create", "update", "patch", "delete", "deletecollection")


@dataclass(frozen=True)
class Event:
    """One request that the API server answered."""

    user: str
    verb: str
    path: str
    what: str
    code: int
    agent: str
    impersonated: str
    dry_run: bool
    group: str = ""
    resource: str = ""

    @property
    def write(self) -> bool:
        """Whether it was meant to change something that lasts."""
        return self.verb in WRITING_VERBS and not self.dry_run and not QUESTIONS.search(self.path)

    @property
    def ours(self) -> bool:
        """Whether a person or a play asked, and not the cluster itself."""
        return not self.user.startswith("system:")

    def __str__(self) -> str:
        return f"{self.user} {self.verb} {self.what} -> {self.code} ({self.agent})"


@dataclass(frozen=True)
class Mark:
    """A place in the log."""

    inode: int
    offset: int


class AuditLog:
    """The audit log of a cluster, as a file on this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def mark(self) -> Mark:
        """The end of the log now."""
        found = self.path.stat()
        return Mark(found.st_ino, found.st_size)

    def since(self, mark: Mark) -> Iterator[Event]:
        """What was answered since, over a rotation too."""
        found = False
        for file in [*sorted(self.path.parent.glob(f"{self.path.stem}-*{self.path.suffix}")), self.path]:
            if file.stat().st_ino == mark.inode:
                found = True
                yield from self.read(file, mark.offset)
            elif found:
                yield from self.read(file, 0)
        if not found:
            raise LookupError(f"{self.path} was rotated away since the mark: nothing can be proven")

    def read(self, file: Path, offset: int) -> Iterator[Event]:
        """The finished requests of a file from an offset on."""
        with file.open("rb") as handle:
            handle.seek(offset)
            for line in handle:
                if line.endswith(b"\n"):
                    event = parse(json.loads(line))
                    if event:
                        yield event

    def writes_since(self, mark: Mark) -> list[Event]:
        """Every write that a person or a play has done since."""
        return [event for event in self.since(mark) if event.ours and event.write and event.code < 400]

    def of(self, user: str, mark: Mark) -> list[Event]:
        """Every request of one user since, also of a ServiceAccount, which counts as the cluster's own elsewhere."""
        return [event for event in self.since(mark) if event.user == user]


def parse(data: dict[str, object]) -> Event | None:
    """An event of the log, or nothing when the request was not yet answered."""
    if data.get("stage") not in ("ResponseComplete", "Panic"):
        return None
    parts = urlsplit(str(data.get("requestURI") or ""))
    ref, user, answer = (_mapping(data.get(name)) for name in ("objectRef", "user", "responseStatus"))
    where = "/".join(str(ref[key]) for key in ("resource", "namespace", "name", "subresource") if ref.get(key))
    return Event(
        user=str(user.get("username") or ""),
        verb=str(data.get("verb") or ""),
        path=parts.path,
        what=where or parts.path,
        code=int(str(answer.get("code") or 0)),
        agent=str(data.get("userAgent") or ""),
        impersonated=str(_mapping(data.get("impersonatedUser")).get("username") or ""),
        dry_run="All" in parse_qs(parts.query).get("dryRun", []),
        group=str(ref.get("apiGroup") or ""),
        resource="" if ref.get("subresource") else str(ref.get("resource") or ""),
    )


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
