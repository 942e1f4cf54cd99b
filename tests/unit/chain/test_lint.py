# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of lint: each has a chain that breaks it, and only the chain that breaks it is refused."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mcp_auth.openshift.plugins.module_utils._chain import build, lint, lint_realm, realm
from ansible_collections.mcp_auth.openshift.plugins.module_utils._chain.inputs import parse

LAB = {
    "chain_lab": True,
    "chain_cluster_name": "lab",
    "chain_base_domain": "mcp-auth.localhost",
    "chain_keycloak_port": 30443,
    "chain_mcp_port": 30444,
}
EVERYTHING = {
    "chain_base_domain": "apps.example.com",
    "chain_components": ["mcp_server", "llama_stack", "playground", "mcp_inspector"],
}


def rules(values: dict[str, Any], observed: dict[str, Any] | None = None) -> set[str]:
    return {problem["rule"] for problem in build.build(values, observed)["problems"]}


def client(client_id: str, **options: Any) -> dict[str, Any]:
    return {"chain_realm_clients": [{"client_id": client_id, **options}]}


@pytest.mark.parametrize("values", [LAB, EVERYTHING, {**EVERYTHING, "chain_agent_rights": "separate"}])
def test_a_sound_chain_has_no_problem(values: dict[str, Any]) -> None:
    assert build.build(values)["problems"] == []


CASES = [
    ("issuer-https", {"chain_issuer_url": "http://sso.example.com/realms/openshift"}),
    ("issuer-query", {"chain_issuer_url": "https://sso.example.com/realms/openshift?a=b"}),
    ("issuer-fragment", {"chain_issuer_url": "https://sso.example.com/realms/openshift#a"}),
    ("issuer-user", {"chain_issuer_url": "https://me:pw@sso.example.com/realms/openshift"}),
    ("issuer-host", {"chain_base_domain": ""}),
    ("builtin-scopes", {"chain_realm_builtin_scopes": False}),
    ("sub-missing", client("mcp-client", default_client_scopes=["mcp-server"])),
    ("username-claim", client("mcp-server", default_client_scopes=["basic", "groups"])),
    ("requester-audience", client("mcp-client", default_client_scopes=["basic"])),
    ("token-refused", client("mcp-client", default_client_scopes=["basic"])),
    ("requester-public", client("mcp-server", public_client=True)),
    ("requester-flow", client("mcp-server", service_accounts_enabled=True)),
    ("audience-only-flow", client("openshift", standard_flow_enabled=True)),
    ("full-scope", client("mcp-client", full_scope_allowed=True)),
    ("scope-holder", client("mcp-client", optional_client_scopes=["mcp:openshift"])),
    (
        "token-crosses",
        {
            "chain_login_clients": ["mcp-client"],
            **client("mcp-client", default_client_scopes=["basic", "profile", "mcp-server", "mcp:openshift"]),
        },
    ),
    ("redirect-wildcard", client("mcp-client", redirect_uris=["https://tools.example.com/*"])),
    ("redirect-http", client("mcp-client", redirect_uris=["http://tools.example.com/callback"])),
    ("public-pkce", client("mcp-client", pkce_code_challenge_method="")),
    ("scope-unknown", client("mcp-client", optional_client_scopes=["nowhere"])),
    ("group-short-names", {"chain_groups_full_path": False}),
    (
        "group-doubled",
        {
            "chain_groups_full_path": False,
            "chain_groups_unique_names_checked": True,
            "chain_realm_groups": [{"path": "/team-a/openshift_admins"}],
        },
    ),
    ("system-name", {"chain_realm_groups": [{"path": "/system:masters"}]}),
    ("system-name", {"chain_username_prefix": "system:"}),
    ("system-name", {"chain_groups_prefix": "sys"}),
    ("system-name", {"chain_people": [{"username": "system:admin", "groups": []}]}),
    ("groups-prefix", {"chain_agent_rights": "separate", "chain_groups_prefix": "agent:"}),
    ("groups-prefix", {"chain_agent_rights": "separate", "chain_groups_prefix": "corp:"}),
    ("group-of-two", {"chain_developer_group": "openshift_admins"}),
    ("group-of-two", {"chain_reader_group": "/openshift_developers/"}),
    ("group-of-two", {"chain_reader_group": "openshift_admins", "chain_developer_group": ""}),
    ("audience-account", {"chain_mcp_audience": "account"}),
    ("audience-empty", {"chain_cluster_audience": ""}),
    ("audience-shared", {"chain_mcp_audience": "openshift"}),
    (
        "audience-shared",
        {"chain_cluster_name": "a", "chain_clusters": [{"name": "a", "audience": "x"}, {"name": "b", "audience": "x"}]},
    ),
    ("cluster-unknown", {"chain_clusters": [{"name": "other", "audience": "x"}]}),
    ("lifetime-requester", {"chain_cluster_token_lifespan": 121}),
    ("lifetime-short", {"chain_cluster_token_lifespan": 5}),
    ("lifetime-short", {"chain_access_token_lifespan": 1}),
    ("lifetime-call", {"chain_components": ["mcp_server", "llama_stack"], "chain_responses_call_seconds": 300}),
    ("lifetime-cookie", {"chain_components": ["mcp_server", "playground"], "chain_cookie_refresh_seconds": 300}),
    ("lifetime-session", {"chain_session_max_seconds": 60}),
    ("unknown-variable", {"chain_relm": "openshift"}),
    ("unknown-variable", {"chain_xyzzy": "openshift"}),
    ("wrong-type", {"chain_keycloak_port": "many"}),
    ("wrong-type", {"chain_mcp_toolsets": [1]}),
    ("wrong-choice", {"chain_agent_rights": "some"}),
    ("wrong-choice", {"chain_components": ["mcp_serve"]}),
]


@pytest.mark.parametrize(("rule", "values"), CASES, ids=["%s-%d" % (case[0], n) for n, case in enumerate(CASES)])
def test_each_rule_refuses_its_fault(rule: str, values: dict[str, Any]) -> None:
    found = build.build({**LAB, **values})["problems"]
    assert rule in {problem["rule"] for problem in found}
    for problem in found:
        assert problem["message"].strip().endswith("."), problem
        assert problem["fix"].strip().endswith("."), problem
        assert problem["path"], problem


def test_messages_of_different_rules_differ() -> None:
    messages: dict[str, str] = {}
    for _rule, values in CASES:
        for problem in build.build({**LAB, **values})["problems"]:
            assert messages.setdefault(problem["message"], problem["rule"]) == problem["rule"]


def test_an_exchange_audience_must_be_reachable_by_a_scope() -> None:
    assert "exchange-scope" in rules(
        {**LAB, "chain_realm_client_scopes": [{"name": "mcp:openshift", "protocol_mappers": []}]}
    )


def test_an_exchange_audience_must_be_a_registered_client() -> None:
    """The model always registers it; a realm that lost the client is refused by the same rule."""
    inputs, problems = parse(LAB)
    wanted = realm.plan(inputs)
    without = {**wanted, "clients": [c for c in wanted["clients"] if c["client_id"] != "openshift"]}
    draft = lint.Draft(
        inputs, realm.effective(without, realm.requesters(inputs)), realm.requesters(inputs), (), {}, (), {}
    )
    assert [p.rule for p in lint_realm.exchanges(draft)] == ["exchange-audience"]


def test_names_that_occur_twice_are_refused() -> None:
    inputs, problems = parse(LAB)
    doubled = {"clients": [{"client_id": "a"}, {"client_id": "a"}, {"name": "no id"}]}
    draft = lint.Draft(inputs, doubled, (), (), {}, (), {})
    assert [p.rule for p in lint_realm.doubled(draft)] == ["name-doubled", "name-missing"]


def test_a_person_of_an_unknown_group_is_refused() -> None:
    inputs, problems = parse(LAB)
    unknown = {"groups": [{"path": "/a"}], "users": [{"username": "x", "groups": ["/b"]}]}
    draft = lint.Draft(inputs, unknown, (), (), {}, (), {})
    assert [p.rule for p in lint_realm.references(draft)] == ["group-unknown"]


def test_direct_grants_are_for_a_lab_only() -> None:
    grants = client("mcp-client", direct_access_grants_enabled=True)
    assert "direct-grants" not in rules({**LAB, **grants})
    assert "direct-grants" in rules({**LAB, **grants, "chain_lab": False})


@pytest.mark.parametrize("suffix", ["/", "x"])
def test_the_issuer_must_equal_the_discovery_document(suffix: str) -> None:
    issuer = "https://sso.mcp-auth.localhost:30443/realms/openshift"
    assert rules(LAB, {"discovery": {"issuer": issuer}}) == set()
    assert rules(LAB, {"discovery": {"issuer": issuer + suffix}}) == {"issuer-mismatch"}


def test_a_mistyped_variable_is_told_its_nearest_name() -> None:
    model = build.build(
        LAB, variable_names=["postgres_sizee", "keycloak_of_somebody_else"], known_names=["postgres_size"]
    )
    assert [(p["path"], p["fix"]) for p in model["problems"]] == [("postgres_sizee", "Write postgres_size.")]


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"chain_realm_settings": {"client_session_max_lifespan": 100}}, "client_session_max_lifespan"),
        ({"chain_session_max_seconds": 100, "chain_session_idle_seconds": 90}, "chain_session_max_seconds"),
        (client("mcp-client", access_token_lifespan=100), "clients[mcp-client].access_token_lifespan"),
    ],
)
def test_what_ends_a_token_too_early_is_named(values: dict[str, Any], path: str) -> None:
    found = build.build({**EVERYTHING, **values})["problems"]
    assert any(p["rule"] == "lifetime-call" and p["path"].endswith(path) for p in found), found


def test_what_an_option_says_is_told_once() -> None:
    """An attribute that has an option is a way round it, and no second problem on top."""
    values = {**LAB, **client("mcp-client", attributes={"access.token.lifespan": "5"})}
    assert [(p["rule"], p["path"]) for p in build.build(values)["problems"]] == [
        ("way-round", "chain_realm_clients[0].attributes.access.token.lifespan")
    ]


@pytest.mark.parametrize("groups", [{"chain_admin_group": "", "chain_developer_group": ""}, {"chain_reader_group": ""}])
def test_personas_without_a_group_are_no_two_of_one(groups: dict[str, Any]) -> None:
    assert rules({**LAB, "chain_people": [{"username": "x"}], **groups}) == set()


def test_all_problems_come_at_once() -> None:
    values = {
        "chain_relm": 1,
        "chain_lab": "perhaps",
        "chain_issuer_url": "http://x/y?z",
        "chain_cluster_token_lifespan": 900,
    }
    assert {"unknown-variable", "wrong-type", "issuer-https", "issuer-query", "lifetime-requester"} <= rules(
        {**LAB, **values}
    )
