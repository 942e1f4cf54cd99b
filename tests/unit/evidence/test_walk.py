# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The walk compares what came with the model's own prediction, and every difference makes the hop wrong."""

from __future__ import annotations

import copy
import time

import pytest

from ansible_collections.mcp_auth.openshift.plugins.module_utils._chain import build
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence import (
    apilog,
    bench,
    hops,
    jose,
    matrix,
    model,
    people,
    posture,
    run,
    walk,
)
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence.clients import Client
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence.forge import Forger
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence.target import CannotTry, Target
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence.wire import Reply

KEY = jose.make_key(1024)
CHAIN = build.build({"chain_lab": True, "chain_cluster_name": "lab", "chain_base_domain": "lab.localhost"})
ISSUER = CHAIN["issuer"]["url"]


def token(**claims):
    """A token of the issuer, for 60 s."""
    now = int(time.time())
    base = {"iss": ISSUER, "iat": now, "exp": now + 60, "jti": "j", "sub": "s-1", "typ": "Bearer", "sid": "x"}
    return jose.sign_rs256({"alg": "RS256", "kid": "k1"}, {**base, **claims}, KEY)


def good_m():
    return {"aud": "mcp-server", "azp": "chain-verify"}


def good_k(username="testdeveloper", groups=("/openshift_developers",)):
    return {
        "aud": "openshift",
        "azp": "mcp-server",
        "preferred_username": username,
        "groups": list(groups),
        "name": "n",
    }


class World:
    """Answers as a right chain does; a test changes what it wants wrong."""

    def __init__(self):
        self.m, self.k = good_m(), good_k()
        self.user = {}
        self.tools = ["namespaces_list", "pods_list_in_namespace"]
        self.allowed = True
        self.refusal = 'pods is forbidden: User "testdeveloper" cannot list resource "pods"'
        self.sent = []

    def form(self, url, fields, headers=None, timeout=0.0):
        self.sent.append((url, fields))
        if fields["grant_type"] == "password":
            return self.reply(200, {"access_token": token(**self.m).text, "id_token": "a.b.c", "refresh_token": "r"})
        return self.reply(200, {"access_token": token(**self.k).text})

    def send(self, method, url, headers=None, body=None, timeout=None):
        self.sent.append((url, body))
        if url.endswith("selfsubjectreviews"):
            extra = CHAIN["login"]["extra"]
            user = {
                "username": "testdeveloper",
                "uid": "s-1",
                "groups": ["openshift_developers", "system:authenticated"],
                "extra": {extra["client"]: ["mcp-server"], extra["session"]: ["x"]},
            }
            return self.reply(201, {"status": {"userInfo": {**user, **self.user}}})
        if url.endswith("selfsubjectaccessreviews"):
            namespace = body["spec"]["resourceAttributes"].get("namespace", "")
            return self.reply(201, {"status": {"allowed": self.may(namespace)}})
        if body["method"] == "initialize":
            return self.reply(200, {"result": {"serverInfo": {"name": "mcp", "version": "0.0.67"}}})
        if body["method"] == "tools/list":
            return self.reply(200, {"result": {"tools": [{"name": name} for name in self.tools]}})
        if self.may(body["params"]["arguments"].get("namespace", "")):
            return self.reply(200, {"result": {"content": [{"type": "text", "text": "a\nb"}]}})
        said = {"content": [{"type": "text", "text": self.refusal}], "isError": True}
        return self.reply(200, {"result": said})

    def may(self, namespace):
        own = CHAIN["people"][1]["expect"]["can"][0]["namespace"]
        return self.allowed and namespace == own

    @staticmethod
    def reply(status, data):
        return Reply(status, {}, jose.json.dumps(data).encode())


def walked(world, chain=None):
    """Walk as the developer."""
    chain = CHAIN if chain is None else chain
    target = Target(chain)
    keycloak = hops.Keycloak(target, world, Client("mcp-server"))
    signin = people.SignIn(target, keycloak, lambda said: None)
    account = people.Account(target.person("testdeveloper"), people.PASSWORD, "pw")
    walker = walk.Walker(target, keycloak, hops.McpServer(target, world), hops.ApiServer("https://api", world), signin)
    return {hop.id: hop for hop in walker.walk(account)}


def wrong(found):
    """The comparisons that failed."""
    return {(hop.id, check.name) for hop in found.values() for check in hop.checks if not check.ok}


def test_a_right_chain_is_right_at_every_hop():
    found = walked(World())
    assert wrong(found) == set()
    assert {hop.verdict for hop in found.values()} == {model.RIGHT}
    assert list(found) == list(model.HOP_ORDER)


@pytest.mark.parametrize(
    ("part", "change", "expected"),
    [
        ("m", {"aud": "account"}, ("keycloak-login", "aud")),
        ("m", {"aud": ["mcp-server", "account"]}, ("keycloak-login", "aud")),
        ("m", {"iss": ISSUER + "/"}, ("keycloak-login", "iss")),
        ("m", {"azp": "other"}, ("keycloak-login", "azp")),
        ("m", {"groups": ["/openshift_admins"]}, ("keycloak-login", "claims that tell more of the person")),
        ("m", {"email": "a@b"}, ("keycloak-login", "claims that tell more of the person")),
        ("m", {"exp": int(time.time()) + 86400}, ("keycloak-login", "lifetime")),
        ("m", {"sub": None}, ("keycloak-login", "sub")),
        ("k", {"aud": ["openshift", "mcp-server"]}, ("exchange", "aud")),
        ("k", {"azp": "mcp-client"}, ("exchange", "azp")),
        ("k", {"preferred_username": "testadmin"}, ("exchange", "preferred_username")),
        ("k", {"groups": ["/openshift_admins"]}, ("exchange", "groups")),
        ("k", {"groups": None}, ("exchange", "groups")),
        ("k", {"realm_access": {}}, ("exchange", "claims that tell more of the person")),
        ("k", {"sub": "s-2"}, ("exchange", "the same person")),
        ("k", {"exp": int(time.time()) + 600}, ("exchange", "lifetime")),
        ("user", {"username": "oidc:testdeveloper"}, ("kube-apiserver", "username")),
        ("user", {"groups": ["openshift_admins", "system:authenticated"]}, ("kube-apiserver", "groups")),
        ("user", {"groups": ["openshift_developers", "system:masters"]}, ("kube-apiserver", "groups of the system")),
        ("user", {"uid": "other"}, ("kube-apiserver", "uid")),
        ("user", {"extra": {}}, ("kube-apiserver", "extra client")),
    ],
)
def test_each_difference_is_found(part, change, expected):
    world = World()
    getattr(world, part).update(change)
    for claims in (world.m, world.k):
        for name in [name for name, value in claims.items() if value is None]:
            del claims[name]
    if change == {"sub": None}:
        world.m["sub"] = None
    assert expected in wrong(walked(world))


def test_a_missing_tool_is_found():
    world = World()
    world.tools = ["namespaces_list"]
    assert ("mcp-server", "tools that the model names") in wrong(walked(world))


def test_a_tool_call_under_another_name_is_found():
    world = World()
    world.refusal = 'pods is forbidden: User "system:serviceaccount:llama-stack:ocp-mcp" cannot list resource "pods"'
    assert ("rbac", "under the person's own name") in wrong(walked(world))


def test_a_proxy_that_says_forbidden_is_no_answer_of_rbac():
    world = World()
    world.refusal = "403 Forbidden: invalid Host header"
    assert any(hop == "rbac" and "by tool" in name for hop, name in wrong(walked(world)))


def test_a_person_without_rights_is_found_out():
    world = World()
    world.allowed = False
    found = wrong(walked(world))
    assert len([name for hop, name in found if hop == "rbac"]) == 2


def test_no_report_of_a_hop_holds_a_token_or_a_session():
    world = World()
    for hop in walked(world).values():
        said = repr(hop)
        assert "eyJ" not in said
        for name in ("jti", "sid", "session_state"):
            assert name not in hop.sent
            assert name not in hop.received


def test_the_prediction_of_a_token_that_the_model_lacks_is_a_gap():
    chain = copy.deepcopy(CHAIN)
    del chain["tokens"]["K"]["claims"]
    found = walked(World(), chain)
    assert "predicts no such token" in found["exchange"].why


def test_without_the_requester_the_exchange_is_not_tested():
    target = Target(CHAIN)
    world = World()
    keycloak = hops.Keycloak(target, world, None)
    signin = people.SignIn(target, keycloak, lambda said: None)
    account = people.Account(target.person("testdeveloper"), people.PASSWORD, "pw")
    walker = walk.Walker(target, keycloak, hops.McpServer(target, world), None, signin)
    found = {hop.id: hop for hop in walker.walk(account)}
    assert found["exchange"].verdict == model.NOT_TESTED
    assert found["kube-apiserver"].verdict == model.NOT_TESTED
    assert found["keycloak-login"].verdict == model.RIGHT


def test_a_hop_that_takes_everything_is_taken_in_each_forged_row():
    target = Target(CHAIN)
    world = World()
    keycloak = hops.Keycloak(target, world, Client("mcp-server"))
    keycloak._jwks = {"keys": [KEY.jwk("k1")]}
    signin = people.SignIn(target, keycloak, lambda said: None)
    account = people.Account(target.person("testdeveloper"), people.PASSWORD, "pw")
    tested = bench.Bench(
        target,
        keycloak,
        hops.McpServer(target, world),
        hops.ApiServer("https://api", world),
        signin,
        [account],
        Forger(keycloak.jwks(), KEY),
        lambda said: None,
    )
    for row in sorted(Forger.rows()):
        for column in model.COLUMNS:
            cell = bench.fill(tested, matrix.BY_ID[row], column, run.ATTEMPTS[row])
            assert cell.verdict == model.TAKEN, (row, column)
            assert not cell.control_failed


def test_without_consent_nothing_that_needs_it_is_tried():
    target = Target(CHAIN)
    world = World()
    keycloak = hops.Keycloak(target, world, Client("mcp-server"))
    signin = people.SignIn(target, keycloak, lambda said: None)
    account = people.Account(target.person("testdeveloper"), people.PASSWORD, "pw")
    tested = bench.Bench(
        target, keycloak, hops.McpServer(target, world), None, signin, [account], Forger({}), lambda said: None
    )
    for row in matrix.ROWS:
        if matrix.FIXTURES in row.needs or matrix.CONSENT_OUTAGE in row.needs:
            cell = bench.fill(tested, row, "mcp_server", run.ATTEMPTS[row.id])
            assert cell.verdict in (model.NOT_TESTED, model.NOT_APPLICABLE), row.id
            assert cell.why


def test_the_attacker_is_somebody_with_few_rights():
    target = Target(CHAIN)
    accounts = [people.Account(one, people.PASSWORD) for one in target.people]
    assert people.attacker(accounts).wanted.persona == "developer"
    with pytest.raises(CannotTry):
        people.attacker([])


def test_the_log_of_the_api_server_is_read():
    text = (
        '2026-11-23T07:10:01.500000000Z E1123 07:10:01.4 1 authentication.go:74] "Unable to authenticate the request" '
        'err="[invalid bearer token, oidc: verify token: oidc: expected audience in [\\"openshift\\"] got []]"\n'
        "2026-11-23T07:10:02Z I1123 something else\n"
        'junk "Unable to authenticate the request" err="x"\n'
    )
    found = apilog.refusals(text)
    assert [said for _when, said in found] == [
        '[invalid bearer token, oidc: verify token: oidc: expected audience in ["openshift"] got []]',
        "x",
    ]
    assert found[0][0] == pytest.approx(1795417801.5)
    assert found[1][0] == float("inf")


def test_posture_paths_are_those_of_the_issue():
    assert posture.MCP_PATHS["/mcp"] == (401,)
    assert 200 not in posture.MCP_PATHS["/metrics"]
    assert posture.ENFORCERS.search("ovnkube-node")
    assert not posture.ENFORCERS.search("kube-proxy")
