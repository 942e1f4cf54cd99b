# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nested inputs: lint judges what the modules will make of them, and nothing goes round it."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
import yaml

from ansible_collections.mcp_auth.openshift.plugins.module_utils._chain import build, inputs, lint, normal, predict
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.args import reference_arg
from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak import args, canonical, wanted

SPEC = pathlib.Path(__file__).parents[3] / "roles" / "chain" / "meta" / "argument_specs.yml"
PROD: dict[str, Any] = {"chain_cluster_name": "prod", "chain_base_domain": "apps.example.com"}
ALL = {**PROD, "chain_components": ["mcp_server", "llama_stack", "playground", "mcp_inspector"]}
PEM = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUA\nAAA\n-----END CERTIFICATE-----\n"


def problems(values: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    return list(build.build({**PROD, **values, **more})["problems"])


def rules(values: dict[str, Any], **more: Any) -> set[str]:
    return {problem["rule"] for problem in problems(values, **more)}


NOT_INCLUDED = {"claim.name": "groups", "full.path": "true"}


def client(client_id: str, **options: Any) -> dict[str, Any]:
    return {"chain_realm_clients": [{"client_id": client_id, **options}]}


def scope(name: str, *mappers: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {"chain_realm_client_scopes": [{"name": name, "protocol_mappers": list(mappers), **options}]}


def mapper(kind: str, **config: Any) -> dict[str, Any]:
    said = {"access.token.claim": "true", "id.token.claim": "true"}
    said.update({name.replace("_", "."): value for name, value in config.items()})
    return {"name": "m", "protocol_mapper": kind, "config": said}


def aud(audience: str) -> dict[str, Any]:
    return mapper("oidc-audience-mapper", included_client_audience=audience)


# What a user of the chain may not say of an object: inline secrets, and who is a requester.
LESS = {"client": {"secret", "requester"}}
WORDS = {"str": "str", "int": "int", "bool": "bool", "dict": "dict"}


@pytest.mark.parametrize(
    ("name", "table", "spec"),
    [
        ("settings", normal.SETTINGS, args.SETTINGS),
        ("client_scope", normal.CLIENT_SCOPE, args.CLIENT_SCOPE),
        ("client", normal.CLIENT, args.CLIENT),
        ("group", normal.GROUP, args.GROUP),
        ("mapper", normal.MAPPER, args.MAPPER),
        ("reference", normal.WHOLE_REFERENCE, reference_arg()["options"]),
        ("partial reference", normal.REFERENCE, reference_arg()["options"]),
    ],
)
def test_the_tables_are_those_of_the_module(name: str, table: normal.Table, spec: dict[str, Any]) -> None:
    assert set(table) == set(spec) - LESS.get(name, set())
    for option, said in table.items():
        kind = spec[option]["type"]
        if kind == "list":
            kind = {"str": "texts", "dict": "objects"}[spec[option]["elements"]]
        assert said.type == kind, option
        if said.choices and "choices" in spec[option]:
            assert set(said.choices) <= set(spec[option]["choices"]), option
        if name != "partial reference":
            assert said.required == bool(spec[option].get("required")), option


@pytest.mark.parametrize("name", ["chain_clusters", "chain_bindings", "chain_people"])
def test_the_role_documents_the_entries_of_lists(name: str) -> None:
    spec = yaml.safe_load(SPEC.read_text())["argument_specs"]["main"]["options"][name]["options"]
    table = normal.TABLES[name]
    assert set(spec) == set(table)
    for option, said in table.items():
        assert spec[option]["type"] == {"texts": "list"}.get(said.type, said.type)
        assert spec[option].get("required", False) == said.required
        assert tuple(spec[option].get("choices", ())) == said.choices


def test_what_goes_round_an_option_is_named_as_keycloak_names_it() -> None:
    for name in wanted._CLIENT_FIELDS + tuple(wanted._CLIENT_LISTS):
        assert name in normal.CLIENT and wanted.camel(name) == normal.camel(name)
    for name in (*canonical.EXCHANGE_ATTRIBUTES, canonical.POST_LOGOUT):
        assert name in normal._ATTRIBUTES
    assert lint.BUILTIN_CLIENTS == canonical.BUILTIN_CLIENTS
    saml = {"role_list", "saml_organization"}
    assert set(predict.BUILTIN_SCOPES) == set(canonical.BUILTIN_SCOPES) - saml


NESTED = [
    # texts in place of truth values and numbers
    ("full-scope", client("mcp-client", full_scope_allowed="yes")),
    ("direct-grants", client("mcp-client", direct_access_grants_enabled="true")),
    ("requester-public", client("mcp-server", public_client="true")),
    ("requester-public", client("mcp-server", public_client=1)),
    ("wrong-type", client("mcp-client", full_scope_allowed="perhaps")),
    ("wrong-type", client("mcp-client", redirect_uris={"a": 1})),
    ("wrong-choice", client("mcp-client", pkce_code_challenge_method="plain")),
    # round the options
    ("way-round", client("evil", representation={"fullScopeAllowed": True})),
    ("way-round", client("evil", representation={"redirectUris": ["*"]})),
    ("way-round", client("evil", representation={"defaultClientScopes": ["mcp:openshift"]})),
    ("way-round", client("evil", representation={"attributes": {"oauth2.device.authorization.grant.enabled": "true"}})),
    ("way-round", client("mcp-client", attributes={"oauth2.device.authorization.grant.enabled": "true"})),
    ("way-round", client("any", attributes={"standard.token.exchange.enabled": "true"})),
    ("way-round", client("any", attributes={"access.token.lifespan": "36000"})),
    ("way-round", {"chain_realm_settings": {"attributes": {"frontendUrl": "https://other"}}}),
    ("way-round", {"chain_realm_settings": {"attributes": {"clientSessionMaxLifespan": "5"}}}),
    ("way-round", {"chain_realm_settings": {"attributes": {"defaultSignatureAlgorithm": "HS256"}}}),
    ("way-round", {"chain_realm_settings": {"attributes": {"client-policies.policies": "{}"}}}),
    ("way-round", client("mcp-client", attributes={"client.session.max.lifespan": 5})),
    ("way-round", client("mcp-client", representation={"attributes": {"client.session.max.lifespan": 5}})),
    ("way-round", client("mcp-client", representation={"notBefore": 4102444800})),
    # attributes of clients of the chain
    ("client-attribute", client("mcp-client", attributes={"access.token.signed.response.alg": "HS256"})),
    ("client-attribute", client("openshift-cli", attributes={"id.token.signed.response.alg": "HS256"})),
    ("client-attribute", client("mcp-server", attributes={"tls.client.certificate.bound.access.tokens": True})),
    ("client-attribute", client("mcp-client", representation={"attributes": {"dpop.bound.access.tokens": "true"}})),
    ("client-attribute", client("mcp-server", attributes={"token.endpoint.auth.signing.alg": "HS256"})),
    ("client-attribute", client("mcp-client", attributes={"request.uris": "*"})),
    ("client-attribute", client("openshift", attributes={"whatever": "x"})),
    ("client-attribute", client("mcp-client", attributes={"client.session.idle.timeout": 5})),
    ("signature-algorithm", {"chain_realm_settings": {"default_signature_algorithm": "HS256"}}),
    ("signature-algorithm", {"chain_realm_settings": {"default_signature_algorithm": "EdDSA"}}),
    ("unknown-option", client("mcp-server", requester=False)),
    ("unknown-option", client("mcp-client", full_scope_alowed=True)),
    ("unknown-option", {"chain_realm_settings": {"acces_token_lifespan": 600}}),
    # taken away, switched off
    ("needed-absent", client("openshift", state="absent")),
    ("needed-absent", client("mcp-server", state="absent")),
    ("needed-absent", {"chain_realm_client_scopes": [{"name": "mcp:openshift", "state": "absent"}]}),
    ("needed-absent", {"chain_realm_groups": [{"path": "/openshift_admins", "state": "absent"}]}),
    ("needed-absent", {"chain_realm_groups": [{"path": "openshift_admins", "state": "absent"}]}),
    ("exchange-audience", client("openshift", state="absent")),
    ("needed-disabled", client("mcp-client", enabled="no")),
    ("needed-disabled", client("mcp-server", bearer_only=True)),
    ("needed-disabled", {"chain_realm_settings": {"enabled": False}}),
    ("group-parent-absent", {"chain_realm_groups": [{"path": "/a/b"}, {"path": "/a", "state": "absent"}]}),
    ("entry-doubled", {"chain_realm_clients": [{"client_id": "a"}, {"client_id": "a"}]}),
    # claim names
    ("claim-name", {"chain_groups_claim": "realm-groups"}),
    ("claim-name", {"chain_groups_claim": "x) || true || (1"}),
    ("claim-name", {"chain_groups_claim": ""}),
    ("claim-name", {"chain_groups_claim": "in"}),
    ("claim-name", {"chain_groups_claim": "groups\n"}),
    ("claim-name", {"chain_groups_claim": "sub"}),
    ("claim-name", {"chain_username_claim": ""}),
    # addresses
    ("issuer-realm", {"chain_issuer_url": "https://sso.apps.example.com/realms/other"}),
    ("issuer-realm", {"chain_issuer_url": "https://sso.apps.example.com/realms/openshift/"}),
    ("issuer-realm", {"chain_issuer_url": "https://sso.apps.example.com"}),
    ("issuer-keycloak", {"chain_issuer_url": "https://a.example/realms/openshift", "chain_keycloak_host": "b.example"}),
    ("issuer-text", {"chain_issuer_url": "https://sso.apps.example.com/realms/openshift\n"}),
    ("issuer-https", {"chain_issuer_url": " https://sso.apps.example.com/realms/openshift"}),
    ("issuer-port", {"chain_issuer_url": "https://sso.apps.example.com:99999/realms/openshift"}),
    ("issuer-https", {"chain_issuer_url": "HTTPS://sso.apps.example.com/realms/openshift"}),
    ("issuer-host", {"chain_issuer_url": "https://SSO.apps.example.com/realms/openshift"}),
    ("issuer-text", {"chain_issuer_url": "https://sso.apps.example.com/%s/realms/openshift" % ("x" * 512)}),
    ("issuer-url", {"chain_issuer_url": "https://[abc/realms/x"}),
    ("port-number", {"chain_keycloak_port": 0}),
    ("port-number", {"chain_keycloak_port": 99999}),
    ("port-number", {"chain_mcp_port": -1}),
    ("host-name", {"chain_keycloak_host": "https://sso.example.com"}),
    ("host-name", {"chain_keycloak_host": "sso:8443/auth"}),
    ("host-name", {"chain_base_domain": "exa mple/x"}),
    ("admin-url", {"chain_keycloak_admin_url": "https://[abc"}),
    ("realm-name", {"chain_realm": "a/b"}),
    ("realm-name", {"chain_realm": ""}),
    ("realm-name", {"chain_realm": "master"}),
    ("realm-name", {"chain_realm": ".."}),
    ("realm-name", {"chain_realm": "a\n"}),
    ("namespace-name", {"chain_keycloak_namespace": "Not_A_Name"}),
    ("namespace-shared", {"chain_keycloak_namespace": "one", "chain_agents_namespace": "one"}),
    ("ca-certificate", {"chain_ca_source": "given"}),
    ("ca-certificate", {"chain_ca_source": "given", "chain_ca_certificate": "garbage"}),
    ("ca-certificate", {"chain_ca_source": "given", "chain_ca_certificate": PEM.replace("MII", "!!!")}),
    ("ca-certificate", {"chain_ca_certificate": "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----"}),
    ("ca-not-of-keycloak", {"chain_keycloak_managed": False}),
    ("database-place", {"chain_postgres_port": 6543}),
    ("database-place", {"chain_postgres_host": "db.example.com"}),
    ("database-place", {"chain_postgres_credentials": {"namespace": "elsewhere"}}),
    # built-in names
    ("name-builtin", {"chain_mcp_audience": "realm-management"}),
    ("name-builtin", {"chain_cluster_audience": "broker"}),
    ("name-builtin", {"chain_mcp_audience": "email"}),
    ("name-builtin", {"chain_mcp_audience": "offline_access"}),
    ("name-builtin", {"chain_login_clients": ["admin-cli"]}),
    ("name-builtin", {"chain_login_clients": ["openshift-cli", "security-admin-console"]}),
    ("name-verifier", {"chain_mcp_audience": "chain-verify"}),
    ("name-verifier", {"chain_login_clients": ["chain-verify"]}),
    ("name-text", {"chain_mcp_audience": "mcp server"}),
    ("name-text", {"chain_login_clients": ["a b"]}),
    # each login client, and what its login brings along
    (
        "username-claim",
        {
            "chain_login_clients": ["openshift-cli", "openshift-console"],
            **client("openshift-console", default_client_scopes=["basic"]),
        },
    ),
    (
        "token-refused",
        {
            "chain_login_clients": ["openshift-cli", "openshift-console"],
            **client("openshift-console", access_token_lifespan=3600),
        },
    ),
    ("token-crosses", client("openshift-cli", default_client_scopes=["basic", "groups", "profile", "mcp-server"])),
    ("client-doors", client("openshift-cli", optional_client_scopes=["mcp-server"])),
    # mappers
    ("audience-holder", client("mcp-client", protocol_mappers=[aud("openshift")])),
    ("audience-holder", client("any", protocol_mappers=[aud("openshift")])),
    (
        "audience-holder",
        client("any", protocol_mappers=[mapper("oidc-audience-mapper", included_custom_audience="openshift")]),
    ),
    ("mapper-claim", client("any", protocol_mappers=[mapper("oidc-hardcoded-claim-mapper", claim_name="aud")])),
    (
        "mapper-claim",
        client(
            "mcp-server",
            protocol_mappers=[
                mapper("oidc-hardcoded-claim-mapper", claim_name="groups", claim_value='["system:masters"]')
            ],
        ),
    ),
    (
        "mapper-claim",
        client(
            "mcp-server",
            protocol_mappers=[
                mapper("oidc-hardcoded-claim-mapper", claim_name="preferred_username", claim_value="system:admin")
            ],
        ),
    ),
    (
        "mapper-claim",
        client("openshift-cli", protocol_mappers=[mapper("oidc-usermodel-realm-role-mapper", claim_name="groups")]),
    ),
    ("mapper-unknown", client("mcp-server", protocol_mappers=[mapper("oidc-script-mapper")])),
    ("groups-claim", scope("groups")),
    (
        "groups-claim",
        scope(
            "groups",
            {
                "name": "g",
                "protocol_mapper": "oidc-group-membership-mapper",
                "config": {"claim.name": "groups", "full.path": "true"},
            },
        ),
    ),
    ("group-paths", scope("groups", mapper("oidc-group-membership-mapper", claim_name="groups", full_path="false"))),
    ("group-paths", scope("groups", mapper("oidc-group-membership-mapper", claim_name="groups"))),
    # not said means not included
    (
        "token-refused",
        scope(
            "mcp-server",
            {
                "name": "a",
                "protocol_mapper": "oidc-audience-mapper",
                "config": {"included.client.audience": "mcp-server"},
            },
        ),
    ),
    # redirects
    ("redirect-http", client("mcp-client", redirect_uris=["HTTP://tools.example.com/cb"])),
    ("redirect-address", client("mcp-client", redirect_uris=["javascript:alert(1)"])),
    ("redirect-address", client("mcp-client", redirect_uris=["+"])),
    ("redirect-address", client("mcp-client", redirect_uris=["https://[abc"])),
    ("redirect-address", client("mcp-client", redirect_uris=["*"])),
    ("redirect-wildcard", client("mcp-client", redirect_uris=["http://localhost:*"])),
    ("redirect-wildcard", client("mcp-client", redirect_uris=["http://localhost*"])),
    ("redirect-wildcard", client("mcp-client", redirect_uris=["cursor://*"])),
    ("web-origin", client("mcp-client", web_origins=["*"])),
    ("web-origin", client("mcp-client", web_origins=["http://tools.example.com"])),
    ("redirect-address", client("mcp-client", post_logout_redirect_uris=["*"])),
    ("redirect-wildcard", client("mcp-client", post_logout_redirect_uris=["https://a.example/*"])),
    ("redirect-fragment", client("mcp-client", redirect_uris=["https://a.example/cb#frag"])),
    ("redirect-fragment", client("mcp-client", redirect_uris=["http://localhost:8000/cb#"])),
    ("redirect-fragment", client("any", redirect_uris=["com.example.app:/cb#x"])),
    ("redirect-fragment", client("mcp-client", post_logout_redirect_uris=["https://a.example##https://b.example"])),
    ("redirect-user", client("mcp-client", redirect_uris=["https://user@a.example/cb"])),
    ("redirect-user", client("mcp-client", redirect_uris=["http://user:pw@localhost/*"])),
    ("redirect-address", client("mcp-client", redirect_uris=["https://a.example\\@b.example/cb"])),
    ("redirect-address", client("mcp-client", redirect_uris=["https://a.example/a b"])),
    ("redirect-address", client("mcp-client", redirect_uris=["https://a.example/%zz"])),
    ("web-origin", client("mcp-client", web_origins=["https://a.example/path"])),
    ("web-origin", client("mcp-client", web_origins=["https://a.example/"])),
    ("web-origin", client("mcp-client", web_origins=["https://a.example?"])),
    ("web-origin", client("mcp-client", web_origins=["https://a.example#x"])),
    ("web-origin", client("mcp-client", web_origins=["https://user@a.example"])),
    ("web-origin", client("mcp-client", web_origins=["https://A.example"])),
    ("web-origin", client("mcp-client", web_origins=["https://a.example:443"])),
    ("web-origin", client("mcp-client", web_origins=["https://a.example:99999"])),
    ("web-origin", client("mcp-client", web_origins=["http://localhost:1/x"])),
    ("web-origin", client("mcp-client", web_origins=["ftp://localhost:1"])),
    # flows
    ("implicit-flow", client("mcp-client", implicit_flow_enabled=True)),
    ("implicit-flow", client("any", implicit_flow_enabled="yes")),
    ("implicit-flow", {"chain_lab": True, **client("openshift-cli", implicit_flow_enabled=True)}),
    # secrets
    ("inline-secret", client("web", secret="CANARY")),
    ("inline-secret", client("web", attributes={"saml.signing.private.key": "CANARY"})),
    ("inline-secret", client("web", representation={"secret": "CANARY"})),
    ("inline-secret", {"chain_people": [{"username": "a", "groups": [], "password": "CANARY"}]}),
    ("inline-secret", {"chain_postgres_credentials": {"password": "CANARY"}}),
    ("wrong-type", {"chain_people": [{"username": "a", "password_from": "CANARY"}]}),
    ("wrong-type", {"chain_admin_secret": "CANARY"}),
    # entries
    ("binding-reserved", {"chain_bindings": [{"name": "admin", "group": "g", "cluster_role": "view"}]}),
    ("binding-doubled", {"chain_bindings": [{"name": "a", "group": "g", "cluster_role": "view"}] * 2}),
    ("binding-name", {"chain_bindings": [{"name": "a/b", "group": "g", "cluster_role": "view"}]}),
    ("name-missing", {"chain_bindings": [{"name": "a", "group": "g"}]}),
    ("unknown-option", {"chain_bindings": [{"name": "a", "group": "g", "clusterrole": "view"}]}),
    ("unknown-option", {"chain_people": [{"username": "a", "group": ["x"]}]}),
    ("wrong-choice", {"chain_people": [{"username": "a", "persona": "root"}]}),
    ("name-missing", {"chain_people": [{"groups": []}]}),
    (
        "cluster-doubled",
        {"chain_clusters": [{"name": "prod", "audience": "x"}, {"name": "prod", "audience": "y"}]},
    ),
    ("name-missing", {"chain_clusters": [{"name": "prod"}]}),
    ("name-missing", {"chain_people": [{"username": "a", "password_from": {"name": "x"}}]}),
    # people
    ("system-name", {"chain_people": [{"username": "System:admin"}]}),
    ("name-doubled", {"chain_people": [{"username": "bob"}, {"username": "Bob"}]}),
    ("username-text", {"chain_people": [{"username": "a b"}]}),
    ("email-text", {"chain_people": [{"username": "ab", "email": "nobody"}]}),
    # lifetimes
    ("lifetime-short", client("mcp-client", access_token_lifespan=5)),
    ("lifetime-short", client("mcp-client", access_token_lifespan=0)),
    ("lifetime-short", {"chain_realm_settings": {"client_session_max_lifespan": 5}}),
    ("lifetime-short", {"chain_session_max_seconds": 5, "chain_session_idle_seconds": 5}),
    ("lifetime-session", {"chain_session_max_seconds": 0, "chain_session_idle_seconds": 0}),
]


@pytest.mark.parametrize(("rule", "values"), NESTED, ids=["%s-%d" % (case[0], n) for n, case in enumerate(NESTED)])
def test_each_is_refused(rule: str, values: dict[str, Any]) -> None:
    found = problems(values)
    assert rule in {problem["rule"] for problem in found}, found
    for problem in found:
        assert problem["message"].strip().endswith("."), problem
        assert problem["fix"].strip().endswith("."), problem
        assert problem["path"] and "CANARY" not in str(problem), problem


PLAYGROUND = [
    ({"chain_realm_settings": {"access_token_lifespan": 3600}, "chain_responses_call_seconds": 900}, "lifetime-call"),
    ({"chain_responses_call_seconds": 200, **client("mcp-client", access_token_lifespan=100)}, "lifetime-call"),
    ({"chain_session_max_seconds": 100, "chain_session_idle_seconds": 90}, "lifetime-call"),
    (
        {"chain_realm_settings": {"access_token_lifespan": 3600}, "chain_cookie_refresh_seconds": 1000},
        "lifetime-cookie",
    ),
    ({"chain_realm_settings": {"client_session_max_lifespan": 100}}, "lifetime-call"),
    ({"chain_realm_settings": {"client_session_max_lifespan": "200"}}, "lifetime-cookie"),
    ({"chain_realm_settings": {"client_session_idle_timeout": 60}}, "lifetime-cookie"),
    ({"chain_session_idle_seconds": 60}, "lifetime-cookie"),
    ({"chain_cookie_refresh_seconds": -1}, "lifetime-cookie"),
    (client("mcp-client", optional_client_scopes=["llama-stack"]), "client-doors"),
]


@pytest.mark.parametrize(("values", "rule"), PLAYGROUND)
def test_lifetimes_and_doors_with_the_playground(values: dict[str, Any], rule: str) -> None:
    assert rule in {problem["rule"] for problem in build.build({**ALL, **values})["problems"]}


SOUND = [
    {"chain_realm_client_scopes": [{"name": "basic", "description": "x"}]},
    {"chain_realm_client_scopes": [{"name": "profile", "attributes": {"a": "b"}}]},
    scope("groups", mapper("oidc-group-membership-mapper", claim_name="groups", full_path=True)),
    client("mcp-client", redirect_uris="https://a.example/cb,http://127.0.0.1:8000/cb", full_scope_allowed="no"),
    client("mcp-client", redirect_uris=["com.example.app:/cb", "http://[::1]/*"], post_logout_redirect_uris=["+"]),
    client("web", web_origins=["+", "https://a.example"], secret_from={"namespace": "a", "name": "b", "key": "c"}),
    client("web", representation={"alwaysDisplayInConsole": True}, attributes={"backchannel.logout.url": "https://a"}),
    client("web", attributes={"id.token.signed.response.alg": "HS256", "client.session.idle.timeout": 5}),
    client("web", web_origins=["http://localhost:6274", "http://[::1]:6274", "https://a.example:8443"]),
    client("web", state="absent", full_scope_allowed=True, implicit_flow_enabled=True),
    client("mcp-client", attributes={"login_theme": "ours", "backchannel.logout.session.required": True}),
    # an empty value removes an attribute that somebody set
    client("mcp-client", attributes={"dpop.bound.access.tokens": "", "request.uris": None, "whatever": []}),
    {"chain_realm_settings": {"default_signature_algorithm": "ES256", "attributes": {"acr.loa.map": "{}"}}},
    {"chain_realm_settings": {"client_session_max_lifespan": 0, "client_session_idle_timeout": 0}},
    {"chain_realm_settings": {"client_session_max_lifespan": 3600, "client_session_idle_timeout": 900}},
    client("openshift-cli", optional_client_scopes=["email"], access_token_lifespan="600"),
    {"chain_realm_settings": {"password_policy": "length(12)", "reset_password_allowed": "yes"}},
    {"chain_bindings": [{"name": "ops", "group": "ops", "cluster_role": "view", "namespaces": "a,b"}]},
    {"chain_people": [{"username": "Alice@Example.com", "groups": ["openshift_admins"]}]},
    # a client that has nothing to do with the chain
    client(
        "grafana",
        protocol_mappers=[
            mapper("oidc-group-membership-mapper", claim_name="groups", full_path="false"),
            mapper("oidc-usermodel-client-role-mapper", claim_name="groups"),
            mapper("oidc-audience-mapper", included_client_audience="grafana"),
            mapper("oidc-script-mapper"),
        ],
    ),
    {"chain_realm_groups": [{"path": "plain"}, {"path": "/a/b"}]},
    {"chain_ca_source": "given", "chain_ca_certificate": PEM.replace("MIIBszCCAVmgAwIBAgIUA\nAAA", "MIIB\nAAAA")},
    {"chain_keycloak_managed": False, "chain_ca_source": "system", "chain_postgres_port": 6543},
    {"chain_issuer_url": "https://id.example.com:8443/auth/realms/openshift"},
    {"chain_admin_secret": {"kind": "Secret", "namespace": "a", "name": "b", "key": "c"}},
    {"chain_groups_full_path": False, "chain_groups_unique_names_checked": True},
    {"chain_groups_claim": "my_groups", "chain_username_claim": "email", **client("x")}
    | {"chain_realm_clients": [
        {"client_id": "mcp-server", "default_client_scopes": ["basic", "groups", "email"]},
        {"client_id": "openshift-cli", "default_client_scopes": ["basic", "groups", "email"]},
    ]},
]  # fmt: skip


@pytest.mark.parametrize("values", SOUND)
def test_what_is_sound_is_taken(values: dict[str, Any]) -> None:
    assert problems(values) == []


# As the lab, its tests and the example project give them.
LAB = {
    "chain_lab": True,
    "chain_cluster_name": "mcp-auth",
    "chain_platform": "kubernetes",
    "chain_kubeconfig": "/x/kubeconfig",
    "chain_base_domain": "mcp-auth.localhost",
    "chain_node_ports": True,
    "chain_keycloak_port": 30443,
    "chain_mcp_port": 30444,
}
GIVEN = {"chain_keycloak_managed": False, "chain_postgres_managed": False}
OF_THE_LAB = [
    {},
    {"chain_realm": "it-foreign"},
    {**GIVEN, "chain_keycloak_admin_url": "https://no-such-host.invalid:30443"},
    {**GIVEN, "chain_keycloak_admin_url": "https://127.0.0.2:31234"},
    {**GIVEN, "chain_admin_secret": {"kind": "Secret", "namespace": "n", "name": "wrong", "key": "client-secret"}},
    {
        **GIVEN,
        "chain_ca_source": "given",
        "chain_ca_certificate": PEM.replace("MIIBszCCAVmgAwIBAgIUA\nAAA", "MIIB\nAAAA"),
    },
    {"chain_components": ["mcp_server", "llama_stack", "playground", "mcp_inspector"]},
    {"chain_agent_rights": "separate", "chain_mcp_authentication": "client_secret"},
]


@pytest.mark.parametrize("values", OF_THE_LAB)
def test_the_inputs_of_the_lab_are_sound(values: dict[str, Any]) -> None:
    assert build.build({**LAB, **values})["problems"] == []


def test_the_model_holds_the_normal_form() -> None:
    model = build.build(
        {
            **PROD,
            **client(
                "web", standard_flow_enabled="no", access_token_lifespan="60", name=None, redirect_uris="https://a/b"
            ),
        }
    )
    web = next(item for item in model["realm"]["clients"] if item["client_id"] == "web")
    assert web == {
        "client_id": "web",
        "standard_flow_enabled": False,
        "access_token_lifespan": 60,
        "redirect_uris": ["https://a/b"],
    }


def test_an_unknown_option_is_told_its_nearest_name() -> None:
    found = problems(client("web", full_scope_alowed=True))
    assert [(p["path"], p["fix"]) for p in found] == [
        ("chain_realm_clients[0].full_scope_alowed", "Write full_scope_allowed.")
    ]


def test_people_are_named_as_keycloak_stores_them() -> None:
    model = build.build({**PROD, "chain_people": [{"username": "Alice@Example.com", "groups": ["openshift_admins"]}]})
    user = model["realm"]["users"][0]
    assert user["username"] == user["email"] == "alice@example.com"
    assert normal.re.fullmatch(r"[-._a-zA-Z0-9]+", user["password_from"]["key"])
    assert model["people"][0]["expect"]["username"] == "alice@example.com"
    assert model["people"][0]["username"] == "alice@example.com"


def test_legal_keys_of_two_people_differ() -> None:
    model = build.build({**PROD, "chain_people": [{"username": "a@b.example"}, {"username": "a_b.example"}]})
    assert len({user["password_from"]["key"] for user in model["realm"]["users"]}) == 2


def test_control_characters_are_escaped_for_cel() -> None:
    model = build.build({**PROD, "chain_groups_prefix": "a'\\\r\n\u2028"})
    expression = model["login"]["kubernetes"]["claimMappings"]["groups"]["expression"]
    assert expression.isprintable() and "'a\\'\\\\\\U0000000d\\U0000000a\\U00002028'" in expression


KNOWN = ["postgres_state", "keycloak_state", "keycloak_image", "realm_state", "verify_rows", "mcp_server_state"]
FOREIGN = [
    "keycloak_host", "keycloak_user", "keycloak_url", "keycloak_version", "postgres_host", "postgres_user", "realm_name",
    "verify_ssl", "mcp_server_host",
]  # fmt: skip


def test_variables_of_other_roles_are_left_alone() -> None:
    assert build.build(PROD, variable_names=FOREIGN, known_names=KNOWN)["problems"] == []
    names = [problem.path for problem in inputs.unknown_variables(["keycloak_imgae", "keycloak_imagee"], KNOWN)]
    assert names == ["keycloak_imagee", "keycloak_imgae"]
    allowed = {**PROD, "chain_foreign_variables": ["keycloak_images"]}
    assert build.build(allowed, variable_names=["keycloak_images"], known_names=KNOWN)["problems"] == []


def test_microprofile_writes_roles_into_the_groups_claim() -> None:
    found = rules(client("mcp-server", default_client_scopes=["basic", "profile", "microprofile-jwt"]))
    assert "groups-claim" in found


def test_inline_secrets_are_found_for_hiding() -> None:
    values = {"chain_realm_clients": [{"client_id": "a", "secret": "CANARY", "attributes": {"x.secret.key": "C2"}}]}
    assert {secret for _path, secret in normal.inline_secrets(values)} == {"CANARY", "C2"}
