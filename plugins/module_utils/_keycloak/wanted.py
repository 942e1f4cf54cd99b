# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
# Pure. From the options of keycloak_realm to the normal form: only what was named.

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from . import canonical
from .canonical import Object

PURGE_DEFAULTS = {
    "clients": False,
    "client_scopes": False,
    "groups": False,
    "users": False,
    "realm_roles": False,
    "group_members": False,
    "redirect_uris": True,
    "web_origins": True,
    "post_logout_redirect_uris": True,
    "protocol_mappers": True,
    "client_scopes_of_client": True,
    "default_client_scopes": True,
    "role_mappings": True,
    "group_membership": True,
}
_IRREGULAR = {
    "quick_login_check_milli_seconds": "quickLoginCheckMilliSeconds",
    "device_flow_enabled": "",
    "oauth2_device_code_lifespan": "oauth2DeviceCodeLifespan",
    "oauth2_device_polling_interval": "oauth2DevicePollingInterval",
}
_CLIENT_FIELDS = (
    "name", "description", "enabled", "public_client", "bearer_only", "client_authenticator_type",
    "standard_flow_enabled", "implicit_flow_enabled", "direct_access_grants_enabled", "service_accounts_enabled",
    "frontchannel_logout", "full_scope_allowed", "consent_required", "root_url", "base_url",
)  # fmt: skip
_CLIENT_LISTS = {
    "redirect_uris": "redirectUris",
    "web_origins": "webOrigins",
    "default_client_scopes": "defaultClientScopes",
    "optional_client_scopes": "optionalClientScopes",
}
# A client that we make is born with everything off that is not asked for.
CLIENT_AT_BIRTH: dict[str, Any] = {
    "enabled": True,
    "protocol": "openid-connect",
    "publicClient": False,
    "bearerOnly": False,
    "standardFlowEnabled": False,
    "implicitFlowEnabled": False,
    "directAccessGrantsEnabled": False,
    "serviceAccountsEnabled": False,
    "frontchannelLogout": False,
    "fullScopeAllowed": False,
    "consentRequired": False,
    "redirectUris": [],
    "webOrigins": [],
    "attributes": {},
    "protocolMappers": {},
}
REALM_AT_BIRTH: dict[str, Any] = {
    "enabled": True,
    "bruteForceProtected": True,
    "eventsEnabled": True,
    "adminEventsEnabled": True,
    "adminEventsDetailsEnabled": True,
}


@dataclass
class Wanted:
    realm: str
    settings: Object = field(default_factory=dict)
    owner: str = ""
    reset_secrets: bool = False
    consent: bool = True  # to take over a realm that is there, whoever made it
    builtin_scopes: bool = True
    client_scopes: dict[str, Object] = field(default_factory=dict)
    default_scopes: list[str] | None = None
    optional_scopes: list[str] | None = None
    clients: dict[str, Object] = field(default_factory=dict)
    requesters: set[str] = field(default_factory=set)
    service_accounts: dict[str, Object] = field(default_factory=dict)
    groups: dict[str, Object] = field(default_factory=dict)
    users: dict[str, Object] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    reset_passwords: set[str] = field(default_factory=set)
    realm_roles: dict[str, Object] = field(default_factory=dict)
    absent: dict[str, set[str]] = field(default_factory=dict)
    purge: dict[str, bool] = field(default_factory=lambda: dict(PURGE_DEFAULTS))

    def gone(self, kind: str) -> set[str]:
        return self.absent.get(kind, set())


def camel(name: str) -> str:
    if name in _IRREGULAR:
        return _IRREGULAR[name]
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def certificate_body(pem: str) -> str:
    """The base64 body of a PEM certificate, as Keycloak stores it."""
    match = re.search(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", pem, re.DOTALL)
    return re.sub(r"\s+", "", match.group(1) if match else pem)


def _mappers(options: list[dict[str, Any]], protocol: str) -> dict[str, Object]:
    return {
        str(item["name"]): canonical.mapper(
            {
                "protocol": item.get("protocol") or protocol,
                "protocolMapper": item.get("protocol_mapper"),
                "config": item.get("config"),
            }
        )
        for item in options
    }


def _scope(option: dict[str, Any]) -> Object:
    protocol = option.get("protocol") or "openid-connect"
    found: Object = {"name": option["name"], "protocol": protocol}
    if option.get("description") is not None:
        found["description"] = option["description"]
    if option.get("attributes") is not None:
        found["attributes"] = _named_attributes(option["attributes"])
    if option.get("protocol_mappers") is not None:
        found["protocolMappers"] = _mappers(option["protocol_mappers"], protocol)
    return found


def _named_attributes(raw: dict[str, Any]) -> dict[str, str | None]:
    return {str(key): (canonical.text(value) or None) for key, value in raw.items()}


def _client(option: dict[str, Any]) -> Object:
    found: Object = {"clientId": option["client_id"]}
    raw = dict(option.get("representation") or {})
    raw_attributes = raw.pop("attributes", None) or {}
    raw_mappers = raw.pop("protocolMappers", None)
    for key in ("id", "access", "registrationAccessToken"):
        raw.pop(key, None)
    found.update(raw)
    for key in _CLIENT_FIELDS:
        if option.get(key) is not None:
            found[camel(key)] = option[key]
    for key, name in _CLIENT_LISTS.items():
        if option.get(key) is not None:
            found[name] = sorted(set(option[key]))
        elif isinstance(found.get(name), list):
            found[name] = sorted(set(found[name]))
    attributes = _named_attributes(dict(raw_attributes, **(option.get("attributes") or {})))
    if option.get("device_flow_enabled") is not None:
        attributes["oauth2.device.authorization.grant.enabled"] = canonical.text(option["device_flow_enabled"])
    if option.get("pkce_code_challenge_method") is not None:
        attributes["pkce.code.challenge.method"] = option["pkce_code_challenge_method"] or None
    if option.get("post_logout_redirect_uris") is not None:
        attributes[canonical.POST_LOGOUT] = "##".join(sorted(set(option["post_logout_redirect_uris"]))) or None
    if option.get("access_token_lifespan") is not None and not option.get("requester"):
        attributes[canonical.LIFESPAN] = str(option["access_token_lifespan"])
    if option.get("certificate") is not None:
        attributes["jwt.credential.certificate"] = _certificate(option["certificate"])
        attributes.setdefault("token.endpoint.auth.signing.alg", "RS256")
        attributes["use.jwks.url"] = "false"
    if option.get("requester"):
        for key in canonical.EXCHANGE_ATTRIBUTES:
            attributes.pop(key, None)
    if attributes:
        found["attributes"] = attributes
    if option.get("protocol_mappers") is not None:
        found["protocolMappers"] = _mappers(option["protocol_mappers"], "openid-connect")
    elif raw_mappers is not None:
        found["protocolMappers"] = canonical.mappers(raw_mappers)
    if option.get("secret") is not None:
        found["secret"] = option["secret"]
    return found


def _certificate(value: str) -> str:
    from .redact import Reference

    return value if isinstance(value, Reference) else certificate_body(value)


def _role_mappings(option: dict[str, Any], realm_key: str, client_key: str) -> Object:
    found: Object = {}
    if option.get(realm_key) is not None:
        found["realmRoles"] = sorted(set(option[realm_key]))
    if option.get(client_key) is not None:
        found["clientRoles"] = {str(key): sorted(set(value)) for key, value in option[client_key].items() if value}
    return found


def _group(option: dict[str, Any]) -> Object:
    found = _role_mappings(option, "realm_roles", "client_roles")
    if option.get("attributes") is not None:
        found["attributes"] = canonical.multi_attributes(option["attributes"])
        found["attributes"].update(
            {key: None for key, value in option["attributes"].items() if value in (None, "", [])}
        )
    return found


def _user(option: dict[str, Any]) -> Object:
    found: Object = {"username": str(option["username"]).lower()}
    for key in ("email", "email_verified", "first_name", "last_name", "enabled"):
        if option.get(key) is not None:
            found[camel(key)] = option[key]
    if found.get("email"):
        found["email"] = str(found["email"]).lower()
    if option.get("attributes") is not None:
        found["attributes"] = canonical.multi_attributes(option["attributes"])
        found["attributes"].update(
            {key: None for key, value in option["attributes"].items() if value in (None, "", [])}
        )
    if option.get("required_actions") is not None:
        found["requiredActions"] = sorted(set(option["required_actions"]))
    if option.get("groups") is not None:
        found["groups"] = sorted(set(option["groups"]))
    return found


def _present(options: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    return [option for option in options or [] if option.get("state", "present") != "absent"]


def _absent(options: list[dict[str, Any]] | None, key: str) -> set[str]:
    return {str(option[key]) for option in options or [] if option.get("state") == "absent"}


def from_options(params: dict[str, Any]) -> Wanted:
    settings: Object = dict(params.get("representation") or {})
    for key, value in (params.get("settings") or {}).items():
        if value is not None:
            settings[camel(key)] = value
    if isinstance(settings.get("attributes"), dict):
        settings["attributes"] = _named_attributes(settings["attributes"])
    for key in ("realm", "id", "clients", "clientScopes", "groups", "users", "roles"):
        settings.pop(key, None)
    wanted = Wanted(
        realm=params["realm"],
        settings=settings,
        owner=params.get("owner") or "",
        reset_secrets=bool(params.get("reset_secrets")),
        consent=bool(params.get("adopt")),
        builtin_scopes=bool(params.get("builtin_scopes", True)),
        default_scopes=params.get("default_default_client_scopes"),
        optional_scopes=params.get("default_optional_client_scopes"),
        purge=dict(PURGE_DEFAULTS, **{k: v for k, v in (params.get("purge") or {}).items() if v is not None}),
    )
    for option in _present(params.get("client_scopes")):
        wanted.client_scopes[option["name"]] = _scope(option)
    for option in _present(params.get("realm_roles")):
        wanted.realm_roles[option["name"]] = canonical.realm_role(option, option.get("composites"))
    for option in _present(params.get("clients")):
        name = option["client_id"]
        wanted.clients[name] = _client(option)
        if option.get("requester"):
            wanted.requesters.add(name)
        roles = _role_mappings(option, "service_account_realm_roles", "service_account_client_roles")
        if roles:
            wanted.service_accounts[name] = roles
    for option in _present(params.get("groups")):
        wanted.groups[_path(option["path"])] = _group(option)
    for path in list(wanted.groups):
        parts = canonical.split_path(path)
        for depth in range(1, len(parts)):
            wanted.groups.setdefault("/" + "/".join(parts[:depth]), {})
    for option in _present(params.get("users")):
        name = str(option["username"]).lower()
        wanted.users[name] = _user(option)
        if option.get("password") is not None:
            wanted.passwords[name] = option["password"]
            if option.get("reset_password"):
                wanted.reset_passwords.add(name)
    wanted.absent = {
        "client_scope": _absent(params.get("client_scopes"), "name"),
        "realm_role": _absent(params.get("realm_roles"), "name"),
        "client": _absent(params.get("clients"), "client_id"),
        "group": {_path(path) for path in _absent(params.get("groups"), "path")},
        "user": {name.lower() for name in _absent(params.get("users"), "username")},
    }
    return wanted


def _path(path: str) -> str:
    return "/" + "/".join(canonical.split_path(path))
