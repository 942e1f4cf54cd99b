# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of checks, read from tests/checks.toml and refused when it makes no sense."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STAGES = ("static", "units", "kind", "long")
COUNTS = ("one", "tests", "ansible-test", "closing-line")
# What a command has between the request to end and its death.
GRACE_SECONDS = 5
PLACES = ("checkout", "copy", "own-copy")


class TableError(Exception):
    """The table of checks is wrong."""


@dataclass(frozen=True)
class Environment:
    """A Python environment of tools, made from a lock file with hashes."""

    name: str
    python: str
    lock: str


@dataclass(frozen=True)
class Check:
    """One command that passes or fails, and how its checks are counted."""

    name: str
    stage: str
    about: str
    run: tuple[str, ...]
    timeout: int
    grace: int = GRACE_SECONDS
    environment: str = ""
    place: str = "copy"
    counts: str = "one"
    lane: str = "cpu"
    background: bool = False
    show: str = ""
    needs: tuple[str, ...] = ()
    set: Mapping[str, str] = field(default_factory=dict)
    may_skip: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """Everything that tests/checks.toml says."""

    environments: Mapping[str, Environment]
    checks: tuple[Check, ...]

    def check(self, name: str) -> Check:
        """The check of that name."""
        for check in self.checks:
            if check.name == name:
                return check
        raise TableError(f"no check is named {name!r}; there are: {', '.join(item.name for item in self.checks)}")

    def closure(self, chosen: set[str]) -> tuple[Check, ...]:
        """The chosen checks and all that they need, in the table's order."""
        wanted = set(chosen)
        grown = True
        while grown:
            more = {need for name in wanted for need in self.check(name).needs} - wanted
            wanted |= more
            grown = bool(more)
        return tuple(check for check in self.checks if check.name in wanted)


def load(path: Path) -> Table:
    """Read and check the table."""
    return parse(tomllib.loads(path.read_text(encoding="utf-8")))


def parse(data: Mapping[str, Any]) -> Table:
    """The table from what TOML gave."""
    environments = {name: make(Environment, name=name, **item) for name, item in data.get("environments", {}).items()}
    checks = tuple(make(Check, **tuples(item)) for item in data.get("checks", []))
    table = Table(environments=environments, checks=checks)
    seen: set[str] = set()
    for check in checks:
        if check.name in seen:
            raise TableError(f"two checks are named {check.name!r}")
        if check.stage not in STAGES:
            raise TableError(f"{check.name}: the stage is one of {', '.join(STAGES)}")
        if check.counts not in COUNTS:
            raise TableError(f"{check.name}: counts is one of {', '.join(COUNTS)}")
        if check.place not in PLACES:
            raise TableError(f"{check.name}: place is one of {', '.join(PLACES)}")
        if check.environment and check.environment not in environments:
            raise TableError(f"{check.name}: no environment is named {check.environment!r}")
        if not set(check.needs) <= seen:
            raise TableError(f"{check.name}: needs {sorted(set(check.needs) - seen)}, which no row above it makes")
        seen.add(check.name)
    return table


def tuples(item: Mapping[str, Any]) -> dict[str, Any]:
    """Lists as tuples, so that a row is immutable."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in item.items()}


def make(kind: Any, **values: Any) -> Any:
    """Build a row, with an unknown or missing key said plainly."""
    try:
        return kind(**values)
    except TypeError as exc:
        raise TableError(f"{values.get('name', 'a row')}: {exc}") from exc
