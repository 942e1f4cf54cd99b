# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
# Pure. What is wrong with the input: everything at once, each with its path, before the first write.

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any

from . import canonical, read
from .canonical import Current
from .plan import Plan, scopes_after
from .wanted import Wanted

_LISTS = {
    "client_scopes": "name",
    "realm_roles": "name",
    "clients": "client_id",
    "groups": "path",
    "users": "username",
}


def problem(path: str, message: str) -> dict[str, str]:
    return {"path": path, "message": message}


def _nearest(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(names), 1)
    return f" (did you mean {close[0]}?)" if close else ""


def options(params: dict[str, Any]) -> list[dict[str, str]]:
    """What can be said without the server."""
    found: list[dict[str, str]] = []
    realm = params.get("realm") or ""
    if realm in (".", "..") or not re.fullmatch(r"[^/\\?#\s%]{1,255}", realm):
        found.append(problem("realm", f"{realm!r} is no usable name of a realm"))
    for option, key in _LISTS.items():
        found += _doubled(option, key, params.get(option) or [])
    for index, item in enumerate(params.get("client_scopes") or []):
        found += _mappers(f"client_scopes[{index}]", item)
    for index, item in enumerate(params.get("clients") or []):
        found += _client(f"clients[{index}]", item)
    for index, item in enumerate(params.get("groups") or []):
        path = str(item.get("path") or "")
        if not re.match(r"^(/[^/]+)+$", path):
            found.append(problem(f"groups[{index}].path", f"{path!r} is not a path such as /admins"))
    for index, item in enumerate(params.get("users") or []):
        where = f"users[{index}]"
        for position, path in enumerate(item.get("groups") or []):
            if not str(path).startswith("/"):
                found.append(problem(f"{where}.groups[{position}]", f"{path!r}: a group is named by its path"))
        if item.get("reset_password") and item.get("password") is None:
            found.append(problem(where + ".reset_password", "there is no password to set"))
    both = set(params.get("default_default_client_scopes") or []) & set(
        params.get("default_optional_client_scopes") or []
    )
    for name in sorted(both):
        found.append(problem("default_optional_client_scopes", f"{name} is named as a default scope as well"))
    if realm == "master":
        for flag, on in (params.get("purge") or {}).items():
            if on and flag in ("clients", "client_scopes", "users", "groups", "realm_roles", "group_members"):
                found.append(problem("purge." + flag, "refused in realm master: it would remove the administrators"))
    return found


def _doubled(option: str, key: str, items: list[dict[str, Any]]) -> list[dict[str, str]]:
    found = []
    seen: dict[str, int] = {}
    for index, item in enumerate(items):
        name = str(item.get(key) or "")
        same = name.lower() if option == "users" else name.rstrip("/") if option == "groups" else name
        if not name.strip():
            found.append(problem(f"{option}[{index}].{key}", "is empty"))
        elif same in seen:
            found.append(problem(f"{option}[{index}].{key}", f"{name} is there twice (also {option}[{seen[same]}])"))
        seen.setdefault(same, index)
    return found


def _mappers(where: str, item: dict[str, Any]) -> list[dict[str, str]]:
    found = []
    seen = set()
    for index, mapper in enumerate(item.get("protocol_mappers") or []):
        path = f"{where}.protocol_mappers[{index}]"
        if mapper.get("name") in seen:
            found.append(problem(path + ".name", "{} is there twice".format(mapper.get("name"))))
        seen.add(mapper.get("name"))
        for key, value in (mapper.get("config") or {}).items():
            if isinstance(value, dict):
                found.append(problem(f"{path}.config.{key}", "is a dictionary, must be a text"))
    return found


def _client(where: str, item: dict[str, Any]) -> list[dict[str, str]]:
    if item.get("state") == "absent":
        return []
    found = _mappers(where, item)
    public = bool(item.get("public_client"))
    for key, message in (
        ("secret", "a public client has no secret"),
        ("certificate", "a public client has no certificate"),
        ("service_accounts_enabled", "a public client cannot have a service account"),
        ("requester", "a public client cannot exchange tokens: the requester must be confidential"),
        ("bearer_only", "a client is public or bearer-only, not both"),
    ):
        if public and item.get(key):
            found.append(problem(f"{where}.{key}", message))
    if item.get("requester") and item.get("full_scope_allowed"):
        found.append(problem(where + ".full_scope_allowed", "a requester with full scope can widen every token"))
    if item.get("secret") is not None and item.get("certificate") is not None:
        found.append(problem(where + ".certificate", "a client authenticates by secret or by certificate, not both"))
    if item.get("secret") is not None and not str(item["secret"]):
        found.append(problem(where + ".secret", "is empty"))
    if (item.get("service_account_realm_roles") or item.get("service_account_client_roles")) and item.get(
        "service_accounts_enabled"
    ) is False:
        found.append(
            problem(where + ".service_accounts_enabled", "is false, but roles are given to the service account")
        )
    both = set(item.get("default_client_scopes") or []) & set(item.get("optional_client_scopes") or [])
    for name in sorted(both):
        found.append(problem(where + ".optional_client_scopes", f"{name} is a default scope of it as well"))
    for index, uri in enumerate(item.get("redirect_uris") or []):
        if not str(uri).strip():
            found.append(problem(f"{where}.redirect_uris[{index}]", "is empty"))
    lifespan = item.get("access_token_lifespan")
    if lifespan is not None and lifespan < 1:
        found.append(problem(where + ".access_token_lifespan", "is not a number of seconds above 0"))
    return found


def references(wanted: Wanted, current: Current, plan: Plan) -> list[dict[str, str]]:
    """What only the realm can tell: scopes, groups and roles that exist nowhere, mapper types that the server does
    not know, secrets that the credential may not see."""
    found: list[dict[str, str]] = []
    scopes = set(scopes_after(wanted, current, plan.changes))
    for option, names in (
        ("default_default_client_scopes", wanted.default_scopes),
        ("default_optional_client_scopes", wanted.optional_scopes),
    ):
        found += _unknown(option, names or [], scopes, "client scope")
    for name, item in wanted.clients.items():
        where = f"clients[{name}]"
        for key, option in (
            ("defaultClientScopes", "default_client_scopes"),
            ("optionalClientScopes", "optional_client_scopes"),
        ):
            found += _unknown(f"{where}.{option}", item.get(key, []), scopes, "client scope")
        if "secret" in item and current.ids.get(("secret", name)) == "**********":
            found.append(
                problem(
                    where + ".secret", "the credential may not see it (role manage-clients), so it cannot be compared"
                )
            )
        if name in wanted.service_accounts and not (
            item.get("serviceAccountsEnabled", current.clients.get(name, {}).get("serviceAccountsEnabled"))
        ):
            found.append(
                problem(where + ".service_accounts_enabled", "is off, but roles are given to the service account")
            )
    found += _roles(wanted, current)
    groups = (set(current.groups) | set(wanted.groups)) - wanted.gone("group")
    if wanted.purge["groups"]:
        groups = set(wanted.groups)
    for name, item in wanted.users.items():
        found += _unknown(f"users[{name}].groups", item.get("groups", []), groups, "group")
    found += _profile(wanted, current)
    found += _mapper_types(wanted, current)
    return found


def _unknown(path: str, names: Iterable[str], known: set[str], what: str) -> list[dict[str, str]]:
    return [
        problem(path, f"there is no {what} {name} in the realm or in this input{_nearest(name, known)}")
        for name in names
        if name not in known
    ]


def _roles(wanted: Wanted, current: Current) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    realm_roles = (set(current.realm_roles or {}) | set(wanted.realm_roles)) - wanted.gone("realm_role")
    clients = (set(current.clients) | set(wanted.clients)) - wanted.gone("client")
    places = [(f"groups[{name}]", "", item) for name, item in wanted.groups.items()]
    places += [(f"clients[{name}]", "service_account_", item) for name, item in wanted.service_accounts.items()]
    for where, prefix, item in places:
        found += _unknown(f"{where}.{prefix}realm_roles", item.get("realmRoles", []), realm_roles, "realm role")
        for client, roles in item.get("clientRoles", {}).items():
            path = f"{where}.{prefix}client_roles.{client}"
            if client not in clients:
                found += _unknown(path, [client], clients, "client")
            elif client in current.client_roles:
                found += _unknown(path, roles, current.client_roles[client], "role of client " + client)
    for name, role in wanted.realm_roles.items():
        found += _unknown(f"realm_roles[{name}].composites", role.get("composites", []), realm_roles, "realm role")
    return found


def _profile(wanted: Wanted, current: Current) -> list[dict[str, str]]:
    profile = current.profile
    if not profile or profile.get("unmanagedAttributePolicy") in ("ENABLED", "ADMIN_EDIT"):
        return []
    known = {item.get("name") for item in profile.get("attributes") or []}
    return [
        problem(
            f"users[{name}].attributes.{key}",
            "the user profile of the realm does not have it, so the server would drop it in silence",
        )
        for name, item in wanted.users.items()
        for key in item.get("attributes", {})
        if key not in known
    ]


def mappers_to_check(wanted: Wanted, plan: Plan) -> bool:
    """Whether a mapper is new or changed (only then is the server asked which types it knows)."""
    return any(
        change.kind in ("client", "client_scope")
        and change.operation != "delete"
        and (change.name in wanted.clients or change.name in wanted.client_scopes)
        and (change.after or {}).get("protocolMappers")
        and (change.operation == "create" or "protocolMappers" in change.touched())
        for change in plan.changes
    )


def _mapper_types(wanted: Wanted, current: Current) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    if current.mapper_types is None:
        return found
    for option, objects in (("client_scopes", wanted.client_scopes), ("clients", wanted.clients)):
        for name, item in objects.items():
            for mapper_name, mapper in item.get("protocolMappers", {}).items():
                known = current.mapper_types.get(mapper["protocol"], set())
                path = f"{option}[{name}].protocol_mappers[{mapper_name}].protocol_mapper"
                if mapper["protocolMapper"] not in known:
                    found.append(
                        problem(
                            path,
                            "this server has no mapper type {!r} for protocol {}{}".format(
                                mapper["protocolMapper"], mapper["protocol"], _nearest(mapper["protocolMapper"], known)
                            ),
                        )
                    )
    return found


def adoption(wanted: Wanted, current: Current, adopt: bool) -> list[dict[str, str]]:
    """A realm of the name is there already: is it ours, does it have our clients, or is it really empty?"""
    if not current.exists or adopt or wanted.realm == "master":
        return []
    owner, _origin = canonical.mark(current.realm)
    if owner:
        if wanted.owner and owner not in (wanted.owner, canonical.NOBODY):
            message = "realm {0} belongs to {1!r} (its attribute {2}), not to {3!r}; adopt: true takes it over"
            return [problem("realm", message.format(wanted.realm, owner, canonical.OWNER, wanted.owner))]
        return []
    if read.known_by_clients(wanted, current):
        return []
    others = sorted(set(current.clients) - canonical.BUILTIN_CLIENTS)
    if not (others or current.inhabited):
        return []
    message = "realm {0} is there already and none of its clients is asked for (it has {1}); adopt: true takes it all the same"
    there = "the clients " + ", ".join(others[:5]) if others else "no client of its own, but people or groups"
    return [problem("realm", message.format(wanted.realm, there))]
