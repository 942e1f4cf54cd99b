# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
"""PRIVATE: which claims a token of a realm will carry, from the realm's clients, scopes and mappers alone.

Source: Keycloak's Server Administration Guide, "Protocol mappers" and "Client scopes"; measured on 26.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .shapes import Claims, Obj, Token, flag, number, objects, section, text, texts

# What Keycloak's built-in scopes put into an access token and into an ID token.
_BUILTIN: Mapping[str, Mapping[str, str]] = {
    "basic": {"sub": "$sub", "auth_time": "$any"},
    "profile": {
        "preferred_username": "$username",
        "name": "$any",
        "given_name": "$any",
        "family_name": "$any",
    },
    "email": {"email": "$email", "email_verified": "$any"},
    "acr": {"acr": "$any"},
    "web-origins": {},
    "roles": {},
    "offline_access": {},
    "address": {"address": "$any"},
    "phone": {"phone_number": "$any", "phone_number_verified": "$any"},
    # Its groups are the realm roles of the person, in the claim that else holds groups.
    "microprofile-jwt": {"upn": "$username", "groups": "$any"},
    "organization": {"organization": "$any"},
    "service_account": {"client_id": "$any"},
}

# Every token of a login carries these, whatever the scopes.
_ALWAYS: Mapping[str, str] = {"exp": "$any", "iat": "$any", "jti": "$any", "typ": "$any", "sid": "$any"}

_VALUE_MAPPERS: Mapping[str, str] = {
    "oidc-sub-mapper": "$sub",
    "oidc-usermodel-property-mapper": "$any",
    "oidc-usermodel-attribute-mapper": "$any",
    "oidc-full-name-mapper": "$any",
    "oidc-group-membership-mapper": "$groups",
    "oidc-hardcoded-claim-mapper": "$any",
    "oidc-usersessionmodel-note-mapper": "$any",
}
# Their claims are there or not by the person's roles, which the chain does not use.
ROLE_MAPPERS = ("oidc-usermodel-realm-role-mapper", "oidc-usermodel-client-role-mapper")
AUDIENCE_MAPPER = "oidc-audience-mapper"
_NO_CLAIMS = (
    "oidc-allowed-origins-mapper",
    "oidc-role-name-mapper",
    "oidc-acr-mapper",
    "oidc-amr-mapper",
    "oidc-address-mapper",
)
KNOWN_MAPPERS = frozenset([*_VALUE_MAPPERS, *ROLE_MAPPERS, *_NO_CLAIMS, AUDIENCE_MAPPER])
HARDCODED_MAPPER = "oidc-hardcoded-claim-mapper"
GROUP_MAPPER = "oidc-group-membership-mapper"
_BY_PROPERTY: Mapping[str, str] = {"username": "$username", "email": "$email", "id": "$sub"}

BUILTIN_SCOPES = tuple(sorted(_BUILTIN))

# Settings of a realm that end a session, and with it each token. 0 of a client's session means that of the person.
CLIENT_SESSION = "client_session_max_lifespan"
SESSION_LIMITS = (CLIENT_SESSION, "sso_session_max_lifespan")


def predict(realm: Obj, issuer: str, token: Token) -> Claims | None:
    """The claims of a token, or None where its client does not exist in the realm.

    ``realm`` has the options of ``keycloak_realm``, requesters' fields included (``realm.effective``).
    """
    client = find(objects(realm, "clients"), "client_id", token.client)
    if client is None:
        return None
    id_token = token.id_token
    claims: dict[str, str] = dict(_ALWAYS)
    audiences: set[str] = {token.client} if id_token else set()
    for mapper in objects(client, "protocol_mappers"):
        _apply(mapper, claims, audiences, id_token)
    for name in granted_scopes(client, token):
        for mapper in scope_mappers(realm, name):
            _apply(mapper, claims, audiences, id_token)
        if not _says_mappers(realm, name) and flag(realm, "builtin_scopes", True):
            claims.update(_BUILTIN.get(name, {}))
    if flag(client, "full_scope_allowed") and not id_token:
        # Every role of the person comes along, and with the roles of client account its audience.
        audiences.add("account")
        claims.update({"realm_access": "$any", "resource_access": "$any"})
    if token.audience and token.audience in audiences:
        audiences = {token.audience}
    return Claims(issuer, tuple(sorted(audiences)), token.client, claims, lifetime(realm, client))


def lifetime(realm: Obj, client: Obj) -> int:
    """Seconds that a token of a fresh login lives: at most as long as the person's session and the client's part of it."""
    settings = section(realm, "settings")
    said = number(client, "access_token_lifespan", number(settings, "access_token_lifespan", 300))
    limits = [number(settings, name) for name in SESSION_LIMITS]
    return min([said, *(limit for limit in limits if limit > 0)])


def granted_scopes(client: Obj, token: Token) -> list[str]:
    """Default scopes, and of the optional ones those that are asked for."""
    optional = set(texts(client, "optional_client_scopes"))
    return texts(client, "default_client_scopes") + [name for name in token.scopes if name in optional]


def audiences_of_scope(realm: Obj, name: str) -> set[str]:
    """The audiences that a scope's mappers add."""
    return audiences_of(scope_mappers(realm, name))


def audiences_of(mappers: Sequence[Obj]) -> set[str]:
    """The audiences that mappers add to an access token."""
    claims: dict[str, str] = {}
    audiences: set[str] = set()
    for mapper in mappers:
        _apply(mapper, claims, audiences, False)
    return audiences


def scope_mappers(realm: Obj, name: str) -> list[Obj]:
    """The mappers that the input gives a scope; those of another protocol do nothing in our tokens."""
    scope = find(objects(realm, "client_scopes"), "name", name)
    if scope is None or text(scope, "protocol", "openid-connect") != "openid-connect":
        return []
    return objects(scope, "protocol_mappers")


def _says_mappers(realm: Obj, name: str) -> bool:
    """A scope that is named without mappers keeps those that it has."""
    scope = find(objects(realm, "client_scopes"), "name", name)
    return scope is not None and scope.get("protocol_mappers") is not None


def client_mappers(realm: Obj, client: Obj) -> list[Obj]:
    """Every mapper that can act for a client: its own, and those of each scope that it has by default or may ask for."""
    found = objects(client, "protocol_mappers")
    for name in scopes_of(client):
        found += scope_mappers(realm, name)
    return found


def scopes_of(client: Obj) -> list[str]:
    """Every scope that a client has or may ask for."""
    return texts(client, "default_client_scopes") + texts(client, "optional_client_scopes")


def find(items: Sequence[Obj], key: str, value: str) -> Obj | None:
    """The first mapping whose ``key`` is ``value``."""
    for item in items:
        if text(item, key) == value:
            return item
    return None


def _apply(mapper: Obj, claims: dict[str, str], audiences: set[str], id_token: bool) -> None:
    config = section(mapper, "config")
    kind = text(mapper, "protocol_mapper")
    # Not said means not included (Keycloak, OIDCAttributeMapperHelper).
    if _text_of(config, "id.token.claim" if id_token else "access.token.claim") != "true":
        return
    if kind == AUDIENCE_MAPPER:
        added = text(config, "included.client.audience") or text(config, "included.custom.audience")
        if added:
            audiences.add(added)
        return
    source = "$any" if kind in ROLE_MAPPERS else _VALUE_MAPPERS.get(kind)
    claim, value = _claim_of(kind, config)
    if source is None or not claim:
        return
    claims[claim] = value or source


def _claim_of(kind: str, config: Obj) -> tuple[str, str]:
    if kind == "oidc-sub-mapper":
        return "sub", "$sub"
    if kind == "oidc-full-name-mapper":
        return "name", "$any"
    if kind == "oidc-hardcoded-claim-mapper":
        return text(config, "claim.name"), text(config, "claim.value")
    return text(config, "claim.name"), _BY_PROPERTY.get(text(config, "user.attribute"), "")


def _text_of(config: Obj, key: str) -> str:
    """Mapper options are texts in Keycloak; YAML users write truth values."""
    value = config.get(key)
    return str(value).lower() if isinstance(value, bool) else value if isinstance(value, str) else ""
