# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""PRIVATE: attempts by people who lost something after they had signed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Callable

from . import jose
from .bench import Attempt, Bench, Trial, together
from .fixtures import Fixtures
from .hops import Answer
from .model import Twin
from .people import PASSWORD, Account
from .target import CannotTry, Target, Wanted


def member_of(target: Target) -> Wanted | None:
    """Find somebody with rights in a namespace, whose like the probe users become; never an administrator."""
    for persona in ("developer", "reader"):
        for wanted in target.people:
            if wanted.persona == persona and wanted.can and wanted.keycloak_groups:
                return wanted
    return None


def probe(bench: Bench, name: str) -> Account:
    """Return a probe user, who is like a developer."""
    fixtures = bench.made()
    member = member_of(bench.target)
    if member is None:
        raise CannotTry("the model has no person with rights in a namespace only")
    return Account(replace(member, username=name), PASSWORD, fixtures.passwords[name])


def losing(name: str, act: Callable[[Fixtures], None], words: str) -> Callable[[Bench], Mapping[str, Trial]]:
    """Build the attempt of a person whose login is ended."""

    def attempt(bench: Bench) -> Mapping[str, Trial]:
        account = probe(bench, name)
        tool = account.wanted.can[0]
        m = bench.signin.m(account)
        exchanged = bench.keycloak.exchange(m.text)
        called = bench.mcp.call(m.text, tool)
        act(bench.made())
        return {
            "keycloak": Trial(
                bench.keycloak.exchange(m.text), Twin("M, before", exchanged.status, exchanged.taken), words
            ),
            "mcp_server": Trial(bench.mcp.call(m.text, tool), Twin("M, before", called.status, called.taken), words),
        }

    return attempt


def without_group(bench: Bench) -> Mapping[str, Trial]:
    """Take a group away and use the old login token again."""
    account = probe(bench, "chain-verify-group")
    tool = account.wanted.can[0]
    m = bench.signin.m(account)
    before = bench.keycloak.exchange(m.text)
    called = bench.mcp.call(m.text, tool)
    had = groups_of(before)
    seen = bench.api.present(before.token) if bench.api is not None and before.taken else None
    group = bench.made().take_group(account.username)
    words = f"group {group} taken away"
    after = bench.keycloak.exchange(m.text)
    found: dict[str, Trial] = {
        "keycloak": Trial(
            lacks(after, groups_of(after), group),
            # Who never had the group in the token proves nothing by lacking it.
            Twin("M, before, with the group", before.status, before.taken and holds(had, group)),
            words,
        ),
        "mcp_server": Trial(bench.mcp.call(m.text, tool), Twin("M, before", called.status, called.taken), words),
    }
    if bench.api is not None and seen is not None and after.taken:
        now = bench.api.present(after.token)
        # The groups that the API server no longer sees have to be the one that was taken.
        mapped = account.wanted.mapped_groups
        gone = next((name for name in mapped if is_group(name, group, len(mapped) == 1)), "")
        if gone:
            had_it = seen.taken and holds(seen.data.get("groups"), gone)
            found["kube_apiserver"] = Trial(
                lacks(now, now.data.get("groups"), gone), Twin("K, before, with the group", seen.status, had_it), words
            )
    return found


def lacks(answer: Answer, groups: object, group: str) -> Answer:
    """Judge an answer by whether the group is gone from it."""
    if not answer.taken:
        return answer
    still = holds(groups, group)
    return Answer(answer.status, "the group is still there" if still else "without the group", still)


def groups_of(answer: Answer) -> object:
    """Return the groups in the token that an exchange gave."""
    return jose.read(answer.token).claims.get("groups") if answer.taken else None


def holds(groups: object, group: str) -> bool:
    """Say whether a group is there, by its path or by its own name."""
    names = [str(item) for item in groups] if isinstance(groups, list) else []
    return any(name.strip("/") in (group.strip("/"), group.rpartition("/")[2]) for name in names)


def is_group(mapped: str, group: str, alone: bool) -> bool:
    """Say whether a group of the cluster is that group of Keycloak; a prefix comes before its name."""
    return alone or mapped.endswith((group.strip("/"), group.rpartition("/")[2]))


ATTEMPTS: dict[str, Attempt] = {
    "disabled_person": together(
        "disabled_person",
        losing("chain-verify-disabled", lambda made: made.disable("chain-verify-disabled"), "disabled after the login"),
    ),
    "signed_out_person": together(
        "signed_out_person",
        losing(
            "chain-verify-signedout", lambda made: made.sign_out("chain-verify-signedout"), "signed out after the login"
        ),
    ),
    "group_taken_away": together("group_taken_away", without_group),
}
