# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each attempt turns red for what it is about, and an answer that says something else is no proof."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence import (
    bench,
    hops,
    matrix,
    model,
    run,
    tries_clients,
    tries_people,
    tries_tokens,
)
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence.hops import Answer
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence.target import Probe, Stop, Target, Wanted
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence.wire import Reply

from .test_walk import CHAIN, token

PROBE = Probe("list pods in demo", "list", "", "pods", "demo", "pods_list_in_namespace", {})
DEV = Wanted("dev", "developer", ("/devs",), "dev", ("devs",), (PROBE,), (PROBE,))
OWN = 'pods is forbidden: User "dev" cannot list resource "pods"'
OTHER = 'pods is forbidden: User "somebody-else" cannot list resource "pods"'
PASSED_ON = 'users "system:admin" is forbidden: User "dev" cannot impersonate resource "users" in API group ""'


# -- impersonation ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("may", "must_not", "verdict"),
    [
        (None, OWN, model.REFUSED),
        (None, OTHER, model.WRONG_REASON),
        (None, PASSED_ON, model.WRONG_REASON),
        (PASSED_ON, OWN, model.WRONG_REASON),
        (None, None, model.TAKEN),
    ],
)
def test_headers_that_are_passed_on_are_found(may, must_not, verdict):
    """``may`` is how the call that is allowed fares with the headers, ``must_not`` the other; None is data."""
    calls = []

    def call(text, probe, headers=None):
        calls.append(headers)
        said = None if headers is None else may if len(calls) == 2 else must_not
        return Answer(200, said or "2 lines of cluster data", said is None)

    tested = SimpleNamespace(
        accounts=[SimpleNamespace(wanted=DEV)],
        signin=SimpleNamespace(m=lambda account: SimpleNamespace(text="m")),
        mcp=SimpleNamespace(present=lambda text: Answer(200, "ok", True), call=call),
    )
    one = bench.fill(tested, matrix.BY_ID["impersonation_headers"], "mcp_server", tries_clients.impersonation)
    assert one.verdict == verdict


@pytest.mark.parametrize("row", ["session_of_another", "impersonation_headers", "group_taken_away"])
def test_a_refusal_in_another_s_name_does_not_match(row):
    reason = matrix.BY_ID[row].cells["mcp_server"].reason
    for said, right in ((OWN, True), (OTHER, False), (PASSED_ON, False)):
        answer = tries_clients.under_own_name(Answer(200, "failed to list: " + said, False), DEV)
        assert bool(re.search(reason, answer.reason)) == right


# -- people ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("row", ["disabled_person", "signed_out_person"])
@pytest.mark.parametrize(
    ("said", "right"),
    [
        (
            'error 0: token exchange failed for target "x": token exchange failed with status 400: '
            '{"error":"invalid_request","error_description":"Invalid token"}',
            True,
        ),
        ('error="invalid_token"; Unauthorized: Invalid token', True),
        ("error -32603: dial tcp: i/o timeout", False),
        ("error -32601: method not found", False),
        ("error 0: token exchange failed: connection refused", False),
        ("missing argument", False),
    ],
)
def test_any_error_is_not_the_refused_exchange(row, said, right):
    assert bool(re.search(matrix.BY_ID[row].cells["mcp_server"].reason, said)) == right


def group_run(before, after, seen=("devs",), now=()):
    """Take the group of the probe user away, with these groups in the tokens and the reviews."""
    tokens = [token(groups=before).text, token(groups=after).text]
    reviews = [list(seen), list(now)]
    made = SimpleNamespace(
        passwords={"chain-verify-group": "p"}, group="/team-a/devs", take_group=lambda name: "/team-a/devs"
    )
    wanted = Wanted("dev", "developer", ("/team-a/devs",), "dev", ("devs",), (PROBE,), ())
    tested = SimpleNamespace(
        made=lambda: made,
        target=SimpleNamespace(people=[wanted]),
        signin=SimpleNamespace(m=lambda account: SimpleNamespace(text="m")),
        keycloak=SimpleNamespace(exchange=lambda text: Answer(200, "token issued", True, token=tokens.pop(0))),
        mcp=SimpleNamespace(call=lambda text, probe: Answer(200, OWN, False)),
        api=SimpleNamespace(present=lambda text: Answer(201, "taken", True, True, {"groups": reviews.pop(0)})),
    )
    trials = tries_people.without_group(tested)
    verdicts = {}
    for column in ("keycloak", "kube_apiserver"):
        one = model.Cell("group_taken_away", column)
        # The attempt's answer is taken only when the group is still there.
        bench.judge(one, matrix.BY_ID["group_taken_away"].cells[column], trials[column])
        verdicts[column] = one.verdict
    return verdicts


@pytest.mark.parametrize(
    ("groups", "keycloak", "api"),
    [
        ((["/team-a/devs"], [], ["devs"], []), model.REFUSED, model.REFUSED),
        ((["devs"], ["other"], ["devs"], ["system:authenticated"]), model.REFUSED, model.REFUSED),
        (([], [], [], []), model.UNPROVEN, model.UNPROVEN),
        ((["devs"], ["devs"], ["devs"], ["devs"]), model.TAKEN, model.TAKEN),
    ],
)
def test_a_group_is_gone_only_if_it_was_there(groups, keycloak, api):
    assert group_run(*groups) == {"keycloak": keycloak, "kube_apiserver": api}


# -- the API server's log --------------------------------------------------------------------------------------------
class Log:
    """A log that says one thing after the other."""

    def __init__(self, *said):
        self.said = list(said)

    def since(self, moment):
        return self.said.pop(0)


@pytest.mark.parametrize(
    ("said", "reason", "known"),
    [
        ([["expired"]], "expired", True),
        ([["expired", "audience"], ["expired"]], "expired", True),
        ([["expired", "audience"]] * 3, "several reasons", False),
        ([[]], "Unauthorized", False),
        ([None], "Unauthorized", False),
    ],
)
def test_a_reason_is_one_line_of_the_log_or_none(said, reason, known):
    wire = SimpleNamespace(send=lambda *a: Reply(401, {}, b'{"message": "Unauthorized"}'))
    answer = hops.ApiServer("https://api", wire, Log(*said)).present("t")
    assert (answer.status, answer.reason_known, answer.taken) == (401, known, False)
    assert reason in answer.reason


# -- the plan --------------------------------------------------------------------------------------------------------
def test_the_plan_says_where_the_requester_is_needed():
    given = {matrix.FIXTURES: True, matrix.CLUSTER: True, matrix.CONSENT_OUTAGE: True}
    found = {(item["row"], item["column"]): item["would"] for item in run.plan(run.Wishes(outage=True), given)}
    without = {key for key, would in found.items() if would.startswith("would be tried")}
    assert ("garbage", "mcp_server") in without and ("target_code_flow", "keycloak") in without
    assert found["garbage", "keycloak"] == found["garbage", "kube_apiserver"] == "not tested: needs requester"
    assert found["token_k", "mcp_server"] == "not tested: needs requester"
    assert not [key for key in without if key[1] == "kube_apiserver"]


def test_the_outage_is_named_also_without_consent():
    evidence = model.Evidence()
    tested = SimpleNamespace(say=lambda said: None, target=Target(CHAIN))
    run.attack(run.Wishes(rows=["outage"], columns=["keycloak"]), tested, evidence, early=True)
    run.attack(run.Wishes(rows=["outage"], columns=["keycloak"]), tested, evidence, early=False)
    assert [cell.verdict for cell in evidence.cells] == [model.NOT_TESTED]
    assert "no consent" in evidence.cells[0].why
    assert evidence.summary()["verdict"] == "failed"


# -- expired -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("consent", "brief_is_taken", "aside"),
    [(True, True, "brief"), (True, False, "good"), (True, None, "good"), (False, True, "good")],
)
@pytest.mark.parametrize("column", ["keycloak", "mcp_server", "kube_apiserver"])
def test_a_token_that_ends_soon_is_put_aside_where_the_hop_takes_it(column, consent, brief_is_taken, aside):
    asked = []

    def by_password(account, scopes, client):
        asked.append(scopes)
        if brief_is_taken is None:
            raise Stop("no login")
        return SimpleNamespace(access=SimpleNamespace(text="brief", expires=10))

    def present(where, text):
        return Answer(200, "ok", text == "good" or brief_is_taken)

    good = SimpleNamespace(text="good", expires=60)
    tested = bench.Bench(
        target=Target(CHAIN),
        keycloak=SimpleNamespace(present=lambda text, headers: present("keycloak", text)),
        mcp=SimpleNamespace(present=lambda text, headers: present("mcp_server", text)),
        api=SimpleNamespace(present=lambda text, headers: present("kube_apiserver", text)),
        signin=SimpleNamespace(by_password=by_password, m=lambda account: good, kk=lambda account: good),
        accounts=[SimpleNamespace(wanted=DEV, signin="password")],
        forger=None,
        say=print,
        fixtures=SimpleNamespace(brief=object()) if consent else None,
    )
    tries_tokens.keep_early(tested, column)
    token, twin = tested.early[column]
    assert (token.text, twin.accepted) == (aside, True)
    assert len(asked) == consent
    if consent and column == "kube_apiserver":
        assert asked[0][1:] == list(Target(CHAIN).exchange_scopes)
