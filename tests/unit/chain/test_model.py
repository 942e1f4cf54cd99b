# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model against a table written by hand, and properties that hold for every input."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.mcp_auth.openshift.plugins.module_utils._chain import build, inputs, lint, normal, predict

LAB = {
    "chain_lab": True,
    "chain_cluster_name": "lab",
    "chain_base_domain": "mcp-auth.localhost",
    "chain_keycloak_port": 30443,
    "chain_mcp_port": 30444,
}
EVERYTHING = {**LAB, "chain_components": ["mcp_server", "llama_stack", "playground", "mcp_inspector"]}
ROLE = pathlib.Path(__file__).parents[3] / "roles" / "chain"

# Written by hand from DESIGN's table of tokens and from what was seen on Keycloak 26.4: audience, azp, and whether the token
# carries the name and the groups of the person.
EXPECTED_CLAIMS = {
    "P": (["llama-stack"], "playground", False, False),
    "M-playground": (["mcp-server"], "playground", False, False),
    "M": (["mcp-server"], "mcp-client", False, False),
    "K": (["openshift"], "mcp-server", True, True),
    "L": (["openshift-cli"], "openshift-cli", True, True),
}


@pytest.mark.parametrize("kind", EXPECTED_CLAIMS)
def test_predicted_claims_equal_the_table(kind: str) -> None:
    audiences, azp, named, grouped = EXPECTED_CLAIMS[kind]
    claims = build.build(EVERYTHING)["tokens"][kind]["claims"]
    assert claims["aud"] == audiences
    assert claims["azp"] == azp
    assert ("preferred_username" in claims["claims"]) is named
    assert ("groups" in claims["claims"]) is grouped
    assert claims["claims"]["sub"] == "$sub"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, (300, 60)),
        ({"chain_realm_settings": {"client_session_max_lifespan": 0}}, (300, 60)),
        ({"chain_realm_settings": {"client_session_max_lifespan": 100}}, (100, 60)),
        ({"chain_realm_settings": {"client_session_max_lifespan": 40}}, (40, 40)),
        ({"chain_session_max_seconds": 200, "chain_session_idle_seconds": 200}, (200, 60)),
    ],
)
def test_a_token_ends_with_its_session_at_the_latest(values: dict[str, Any], expected: tuple[int, int]) -> None:
    """Keycloak 26: the least of the client's lifespan, the client's session and the person's."""
    tokens = build.build({**LAB, **values})["tokens"]
    assert (tokens["M"]["claims"]["lifetime_s"], tokens["K"]["claims"]["lifetime_s"]) == expected


def test_full_scope_adds_the_audience_account() -> None:
    """Seen on Keycloak 26.4: fullScopeAllowed adds the audience account and the realm's roles."""
    model = build.build({**LAB, "chain_realm_clients": [{"client_id": "mcp-client", "full_scope_allowed": True}]})
    assert model["tokens"]["M"]["claims"]["aud"] == ["account", "mcp-server"]


def test_the_issuer_is_the_same_text_everywhere() -> None:
    model = build.build(LAB)
    issuer = "https://sso.mcp-auth.localhost:30443/realms/openshift"
    assert model["issuer"]["url"] == issuer
    assert model["login"]["kubernetes"]["issuer"]["url"] == issuer
    assert {token["claims"]["iss"] for token in model["tokens"].values()} == {issuer}
    assert model["issuer"]["discovery_url"] == issuer + "/.well-known/openid-configuration"


def test_the_standard_port_is_not_written() -> None:
    model = build.build({"chain_base_domain": "apps.example.com"})
    assert model["issuer"]["url"] == "https://sso.apps.example.com/realms/openshift"
    assert model["issuer"]["port"] == 443
    assert model["mcp_server"]["url"] == "https://mcp.apps.example.com/mcp"
    assert model["mcp_server"]["host"] == "mcp.apps.example.com"


def test_a_given_issuer_says_where_keycloak_is() -> None:
    model = build.build(
        {"chain_base_domain": "a.example", "chain_issuer_url": "https://id.example.com:8443/auth/realms/corp"}
    )
    assert model["issuer"]["keycloak_url"] == "https://id.example.com:8443/auth"
    assert model["issuer"]["port"] == 8443


def test_the_requester_can_do_nothing_but_exchange() -> None:
    model = build.build(LAB)
    requester = next(c for c in model["realm"]["clients"] if c["client_id"] == "mcp-server")
    assert not any(requester[flow] for flow in requester if flow.endswith("_enabled") and flow != "enabled")
    assert requester["client_authenticator_type"] == "client-jwt"
    assert model["requesters"] == [
        {
            "realm": "openshift",
            "client_id": "mcp-server",
            "audiences": ["openshift"],
            "scopes": ["mcp:openshift"],
            "access_token_lifespan": 60,
            "refresh_tokens": "NO",
            "subject_token_audience_scope": "mcp-server",
        }
    ]


def test_a_fleet_has_a_scope_and_an_audience_for_each_cluster() -> None:
    fleet = [{"name": "a", "audience": "cluster-a"}, {"name": "b", "audience": "cluster-b"}]
    model = build.build({**LAB, "chain_cluster_name": "b", "chain_clusters": fleet})
    assert model["problems"] == []
    assert model["tokens"]["K"]["claims"]["aud"] == ["cluster-b"]
    assert model["mcp_server"]["exchange"] == {"audience": "cluster-b", "scopes": ["mcp:cluster-b"]}
    assert {"mcp:cluster-a", "mcp:cluster-b"} <= {scope["name"] for scope in model["realm"]["client_scopes"]}


def test_separate_rights_give_the_agent_other_groups() -> None:
    model = build.build({**LAB, "chain_agent_rights": "separate"})
    expression = model["login"]["kubernetes"]["claimMappings"]["groups"]["expression"]
    assert "'agent:'" in expression and "'oidc:'" in expression and "dyn(" in expression
    bindings = {(b["group"], b["cluster_role"]) for b in model["rbac"]["bindings"]}
    assert ("oidc:openshift_admins", "cluster-admin") in bindings
    assert ("agent:openshift_admins", "view") in bindings
    assert ("agent:openshift_admins", "cluster-admin") not in bindings


def test_people_are_expected_under_their_mapped_names() -> None:
    people = {person["username"]: person for person in build.build(LAB)["people"]}
    assert people["testadmin"]["expect"]["groups"] == ["openshift_admins"]
    assert people["testdeveloper"]["persona"] == "developer"
    assert people["testnobody"]["expect"]["can"] == []
    assert build.build({"chain_base_domain": "apps.example.com"})["people"] == []


def test_no_secret_and_only_plain_data_in_the_model() -> None:
    model = build.build(EVERYTHING)
    assert json.loads(json.dumps(model)) == model
    assert "password_from" in json.dumps(model) and '"password"' not in json.dumps(model["realm"])


@pytest.mark.parametrize(("given_text", "wanted"), [("30443", 30443), (30443, 30443)])
def test_survey_texts_are_taken_as_numbers(given_text: Any, wanted: int) -> None:
    parsed, problems = inputs.parse({"chain_keycloak_port": given_text, "chain_lab": "true"})
    assert problems == [] and parsed.number("keycloak_port") == wanted and parsed.flag("lab") is True


def test_the_role_documents_exactly_the_table() -> None:
    spec = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    assert list(spec) == [item.name for item in inputs.INPUTS] == list(defaults)
    for item in inputs.INPUTS:
        said = spec[item.name]
        wanted = json.loads(json.dumps(item.default))
        assert said["type"] == item.type and said["default"] == wanted == defaults[item.name], item.name
        assert said.get("elements", "") == item.elements and tuple(said.get("choices", ())) == item.choices, item.name


NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,12}", fullmatch=True) | st.sampled_from(
    sorted({*lint.BUILTIN_CLIENTS, *predict.BUILTIN_SCOPES, "mcp-client", "groups"})
)


@settings(max_examples=60, deadline=None)
@given(mcp=NAMES, cluster=NAMES, realm=NAMES)
def test_every_sound_choice_of_names_gives_a_sound_chain(mcp: str, cluster: str, realm: str) -> None:
    model = build.build({**LAB, "chain_mcp_audience": mcp, "chain_cluster_audience": cluster, "chain_realm": realm})
    builtin = {*lint.BUILTIN_CLIENTS, *predict.BUILTIN_SCOPES}
    taken = {"mcp-client", "openshift-cli", "groups"}
    found = {problem["rule"] for problem in model["problems"]}
    if {mcp, cluster} & builtin:
        assert found & {"name-builtin", "audience-account"}
    if mcp == cluster or realm == "master":
        assert found
    if mcp == cluster or {mcp, cluster} & (taken | builtin) or realm == "master":
        return
    assert found == set()
    assert model["tokens"]["K"]["claims"]["aud"] == [cluster]
    assert model["tokens"]["M"]["claims"]["aud"] == [mcp]


URLS = st.from_regex(
    r"(https?|HTTPS|javascript)?:?/?/?[a-z@:.\[\]%-]{0,12}(:[0-9]{0,6})?(/realms/[a-z]{0,4}/?)?[?#]?", fullmatch=True
)
KEYS = st.text(max_size=8) | st.sampled_from(
    sorted({name for table in normal.TABLES.values() for name in table} | {"config", "protocol_mapper", "secret"})
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | URLS,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(KEYS, children, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(values=st.dictionaries(st.sampled_from(inputs.NAMES), JSON, max_size=6))
def test_no_input_breaks_the_model(values: dict[str, Any]) -> None:
    """Whatever is given, the answer is a model with problems, never an exception."""
    model = build.build(values)
    assert json.loads(json.dumps(model["problems"])) == model["problems"]
