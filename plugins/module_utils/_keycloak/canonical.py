# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
# Pure. The normal form of what a realm holds: what the server sets by itself is stripped, order does not matter,
# empty means absent. Two objects are the same when their normal forms are equal.

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]  # the normal form of one object: keys as Keycloak names them

BUILTIN_CLIENTS = frozenset(
    ["account", "account-console", "admin-cli", "broker", "realm-management", "security-admin-console"]
)
# Names only, to see whether one is missing; what they hold is always read from the server itself.
BUILTIN_SCOPES = frozenset(
    [
        "acr", "address", "basic", "email", "microprofile-jwt", "offline_access", "organization", "phone", "profile",
        "role_list", "roles", "saml_organization", "service_account", "web-origins",
    ]
)  # fmt: skip
BUILTIN_DEFAULT = ("acr", "email", "profile", "roles", "web-origins", "basic")
EMPTY_BUILTINS = frozenset(["offline_access"])  # built-ins that have no mapper of their own
BUILTIN_ROLES = frozenset(["offline_access", "uma_authorization"])
AUDIENCE_MAPPER = "oidc-audience-mapper"
SUB_MAPPER = "oidc-sub-mapper"  # what the scope basic is for
# Mappers that no built-in scope has, and that say who a token is for or what is in it.
FOREIGN_MAPPERS = frozenset([AUDIENCE_MAPPER, "oidc-hardcoded-claim-mapper", "oidc-hardcoded-role-mapper"])
OWNER = "mcp-auth-openshift.owner"  # the attribute that marks a realm as ours: whose it is
ORIGIN = "mcp-auth-openshift.origin"  # ... and whether we made it or took it over
MADE, ADOPTED = "made", "adopted"
NOBODY = "mcp_auth.openshift"  # the owner of a realm whose maker named none

EXCHANGE_ENABLED = "standard.token.exchange.enabled"
EXCHANGE_REFRESH = "standard.token.exchange.enableRefreshRequestedTokenType"
LIFESPAN = "access.token.lifespan"
EXCHANGE_ATTRIBUTES = frozenset([EXCHANGE_ENABLED, EXCHANGE_REFRESH, LIFESPAN])
POST_LOGOUT = "post.logout.redirect.uris"

_SERVER_SET = {
    "client": frozenset(["id", "access", "secret", "registrationAccessToken", "protocolMappers", "attributes"]),
    "client_scope": frozenset(["id", "protocolMappers", "attributes"]),
    "group": frozenset(["id", "parentId", "subGroups", "subGroupCount", "access", "attributes", "path", "name"]),
    "user": frozenset(
        [
            "id", "access", "createdTimestamp", "totp", "disableableCredentialTypes", "notBefore", "attributes",
            "userProfileMetadata", "federationLink", "origin", "credentials", "password", "groups",
        ]
    ),
    "realm_role": frozenset(["id", "containerId", "clientRole", "composite", "composites", "attributes"]),
}  # fmt: skip
_SERVER_ATTRIBUTES = frozenset(["client.secret.creation.time", "client.secret.rotated.creation.time", "realm_client"])


def text(value: object) -> str:
    """A configuration value as Keycloak stores it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "##".join(text(item) for item in value)
    return "" if value is None else str(value)


def _value(value: Any) -> Any:
    if isinstance(value, list):
        if all(isinstance(item, (str, int)) for item in value):
            return sorted(set(value), key=str)
        return [_value(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _value(item) for key, item in value.items() if item is not None}
    return value


def attributes(raw: dict[str, Any] | None) -> dict[str, str]:
    found = {str(key): text(value) for key, value in (raw or {}).items() if key not in _SERVER_ATTRIBUTES}
    if found.get(POST_LOGOUT):
        found[POST_LOGOUT] = "##".join(sorted(set(found[POST_LOGOUT].split("##"))))
    return {key: value for key, value in found.items() if value != ""}


def multi_attributes(raw: dict[str, Any] | None) -> dict[str, list[str]]:
    """Attributes of users and groups: a list of texts each, order-free."""
    found: dict[str, list[str]] = {}
    for key, value in (raw or {}).items():
        items = value if isinstance(value, (list, tuple)) else [value]
        found[str(key)] = sorted({text(item) for item in items if text(item) != ""})
    return {key: items for key, items in found.items() if items}


# What the server takes for granted (and partly writes down) when it is not said.
_IMPLIED = (("userinfo.token.claim", "id.token.claim"), ("introspection.token.claim", "access.token.claim"))
# What the server puts into every mapper of a type, and puts back when it is taken away (seen on 26.4).
_FORCED = {"oidc-group-membership-mapper": {"multivalued": "true"}}


def mapper(raw: dict[str, Any], protocol: str = "openid-connect") -> Object:
    config = {str(key): text(value) for key, value in (raw.get("config") or {}).items()}
    config = {key: value for key, value in config.items() if value != ""}
    kind = raw.get("protocol") or protocol
    if kind == "openid-connect":
        for key, origin in _IMPLIED:
            if origin in config:
                config.setdefault(key, config[origin])
    config.update(_FORCED.get(str(raw.get("protocolMapper")), {}))
    return {"protocol": kind, "protocolMapper": raw.get("protocolMapper") or "", "config": config}


def mappers(raw: Iterable[dict[str, Any]] | None, protocol: str = "openid-connect") -> dict[str, Object]:
    return {str(item.get("name")): mapper(item, protocol) for item in raw or []}


def _plain(kind: str, raw: dict[str, Any]) -> Object:
    skip = _SERVER_SET[kind]
    found = {str(key): _value(value) for key, value in raw.items() if key not in skip and value is not None}
    return {key: value for key, value in found.items() if value not in ("", [], {})}


def client_scope(raw: dict[str, Any]) -> Object:
    found = _plain("client_scope", raw)
    found.setdefault("protocol", "openid-connect")
    found["attributes"] = attributes(raw.get("attributes"))
    found["protocolMappers"] = mappers(raw.get("protocolMappers"), found["protocol"])
    return found


def client(raw: dict[str, Any], with_secret: bool = False) -> Object:
    found = _plain("client", raw)
    found["attributes"] = attributes(raw.get("attributes"))
    found["protocolMappers"] = mappers(raw.get("protocolMappers"), found.get("protocol") or "openid-connect")
    for key in ("redirectUris", "webOrigins", "defaultClientScopes", "optionalClientScopes"):
        found[key] = sorted(set(raw.get(key) or []))
    if with_secret:
        found["secret"] = raw.get("secret") or ""
    return found


def group(raw: dict[str, Any]) -> Object:
    return {
        "attributes": multi_attributes(raw.get("attributes")),
        "realmRoles": sorted(raw.get("realmRoles") or []),
        "clientRoles": {key: sorted(value) for key, value in (raw.get("clientRoles") or {}).items() if value},
    }


def user(raw: dict[str, Any], groups: Iterable[str] = ()) -> Object:
    found = _plain("user", raw)
    for key in ("username", "email"):
        if key in found:
            found[key] = str(found[key]).lower()
    found["attributes"] = multi_attributes(raw.get("attributes"))
    found["requiredActions"] = sorted(raw.get("requiredActions") or [])
    found["groups"] = sorted(set(groups))
    return found


def realm_role(raw: dict[str, Any], composites: Iterable[str] | None = None) -> Object:
    found = {"name": raw.get("name"), "description": raw.get("description") or ""}
    if composites is not None:
        found["composites"] = sorted(set(composites))
    return {key: value for key, value in found.items() if value != ""}


def realm(raw: dict[str, Any]) -> Object:
    found = {str(key): _value(value) for key, value in raw.items() if value is not None}
    found["attributes"] = attributes(raw.get("attributes"))
    return found


def mark(found: Object) -> tuple[str, str]:
    """Whose a realm is, and where it comes from. A mark without an origin is of a version that only knew made."""
    held = found.get("attributes", {})
    return held.get(OWNER, ""), held.get(ORIGIN, MADE)


def audiences(scope: Object) -> set[str]:
    """The audiences that a client scope adds to an access token. Without access.token.claim Keycloak leaves it out."""
    found = set()
    for item in scope.get("protocolMappers", {}).values():
        config = item.get("config", {})
        if item.get("protocolMapper") == AUDIENCE_MAPPER and config.get("access.token.claim") == "true":
            found.add(config.get("included.client.audience") or config.get("included.custom.audience") or "")
    found.discard("")
    return found


def overlay(current: Any, wanted: Any) -> Any:
    """The current value with what is wanted laid over it: dictionaries key by key (None takes a key away), all
    else replaced. What is not named stays."""
    if not isinstance(wanted, dict):
        return _value(wanted)
    found = dict(current) if isinstance(current, dict) else {}
    for key, value in wanted.items():
        if value is None or value == "":
            found.pop(key, None)
        elif value is False and key not in found:
            continue
        elif isinstance(value, dict):
            found[key] = overlay(found.get(key), value)
        else:
            found[key] = _value(value)
    return found


MASK = "**********"


def masked(current: Any, wanted: Any) -> Any:
    """What is wanted, with the server's mask where it hides the current value: that cannot be compared, and a mask
    that is sent back leaves the value as it is."""
    if isinstance(wanted, dict):
        held = current if isinstance(current, dict) else {}
        return {key: masked(held.get(key), value) for key, value in wanted.items()}
    return MASK if current == MASK and wanted not in (None, "") else wanted


def hidden(current: Any, wanted: Any, path: str = "") -> list[str]:
    """The paths of what is wanted and cannot be compared, because the server shows a mask."""
    if isinstance(wanted, dict):
        held = current if isinstance(current, dict) else {}
        parts = [hidden(held.get(key), value, f"{path}.{key}" if path else str(key)) for key, value in wanted.items()]
        return [item for part in parts for item in part]
    return [path] if current == MASK and wanted not in (None, "", MASK) else []


def differing(before: Any, after: Any, path: str = "") -> list[str]:
    """The paths at which two normal forms differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        found: list[str] = []
        for key in sorted(set(before) | set(after), key=str):
            if key not in before or key not in after:
                found.append((path + "." if path else "") + str(key))
            else:
                found += differing(before[key], after[key], (path + "." if path else "") + str(key))
        return found
    return [] if before == after else [path]


def split_path(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


@dataclass
class Current:
    """What was read of a realm."""

    name: str
    exists: bool = True
    realm: Object = field(default_factory=dict)
    client_scopes: dict[str, Object] = field(default_factory=dict)
    default_scopes: list[str] = field(default_factory=list)
    optional_scopes: list[str] = field(default_factory=list)
    clients: dict[str, Object] = field(default_factory=dict)
    groups: dict[str, Object] = field(default_factory=dict)
    members: dict[str, set[str]] = field(default_factory=dict)
    users: dict[str, Object] = field(default_factory=dict)
    users_complete: bool = False
    inhabited: bool = False  # by people or groups, looked up only where it decides about an adoption
    realm_roles: dict[str, Object] | None = None
    client_roles: dict[str, set[str]] = field(default_factory=dict)
    service_accounts: dict[str, Object] = field(default_factory=dict)
    profile: dict[str, Any] | None = None
    reference: Reference | None = None
    mapper_types: dict[str, set[str]] | None = None
    ids: dict[tuple[str, str], str] = field(default_factory=dict)
    pages: int = 0


@dataclass
class Reference:
    """The built-in client scopes as this server makes them (read from realm master)."""

    client_scopes: dict[str, Object]
    default_scopes: list[str]
    optional_scopes: list[str]
    raw: dict[str, dict[str, Any]] = field(default_factory=dict)
