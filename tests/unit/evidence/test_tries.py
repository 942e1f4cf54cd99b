# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each attempt turns red for what it is about, and an answer that says something else is no proof."""

from __future__ import annotations

import re
import time
from types import SimpleNamespace

import pytest

from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence import (
    bench,
    fixtures,
    forge,
    hops,
    jose,
    matrix,
    model,
    run,
    tries_clients,
    tries_people,
    tries_tokens,
)
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence.hops import Answer
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence.target import (
    CannotTry,
    Probe,
    Stop,
    Target,
    Wanted,
)
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


def directory_bench(people_of_the_model):
    """A run with consent, as somebody of a directory who signed in by device flow; good tokens are taken."""
    good = SimpleNamespace(text="good", expires=60)
    chain = {**CHAIN, "people": CHAIN["people"] if people_of_the_model else []}
    signed_in = []

    def by_password(account, scopes, client=None):
        signed_in.append(account)
        return SimpleNamespace(access=SimpleNamespace(text="brief", expires=10))

    taken = SimpleNamespace(present=lambda text, headers: Answer(200, "ok", True))
    tested = bench.Bench(
        target=Target(chain),
        keycloak=taken,
        mcp=taken,
        api=taken,
        signin=SimpleNamespace(by_password=by_password, m=lambda account: good, kk=lambda account: good),
        accounts=[SimpleNamespace(wanted=DEV, signin="device")],
        forger=None,
        say=print,
        fixtures=SimpleNamespace(brief=object(), passwords=dict.fromkeys(fixtures.PROBES, "p")),
    )
    return tested, signed_in


@pytest.mark.parametrize("column", model.COLUMNS)
def test_more_consent_puts_no_less_aside_where_people_come_from_a_directory(column):
    tested, signed_in = directory_bench(people_of_the_model=False)
    run.put_aside(run.Wishes(columns=[column]), tested)
    token_aside, twin = tested.early[column]
    assert (token_aside.text, twin.accepted, signed_in) == ("good", True, [])


def test_a_probe_user_stands_in_for_somebody_who_cannot_be_signed_in_again():
    tested, signed_in = directory_bench(people_of_the_model=True)
    tries_tokens.keep_early(tested, "mcp_server")
    assert tested.early["mcp_server"][0].text == "brief"
    assert [account.username for account in signed_in] == [fixtures.PROBES[-1]]


def expired_at(column, good_is_taken, fresh="fresh", accounts=1):
    """Send a token after its end, to a hop that by now takes good ones, or does not."""
    old = SimpleNamespace(text="old", expires=time.time() - 30)
    sent = []

    def present(text, headers):
        sent.append(text)
        if text == "fresh":
            return Answer(200, "ok", good_is_taken)
        return Answer(401, 'error="invalid_token"; oidc: verify token: token is expired', False)

    def signed_in(account):
        if account.username not in fresh:
            raise CannotTry(f"the token that was handed in for {account.username} has ended")
        return SimpleNamespace(text="fresh", expires=time.time() + 60)

    hop = SimpleNamespace(present=present)
    tested = bench.Bench(
        target=Target(CHAIN),
        keycloak=hop,
        mcp=hop,
        api=hop,
        signin=SimpleNamespace(m=signed_in, kk=signed_in),
        accounts=[SimpleNamespace(wanted=DEV, signin="token", username=f"p{number}") for number in range(accounts)],
        forger=None,
        say=print,
        early={column: (old, model.Twin("M", 200, True))},
    )
    return bench.fill(tested, matrix.BY_ID["expired"], column, tries_tokens.expired), sent


@pytest.mark.parametrize("column", model.COLUMNS)
def test_an_expired_token_proves_nothing_at_a_hop_that_refuses_everybody_by_now(column):
    one, sent = expired_at(column, good_is_taken=False, fresh=("p0",))
    assert (one.verdict, one.twin.accepted) == (model.UNPROVEN, False)
    one, sent = expired_at(column, good_is_taken=True, fresh=("p0",))
    assert (one.verdict, one.twin.accepted) == (model.REFUSED, True)
    assert sorted(sent) == ["fresh", "old"]


def test_somebody_else_s_good_token_shows_as_well_that_the_hop_takes_them():
    one, sent = expired_at("mcp_server", good_is_taken=True, fresh=("p2",), accounts=3)
    assert (one.verdict, sent) == (model.REFUSED, ["old", "fresh"])


def test_without_a_good_token_in_that_moment_nothing_is_proven():
    one, _sent = expired_at("mcp_server", good_is_taken=True, fresh=())
    assert one.verdict == model.NOT_TESTED
    assert "handed in for p0 has ended" in one.why


def test_an_expired_token_that_is_taken_is_red_whatever_else_can_be_had():
    old = SimpleNamespace(text="old", expires=time.time() - 30)
    hop = SimpleNamespace(present=lambda text, headers: Answer(200, "ok", True))
    tested = bench.Bench(*[hop] * 8)
    tested.accounts, tested.early = [], {"mcp_server": (old, model.Twin("M", 200, True))}
    assert bench.fill(tested, matrix.BY_ID["expired"], "mcp_server", tries_tokens.expired).verdict == model.TAKEN


# -- wrong audience ----------------------------------------------------------------------------------------------------
ONE_AUDIENCE = '[invalid bearer token, oidc: verify token: oidc: expected audience in ["openshift"] got {}]'


class Issuer:
    """Gives tokens for the audiences that were asked for, each with what a login has of its own."""

    def __init__(self, brief="taken"):
        self.brief = brief
        self.count = 0
        self.asked = []

    def made(self, aud, azp, scope):
        self.count += 1
        own = {"jti": f"j{self.count}", "sid": f"s{self.count}", "exp": int(time.time()) + 60 + self.count}
        return token(**({"aud": aud} if aud else {}), azp=azp, scope=scope, groups=["/devs"], **own)

    def by_password(self, account, scopes, client=None):
        self.asked.append((client, list(scopes)))
        if client is not None and self.brief == "no login":
            raise Stop("no login")
        forged = fixtures.AZP_SCOPE in scopes
        aud = next(
            (fixtures.OTHER_SCOPE if name == fixtures.OTHER_SCOPE else "openshift" if forged else "mcp-server")
            for name in scopes
            if name != fixtures.AZP_SCOPE
        )
        azp = "mcp-server" if forged else "chain-verify"
        return SimpleNamespace(access=self.made(aud, azp, " ".join(scopes)))

    def exchange(self, text, audience=None, scopes=None):
        return Answer(200, "token issued", True, token=self.made("", "mcp-server", "").text)


def wrong_audience_at(column, consent=True, brief="taken", takes=("openshift", "mcp-server")):
    """Fill the cell; also return the tokens that the hop saw."""
    issuer, seen = Issuer(brief), []

    def present(text, headers):
        seen.append(jose.read(text))
        aud = seen[-1].claims.get("aud")
        if brief == "refused" and "chain-verify-azp" in str(seen[-1].claims.get("scope")):
            return Answer(401, "azp not expected", False)
        if aud in takes:
            return Answer(200, "ok", True)
        said = {
            "keycloak": "access_denied: Client is not within the token audience",
            "mcp_server": 'error="invalid_token"',
        }
        return Answer(403 if column == "keycloak" else 401, said.get(column, ONE_AUDIENCE.format([aud or ""])), False)

    hop = SimpleNamespace(present=present, exchange=issuer.exchange)
    good_k, good_m = issuer.made("openshift", "mcp-server", "mcp"), issuer.made("mcp-server", "chain-verify", "mcp")
    signin = SimpleNamespace(by_password=issuer.by_password, m=lambda account: good_m, kk=lambda account: good_k)
    tested = bench.Bench(
        Target(CHAIN), hop, hop, hop, signin, [SimpleNamespace(wanted=DEV, signin="password")], None, print
    )
    tested.fixtures = SimpleNamespace(brief="brief") if consent else None
    return bench.fill(tested, matrix.BY_ID["wrong_audience"], column, tries_tokens.wrong_audience), seen, issuer


def claims_that_differ(good, wrong):
    """What the wrong one has otherwise, besides what each token has of its own."""
    found = forge.differences(good, wrong.text) - {"signature"}
    return {name.partition(":")[2] for name in found} - {"jti", "sid", "iat", "exp"}


@pytest.mark.parametrize("column", model.COLUMNS)
def test_a_wrong_audience_is_the_one_thing_that_differs(column):
    one, (good, wrong), issuer = wrong_audience_at(column)
    assert (one.verdict, one.twin.accepted) == (model.REFUSED, True)
    assert wrong.claims["aud"] == fixtures.OTHER_SCOPE
    assert claims_that_differ(good, wrong) == {"aud", "scope"}
    expected = "openshift" if column == "kube_apiserver" else "mcp-server"
    assert one.difference.startswith(f"aud {fixtures.OTHER_SCOPE} in place of {expected}, with it scope; ")
    assert "jti" in one.difference and "sid" in one.difference
    # Keycloak refuses a subject token whose azp is forged, whatever its audience.
    assert (fixtures.AZP_SCOPE in str(issuer.asked)) == (column == "kube_apiserver")


def test_a_foreign_audience_that_the_api_server_takes_is_found():
    one, _seen, _issuer = wrong_audience_at("kube_apiserver", takes=("openshift", fixtures.OTHER_SCOPE))
    assert one.verdict == model.TAKEN


@pytest.mark.parametrize(("consent", "brief"), [(False, "taken"), (True, "no login"), (True, "refused")])
def test_without_that_client_a_token_for_nobody_is_sent(consent, brief):
    one, seen, _issuer = wrong_audience_at("kube_apiserver", consent, brief)
    assert (one.verdict, one.twin.accepted) == (model.REFUSED, True)
    assert "aud" not in seen[-1].claims
    assert one.difference.startswith("aud none in place of openshift")


@pytest.mark.parametrize("column", ["keycloak", "mcp_server"])
def test_without_consent_no_login_is_made_for_another_audience(column):
    one, seen, issuer = wrong_audience_at(column, consent=False)
    assert (one.verdict, seen, issuer.asked) == (model.NOT_TESTED, [], [])


def test_what_else_differs_is_told():
    good = token(aud="openshift", azp="a", scope="x")
    assert tries_tokens.in_place_of(good, token(aud=["b", "c"], azp="e", scope="y")) == (
        "aud b, c in place of openshift, with it azp, scope"
    )
    assert tries_tokens.in_place_of(good, token(aud="b", azp="a", scope="x", jti="k")) == (
        "aud b in place of openshift; its own: jti"
    )


def test_the_client_whose_tokens_end_soon_may_ask_for_the_other_audience():
    made = []
    tested = fixtures.Fixtures(SimpleNamespace(must=lambda *a: made.append(a[2])), Target(CHAIN), print)
    tested._brief_client()
    assert {fixtures.AZP_SCOPE, fixtures.OTHER_SCOPE} < set(made[-1]["optionalClientScopes"])
