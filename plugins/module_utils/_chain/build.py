# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
"""PRIVATE: the model as one piece of plain data, built from inputs and from what was observed of the world."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from . import hops, lint, lint_inputs, lint_places, lint_realm, lint_tokens, login, places, predict, realm
from .inputs import Inputs, parse, unknown_variables
from .shapes import Claims, Hop, Json, Obj, Problem, Token, section, text

VERSION = 1


def build(
    values: Obj,
    observed: Obj | None = None,
    variable_names: Iterable[str] = (),
    known_names: Iterable[str] = (),
) -> dict[str, Json]:
    """The model of the chain.

    ``values`` are the ``chain_*`` variables. ``observed`` may hold ``platform`` (what the cluster is) and ``discovery``
    (the issuer's discovery document). ``variable_names`` are all variables that look like ours, ``known_names`` those
    that the roles know. The result's ``problems`` lists everything that is wrong; it is empty for a model that can work.
    """
    seen = observed if observed is not None else {}
    inputs, problems = parse(values)
    problems += unknown_variables(set(variable_names) - set(values), known_names, inputs.texts("foreign_variables"))
    wanted = realm.plan(inputs)
    exchanges = realm.requesters(inputs)
    effective = realm.effective(wanted, exchanges)
    tokens = hops.tokens(inputs)
    chain = hops.hops(inputs)
    judged_tokens, judged_hops = hops.judged(inputs, tokens, chain)
    claims = {token.kind: predict.predict(effective, places.issuer_url(inputs), token) for token in judged_tokens}
    draft = lint.Draft(inputs, effective, exchanges, judged_tokens, claims, judged_hops, seen)
    for rule in (*lint_places.RULES, *lint_inputs.RULES, *lint.RULES, *lint_realm.RULES, *lint_tokens.RULES):
        problems += rule(draft)
    return {
        "version": VERSION,
        "name": inputs.text("cluster_name"),
        "platform": _platform(inputs, seen),
        "lab": inputs.flag("lab"),
        "node_ports": inputs.flag("node_ports"),
        "components": inputs.texts("components"),
        "managed": {
            "keycloak": inputs.flag("keycloak_managed"),
            "postgres": inputs.flag("postgres_managed") and inputs.flag("keycloak_managed"),
        },
        "namespaces": {
            "keycloak": inputs.text("keycloak_namespace"),
            "agents": inputs.text("agents_namespace"),
        },
        "ca": places.ca_section(inputs),
        "issuer": places.issuer_section(inputs),
        "database": _database(inputs),
        "admin": {
            "client_id": inputs.text("admin_client_id"),
            "realm": inputs.text("admin_realm"),
            "url": inputs.text("keycloak_admin_url") or places.keycloak_url(inputs),
            "secret_from": places.admin_secret(inputs),
        },
        "realm": wanted,
        "requesters": exchanges,
        "audiences": {
            "cluster": hops.own_cluster(inputs)[1],
            "mcp_server": inputs.text("mcp_audience"),
            "llama_stack": inputs.text("llama_stack_audience"),
        },
        "clients": {
            "mcp_client": realm.MCP_CLIENT,
            "mcp_server": realm.requester(inputs),
            "playground": realm.PLAYGROUND,
            "inspector": realm.INSPECTOR,
            "verify": realm.VERIFIER,
            "login": inputs.texts("login_clients"),
        },
        "clusters": [{"name": name, "audience": audience} for name, audience in places.clusters(inputs)],
        "tokens": {token.kind: _token(token, claims[token.kind]) for token in tokens},
        "hops": [_hop(hop, tokens) for hop in chain],
        "login": {
            "kubernetes": login.kubernetes(inputs),
            "username_claim": inputs.text("username_claim"),
            "groups_claim": inputs.text("groups_claim"),
            "extra": {"client": login.EXTRA_CLIENT, "session": login.EXTRA_SESSION},
        },
        "rbac": {"bindings": login.bindings(inputs), "developer_namespaces": login.developer_namespaces(inputs)},
        "people": login.expectations(inputs),
        "mcp_server": _mcp_server(inputs),
        "lifetimes": {
            "access_token": inputs.number("access_token_lifespan"),
            "cluster_token": inputs.number("cluster_token_lifespan"),
            "max_cluster_token": hops.MAX_CLUSTER_LIFETIME,
            "responses_call": inputs.number("responses_call_seconds"),
            "cookie_refresh": inputs.number("cookie_refresh_seconds"),
        },
        "problems": [problem.to_dict() for problem in _once(problems)],
    }


def _platform(inputs: Inputs, observed: Obj) -> str:
    said = inputs.text("platform")
    return said if said != "auto" else text(observed, "platform") or "kubernetes"


def _database(inputs: Inputs) -> dict[str, Json]:
    """Where Keycloak's database is; credentials are a reference to a Secret with username and password."""
    namespace = inputs.text("keycloak_namespace")
    given = inputs.section("postgres_credentials")
    return {
        "host": inputs.text("postgres_host") or "postgresql.%s.svc" % namespace,
        "port": inputs.number("postgres_port"),
        "database": inputs.text("postgres_database"),
        "credentials": {
            "namespace": text(given, "namespace") or namespace,
            "name": text(given, "name") or "postgresql-credentials",
            "username_key": text(given, "username_key") or "username",
            "password_key": text(given, "password_key") or "password",
        },
    }


def _mcp_server(inputs: Inputs) -> dict[str, Json]:
    origin = places.mcp_origin(inputs)
    audience = hops.own_cluster(inputs)[1]
    return {
        "version": inputs.text("mcp_server_version"),
        "url": origin + places.MCP_PATH,
        "origin": origin,
        "host": origin.split("//", 1)[1].rsplit(":", 1)[0] if inputs.number("mcp_port") != 443 else origin[8:],
        "port": inputs.number("mcp_port"),
        "audience": inputs.text("mcp_audience"),
        "client_id": realm.requester(inputs),
        "authentication": inputs.text("mcp_authentication"),
        "key_secret": {"namespace": inputs.text("agents_namespace"), "name": places.REQUESTER_KEY_SECRET},
        "exchange": {"audience": audience, "scopes": [places.exchange_scope(audience)]},
        "read_only": inputs.flag("mcp_read_only"),
        "toolsets": inputs.texts("mcp_toolsets"),
        "allowed_origins": inputs.texts("mcp_allowed_origins"),
    }


def _token(token: Token, claims: Claims | None) -> dict[str, Json]:
    data: dict[str, Json] = {
        "kind": token.kind,
        "title": token.title,
        "client": token.client,
        "scopes": list(token.scopes),
        "subject": token.subject,
        "audience": token.audience,
        "id_token": token.id_token,
    }
    if claims is not None:
        data["claims"] = claims.to_dict()
    return data


def _hop(hop: Hop, tokens: list[Token]) -> dict[str, Json]:
    return {
        "id": hop.id,
        "title": hop.title,
        "takes": list(hop.takes),
        "refuses": [token.kind for token in tokens if token.kind not in hop.takes],
        "audiences": list(hop.audiences),
        "required_claims": list(hop.required_claims),
        "known_azp": list(hop.known_azp),
        "max_lifetime_s": hop.max_lifetime,
    }


def _once(problems: Iterable[Problem]) -> list[Problem]:
    """Each problem once, in the order in which it was found."""
    return list(dict.fromkeys(problems))


def problems_text(problems: Iterable[Mapping[str, Json]]) -> str:
    """Every problem on a line of its own: where, what, what to write instead."""
    return "\n".join(
        "- %s: %s %s" % (text(problem, "path"), text(problem, "message"), text(problem, "fix")) for problem in problems
    )


def keycloak_connection(model: Obj) -> dict[str, Json]:
    """The options by which our service client reaches Keycloak; its secret is a reference."""
    admin, authority = section(model, "admin"), section(model, "ca")
    options: dict[str, Json] = {
        "auth_keycloak_url": text(admin, "url"),
        "auth_realm": text(admin, "realm"),
        "auth_client_id": text(admin, "client_id"),
        "auth_client_secret_from": section(admin, "secret_from"),
    }
    if text(authority, "source") == "managed":
        options["auth_ca_cert_from"] = section(authority, "from")
    elif text(authority, "source") == "given":
        options["auth_ca_cert"] = text(authority, "certificate")
    return options
