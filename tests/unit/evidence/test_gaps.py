# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was not proven is shown green nowhere: not in a verdict, a chip, the drawing, a count or the exit code."""

from __future__ import annotations

import copy
import re
from types import SimpleNamespace

import pytest

from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence import (
    bench,
    drawing,
    hops,
    matrix,
    model,
    page,
    text,
    tries_clients,
)
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence.hops import Answer
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence.target import CannotTry, Target

from . import sample
from .test_walk import CHAIN, World, walked


def hop(verdict, hop_id="exchange", person="jdoe"):
    return model.Hop(hop_id, person, "none", verdict=verdict)


def cell(verdict, column="keycloak", row="garbage", checked=True):
    return model.Cell(row, column, verdict=verdict, reason_checked=checked, got_status=401)


# -- hops and people -------------------------------------------------------------------------------------------------
def test_a_hop_that_broke_off_is_not_right():
    half = model.Hop("mcp-server", "jdoe", "none", why="tools/list answered oops")
    half.check("initialize", "answered", "answered")
    assert half.conclude().verdict == model.NOT_TESTED
    half.check("tools", "offered", "missing")
    assert half.conclude().verdict == model.WRONG


def test_no_prediction_makes_no_right_hop():
    chain = copy.deepcopy(CHAIN)
    del chain["tokens"]["K"]["claims"]
    assert walked(World(), chain)["exchange"].verdict == model.NOT_TESTED


def test_tools_that_cannot_be_listed_make_no_right_hop():
    class Broken(World):
        def send(self, method, url, headers=None, body=None, timeout=None):
            if isinstance(body, dict) and body.get("method") == "tools/list":
                return self.reply(500, {})
            return super().send(method, url, headers, body, timeout)

    assert walked(Broken())["mcp-server"].verdict == model.NOT_TESTED


def test_a_missing_extra_is_a_difference():
    world = World()
    world.user["extra"] = None
    found = walked(world)["kube-apiserver"]
    assert found.verdict == model.WRONG
    assert {check.name for check in found.checks if not check.ok} == {"extra client", "extra session"}


@pytest.mark.parametrize(
    ("verdicts", "state", "words"),
    [
        ([model.RIGHT, model.RIGHT], model.RIGHT, "right"),
        ([model.RIGHT, model.NOT_TESTED], model.PARTLY, "right where tried"),
        ([model.NOT_TESTED, model.NOT_TESTED], model.NOT_TESTED, "not tested"),
        ([model.NOT_TESTED, model.WRONG], model.WRONG, "wrong"),
        ([], model.NOT_TESTED, "not tested"),
    ],
)
def test_the_chip_of_a_person_is_that_of_the_hops(verdicts, state, words):
    found = model.Evidence(people=[model.Person("jdoe", "none", "token")], hops=[hop(item) for item in verdicts])
    assert found.person_state("jdoe") == found.hop_state("exchange") == state
    header = re.search(r"<h3>jdoe</h3>.*?</header>", page.people(found)).group(0)
    assert f"</i>{words}</span>" in header
    assert ("chip good" in header) == (state == model.RIGHT)


def test_a_party_is_green_only_when_nothing_of_it_is_untested():
    found = model.Evidence(hops=[hop(model.RIGHT, name) for name in model.HOP_ORDER])
    found.cells = [cell(model.REFUSED), cell(model.NOT_TESTED, row="expired")]
    nodes = {node.title: node.state for node in drawing.parties(found)[0]}
    assert nodes["Keycloak"] == model.PARTLY
    assert nodes["API server"] == model.RIGHT
    assert 'class="node warn"' in drawing.wide(found)
    assert "Keycloak holds where tried" in drawing.spoken(found)
    found.cells[1].verdict = model.REFUSED
    assert {node.state for node in drawing.parties(found)[0]} == {model.RIGHT}


# -- a refused twin --------------------------------------------------------------------------------------------------
def test_a_refused_twin_is_shown_as_nothing_proven_everywhere():
    found = sample.evidence()
    one = found.cell("expired", "mcp_server")
    bench.judge(
        one,
        matrix.MCP_REFUSES,
        bench.Trial(Answer(401, "Invalid token", False), model.Twin("M", 401, False), "d"),
    )
    assert one.verdict == model.UNPROVEN
    summary = found.summary()
    assert (summary["unproven"], summary["verdict"]) == (1, "failed")
    assert summary["refused"] == summary["tried"] - 1
    assert found.column_state("mcp_server") == model.WRONG
    assert "NOT PROVEN" in text.terminal(found)
    assert "nothing proven</span>" in page.matrix(found)
    assert text.excerpt(found)["cells"][0]["verdict"] == "nothing proven"


def test_what_was_taken_stays_taken_whatever_the_twin():
    one = model.Cell("expired", "mcp_server")
    bench.judge(one, matrix.MCP_REFUSES, bench.Trial(Answer(200, "x", True), model.Twin("M", 401, False), "d"))
    assert one.verdict == model.TAKEN


# -- the verdict on the run ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (model.Evidence(hops=[hop(model.NOT_TESTED)] * 5), "failed"),
        (model.Evidence(cells=[cell(model.NOT_TESTED)]), "failed"),
        (model.Evidence(posture=[model.Posture("pod", "Pod", "x", "could not be seen")]), "failed"),
        (model.Evidence(cells=[cell(model.NOT_TESTED), cell(model.REFUSED)]), "passed with gaps"),
        (model.Evidence(cells=[cell(model.NOT_APPLICABLE)]), "passed"),
        (model.Evidence(hops=[hop(model.RIGHT)], posture=[model.Posture("p", "P", "x", "unseen")]), "passed with gaps"),
        (model.Evidence(cells=[cell(model.REFUSED, checked=False)]), "passed with gaps"),
        (model.Evidence(hops=[hop(model.RIGHT)], left=["client chain-verify"]), "failed"),
        (model.Evidence(hops=[hop(model.RIGHT)], cells=[cell(model.REFUSED)]), "passed"),
    ],
)
def test_a_run_that_proved_nothing_fails_and_every_gap_counts(found, verdict):
    assert found.summary()["verdict"] == verdict


def test_what_could_not_be_removed_is_named():
    found = model.Evidence(hops=[hop(model.RIGHT)], left=["client chain-verify"])
    assert found.failures() == ["left in Keycloak: client chain-verify"]
    assert "client chain-verify" in text.terminal(found)


def test_a_refusal_by_its_status_alone_is_not_called_right():
    found = model.Evidence(cells=[cell(model.REFUSED, "kube_apiserver", checked=False)], columns=["kube_apiserver"])
    found.rows = [model.RowInfo("garbage", "Garbage", "g", "w")]
    said = page.sentence(found.summary())
    assert "0 were refused with the expected reason" in said and "1 more" in said and "all were" not in said
    assert "reason not seen</span>" in page.matrix(found)
    assert "refused, why?" in text.terminal(found)


# -- switches of clients ---------------------------------------------------------------------------------------------
REDIRECT = Answer(400, "Invalid parameter: redirect_uri", False)
DISABLED = Answer(
    302,
    "unauthorized_client: Client is not allowed to initiate browser login with given response_type. Standard flow is "
    "disabled for the client.",
    False,
)
NO_LOGIN = Answer(401, "unauthorized_client: Invalid client or Invalid client credentials", False)
NO_ACCOUNT = Answer(401, "unauthorized_client: Client not enabled to retrieve service account", False)


class Pages:
    """The login page and the token endpoint, with an answer for the client in question."""

    def __init__(self, answer):
        self.answer = answer
        self.sent = []

    def login_page(self, client_id, scope="openid", redirect_uri=""):
        self.sent.append((client_id, redirect_uri))
        return Answer(200, "a login page came", True) if client_id == "mcp-client" else self.answer

    def grant(self, fields, client, headers=None):
        return self.answer


def filled(row, answer, client=None):
    """Fill the cell of a row with Keycloak answering like that; client None is a run with no credential."""
    admin = None if client is None else SimpleNamespace(items=lambda path: [client])
    tested = SimpleNamespace(target=Target(CHAIN), keycloak=Pages(answer), admin=admin)
    return bench.fill(tested, matrix.BY_ID[row], "keycloak", tries_clients.ATTEMPTS[row]), tested.keycloak.sent


CLIENTS = {"requester_code_flow": "mcp-server", "target_code_flow": "openshift"}


@pytest.mark.parametrize("row", sorted(CLIENTS))
@pytest.mark.parametrize(
    ("answer", "client", "verdict"),
    [
        (REDIRECT, {"standardFlowEnabled": False, "redirectUris": []}, model.REFUSED),
        (REDIRECT, {"standardFlowEnabled": True, "redirectUris": []}, model.WRONG_REASON),
        (DISABLED, {"standardFlowEnabled": False, "redirectUris": ["https://a/*"]}, model.REFUSED),
        (DISABLED, None, model.REFUSED),
        (REDIRECT, None, model.NOT_TESTED),
        (REDIRECT, {}, model.NOT_TESTED),
        (Answer(200, "a login page came", True), {"standardFlowEnabled": True}, model.TAKEN),
        (Answer(403, "Bearer-only applications are not allowed to initiate browser login.", False), None, "refused"),
    ],
)
def test_a_complaint_about_the_redirect_uri_is_no_refusal_of_the_flow(row, answer, client, verdict):
    client = None if client is None else {"clientId": CLIENTS[row], **client}
    one, sent = filled(row, answer, client)
    assert one.verdict.startswith(verdict)
    if client and client.get("redirectUris"):
        assert sent[-1] == (CLIENTS[row], "https://a/callback")


@pytest.mark.parametrize(
    ("answer", "client", "verdict"),
    [
        (NO_LOGIN, {"serviceAccountsEnabled": False}, model.REFUSED),
        (NO_LOGIN, {"serviceAccountsEnabled": True}, model.WRONG_REASON),
        (NO_LOGIN, None, model.NOT_TESTED),
        (NO_ACCOUNT, None, model.REFUSED),
        (Answer(200, "token issued", True), None, model.TAKEN),
    ],
)
def test_a_missing_credential_is_no_proof_that_the_service_account_is_off(answer, client, verdict):
    one, _sent = filled(
        "target_client_credentials", answer, None if client is None else {"clientId": "openshift", **client}
    )
    assert one.verdict == verdict


@pytest.mark.parametrize(
    ("client", "uri"),
    [
        ({"redirectUris": ["/cb"], "rootUrl": "https://a/"}, "https://a/cb"),
        ({"redirectUris": ["/cb"]}, ""),
        ({"redirectUris": ["*"]}, "http://127.0.0.1/callback"),
        ({"redirectUris": []}, ""),
        ({}, ""),
    ],
)
def test_an_address_of_its_own(client, uri):
    assert tries_clients.own_redirect(client) == uri


def test_the_redirect_uri_that_is_asked_for_is_sent():
    class Wire:
        url = ""

        def send(self, method, url, headers=None, body=None, timeout=None):
            self.url = url
            return hops.Reply(400)

    wire = Wire()
    hops.Keycloak(Target(CHAIN), wire, None).login_page("openshift", redirect_uri="https://own.example/cb")
    assert "redirect_uri=https%3A%2F%2Fown.example%2Fcb" in wire.url


def test_nobody_is_asked_without_a_credential():
    assert tries_clients.live_client(SimpleNamespace(admin=None), "openshift") == {}
    with pytest.raises(CannotTry, match="without a credential"):
        tries_clients.switched(
            SimpleNamespace(admin=None), "openshift", REDIRECT, "standardFlowEnabled", "standard flow", "redirect_uri"
        )


# -- cleaning up -----------------------------------------------------------------------------------------------------
def test_what_is_left_fails_the_run_and_is_not_called_removed(monkeypatch):
    from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence import run

    fixtures = SimpleNamespace(sweep=list, make=lambda *a, **k: None, remove=lambda: ["client chain-verify: 403"])
    means = SimpleNamespace(
        target=Target(CHAIN), fixtures=fixtures, cluster=None, accounts=[SimpleNamespace(wanted=None)], left=[]
    )
    monkeypatch.setattr(run, "begin", lambda wishes, means: model.Evidence(hops=[hop(model.RIGHT)]))
    monkeypatch.setattr(run, "work", lambda *a: None)
    monkeypatch.setattr(run, "undertaker", lambda act: lambda: None)
    found = run.run(run.Wishes(), means)
    assert found.summary()["verdict"] == "failed"
    assert found.failures() == ["left in Keycloak: client chain-verify: 403"]
    assert found.fixtures == ""


@pytest.mark.parametrize("parts", [["login"], ["hops"], ["matrix"], ["posture"]])
def test_what_was_made_is_told_whatever_it_was_made_for(monkeypatch, parts):
    from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence import run

    fixtures = SimpleNamespace(sweep=list, make=lambda *a, **k: None, remove=list, sentence=lambda: "Made: this.")
    means = SimpleNamespace(
        target=Target(CHAIN), fixtures=fixtures, cluster=None, accounts=[SimpleNamespace(wanted=None)], left=[]
    )
    monkeypatch.setattr(run, "begin", lambda wishes, means: model.Evidence(hops=[hop(model.RIGHT)]))
    monkeypatch.setattr(run, "work", lambda *a: None)
    monkeypatch.setattr(run, "undertaker", lambda act: lambda: None)
    assert run.run(run.Wishes(parts=parts), means).fixtures == "Made: this."


def test_the_page_says_where_one_reason_stands_for_many_faults():
    found = sample.evidence()
    assert "right reason" not in page.page(found)
    assert "one reason for every bad token" in page.matrix(found)
    assert "just after" in page.matrix(found)


def test_fixtures_are_removed_also_when_keycloak_cannot_be_given_back():
    from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence import run

    pauses = []

    def restore():
        raise RuntimeError("no cluster")

    with pytest.raises(RuntimeError):
        run.bury(restore, SimpleNamespace(remove=pauses.extend))
    assert sum(pauses) > 60
