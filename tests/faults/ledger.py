# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What went through the proxies: every request numbered, every write numbered, and what to do at which one.

A write is what changes something that lasts. Asking who one is or what one may do, a dry run, logging in at Keycloak:
those are POSTs and no writes.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO
from urllib.parse import parse_qs, urlsplit

WRITING = ("POST", "PUT", "PATCH", "DELETE")
# The API server: questions in the shape of a POST, and tokens, which are made and not kept.
QUESTIONS = re.compile(
    r"/(subjectaccessreviews|localsubjectaccessreviews|selfsubjectaccessreviews|selfsubjectrulesreviews"
    r"|selfsubjectreviews|tokenreviews)$|/serviceaccounts/[^/]+/token$"
)
# Keycloak: logins, exchanges, introspection, sign-outs of a session; the token endpoint of any realm.
LOGINS = re.compile(r"^/realms/[^/]+/(protocol/openid-connect|login-actions|device)(/|$)|/partial-export$")


# Ids of Keycloak, and the endings of names that are used once.
RANDOM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?<=-)[0-9a-f]{8}(?=$|/)")


def is_write(method: str, target: str, body: bytes) -> bool:
    """Whether a request changes something that lasts."""
    if method not in WRITING:
        return False
    parts = urlsplit(target)
    if QUESTIONS.search(parts.path) or LOGINS.search(parts.path):
        return False
    if "All" in parse_qs(parts.query).get("dryRun", []):
        return False
    return not (method == "DELETE" and dry_run_in(body))


def dry_run_in(body: bytes) -> bool:
    """A deletion says in its body that it is a dry run."""
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return False
    return isinstance(found, dict) and "All" in (found.get("dryRun") or [])


@dataclass
class Entry:
    """One request, without its body and without its credential."""

    number: int
    write: int
    proxy: str
    method: str
    path: str
    dry_run: bool
    status: int = 0
    fault: str = ""
    seconds: float = 0.0
    began: float = 0.0
    # The name of what is made, which no path of a POST says.
    made: str = ""

    @property
    def what(self) -> str:
        """What was asked for, the same in every run: ids and random endings left out."""
        return " ".join(
            filter(None, (self.method, f"{self.proxy}:{RANDOM.sub('*', self.path)}", RANDOM.sub("*", self.made)))
        )


def name_in(body: bytes) -> str:
    """The name of an object in a body."""
    try:
        found = json.loads(body or b"{}")
        return str((found.get("metadata") or {}).get("name") or "")
    except (ValueError, AttributeError):
        return ""


@dataclass
class Fault:
    """What to do to a request. ``at`` counts the requests that match (writes only, unless told), beginning with 1."""

    action: str
    at: int = 1
    times: int = 1
    writes_only: bool = True
    proxy: str = ""
    path: str = ""
    method: str = ""
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    call: Callable[[], None] | None = None
    seen: int = 0
    done: int = 0

    ACTIONS = ("kill_before", "kill_after", "answer", "answer_after", "reset", "reset_after", "delay", "call")

    def __post_init__(self) -> None:
        if self.action not in self.ACTIONS:
            raise ValueError(f"a fault's action is one of {', '.join(self.ACTIONS)}, not {self.action}")
        if self.action.startswith("kill") and self.call is None:
            raise ValueError("a kill needs to be told whom to kill: call=")

    def takes(self, entry: Entry) -> bool:
        """Whether this request is the one, or one of the ones, that it waits for."""
        if self.writes_only and not entry.write:
            return False
        if self.proxy and self.proxy != entry.proxy:
            return False
        if self.method and self.method != entry.method:
            return False
        if self.path and not re.search(self.path, entry.path):
            return False
        self.seen += 1
        if self.at <= self.seen < self.at + self.times:
            self.done += 1
            return True
        return False


class Ledger:
    """The common count of all proxies of a run."""

    def __init__(self, log: Path | None = None, faults: Sequence[Fault] = ()) -> None:
        self.entries: list[Entry] = []
        self.faults = list(faults)
        self._lock = threading.Lock()
        self._writes = 0
        self._file: TextIO | None = log.open("w", encoding="utf-8") if log else None

    @property
    def requests(self) -> int:
        """All requests so far."""
        return len(self.entries)

    @property
    def writes(self) -> int:
        """All writes so far."""
        return self._writes

    def written(self) -> list[Entry]:
        """The writes so far."""
        with self._lock:
            return [entry for entry in self.entries if entry.write]

    def open(self, proxy: str, method: str, target: str, body: bytes) -> tuple[Entry, list[Fault]]:
        """Number a request and find what is to be done to it."""
        parts = urlsplit(target)
        dry = "All" in parse_qs(parts.query).get("dryRun", []) or (method == "DELETE" and dry_run_in(body))
        with self._lock:
            write = 0
            if is_write(method, target, body):
                self._writes += 1
                write = self._writes
            entry = Entry(len(self.entries) + 1, write, proxy, method, parts.path, dry, began=time.time())
            entry.made = name_in(body) if write and method == "POST" else ""
            self.entries.append(entry)
            due = [fault for fault in self.faults if fault.takes(entry)]
            entry.fault = ",".join(fault.action for fault in due)
        return entry, due

    def close(self, entry: Entry) -> None:
        """Write a finished request to the log."""
        entry.seconds = round(time.time() - entry.began, 4)
        with self._lock:
            if self._file and not self._file.closed:
                self._file.write(json.dumps(asdict(entry)) + "\n")
                self._file.flush()

    def end(self) -> None:
        """Close the log."""
        with self._lock:
            if self._file:
                self._file.close()
