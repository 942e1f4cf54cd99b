# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
# Read, plan, check, apply; once more when somebody else's hand was in between, a few times, then a clear error.

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Callable

from .apply import execute
from .canonical import Current, differing
from .errors import InputProblems, KeycloakError, Replan
from .plan import Change, Plan
from .read import Api

ATTEMPTS = 5
REFUSALS = 3  # a server that says the same no so often means it
sleep = time.sleep


@dataclass
class Outcome:
    changes: list[Change] = field(default_factory=list)
    unmanaged: dict[str, list[str]] = field(default_factory=dict)
    hidden: list[str] = field(default_factory=list)
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


def _settled(open_changes: list[Change], plan: Plan) -> list[Change]:
    """Of the changes without a clear answer those that the realm shows: the plan does not ask for them any more."""
    asked = {(change.kind, change.name, change.operation) for change in plan.changes}
    return [change for change in open_changes if (change.kind, change.name, change.operation) not in asked]


def _given_up(error: Replan, tries: int) -> KeycloakError:
    message = (
        f"{error.kind} {error.name} could not be brought to the wanted state in {tries} tries: {error.why.rstrip('.')}."
    )
    cause = error.cause
    if cause is not None and error.uncertain:
        return KeycloakError(message, cause.reason, cause.code, "", cause.method, cause.path)
    hint = "Something else changes the realm at the same time, or the server refuses the object."
    return KeycloakError(message, "conflict", 409, hint)


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
    uncertain: list[Change] = []
    refusals: Counter[tuple[str, str, str]] = Counter()
    while True:
        current = reader()
        plan = planner(current)
        done += _settled(uncertain, plan)
        outcome.changes = merged(done)
        uncertain = []
        problems = checker(current, plan)
        if problems:
            raise InputProblems(problems)
        outcome.current = current
        outcome.unmanaged = plan.unmanaged
        outcome.hidden = plan.hidden
        if check_mode:
            outcome.changes = merged(plan.changes)
            return outcome
        if prepare is not None:
            prepare(plan)
        try:
            finished = execute(api, current, plan, done)
        except Replan as error:
            outcome.again += 1
            if error.uncertain:
                uncertain = [item for item in plan.changes if (item.kind, item.name) == (error.kind, error.name)]
            # A realm whose creation got no answer may be in the making for long.
            if error.cause is not None and error.cause.code == 409 and error.kind != "realm":
                refusals[(error.kind, error.name, error.why)] += 1
            if outcome.again >= ATTEMPTS or REFUSALS in refusals.values():
                raise _given_up(error, outcome.again) from error
            # What the server is still at work on is there in a moment.
            sleep(0.25 * 2**outcome.again)
            continue
        finally:
            outcome.changes = merged(done)
        if finished:
            return outcome
