# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
"""PRIVATE: what the realm must hold, in exactly the options of module ``keycloak_realm``, and who may exchange for what."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence

from . import places
from .inputs import Inputs
from .shapes import Json, Obj, objects, section, text, texts

MCP_CLIENT = "mcp-client"
PLAYGROUND = "playground"
INSPECTOR = "mcp-inspector"
VERIFIER = "chain-verify"
CONSOLE = "openshift-console"

_NO_FLOWS: Mapping[str, Json] = {
    "standard_flow_enabled": False,
    "implicit_flow_enabled": False,
    "direct_access_grants_enabled": False,
    "service_accounts_enabled": False,
    "device_flow_enabled": False,
}


def requester(inputs: Inputs) -> str:
    """The client of the MCP server. It is named as its audience is: a subject token must name the requester in ``aud``."""
    return inputs.text("mcp_audience")


def people(inputs: Inputs) -> list[Obj]:
    """The people that this project makes: those of the input, in a lab three testers where none are said."""
    given = inputs.objects("people")
    if given or not inputs.flag("lab"):
        return given
    return [
        {"username": "testadmin", "persona": "admin", "groups": [inputs.text("admin_group")]},
        {"username": "testdeveloper", "persona": "developer", "groups": [inputs.text("developer_group")]},
        {"username": "testnobody", "persona": "none", "groups": []},
    ]


def group_path(name: str) -> str:
    """Keycloak's full path of a group: a plain name is a group at the top."""
    return "/" + "/".join(part for part in name.split("/") if part)


def plan(inputs: Inputs) -> dict[str, Json]:
    """The options of ``keycloak_realm``, with what the user adds or changes merged in by name."""
    settings = dict(_settings(inputs))
    settings.update(inputs.section("realm_settings"))
    return {
        "realm": inputs.text("realm"),
        "adopt": inputs.flag("realm_adopt"),
        "settings": settings,
        "builtin_scopes": inputs.flag("realm_builtin_scopes"),
        "client_scopes": _merged(_scopes(inputs), inputs.objects("realm_client_scopes"), "name"),
        "clients": _merged(_clients(inputs), inputs.objects("realm_clients"), "client_id"),
        "groups": _merged(_groups(inputs), inputs.objects("realm_groups"), "path"),
        "users": _users(inputs),
    }


def requesters(inputs: Inputs) -> list[dict[str, Json]]:
    """The options of ``keycloak_token_exchange_client``, one entry a requester."""
    audiences = [audience for name, audience in places.clusters(inputs)]
    entries: list[dict[str, Json]] = [
        {
            "realm": inputs.text("realm"),
            "client_id": requester(inputs),
            "audiences": audiences,
            "scopes": [places.exchange_scope(audience) for audience in audiences],
            "access_token_lifespan": inputs.number("cluster_token_lifespan"),
            "refresh_tokens": "NO",
            "subject_token_audience_scope": inputs.text("mcp_audience"),
        }
    ]
    if PLAYGROUND in inputs.texts("components"):
        entries.append(
            {
                "realm": inputs.text("realm"),
                "client_id": PLAYGROUND,
                "audiences": [inputs.text("mcp_audience")],
                "scopes": [inputs.text("mcp_audience")],
                "access_token_lifespan": inputs.number("access_token_lifespan"),
                "refresh_tokens": "NO",
                "subject_token_audience_scope": "",
            }
        )
    return entries


def effective(realm: Obj, exchanges: Sequence[Obj]) -> dict[str, Json]:
    """The realm as it will be: without what is to be absent, and each requester with its exchange fields."""
    by_client = {text(entry, "client_id"): entry for entry in exchanges}
    clients: list[Json] = []
    for client in _present(realm, "clients"):
        entry = by_client.get(text(client, "client_id"))
        if entry is None:
            clients.append(client)
            continue
        changed = dict(client)
        changed["optional_client_scopes"] = sorted({*texts(client, "optional_client_scopes"), *texts(entry, "scopes")})
        changed["access_token_lifespan"] = entry.get("access_token_lifespan")
        clients.append(changed)
    return {
        **realm,
        "clients": clients,
        "client_scopes": _present(realm, "client_scopes"),
        "groups": _present(realm, "groups"),
    }


def own(inputs: Inputs) -> dict[str, set[str]]:
    """The names of what the chain itself needs, by the input in which a user may change it."""
    return {
        "realm_client_scopes": {text(scope, "name") for scope in _scopes(inputs)},
        "realm_clients": {text(client, "client_id") for client in _clients(inputs)},
        "realm_groups": {text(group, "path") for group in _groups(inputs)},
    }


def _settings(inputs: Inputs) -> dict[str, Json]:
    return {
        "enabled": True,
        "display_name": "MCP tools as the person who asks",
        "ssl_required": "external",
        "registration_allowed": False,
        "access_token_lifespan": inputs.number("access_token_lifespan"),
        "sso_session_idle_timeout": inputs.number("session_idle_seconds"),
        "sso_session_max_lifespan": inputs.number("session_max_seconds"),
        "revoke_refresh_token": True,
        "refresh_token_max_reuse": 0,
        "brute_force_protected": True,
        "events_enabled": True,
        "events_expiration": 30 * 86400,
        "admin_events_enabled": True,
        "admin_events_details_enabled": True,
    }


def audience_mapper(audience: str) -> dict[str, Json]:
    return {
        "name": "audience-" + audience,
        "protocol_mapper": "oidc-audience-mapper",
        "config": {
            "included.client.audience": audience,
            "id.token.claim": "false",
            "access.token.claim": "true",
            "introspection.token.claim": "true",
        },
    }


def _scope(name: str, description: str, mapper: Obj) -> dict[str, Json]:
    return {
        "name": name,
        "description": description,
        "protocol": "openid-connect",
        "attributes": {"include.in.token.scope": "true", "display.on.consent.screen": "false"},
        "protocol_mappers": [mapper],
    }


def _scopes(inputs: Inputs) -> list[dict[str, Json]]:
    groups: dict[str, Json] = {
        "name": "groups",
        "protocol_mapper": "oidc-group-membership-mapper",
        "config": {
            "claim.name": inputs.text("groups_claim"),
            "full.path": str(inputs.flag("groups_full_path")).lower(),
            "id.token.claim": "true",
            "access.token.claim": "true",
            "userinfo.token.claim": "false",
            "introspection.token.claim": "true",
        },
    }
    scopes = [
        _scope("groups", "The groups of the person", groups),
        _scope(inputs.text("mcp_audience"), "Calls to the MCP server", audience_mapper(inputs.text("mcp_audience"))),
    ]
    for name, audience in places.clusters(inputs):
        scopes.append(
            _scope(places.exchange_scope(audience), "The API of cluster %s" % name, audience_mapper(audience)),
        )
    if _agents(inputs):
        audience = inputs.text("llama_stack_audience")
        scopes.append(_scope(audience, "Calls to Llama Stack", audience_mapper(audience)))
    return scopes


def _agents(inputs: Inputs) -> bool:
    return bool({"llama_stack", PLAYGROUND} & set(inputs.texts("components")))


def _client(client_id: str, description: str, **options: Json) -> dict[str, Json]:
    """A client with everything off that is not named: nothing is left to Keycloak's defaults."""
    client: dict[str, Json] = {
        "client_id": client_id,
        "description": description,
        "enabled": True,
        "public_client": False,
        "full_scope_allowed": False,
        "redirect_uris": [],
        "web_origins": [],
        "default_client_scopes": ["basic"],
        "optional_client_scopes": [],
        "protocol_mappers": [],
    }
    client.update(_NO_FLOWS)
    client.update(options)
    return client


def _browser_login(redirects: Sequence[str]) -> dict[str, Json]:
    return {
        "standard_flow_enabled": True,
        "pkce_code_challenge_method": "S256",
        "redirect_uris": list(redirects),
    }


def _clients(inputs: Inputs) -> list[dict[str, Json]]:
    mcp_audience = inputs.text("mcp_audience")
    login_scopes: list[Json] = ["basic", "groups", "profile"]
    clients = [
        _client(
            MCP_CLIENT,
            "MCP clients of a person's own: signs in for the MCP server",
            public_client=True,
            default_client_scopes=["basic", mcp_audience],
            **_browser_login(places.LOOPBACK_REDIRECTS),
        ),
        _requester_client(inputs),
    ]
    for name, audience in places.clusters(inputs):
        clients.append(_audience_only(audience, "The API of cluster %s: an audience, nobody signs in here" % name))
    for name in inputs.texts("login_clients"):
        clients.append(
            _client(
                name,
                "Direct login to the cluster's API",
                public_client=True,
                default_client_scopes=login_scopes,
                **_browser_login(places.CLI_REDIRECTS),
            )
        )
    if _agents(inputs):
        clients.append(
            _audience_only(inputs.text("llama_stack_audience"), "Llama Stack: an audience, nobody signs in here")
        )
    if PLAYGROUND in inputs.texts("components"):
        clients.append(
            _client(
                PLAYGROUND,
                "The Playground's page, and requester of its tokens for the MCP server",
                requester=True,
                client_authenticator_type="client-secret",
                secret_from={
                    "namespace": inputs.text("agents_namespace"),
                    "name": "playground-client",
                    "key": "client-secret",
                },
                default_client_scopes=["basic", inputs.text("llama_stack_audience")],
                **_browser_login([places.playground_origin(inputs) + "/oauth2/callback"]),
            )
        )
    if "mcp_inspector" in inputs.texts("components"):
        clients.append(
            _client(
                INSPECTOR,
                "MCP Inspector",
                public_client=True,
                default_client_scopes=["basic", mcp_audience],
                web_origins=[places.inspector_origin(inputs)],
                **_browser_login([places.inspector_origin(inputs) + "/oauth/callback"]),
            )
        )
    return clients


def _audience_only(client_id: str, description: str) -> dict[str, Json]:
    # Confidential with no secret of ours: with every flow off nobody can use what Keycloak generates for it.
    return _client(client_id, description, default_client_scopes=[])


def _requester_client(inputs: Inputs) -> dict[str, Json]:
    namespace = inputs.text("agents_namespace")
    if inputs.text("mcp_authentication") == "private_key_jwt":
        login: dict[str, Json] = {
            "client_authenticator_type": "client-jwt",
            "certificate_from": {"namespace": namespace, "name": places.REQUESTER_KEY_SECRET, "key": "tls.crt"},
        }
    else:
        login = {
            "client_authenticator_type": "client-secret",
            "secret_from": {"namespace": namespace, "name": places.REQUESTER_KEY_SECRET, "key": "client-secret"},
        }
    return _client(
        requester(inputs),
        "The MCP server: exchanges a person's token for one for the cluster",
        requester=True,
        default_client_scopes=["basic", "groups", "profile"],
        **login,
    )


def _groups(inputs: Inputs) -> list[dict[str, Json]]:
    names = [inputs.text(name) for name in ("admin_group", "developer_group", "reader_group")]
    names += [text(binding, "group") for binding in inputs.objects("bindings")]
    for person in people(inputs):
        names += texts(person, "groups")
    return [{"path": path} for path in sorted({group_path(name) for name in names if name})]


def _users(inputs: Inputs) -> list[dict[str, Json]]:
    users: list[dict[str, Json]] = []
    for person in people(inputs):
        username = text(person, "username")
        users.append(
            {
                "username": username,
                "enabled": True,
                "email": text(person, "email") or _email(username, inputs.text("base_domain") or "example.com"),
                "email_verified": True,
                "first_name": text(person, "first_name") or username,
                "last_name": text(person, "last_name") or inputs.text("realm"),
                "groups": sorted(group_path(name) for name in texts(person, "groups")),
                "password_from": section(person, "password_from")
                or {
                    "namespace": inputs.text("keycloak_namespace"),
                    "name": places.PEOPLE_SECRET,
                    "key": _key(username),
                },
            }
        )
    return users


def _email(username: str, domain: str) -> str:
    return username if "@" in username else "%s@%s" % (username, domain)


def _key(username: str) -> str:
    """A legal key of a Secret: the name, or what is legal of it with a mark that keeps two such names apart."""
    legal = re.sub(r"[^-._a-zA-Z0-9]", "_", username)
    if legal == username:
        return username
    return "%s-%s" % (legal[:200], hashlib.sha256(username.encode("utf-8", "replace")).hexdigest()[:8])


def _merged(ours: Sequence[Obj], theirs: Sequence[Obj], key: str) -> list[Obj]:
    """Ours in their order, each overlaid by what the user says of it, then what is only the user's."""
    said = {text(item, key): item for item in theirs}
    merged: list[Obj] = [{**item, **said.pop(text(item, key), {})} for item in ours]
    return merged + list(said.values())


def _present(realm: Obj, kind: str) -> list[Obj]:
    return [item for item in objects(realm, kind) if text(item, "state") != "absent"]
