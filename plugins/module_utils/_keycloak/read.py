# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
# One read a kind, paged; what Keycloak's API forces to one request a thing (members of a group, roles of a service
# account, composites of a role) only for what is managed.

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Protocol
from urllib.parse import quote

from . import canonical, plan
from .canonical import Current, Object, Reference
from .errors import KeycloakError
from .wanted import Wanted

PAGE = 500
LOOKUPS = 20  # up to so many managed users are looked up by name where the realm has more than a page


class Api(Protocol):
    """What reading and applying need of a session."""

    def get(self, path: str, missing: bool = False, **params: Any) -> Any:
        """The decoded answer of a read."""

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        params: dict[str, Any] | None = None,
        safe: bool | None = None,
        accept: Any = (),
    ) -> Any:
        """One call of the Admin API."""

    def parallel(self, calls: list[Callable[[], Any]]) -> list[Any]:
        """The answers of several reads, in their order."""

    def renew(self) -> None:
        """The next request logs in anew."""


def base(realm: str) -> str:
    return "admin/realms/" + quote(realm, safe="")


def paged(
    api: Api, current: Current, path: str, enough: Callable[[list[Any]], bool] | None = None, **params: Any
) -> Any:
    """All pages of a list and whether it is complete."""
    found: list[Any] = []
    while True:
        page = api.get(path, first=len(found), max=PAGE, **params)
        current.pages += 1
        found += page
        if len(page) < PAGE:
            return found, True
        if enough is not None and enough(found):
            return found, False


def read(api: Api, wanted: Wanted) -> Current:
    current = Current(wanted.realm)
    path = base(wanted.realm)
    raw = api.get(path, missing=True)
    if raw is None:
        current.exists = False
        _fresh(api, wanted, current)
        return current
    if "enabled" not in raw:
        raise KeycloakError(
            f"Of realm {wanted.realm} only the name can be read.",
            "forbidden",
            403,
            f"The credential lacks the role view-realm (client realm-management of the realm, or client {wanted.realm}-realm of "
            "realm master).",
            "GET",
            path,
        )
    current.realm = canonical.realm(raw)
    need_roles = _needs_roles(wanted)
    calls: list[Callable[[], Any]] = [
        lambda: api.get(path + "/client-scopes"),
        *_of_clients(api, current, path),
        lambda: _read_groups(api, path) if _needs_groups(wanted) else [],
        lambda: _read_users(api, wanted, current, path),
        lambda: api.get(path + "/roles", briefRepresentation=False) if need_roles else None,
        lambda: api.get(path + "/users/profile") if _needs_profile(wanted) else None,
    ]
    scopes, default, optional, clients, groups, users, roles, profile = api.parallel(calls)
    _take_clients(current, scopes, default, optional, clients)
    _take_groups(current, groups)
    for item in users:
        name = str(item["username"]).lower()
        current.users[name] = canonical.user(item)
        current.ids[("user", name)] = item["id"]
    current.profile = profile
    if roles is not None:
        current.realm_roles = {}
        for item in roles:
            current.realm_roles[item["name"]] = canonical.realm_role(item)
            current.ids[("realm_role", item["name"])] = item["id"]
    _read_details(api, wanted, current, path)
    current.inhabited = bool(current.users or current.groups) or _inhabited(api, wanted, current, path)
    if plan.needs_reference(wanted, current):
        current.reference = read_reference(api, wanted.realm)
    return current


def read_clients(api: Api, realm: str) -> Current:
    """The clients and scopes of a realm, and nothing else of it."""
    current = Current(realm)
    path = base(realm)
    scopes = api.get(path + "/client-scopes", missing=True)
    if scopes is None:
        current.exists = False
        return current
    _take_clients(current, scopes, *api.parallel(_of_clients(api, current, path)))
    return current


def _of_clients(api: Api, current: Current, path: str) -> list[Callable[[], Any]]:
    return [
        lambda: api.get(path + "/default-default-client-scopes"),
        lambda: api.get(path + "/default-optional-client-scopes"),
        lambda: paged(api, current, path + "/clients")[0],
    ]


def _take_clients(
    current: Current, scopes: list[Object], default: list[Object], optional: list[Object], clients: list[Object]
) -> None:
    for item in scopes:
        current.client_scopes[item["name"]] = canonical.client_scope(item)
        current.ids[("client_scope", item["name"])] = item["id"]
    current.default_scopes = sorted(item["name"] for item in default)
    current.optional_scopes = sorted(item["name"] for item in optional)
    for item in clients:
        take_client(current, item)


def known_by_clients(wanted: Wanted, current: Current) -> set[str]:
    """The clients that the realm and the input have in common. Names of scopes, groups and people are everybody's."""
    return set(wanted.clients) & set(current.clients) - canonical.BUILTIN_CLIENTS


def _inhabited(api: Api, wanted: Wanted, current: Current, path: str) -> bool:
    """Only a realm without a mark and without a client of ours has to be empty to be adopted; then it is looked at,
    whatever the input names."""
    if wanted.consent or wanted.realm == "master" or canonical.mark(current.realm)[0]:
        return False
    if known_by_clients(wanted, current):
        return False
    people = api.get(path + "/users", first=0, max=1, briefRepresentation=True)
    return bool(people or api.get(path + "/groups", first=0, max=1, briefRepresentation=True))


def take_client(current: Current, item: dict[str, Any]) -> None:
    name = item["clientId"]
    current.clients[name] = canonical.client(item)
    current.ids[("client", name)] = item["id"]
    current.ids[("secret", name)] = item.get("secret") or ""


def _read_groups(api: Api, path: str) -> list[dict[str, Any]]:
    """The whole tree in one request: only a search fills in subgroups, and a blank finds everything. Where a server
    answers with less, the children are asked for one by one."""
    found: list[dict[str, Any]] = api.get(path + "/groups", briefRepresentation=False, search=" ")
    if not found:
        found = api.get(path + "/groups", briefRepresentation=False)
    todo = list(found)
    while todo:
        group = todo.pop()
        if len(group.get("subGroups") or []) < (group.get("subGroupCount") or 0):
            where = "{}/groups/{}/children".format(path, group["id"])
            group["subGroups"] = api.get(where, briefRepresentation=False, max=PAGE * 20)
        todo += group.get("subGroups") or []
    return found


def _take_groups(current: Current, items: list[dict[str, Any]]) -> None:
    for item in items:
        current.groups[item["path"]] = canonical.group(item)
        current.ids[("group", item["path"])] = item["id"]
        _take_groups(current, item.get("subGroups") or [])


def _needs_groups(wanted: Wanted) -> bool:
    return bool(
        wanted.groups
        or wanted.gone("group")
        or wanted.purge["groups"]
        or any("groups" in u for u in wanted.users.values())
    )


def _needs_roles(wanted: Wanted) -> bool:
    named = [*wanted.groups.values(), *wanted.service_accounts.values()]
    return bool(
        wanted.realm_roles
        or wanted.gone("realm_role")
        or wanted.purge["realm_roles"]
        or any(item.get("realmRoles") for item in named)
    )


def _needs_profile(wanted: Wanted) -> bool:
    return any(user.get("attributes") for user in wanted.users.values())


def _read_users(api: Api, wanted: Wanted, current: Current, path: str) -> list[dict[str, Any]]:
    names = set(wanted.users) | wanted.gone("user")
    if not names and not wanted.purge["users"]:
        return []
    few = len(names) <= LOOKUPS and not wanted.purge["users"]

    def enough(found: list[dict[str, Any]]) -> bool:
        return few or (not wanted.purge["users"] and names <= {str(item["username"]).lower() for item in found})

    found, current.users_complete = paged(api, current, path + "/users", enough, briefRepresentation=False)
    have = {str(item["username"]).lower() for item in found}
    if current.users_complete or names <= have:
        return list(found)
    lookups: list[Callable[[], Any]] = [
        partial(api.get, path + "/users", username=name, exact=True, briefRepresentation=False)
        for name in sorted(names - have)
    ]
    for items in api.parallel(lookups):
        found += items
    return list(found)


def _client_roles(wanted: Wanted) -> set[str]:
    named = [*wanted.groups.values(), *wanted.service_accounts.values()]
    return {client for item in named for client in item.get("clientRoles", {})}


def _read_details(api: Api, wanted: Wanted, current: Current, path: str) -> None:
    groups = sorted(plan.managed_groups(wanted) & set(current.groups))
    members: list[Callable[[], Any]] = [
        partial(paged, api, current, "{}/groups/{}/members".format(path, current.ids[("group", group)]), None,
                briefRepresentation=True)
        for group in groups
    ]  # fmt: skip
    for group, (found, _complete) in zip(groups, api.parallel(members)):
        current.members[group] = {str(item["username"]).lower() for item in found}
    for client in sorted(_client_roles(wanted) & set(current.clients)):
        items = api.get("{}/clients/{}/roles".format(path, current.ids[("client", client)]))
        current.client_roles[client] = {item["name"] for item in items}
        for item in items:
            current.ids[("client_role", client + "/" + item["name"])] = item["id"]
    for client in sorted(set(wanted.service_accounts) & set(current.clients)):
        if current.clients[client].get("serviceAccountsEnabled"):
            current.service_accounts[client] = read_service_account(api, current, client)
    for name in sorted(set(wanted.realm_roles) & set(current.realm_roles or {})):
        if "composites" in wanted.realm_roles[name] and current.realm_roles is not None:
            items = api.get("{}/roles-by-id/{}/composites/realm".format(path, current.ids[("realm_role", name)]))
            current.realm_roles[name]["composites"] = sorted(item["name"] for item in items)


def read_service_account(api: Api, current: Current, client: str) -> Object:
    path = base(current.name)
    user = api.get("{}/clients/{}/service-account-user".format(path, current.ids[("client", client)]))
    current.ids[("service_account", client)] = user["id"]
    found = api.get("{}/users/{}/role-mappings".format(path, user["id"]))
    default = "default-roles-" + current.name.lower()
    mappings = found.get("clientMappings") or {}
    return {
        "realmRoles": sorted(item["name"] for item in found.get("realmMappings") or [] if item["name"] != default),
        "clientRoles": {key: sorted(item["name"] for item in value["mappings"]) for key, value in mappings.items()},
    }


def read_reference(api: Api, realm: str) -> Reference:
    """The built-in scopes as this version of the server makes them: those of realm master."""
    path = base("master")
    try:
        scopes, default, optional = api.parallel(
            [
                lambda: api.get(path + "/client-scopes"),
                lambda: api.get(path + "/default-default-client-scopes"),
                lambda: api.get(path + "/default-optional-client-scopes"),
            ]
        )
    except KeycloakError as error:
        if error.code != 403:
            raise
        raise KeycloakError(
            f"Realm {realm} lacks built-in client scopes, and what they hold cannot be read from realm master.",
            "forbidden",
            403,
            error.hint + " Or set builtin_scopes: false.",
            "GET",
            path,
        ) from error
    return Reference(
        client_scopes={item["name"]: canonical.client_scope(item) for item in scopes},
        default_scopes=sorted(item["name"] for item in default),
        optional_scopes=sorted(item["name"] for item in optional),
    )


def _fresh(api: Api, wanted: Wanted, current: Current) -> None:
    """A realm that is not there: planned against what the server will make of a new one."""
    try:
        reference: Reference | None = read_reference(api, wanted.realm)
    except KeycloakError as error:
        if error.code != 403:
            raise
        reference = None
    assume_fresh(current, reference)


def assume_fresh(current: Current, reference: Reference | None = None) -> None:
    current.exists = False
    current.reference = None
    if reference is not None:
        current.client_scopes = {n: s for n, s in reference.client_scopes.items() if n in canonical.BUILTIN_SCOPES}
        current.default_scopes = [n for n in reference.default_scopes if n in current.client_scopes]
        current.optional_scopes = [n for n in reference.optional_scopes if n in current.client_scopes]
    else:
        saml = ("role_list", "saml_organization")
        current.client_scopes = {
            name: {
                "name": name,
                "protocol": "saml" if name in saml else "openid-connect",
                "attributes": {},
                "protocolMappers": {},
            }
            for name in canonical.BUILTIN_SCOPES
        }
        current.default_scopes = sorted([*canonical.BUILTIN_DEFAULT, *saml])
        current.optional_scopes = sorted(["address", "microprofile-jwt", "offline_access", "organization", "phone"])
    current.clients = {
        name: {
            "clientId": name,
            "protocol": "openid-connect",
            "attributes": {},
            "protocolMappers": {},
            "defaultClientScopes": list(current.default_scopes),
            "optionalClientScopes": list(current.optional_scopes),
            "redirectUris": [],
            "webOrigins": [],
        }
        for name in canonical.BUILTIN_CLIENTS
    }
    current.realm_roles = {name: {"name": name} for name in canonical.BUILTIN_ROLES}
    current.users_complete = True
