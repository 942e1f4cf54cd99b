# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster import apply_set
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.errors import ClusterError
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.plan import Ref

refs = st.builds(
    Ref, st.just("v1"), st.sampled_from(["ConfigMap", "Secret"]), st.sampled_from(["n", "m"]), st.sampled_from("abcde")
)
member_lists = st.dictionaries(refs, st.booleans(), max_size=5).map(
    lambda found: [apply_set.Member(ref, made) for ref, made in found.items()]
)
LABEL = apply_set.set_id("s", "n")
states = st.sampled_from(["missing", "ours", "foreign"])


def live(state: str) -> dict[str, t.Any] | None:
    if state == "missing":
        return None
    return {"metadata": {"labels": {apply_set.LABEL: LABEL} if state == "ours" else {"a": "b"}}}


@given(member_lists)
def test_a_parent_is_read_back_as_it_was_written(members: list[apply_set.Member]) -> None:
    found = apply_set.members_of(apply_set.parent("s", "n", members), "s", "n")
    assert sorted(found, key=lambda item: item.ref) == sorted(members, key=lambda item: item.ref)


@given(member_lists, st.dictionaries(refs, states, max_size=5))
def test_only_what_the_set_made_is_its_own(old: list[apply_set.Member], wanted: dict[Ref, str]) -> None:
    new = apply_set.after([(ref, live(state)) for ref, state in wanted.items()], old, LABEL)
    for member in new:
        before = apply_set.find(old, member.ref)
        if member.made:
            assert wanted[member.ref] == "missing" or (wanted[member.ref] == "ours" and before and before.made)
        if wanted[member.ref] == "foreign":
            assert not member.made


@given(member_lists, st.dictionaries(refs, states, max_size=5))
def test_nothing_is_forgotten_when_a_run_is_killed(old: list[apply_set.Member], wanted: dict[Ref, str]) -> None:
    new = apply_set.after([(ref, live(state)) for ref, state in wanted.items()], old, LABEL)
    during = apply_set.during(old, new)
    assert {member.ref for member in during} == {member.ref for member in old} | set(wanted)
    # The next run with the same list leaves what this one would have left.
    again = apply_set.leaving(during, new)
    assert {member.ref for member in again} == {member.ref for member in apply_set.leaving(old, new)}


def test_a_foreign_config_map_is_refused() -> None:
    with pytest.raises(ClusterError, match="not the parent"):
        apply_set.members_of({"metadata": {"name": "s"}, "data": {}}, "s", "n")


def test_a_broken_list_is_said() -> None:
    parent = apply_set.parent("s", "n", [])
    parent["data"][apply_set.MEMBERS] = "{"
    with pytest.raises(ClusterError, match="can not be read"):
        apply_set.members_of(parent, "s", "n")


@given(
    st.text(alphabet="abc-.", min_size=1, max_size=200).map(lambda text: "a" + text),
    st.text(alphabet="abc", min_size=1, max_size=60),
)
def test_the_label_is_a_valid_one(name: str, namespace: str) -> None:
    value = apply_set.set_id(name, namespace)
    assert len(value) <= 63 and value[0].isalnum() and value[-1].isalnum()
    assert value != apply_set.set_id(name, namespace + "x")
