# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine against an in-memory Keycloak: what it writes, that a second round writes nothing, and properties that
hold for every input."""

from __future__ import annotations

import json
import random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak import (
    canonical,
    engine,
    plan,
    read,
    realm,
    requester,
    validate,
)
from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak.engine import Outcome, reconcile
from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak.errors import (
    InputProblems,
    KeycloakError,
    Uncertain,
)
from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak.redact import Redactor
from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak.wanted import from_options

from .fake_keycloak import FakeApi, FakeKeycloak, mapper

AUDIENCE = {"included.client.audience": "openshift", "id.token.claim": "false", "access.token.claim": True}
SEED: dict[str, Any] = {
    "realm": "openshift",
    "settings": {"display_name": "x", "access_token_lifespan": 300, "events_enabled": True},
    "client_scopes": [
        {
            "name": "groups",
            "protocol_mappers": [
                {"name": "groups", "protocol_mapper": "oidc-group-membership-mapper", "config": {"full.path": True}}
            ],
        },
        {
            "name": "mcp-server",
            "protocol_mappers": [
                {
                    "name": "aud",
                    "protocol_mapper": "oidc-audience-mapper",
                    "config": {
                        "included.client.audience": "mcp-server",
                        "id.token.claim": False,
                        "access.token.claim": True,
                    },
                }
            ],
        },
        {
            "name": "mcp:openshift",
            "attributes": {"include.in.token.scope": "true"},
            "protocol_mappers": [{"name": "aud", "protocol_mapper": "oidc-audience-mapper", "config": AUDIENCE}],
        },
    ],
    "clients": [
        {
            "client_id": "mcp-client",
            "public_client": True,
            "standard_flow_enabled": True,
            "pkce_code_challenge_method": "S256",
            "redirect_uris": ["http://127.0.0.1/*", "http://localhost/*"],
            "web_origins": [],
            "default_client_scopes": ["mcp-server", "basic"],
            "optional_client_scopes": [],
            "protocol_mappers": [],
        },
        {
            "client_id": "mcp-server",
            "requester": True,
            "client_authenticator_type": "client-jwt",
            "certificate": "-----BEGIN CERTIFICATE-----\nAAAA\nBBBB\n-----END CERTIFICATE-----\n",
            "default_client_scopes": ["basic", "groups", "profile"],
            "optional_client_scopes": [],
        },
        {"client_id": "openshift", "secret": "s3cr3t-value-of-openshift", "default_client_scopes": []},
    ],
    "groups": [{"path": "/openshift_admins"}, {"path": "/openshift_developers/inner", "attributes": {"a": ["b", "c"]}}],
    "users": [
        {
            "username": "testAdmin",
            "email": "TestAdmin@example.com",
            "groups": ["/openshift_admins"],
            "password": "pw-of-testadmin",
            "first_name": "T",
        },
        {"username": "testdeveloper", "groups": ["/openshift_developers/inner"], "password": "pw-of-testdeveloper"},
    ],
}
REQUESTER: dict[str, Any] = {
    "realm": "openshift",
    "client_id": "mcp-server",
    "state": "present",
    "audiences": ["openshift"],
    "scopes": ["mcp:openshift"],
    "access_token_lifespan": 60,
    "refresh_tokens": "NO",
    "subject_token_audience_scope": "mcp-server",
}


def apply(fake: FakeKeycloak, params: dict[str, Any], check_mode: bool = False) -> Outcome:
    api = FakeApi(fake)
    problems = validate.options(params)
    if problems:
        raise InputProblems(problems)
    wanted = from_options(params)

    def checker(current: canonical.Current, planned: plan.Plan) -> list[dict[str, str]]:
        found = validate.adoption(wanted, current, bool(params.get("adopt")))
        if validate.mappers_to_check(wanted, planned):
            types = api.get("admin/serverinfo")["protocolMapperTypes"]
            current.mapper_types = {key: {item["id"] for item in value} for key, value in types.items()}
        return found or validate.references(wanted, current, planned)

    return reconcile(api, lambda: read.read(api, wanted), lambda c: plan.make(wanted, c), checker, check_mode)


def exchange_client(fake: FakeKeycloak, params: dict[str, Any], check_mode: bool = False) -> Outcome:
    api = FakeApi(fake)
    wanted = from_options({"realm": params["realm"], "builtin_scopes": False})
    return reconcile(
        api,
        lambda: read.read(api, wanted),
        lambda current: requester.make(params, current),
        lambda current, planned: requester.problems(params, current, planned),
        check_mode,
    )


def names(outcome: Outcome) -> list[tuple[str, str, str]]:
    return [(change.operation, change.kind, change.name) for change in outcome.changes]


def client(fake: FakeKeycloak, name: str, realm: str = "openshift") -> dict[str, Any]:
    found: dict[str, Any] = next(c for c in fake.realms[realm]["clients"].values() if c["clientId"] == name)
    return found


def changed(params: dict[str, Any], name: str, **fields: Any) -> dict[str, Any]:
    clients = [dict(item, **fields) if item["client_id"] == name else item for item in params["clients"]]
    return dict(params, clients=clients)


def test_a_realm_is_made_and_the_second_round_is_a_short_read() -> None:
    fake = FakeKeycloak()
    shown = apply(fake, SEED, check_mode=True)
    assert fake.writes == []
    done = apply(fake, SEED)
    assert names(done) == names(shown)
    assert names(done)[0] == ("create", "realm", "openshift")
    order = [kind for _operation, kind, _name in names(done)]
    assert order == sorted(order, key=["realm", "client_scope", "client", "group", "user"].index)
    fake.log.clear()
    again = apply(fake, SEED)
    assert again.changes == []
    assert fake.writes == []
    groups, pages = 3, 2
    assert len(fake.log) + 1 <= 10 + pages + groups
    assert fake.realms["openshift"]["rep"]["bruteForceProtected"] is True
    assert client(fake, "openshift")["standardFlowEnabled"] is False
    assert client(fake, "openshift")["fullScopeAllowed"] is False


def test_lists_of_security_weight_are_narrowed() -> None:
    fake = FakeKeycloak()
    apply(fake, SEED)
    mine = client(fake, "mcp-client")
    mine["redirectUris"] = ["*", *mine["redirectUris"]]
    mine["webOrigins"] = ["*"]
    mine["protocolMappers"] = [dict(mapper("evil", "oidc-hardcoded-claim-mapper", {"claim.name": "admin"}), id="m-1")]
    mine["optionalClientScopes"] = ["offline_access"]
    mine["fullScopeAllowed"] = True
    params = changed(SEED, "mcp-client", full_scope_allowed=False)
    outcome = apply(fake, params)
    assert names(outcome) == [("update", "client", "mcp-client")]
    assert set(outcome.changes[0].touched()) == {
        "redirectUris", "webOrigins", "protocolMappers", "optionalClientScopes", "fullScopeAllowed",
    }  # fmt: skip
    mine = client(fake, "mcp-client")
    assert mine["redirectUris"] == ["http://127.0.0.1/*", "http://localhost/*"]
    assert (mine["webOrigins"], mine["protocolMappers"], mine["optionalClientScopes"]) == ([], [], [])
    assert apply(fake, params).changes == []


def test_purge_false_keeps_what_others_own() -> None:
    fake = FakeKeycloak()
    apply(fake, SEED)
    mine = client(fake, "mcp-client")
    mine["redirectUris"] = ["https://theirs/*"]
    mine["protocolMappers"] = [dict(mapper("theirs", "oidc-sub-mapper", {}), id="m-1")]
    purge = {"redirect_uris": False, "protocol_mappers": False}
    apply(fake, dict(SEED, purge=purge))
    mine = client(fake, "mcp-client")
    assert set(mine["redirectUris"]) == {"http://127.0.0.1/*", "http://localhost/*", "https://theirs/*"}
    assert [item["name"] for item in mine["protocolMappers"]] == ["theirs"]


def imported() -> FakeKeycloak:
    """A realm as KeycloakRealmImport makes it: with scopes of its own and none of the built-in ones."""
    fake = FakeKeycloak()
    groups = mapper("groups", "oidc-group-membership-mapper", {"full.path": "false"})
    fake._make(
        {
            "realm": "openshift",
            "clientScopes": [{"name": "groups", "protocol": "openid-connect", "protocolMappers": [groups]}],
            "clients": [{"clientId": "mcp-client", "redirectUris": ["*"]}, {"clientId": "grafana"}],
            "groups": [{"name": "openshift_admins"}],
            "users": [{"username": "mallory", "groups": ["/openshift_admins"]}, {"username": "testadmin"}],
        }
    )
    return fake


def test_an_imported_realm_is_adopted_and_gets_its_scopes_back() -> None:
    fake = imported()
    outcome = apply(fake, SEED)
    realm, fresh = fake.realms["openshift"], fake.realms["master"]
    mine = {item["name"]: canonical.client_scope(item) for item in realm["scopes"].values()}
    for item in fresh["scopes"].values():
        assert mine[item["name"]] == canonical.client_scope(item)
    for kind in ("default", "optional"):
        for one, other in ((realm, fresh), (fresh, realm)):
            have = {other["scopes"][key]["name"] for key in other[kind]}
            assert {one["scopes"][key]["name"] for key in one[kind]} == have
    account = client(fake, "account")
    assert "basic" in account["defaultClientScopes"]
    assert "offline_access" in account["optionalClientScopes"]
    assert outcome.unmanaged["clients"] == ["grafana"]
    assert outcome.unmanaged["users"] == ["mallory"]
    assert outcome.unmanaged["group_members"] == ["/openshift_admins: mallory"]
    assert client(fake, "mcp-client")["redirectUris"] == ["http://127.0.0.1/*", "http://localhost/*"]
    user = next(item for item in realm["users"].values() if item["username"] == "testadmin")
    assert user["password"] == []
    assert apply(fake, SEED).changes == []


@pytest.mark.parametrize("dies_at", range(1, 60, 2))
def test_a_run_that_dies_at_any_write_is_finished_by_the_next(dies_at: int) -> None:
    fake = imported()
    count = iter(range(1, 10000))

    def die(fake: FakeKeycloak, method: str, path: str) -> None:
        if next(count) == dies_at:
            raise RuntimeError("killed")

    fake.before_write = die
    with pytest.raises(RuntimeError):
        apply(fake, SEED)
    fake.before_write = lambda fake, method, path: None
    apply(fake, SEED)
    whole = imported()
    apply(whole, SEED)
    assert snapshot(fake) == snapshot(whole)


def snapshot(fake: FakeKeycloak, realm: str = "openshift") -> Any:
    """A realm without ids and without order."""
    state = fake.realms[realm]
    scopes = {key: item["name"] for key, item in state["scopes"].items()}
    users = {key: item["username"] for key, item in state["users"].items()}
    return {
        "realm": canonical.realm({key: value for key, value in state["rep"].items() if key != "id"}),
        "scopes": {item["name"]: canonical.client_scope(item) for item in state["scopes"].values()},
        "default": sorted(scopes[key] for key in state["default"]),
        "optional": sorted(scopes[key] for key in state["optional"]),
        "clients": {item["clientId"]: canonical.client(item) for item in state["clients"].values()},
        "groups": {item["path"]: canonical.group(item) for item in state["groups"].values()},
        "members": {
            state["groups"][key]["path"]: sorted(users[user] for user in members)
            for key, members in state["members"].items()
            if key in state["groups"]
        },
        "users": {item["username"]: canonical.user(item) for item in state["users"].values()},
        "passwords": {item["username"]: item.get("password") for item in state["users"].values()},
    }


def test_both_modules_in_both_orders_leave_each_other_alone() -> None:
    fake = FakeKeycloak()
    apply(fake, SEED)
    assert names(exchange_client(fake, REQUESTER)) == [("update", "client", "mcp-server")]
    for _round in range(2):
        assert apply(fake, SEED).changes == []
        assert exchange_client(fake, REQUESTER).changes == []
    mine = client(fake, "mcp-server")
    assert mine["attributes"]["standard.token.exchange.enabled"] == "true"
    assert mine["attributes"]["access.token.lifespan"] == "60"
    assert mine["optionalClientScopes"] == ["mcp:openshift"]
    gone = exchange_client(fake, dict(REQUESTER, state="absent"))
    assert names(gone) == [("update", "client", "mcp-server")]
    assert "standard.token.exchange.enabled" not in client(fake, "mcp-server")["attributes"]
    assert client(fake, "mcp-server")["optionalClientScopes"] == []


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        ({"client_id": "mcp-client"}, "client_id", "public"),
        ({"client_id": "mcp-servr"}, "client_id", "did you mean mcp-server"),
        ({"audiences": ["nope"]}, "audiences", "no client"),
        ({"audiences": ["openshift", "account"]}, "audiences", "no scope of scopes adds the audience account"),
        ({"scopes": ["mcp:openshift", "mcp-srver"]}, "scopes", "did you mean mcp-server"),
        ({"audiences": [], "scopes": ["mcp:openshift"]}, "scopes", "does not name"),
        ({"subject_token_audience_scope": "groups"}, "subject_token_audience_scope", "does not put"),
        ({"audiences": ["mcp-server"], "scopes": ["mcp-server"]}, "audiences", "the requester itself"),
    ],
)
def test_a_requester_that_cannot_work_is_refused(change: dict[str, Any], path: str, words: str) -> None:
    fake = FakeKeycloak()
    apply(fake, SEED)
    fake.log.clear()
    with pytest.raises(InputProblems) as error:
        exchange_client(fake, dict(REQUESTER, **change))
    assert any(item["path"] == path and words in item["message"] for item in error.value.problems), error.value.problems
    assert fake.writes == []


BAD: list[tuple[dict[str, Any], str]] = [
    ({"clients": [{"client_id": "a"}, {"client_id": "a"}]}, "clients[1].client_id"),
    ({"users": [{"username": "a"}, {"username": "A"}]}, "users[1].username"),
    ({"clients": [{"client_id": "a", "public_client": True, "secret": "x"}]}, "clients[0].secret"),
    ({"clients": [{"client_id": "a", "public_client": True, "requester": True}]}, "clients[0].requester"),
    ({"clients": [{"client_id": "a", "requester": True, "full_scope_allowed": True}]}, "clients[0].full_scope_allowed"),
    ({"clients": [{"client_id": "a", "access_token_lifespan": 0}]}, "clients[0].access_token_lifespan"),
    ({"clients": [{"client_id": "a", "default_client_scopes": ["nope"]}]}, "clients[a].default_client_scopes"),
    ({"groups": [{"path": "admins"}]}, "groups[0].path"),
    ({"users": [{"username": "a", "groups": ["/nope"]}]}, "users[a].groups"),
    ({"groups": [{"path": "/a", "realm_roles": ["nope"]}]}, "groups[/a].realm_roles"),
    (
        {
            "client_scopes": [
                {"name": "a", "protocol_mappers": [{"name": "m", "protocol_mapper": "oidc-audiense-mapper"}]}
            ]
        },
        "client_scopes[a].protocol_mappers[m].protocol_mapper",
    ),
    ({"realm": "a/b"}, "realm"),
    ({"realm": ".."}, "realm"),
    ({"realm": "a\n"}, "realm"),
    ({"realm": "master", "purge": {"clients": True}}, "purge.clients"),
]


@pytest.mark.parametrize(("change", "path"), BAD)
def test_bad_input_is_refused_before_the_first_write(change: dict[str, Any], path: str) -> None:
    fake = FakeKeycloak()
    with pytest.raises(InputProblems) as error:
        apply(fake, {"realm": "openshift", **change})
    assert [item["path"] for item in error.value.problems] == [path]
    assert fake.writes == []


def test_all_problems_are_told_at_once() -> None:
    params = {
        "realm": "openshift",
        "clients": [
            {"client_id": "a", "default_client_scopes": ["x"]},
            {"client_id": "b", "optional_client_scopes": ["y"]},
        ],
        "users": [{"username": "abc", "groups": ["/g"]}],
    }
    with pytest.raises(InputProblems) as error:
        apply(FakeKeycloak(), params)
    assert len(error.value.problems) == 3


def test_a_foreign_realm_is_refused_unless_adopted() -> None:
    fake = FakeKeycloak()
    fake._make({"realm": "openshift", "clients": [{"clientId": "payroll"}], "users": [{"username": "boss"}]})
    with pytest.raises(InputProblems, match="payroll"):
        apply(fake, SEED)
    assert fake.writes == []
    apply(fake, dict(SEED, adopt=True, owner="one"))
    assert fake.realms["openshift"]["rep"]["attributes"][canonical.OWNER] == "one"
    with pytest.raises(InputProblems, match="belongs to 'one'"):
        apply(fake, dict(SEED, owner="two"))
    apply(fake, dict(SEED, owner="two", adopt=True))


GROUPS_SCOPE = {
    "name": "groups",
    "protocol": "openid-connect",
    "protocolMappers": [mapper("groups", "oidc-group-membership-mapper", {"full.path": "false"})],
}
FOREIGN: list[tuple[dict[str, Any], str]] = [
    ({"clientScopes": [GROUPS_SCOPE], "clients": [{"clientId": "payroll"}]}, "payroll"),
    ({"clients": [{"clientId": "payroll"}], "groups": [{"name": "openshift_admins"}]}, "payroll"),
    ({"clients": [{"clientId": "payroll"}], "users": [{"username": "testadmin"}]}, "payroll"),
    ({"users": [{"username": f"u{number}"} for number in range(50)]}, "people"),
    ({"groups": [{"name": "finance"}]}, "groups"),
]


@pytest.mark.parametrize(("there", "words"), FOREIGN)
@pytest.mark.parametrize("names_people", [True, False])
def test_a_common_name_or_unread_people_are_no_consent(there: dict[str, Any], words: str, names_people: bool) -> None:
    fake = FakeKeycloak()
    fake._make({"realm": "openshift", **there})
    left_out = () if names_people else ("users", "groups")
    with pytest.raises(InputProblems, match=words):
        apply(fake, {key: value for key, value in SEED.items() if key not in left_out})
    assert fake.writes == []


def removal(fake: FakeKeycloak, owner: str | None, force: bool = False) -> Outcome:
    outcome = Outcome()
    module = SimpleNamespace(check_mode=False, params={"realm": "openshift", "owner": owner, "force": force})
    realm._remove(module, FakeApi(fake), outcome)  # type: ignore[arg-type]
    return outcome


def origin(fake: FakeKeycloak) -> str | None:
    found: str | None = fake.realms["openshift"]["rep"]["attributes"].get(canonical.ORIGIN)
    return found


def test_a_realm_that_we_made_goes_for_its_owner_only() -> None:
    fake = FakeKeycloak()
    apply(fake, dict(SEED, owner="one"))
    assert origin(fake) == "made"
    apply(fake, dict(SEED, owner="one", adopt=True))
    assert origin(fake) == "made"
    for other in ("two", None, "ONE"):
        with pytest.raises(KeycloakError, match="belongs to 'one'"):
            removal(fake, other)
    assert names(removal(fake, "one")) == [("delete", "realm", "openshift")]
    assert "openshift" not in fake.realms
    assert removal(fake, "one").changes == []


def test_a_realm_without_a_named_owner_is_nobody_elses() -> None:
    fake = FakeKeycloak()
    apply(fake, SEED)
    with pytest.raises(KeycloakError, match="belongs to"):
        removal(fake, "one")
    apply(fake, dict(SEED, owner="one"))
    assert origin(fake) == "made"
    removal(fake, "one")
    apply(fake, SEED)
    removal(fake, None)
    assert "openshift" not in fake.realms


@pytest.mark.parametrize("adopt", [True, False])
def test_an_adopted_realm_is_removed_by_force_only(adopt: bool) -> None:
    fake = imported()
    apply(fake, dict(SEED, owner="one", adopt=adopt))
    assert origin(fake) == "adopted"
    assert apply(fake, dict(SEED, owner="one")).changes == []
    with pytest.raises(KeycloakError, match="took it over") as error:
        removal(fake, "one")
    assert "realm_force" in error.value.hint
    removal(fake, "one", force=True)
    assert "openshift" not in fake.realms


def test_another_owners_realm_that_is_taken_over_counts_as_adopted() -> None:
    fake = FakeKeycloak()
    apply(fake, dict(SEED, owner="one"))
    apply(fake, dict(SEED, owner="two", adopt=True))
    with pytest.raises(KeycloakError, match="took it over"):
        removal(fake, "two")


def test_a_mark_of_before_is_understood_as_made() -> None:
    fake = FakeKeycloak()
    apply(fake, dict(SEED, owner="one"))
    del fake.realms["openshift"]["rep"]["attributes"][canonical.ORIGIN]
    assert apply(fake, dict(SEED, owner="one")).changes == []
    removal(fake, "one")
    assert "openshift" not in fake.realms


def test_user_attributes_that_the_server_would_drop_are_refused() -> None:
    fake = FakeKeycloak()
    apply(fake, SEED)
    fake.realms["openshift"]["profile"] = {"attributes": [{"name": "phone"}]}
    users = [{"username": "abc", "attributes": {"phone": "1", "shoe": "2"}}]
    with pytest.raises(InputProblems, match="shoe") as error:
        apply(fake, {"realm": "openshift", "users": users})
    assert len(error.value.problems) == 1


def test_another_hand_in_between_is_planned_again() -> None:
    fake = FakeKeycloak()
    apply(fake, SEED)
    client(fake, "mcp-client")["redirectUris"] = ["*"]
    client(fake, "openshift")["description"] = "old"
    hits = []

    def other(fake: FakeKeycloak, method: str, path: str) -> None:
        if not hits:
            hits.append(path)
            client(fake, "openshift")["description"] = "theirs"

    fake.before_write = other
    outcome = apply(fake, changed(SEED, "openshift", description="ours"))
    assert outcome.again == 1
    assert client(fake, "openshift")["description"] == "ours"
    assert [item for item in names(outcome) if item[2] == "openshift"] == [("update", "client", "openshift")]


def test_a_deleted_object_is_made_again() -> None:
    fake = FakeKeycloak()
    apply(fake, SEED)
    client(fake, "mcp-client")["redirectUris"] = ["*"]
    client(fake, "openshift")["description"] = "old"

    def other(fake: FakeKeycloak, method: str, path: str) -> None:
        clients = fake.realms["openshift"]["clients"]
        clients.pop(client(fake, "openshift")["id"])
        fake.before_write = lambda *args: None

    fake.before_write = other
    apply(fake, changed(SEED, "openshift", description="ours"))
    assert client(fake, "openshift")["description"] == "ours"
    assert apply(fake, changed(SEED, "openshift", description="ours")).changes == []


def test_endless_interference_ends_in_a_clear_error() -> None:
    fake = FakeKeycloak()
    apply(fake, SEED)
    original = fake.handle
    count = iter(range(1000))

    def handle(method: str, path: str, query: dict[str, str], body: Any) -> Any:
        if method == "GET" and path.endswith(client(fake, "openshift")["id"]):
            client(fake, "openshift")["description"] = f"theirs {next(count)}"
        return original(method, path, query, body)

    fake.handle = handle  # type: ignore[method-assign]
    with pytest.raises(KeycloakError, match="somebody else changed description meanwhile"):
        apply(fake, changed(SEED, "openshift", description="ours"))


NEW = dict(SEED, clients=[*SEED["clients"], {"client_id": "newone", "default_client_scopes": ["basic"]}])


class Mumbling(FakeApi):
    """Gives no clear answer to creations of clients, which are done or not."""

    done = False

    def request(self, method: str, path: str, *args: Any, **options: Any) -> Any:
        if method == "POST" and path.endswith("/clients"):
            if self.done:
                super().request(method, path, *args, **options)
            raise Uncertain(KeycloakError("POST was answered 503.", "server_error", 503))
        return super().request(method, path, *args, **options)


def reconciled(api: FakeApi, params: dict[str, Any], outcome: Outcome) -> None:
    wanted = from_options(params)
    reconcile(api, lambda: read.read(api, wanted), lambda c: plan.make(wanted, c), lambda c, p: [], False, outcome)


def test_what_never_happened_is_not_listed() -> None:
    fake = FakeKeycloak()
    apply(fake, SEED)
    outcome = Outcome()
    with pytest.raises(KeycloakError, match="answered 503") as error:
        reconciled(Mumbling(fake), NEW, outcome)
    assert (error.value.reason, error.value.code) == ("server_error", 503)
    assert "Something else changes" not in error.value.hint
    assert outcome.changes == []


def test_what_happened_without_an_answer_is_listed_once() -> None:
    fake = FakeKeycloak()
    apply(fake, SEED)
    outcome = Outcome()
    api = Mumbling(fake)
    api.done = True
    reconciled(api, NEW, outcome)
    assert names(outcome) == [("create", "client", "newone")]
    assert client(fake, "newone")


def test_a_repeated_conflict_ends_soon_in_the_servers_words(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeKeycloak()
    apply(fake, SEED)
    slept: list[float] = []
    monkeypatch.setattr(engine, "sleep", slept.append)

    class Refusing(FakeApi):
        def request(self, method: str, path: str, *args: Any, **options: Any) -> Any:
            if method == "POST" and path.endswith("/clients"):
                raise KeycloakError("POST was answered 409: User exists with same email", "conflict", 409)
            return super().request(method, path, *args, **options)

    with pytest.raises(KeycloakError, match="same email") as error:
        reconciled(Refusing(fake), NEW, Outcome())
    assert error.value.code == 409
    assert sum(slept) <= 2


def test_removal() -> None:
    fake = FakeKeycloak()
    apply(fake, SEED)
    params = {
        "realm": "openshift",
        "clients": [{"client_id": "openshift", "state": "absent"}],
        "users": [{"username": "testadmin", "state": "absent"}, {"username": "never", "state": "absent"}],
        "groups": [{"path": "/openshift_admins", "state": "absent"}],
        "client_scopes": [{"name": "groups", "state": "absent"}],
    }
    outcome = apply(fake, params)
    assert names(outcome) == [
        ("delete", "user", "testadmin"),
        ("delete", "group", "/openshift_admins"),
        ("delete", "client", "openshift"),
        ("delete", "client_scope", "groups"),
    ]
    assert apply(fake, params).changes == []
    purged = apply(
        fake, {"realm": "openshift", "purge": {"clients": True, "users": True, "groups": True, "client_scopes": True}}
    )
    assert ("delete", "client", "mcp-client") in names(purged)
    assert {item["clientId"] for item in fake.realms["openshift"]["clients"].values()} == canonical.BUILTIN_CLIENTS
    assert fake.realms["openshift"]["users"] == {}


def test_service_account_roles_are_exact() -> None:
    fake = FakeKeycloak()
    item = {"client_id": "robot", "service_accounts_enabled": True, "default_client_scopes": ["basic"]}
    roles = {"realm_roles": [{"name": "one"}, {"name": "two"}]}
    params = {"realm": "openshift", **roles, "clients": [dict(item, service_account_realm_roles=["one", "two"])]}
    apply(fake, params)
    assert apply(fake, params).changes == []
    narrow = {"realm": "openshift", "clients": [dict(item, service_account_realm_roles=["two"])]}
    assert names(apply(fake, narrow)) == [("update", "service_account", "robot")]
    assert apply(fake, narrow).changes == []


def test_no_secret_in_any_rendering() -> None:
    fake = FakeKeycloak()
    params = changed(SEED, "openshift", attributes={"idp.client.secret": "reg-token-value"})
    params["representation"] = {"smtpServer": {"host": "mail", "password": "smtp-pass-value"}}
    outcome = apply(fake, params)
    redactor = Redactor()
    shown = json.dumps([change.shown(redactor) for change in outcome.changes])
    for value in ("s3cr3t-value-of-openshift", "pw-of-testadmin", "reg-token-value", "smtp-pass-value"):
        assert value not in shown
    smtp = fake.realms["openshift"]["rep"]["smtpServer"]
    smtp["password"] = "**********"  # as the server answers
    rotated = apply(fake, changed(params, "openshift", secret="another-secret-value"))
    (change,) = [change.shown(redactor) for change in rotated.changes]
    assert change["paths"] == ["secret"]
    assert change["before"]["secret"] != change["after"]["secret"]
    assert "another-secret-value" not in json.dumps(change)
    assert client(fake, "openshift")["secret"] == "another-secret-value"


def test_a_masked_secret_is_told_of_and_written_on_demand() -> None:
    fake = FakeKeycloak()
    mail = {"smtpServer": {"host": "mail", "password": "one-secret"}}
    assert apply(fake, dict(SEED, representation=mail)).hidden == []
    smtp = fake.realms["openshift"]["rep"]["smtpServer"]
    smtp["password"] = canonical.MASK  # as the server answers
    changed_mail = {"smtpServer": {"host": "mail", "password": "two-secret"}}
    outcome = apply(fake, dict(SEED, representation=changed_mail))
    assert outcome.changes == []
    assert outcome.hidden == ["smtpServer.password"]
    outcome = apply(fake, dict(SEED, representation=changed_mail, reset_secrets=True))
    assert [change.paths for change in outcome.changes] == [["smtpServer.password"]]
    assert outcome.hidden == []
    assert fake.realms["openshift"]["rep"]["smtpServer"] == changed_mail["smtpServer"]
    assert "two-secret" not in json.dumps([change.shown(Redactor()) for change in outcome.changes])


def scope(fake: FakeKeycloak, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(s for s in fake.realms["openshift"]["scopes"].values() if s["name"] == name)
    return found


def test_basic_gets_a_lost_sub_back_and_keeps_the_rest() -> None:
    fake = FakeKeycloak()
    apply(fake, SEED)
    other = dict(mapper("auth_time", "oidc-hardcoded-claim-mapper", {"claim.name": "auth_time"}), id="m-1")
    scope(fake, "basic")["protocolMappers"] = [other]
    assert names(apply(fake, SEED)) == [("update", "client_scope", "basic")]
    assert {item["name"] for item in scope(fake, "basic")["protocolMappers"]} == {"auth_time", "sub"}
    assert apply(fake, SEED).changes == []


def test_what_widens_tokens_and_is_not_named_is_listed() -> None:
    fake = FakeKeycloak()
    apply(fake, SEED)
    exchange_client(fake, REQUESTER)
    assert apply(fake, SEED).unmanaged == {}
    mine = client(fake, "mcp-client")
    mine["attributes"].update(
        {
            "access.token.lifespan": "36000",
            "post.logout.redirect.uris": "*",
            "standard.token.exchange.enabled": "true",
            "oauth2.device.authorization.grant.enabled": "false",
        }
    )
    mine["directAccessGrantsEnabled"] = True
    wide = dict(mapper("evil", "oidc-audience-mapper", {"included.client.audience": "openshift"}), id="m-1")
    scope(fake, "basic")["protocolMappers"].append(wide)
    fake.realms["openshift"]["default"].add(scope(fake, "mcp:openshift")["id"])
    outcome = apply(fake, SEED)
    assert outcome.changes == []
    assert outcome.unmanaged == {
        "client_settings": [
            "mcp-client: attributes.access.token.lifespan",
            "mcp-client: attributes.post.logout.redirect.uris",
            "mcp-client: attributes.standard.token.exchange.enabled",
            "mcp-client: directAccessGrantsEnabled",
        ],
        "default_client_scopes": ["mcp:openshift"],
        "protocol_mappers": ["basic: evil (oidc-audience-mapper)"],
    }


def test_a_requester_that_is_not_said_to_be_one_is_told_of() -> None:
    fake = FakeKeycloak()
    apply(fake, SEED)
    exchange_client(fake, REQUESTER)
    params = changed(SEED, "mcp-server", requester=False)
    outcome = apply(fake, params)
    assert outcome.current is not None
    told = plan.contested(from_options(params), outcome.current, outcome.changes)
    assert told == {"mcp-server": ["mcp:openshift"]}
    outcome = apply(fake, SEED)
    assert outcome.current is not None
    assert plan.contested(from_options(SEED), outcome.current, outcome.changes) == {}


# -- properties --------------------------------------------------------------------------------------------------------
IDS = st.sampled_from(["alpha", "beta", "gamma", "delta"])
URIS = st.lists(st.sampled_from(["https://a/*", "https://b/*", "http://127.0.0.1/*", "*"]), unique=True, max_size=3)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)
CONFIG = st.dictionaries(
    st.sampled_from(["claim.name", "id.token.claim", "access.token.claim", "full.path", "x"]),
    st.one_of(st.booleans(), st.sampled_from(["a", "true", "", "ü"]), st.integers(0, 9)),
    max_size=3,
)
MAPPER = st.fixed_dictionaries(
    {
        "name": IDS,
        "protocol_mapper": st.sampled_from(["oidc-audience-mapper", "oidc-sub-mapper", "oidc-hardcoded-claim-mapper"]),
        "config": CONFIG,
    }
)
MAPPERS = st.lists(MAPPER, max_size=3, unique_by=lambda item: item["name"])
SCOPE = st.fixed_dictionaries(
    {"name": IDS, "protocol_mappers": MAPPERS},
    optional={"description": TEXTS, "attributes": st.dictionaries(IDS, st.sampled_from(["1", "", "x y"]), max_size=2)},
)
FLAGS = (
    "public_client",
    "standard_flow_enabled",
    "direct_access_grants_enabled",
    "full_scope_allowed",
    "consent_required",
)
CLIENT = st.fixed_dictionaries(
    {"client_id": IDS},
    optional={
        **{flag: st.booleans() for flag in FLAGS},
        "redirect_uris": URIS,
        "web_origins": URIS,
        "post_logout_redirect_uris": URIS,
        "description": st.one_of(TEXTS, st.just("")),
        "protocol_mappers": MAPPERS,
        "default_client_scopes": st.lists(st.sampled_from(["basic", "email", "roles"]), unique=True, max_size=3),
        "optional_client_scopes": st.lists(
            st.sampled_from(["phone", "address", "offline_access"]), unique=True, max_size=2
        ),
        "pkce_code_challenge_method": st.sampled_from(["", "S256"]),
        "access_token_lifespan": st.integers(1, 900),
        "attributes": st.dictionaries(IDS, st.sampled_from(["1", "", "x y", True]), max_size=2),
    },
)
GROUP = st.fixed_dictionaries(
    {"path": st.sampled_from(["/a", "/b", "/a/c", "/b/d/e"])},
    optional={
        "attributes": st.dictionaries(IDS, st.lists(TEXTS, max_size=2), max_size=2),
        "realm_roles": st.lists(st.sampled_from(["offline_access", "uma_authorization"]), unique=True, max_size=2),
    },
)
USER = st.fixed_dictionaries(
    {"username": st.sampled_from(["ann", "Bob", "cid"])},
    optional={
        "email": st.sampled_from(["A@x.org", "b@x.org"]),
        "enabled": st.booleans(),
        "first_name": TEXTS,
        "attributes": st.dictionaries(IDS, st.lists(TEXTS, max_size=2), max_size=2),
        "groups": st.lists(st.sampled_from(["/a", "/b"]), unique=True, max_size=2),
        "password": st.text("abcdefghijklmnop", min_size=8, max_size=10).map(lambda text: "pw-" + text),
    },
)


def unique(items: Any, key: str) -> Any:
    return st.lists(items, max_size=3, unique_by=lambda item: item[key].lower())


REALM = st.fixed_dictionaries(
    {
        "realm": st.just("openshift"),
        "client_scopes": unique(SCOPE, "name"),
        "clients": unique(CLIENT, "client_id"),
        "groups": st.just([{"path": "/a"}, {"path": "/b"}]),
        "users": unique(USER, "username"),
    },
    optional={
        "settings": st.fixed_dictionaries(
            {},
            optional={
                "display_name": TEXTS,
                "access_token_lifespan": st.integers(1, 900),
                "events_enabled": st.booleans(),
            },
        )
    },
)


def shuffled(value: Any, dice: random.Random) -> Any:
    if isinstance(value, dict):
        items = [(key, shuffled(item, dice)) for key, item in value.items()]
        dice.shuffle(items)
        return dict(items)
    if isinstance(value, list):
        items = [shuffled(item, dice) for item in value]
        dice.shuffle(items)
        return items
    return value


PROPERTY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@PROPERTY
@given(REALM, REALM)
def test_property_the_plan_of_applied_input_is_empty(first: dict[str, Any], second: dict[str, Any]) -> None:
    fake = FakeKeycloak()
    for params in (first, second):
        apply(fake, dict(params, adopt=True))
        fake.log.clear()
        again = apply(fake, dict(params, adopt=True))
        assert again.changes == []
        assert fake.writes == []


@PROPERTY
@given(REALM, REALM, st.integers(0, 10**6))
def test_property_the_plan_is_the_same_whatever_the_order(
    first: dict[str, Any], second: dict[str, Any], seed: int
) -> None:
    fake = FakeKeycloak()
    apply(fake, first)
    dice = random.Random(seed)
    redactor = Redactor(b"salt")
    plans = []
    for params in (second, shuffled(second, dice)):
        state = fake.realms["openshift"]
        state["clients"] = dict(sorted(state["clients"].items(), key=lambda item: dice.random()))
        outcome = apply(fake, dict(params, adopt=True), check_mode=True)
        plans.append([change.shown(redactor) for change in outcome.changes])
    assert plans[0] == plans[1]


@PROPERTY
@given(REALM)
def test_property_check_mode_shows_what_is_done_and_no_secret(params: dict[str, Any]) -> None:
    fake = FakeKeycloak()
    shown = apply(fake, params, check_mode=True)
    assert fake.writes == []
    done = apply(fake, params)
    redactor = Redactor(b"salt")
    rendered = [[change.shown(redactor) for change in outcome.changes] for outcome in (shown, done)]
    assert rendered[0] == rendered[1]
    for user in params["users"]:
        if "password" in user:
            assert user["password"] not in json.dumps(rendered)
