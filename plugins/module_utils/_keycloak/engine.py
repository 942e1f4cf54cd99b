# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
# Read, plan, check, apply; once more when somebody else's hand was in between, a few times, then a clear error.

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Callable

from .apply import execute
from .canonical import Current, differing
from .errors import InputProblems, KeycloakError, Replan
from .plan import Change, Plan
from .read import Api

ATTEMPTS = 5
sleep = time.sleep


@dataclass
class Outcome:
    changes: list[Change] = field(default_factory=list)
    unmanaged: dict[str, list[str]] = field(default_factory=dict)
    current: Current | None = None
    again: int = 0  # how often it was planned again because of another hand


def merged(changes: list[Change]) -> list[Change]:
    """Two passes may have touched one object: shown as one change."""
    found: dict[tuple[str, str], Change] = {}
    for change in changes:
        key = (change.kind, change.name)
        first = found.get(key)
        if first is None:
            found[key] = change
        elif change.operation == "delete":
            found[key] = Change(change.kind, change.name, "delete", first.before, None, [])
        else:
            paths = sorted(change.after or {}) if first.before is None else differing(first.before, change.after)
            found[key] = Change(change.kind, change.name, first.operation, first.before, change.after, paths)
    return list(found.values())


def reconcile(
    api: Api,
    reader: Callable[[], Current],
    planner: Callable[[Current], Plan],
    checker: Callable[[Current, Plan], list[dict[str, str]]],
    check_mode: bool,
    outcome: Outcome | None = None,
    prepare: Callable[[Plan], None] | None = None,
) -> Outcome:
    """The outcome that is passed in holds what was done also when an error ends the run. prepare fetches what only a
    write needs (passwords), before the first one."""
    outcome = outcome if outcome is not None else Outcome()
    done: list[Change] = []
    while True:
        current = reader()
        plan = planner(current)
        problems = checker(current, plan)
        if problems:
            raise InputProblems(problems)
        outcome.current = current
        outcome.unmanaged = plan.unmanaged
        if check_mode:
            outcome.changes = merged(plan.changes)
            return outcome
        if prepare is not None:
            prepare(plan)
        try:
            finished = execute(api, current, plan, done)
        except Replan as error:
            outcome.again += 1
            if outcome.again >= ATTEMPTS:
                raise KeycloakError(
                    "{} {} could not be brought to the wanted state in {} tries: {}.".format(
                        error.kind, error.name, ATTEMPTS, error.why.rstrip(".")
                    ),
                    "conflict",
                    409,
                    "Something else changes the realm at the same time, or the server refuses the object.",
                ) from error
            # What the server is still at work on is there in a moment.
            sleep(0.25 * 2**outcome.again)
            continue
        finally:
            outcome.changes = merged(done)
        if finished:
            return outcome
