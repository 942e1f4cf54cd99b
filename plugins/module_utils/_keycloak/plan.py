# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
# Pure. Wanted x current -> the ordered list of changes. Check mode shows it, diff renders it, apply executes it.
# Scopes before clients, groups before users, deletions last.

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Callable

from . import canonical, loose
from .canonical import BUILTIN_CLIENTS, BUILTIN_SCOPES, Current, Object
from .redact import Redactor
from .wanted import CLIENT_AT_BIRTH, REALM_AT_BIRTH, Wanted

SHOWN_UNMANAGED = 200


@dataclass
class Change:
    kind: str
    name: str
    operation: str  # create, update, delete
    before: Object | None
    after: Object | None
    paths: list[str] = field(default_factory=list)

    def touched(self) -> set[str]:
        return {path.split(".", 1)[0] for path in self.paths}

    def shown(self, redactor: Redactor) -> dict[str, Any]:
        """The change as results and diffs show it: an update with the parts that differ only."""

        def part(value: Object | None) -> Any:
            if value is None:
                return None
            if self.operation == "update":
                keys = self.touched()
                value = {key: _parts(key, item, self.paths) for key, item in value.items() if key in keys}
            return redactor.render(self.kind, value)

        return {
            "kind": self.kind,
            "name": self.name,
            "operation": self.operation,
            "paths": self.paths,
            "before": part(self.before),
            "after": part(self.after),
        }


def _parts(key: str, value: Any, paths: list[str]) -> Any:
    """Of a big dictionary (attributes) only the entries that differ."""
    if not isinstance(value, dict) or key in paths:
        return value
    return {name: item for name, item in value.items() if any(_below(key + "." + str(name), path) for path in paths)}


def _below(prefix: str, path: str) -> bool:
    return path == prefix or path.startswith(prefix + ".")


@dataclass
class Plan:
    changes: list[Change] = field(default_factory=list)
    unmanaged: dict[str, list[str]] = field(default_factory=dict)
    hidden: list[str] = field(default_factory=list)  # paths of the realm that the server masks: not compared

    def shown(self, redactor: Redactor) -> list[dict[str, Any]]:
        return [change.shown(redactor) for change in self.changes]


def change_of(kind: str, name: str, before: Object | None, after: Object) -> Change | None:
    if before is None:
        return Change(kind, name, "create", None, after, sorted(after))
    paths = canonical.differing(before, after)
    return Change(kind, name, "update", before, after, paths) if paths else None


# -- the parts ---------------------------------------------------------------------------------------------------------
def _mark(wanted: Wanted, current: Current) -> dict[str, str]:
    """Ours from its birth, or taken over (from nobody or from another owner). An old mark stays as it is."""
    owner, _origin = canonical.mark(current.realm)
    new = wanted.owner or owner or canonical.NOBODY
    if not current.exists:
        return {canonical.OWNER: new, canonical.ORIGIN: canonical.MADE}
    if owner and owner in (new, canonical.NOBODY):
        return {canonical.OWNER: new}
    return {canonical.OWNER: new, canonical.ORIGIN: canonical.ADOPTED}


def _realm(wanted: Wanted, current: Current) -> list[Change | None]:
    settings = dict(wanted.settings)
    if wanted.realm != "master":
        settings["attributes"] = dict(settings.get("attributes") or {}, **_mark(wanted, current))
    if not current.exists:
        return [change_of("realm", wanted.realm, None, canonical.overlay(REALM_AT_BIRTH, settings))]
    if not wanted.reset_secrets:
        settings = canonical.masked(current.realm, settings)
    return [change_of("realm", wanted.realm, current.realm, canonical.overlay(current.realm, settings))]


def _realm_roles(wanted: Wanted, current: Current) -> list[Change | None]:
    found: list[Change | None] = []
    for name in sorted(wanted.realm_roles):
        before = (current.realm_roles or {}).get(name)
        after = canonical.overlay(before or {}, wanted.realm_roles[name])
        if before and "composites" in before and not wanted.purge["role_mappings"]:
            after["composites"] = sorted(set(before["composites"]) | set(after.get("composites", [])))
        found.append(change_of("realm_role", name, before, after))
    return found


def _with_mappers(before: Object | None, after: Object, named: Object, purge: bool) -> Object:
    if "protocolMappers" in named:
        old = {} if before is None or purge else before.get("protocolMappers", {})
        after["protocolMappers"] = dict(old, **named["protocolMappers"])
    return after


def _without(named: Object, *keys: str) -> Object:
    return {key: value for key, value in named.items() if key not in keys}


def missing_builtins(current: Current) -> set[str]:
    """The built-in scopes that a realm has lost, as far as names tell (the reference has the last word)."""
    known = set(current.reference.client_scopes) & BUILTIN_SCOPES if current.reference else BUILTIN_SCOPES
    return set(known) - set(current.client_scopes)


def needs_reference(wanted: Wanted, current: Current) -> bool:
    """Whether something built-in looks lost, so that the server's own idea of it has to be read."""
    if not wanted.builtin_scopes:
        return False
    if missing_builtins(current):
        return True
    emptied = [
        name
        for name in BUILTIN_SCOPES - canonical.EMPTY_BUILTINS - set(wanted.client_scopes)
        if not current.client_scopes.get(name, {}).get("protocolMappers")
    ]
    if _without_sub(wanted, current):
        return True
    defaults = set(current.default_scopes) | set(current.optional_scopes)
    return bool(emptied) or (wanted.default_scopes is None and "basic" not in defaults)


def _without_sub(wanted: Wanted, current: Current) -> bool:
    """Whether the scope basic is there and gives no sub: tokens without it name nobody."""
    if "basic" in wanted.client_scopes or "basic" not in current.client_scopes:
        return False
    return not _sub_mappers(current.client_scopes["basic"])


def _sub_mappers(scope: Object) -> dict[str, Object]:
    held = scope.get("protocolMappers", {})
    return {name: item for name, item in held.items() if item.get("protocolMapper") == canonical.SUB_MAPPER}


def _client_scopes(wanted: Wanted, current: Current) -> list[Change | None]:
    found: list[Change | None] = []
    if wanted.builtin_scopes and current.reference is not None:
        for name in sorted(set(current.reference.client_scopes) & BUILTIN_SCOPES - set(wanted.client_scopes)):
            if name in wanted.gone("client_scope"):
                continue
            model = current.reference.client_scopes[name]
            before = current.client_scopes.get(name)
            if before is None:
                found.append(change_of("client_scope", name, None, model))
            elif not before.get("protocolMappers") and model.get("protocolMappers"):
                after = dict(before, protocolMappers=model["protocolMappers"])
                found.append(change_of("client_scope", name, before, after))
            elif name == "basic" and _without_sub(wanted, current):
                after = dict(before, protocolMappers={**before["protocolMappers"], **_sub_mappers(model)})
                found.append(change_of("client_scope", name, before, after))
    for name in sorted(wanted.client_scopes):
        before = current.client_scopes.get(name)
        named = wanted.client_scopes[name]
        birth: Object = {"name": name, "protocol": "openid-connect", "attributes": {}, "protocolMappers": {}}
        after = canonical.overlay(before or birth, _without(named, "protocolMappers"))
        after = _with_mappers(before, after, named, wanted.purge["protocol_mappers"])
        found.append(change_of("client_scope", name, before, after))
    return found


def scopes_after(wanted: Wanted, current: Current, changes: Iterable[Change | None] = ()) -> dict[str, Object]:
    """The client scopes as they will be."""
    found = dict(current.client_scopes)
    for change in changes:
        if change is not None and change.kind == "client_scope" and change.after is not None:
            found[change.name] = change.after
    if wanted.purge["client_scopes"]:
        kept = set(wanted.client_scopes) | BUILTIN_SCOPES
        found = {name: scope for name, scope in found.items() if name in kept}
    return {name: scope for name, scope in found.items() if name not in wanted.gone("client_scope")}


def default_lists(wanted: Wanted, current: Current, scopes: dict[str, Object]) -> tuple[list[str], list[str]]:
    """The realm's default and optional scopes as they will be."""
    lists = []
    pairs = (
        (wanted.default_scopes, current.default_scopes, "default_scopes"),
        (wanted.optional_scopes, current.optional_scopes, "optional_scopes"),
    )
    for named, before, key in pairs:
        after = {name for name in before if name in scopes}
        if named is not None:
            other = {name for name in after if scopes[name].get("protocol") != "openid-connect"}
            after = set(named) | (other if wanted.purge["default_client_scopes"] else after)
        elif wanted.builtin_scopes and current.reference is not None:
            after |= {name for name in getattr(current.reference, key) if name in BUILTIN_SCOPES and name in scopes}
        lists.append(after)
    default, optional = lists
    if wanted.optional_scopes is not None:
        default -= optional - set(wanted.default_scopes or [])
    optional -= default
    return sorted(default), sorted(optional)


def _default_scopes(wanted: Wanted, current: Current, scopes: dict[str, Object]) -> list[Change | None]:
    default, optional = default_lists(wanted, current, scopes)
    found: list[Change | None] = []
    for name, before, after in (
        ("optional", current.optional_scopes, optional),
        ("default", current.default_scopes, default),
    ):
        kept = [scope for scope in before if scope in scopes]
        found.append(change_of("realm_default_scopes", name, {"scopes": sorted(kept)}, {"scopes": after}))
    return found


def _audience_scopes(scopes: dict[str, Object], client_id: str) -> set[str]:
    return {name for name, scope in scopes.items() if canonical.audiences(scope) - {client_id}}


def _secretless(before: Object | None, secret: str | None, named: Object) -> Object | None:
    if before is not None and "secret" in named:
        return dict(before, secret=secret or "")
    return before


def client_after(wanted: Wanted, name: str, before: Object | None, scopes: dict[str, Object]) -> Object:
    named = wanted.clients[name]
    lists = ("redirectUris", "webOrigins", "defaultClientScopes", "optionalClientScopes")
    base = before if before is not None else CLIENT_AT_BIRTH
    after: Object = canonical.overlay(base, _without(named, "protocolMappers", *lists))
    after["clientId"] = name
    for key, flag in zip(lists, ("redirect_uris", "web_origins", "client_scopes_of_client", "client_scopes_of_client")):
        if key in named:
            old = [] if before is None or wanted.purge[flag] else before.get(key, [])
            after[key] = sorted(set(named[key]) | set(old))
    held = canonical.POST_LOGOUT
    if before is not None and held in named.get("attributes", {}) and not wanted.purge["post_logout_redirect_uris"]:
        uris = set((named["attributes"][held] or "").split("##")) | set(before["attributes"].get(held, "").split("##"))
        after["attributes"][held] = "##".join(sorted(uris - {""}))
    _with_mappers(before, after, named, wanted.purge["protocol_mappers"])
    # The server itself gives a client with a service account this scope.
    given = before is not None and "service_account" in before.get("defaultClientScopes", [])
    if given and "defaultClientScopes" in named and after.get("serviceAccountsEnabled"):
        after["defaultClientScopes"] = sorted(set(after["defaultClientScopes"]) | {"service_account"})
    if name in wanted.requesters:
        targets = _audience_scopes(scopes, name)
        kept = set() if before is None else targets & set(before.get("optionalClientScopes", []))
        if "optionalClientScopes" in after:
            after["optionalClientScopes"] = sorted((set(after["optionalClientScopes"]) - targets) | kept)
    if "optionalClientScopes" in after and "defaultClientScopes" in named:
        after["optionalClientScopes"] = sorted(set(after["optionalClientScopes"]) - set(after["defaultClientScopes"]))
    if "defaultClientScopes" in after and "optionalClientScopes" in named and "defaultClientScopes" not in named:
        after["defaultClientScopes"] = sorted(set(after["defaultClientScopes"]) - set(after["optionalClientScopes"]))
    return after


def _clients(
    wanted: Wanted, current: Current, scopes: dict[str, Object], lists: tuple[list[str], list[str]]
) -> list[Change | None]:
    found: list[Change | None] = []
    if wanted.builtin_scopes and current.exists and "basic" in lists[0]:
        for name in sorted(BUILTIN_CLIENTS & set(current.clients) - set(wanted.clients)):
            before = current.clients[name]
            has = set(before["defaultClientScopes"]) | set(before["optionalClientScopes"])
            if "basic" in has:
                continue
            oidc = {n for n in BUILTIN_SCOPES if scopes.get(n, {}).get("protocol") == "openid-connect"} - has
            after = dict(before)
            after["defaultClientScopes"] = sorted(set(before["defaultClientScopes"]) | (oidc & set(lists[0])))
            after["optionalClientScopes"] = sorted(set(before["optionalClientScopes"]) | (oidc & set(lists[1])))
            found.append(change_of("client", name, before, after))
    for name in sorted(wanted.clients):
        kept = current.clients.get(name)
        secret = current.ids.get(("secret", name))
        before_or_none = _secretless(kept, secret, wanted.clients[name])
        if before_or_none is not None:
            before_or_none = dict(before_or_none)
            for key in ("defaultClientScopes", "optionalClientScopes"):
                before_or_none[key] = [scope for scope in before_or_none[key] if scope in scopes]
        after = client_after(wanted, name, before_or_none, scopes)
        found.append(change_of("client", name, before_or_none, after))
    return found


def _mappings(before: Object, named: Object, purge: bool) -> Object:
    after = dict(before)
    if "realmRoles" in named:
        after["realmRoles"] = sorted(set(named["realmRoles"]) | (set() if purge else set(before["realmRoles"])))
    if "clientRoles" in named:
        roles = {} if purge else {key: set(value) for key, value in before["clientRoles"].items()}
        for key, value in named["clientRoles"].items():
            roles[key] = roles.get(key, set()) | set(value)
        after["clientRoles"] = {key: sorted(value) for key, value in roles.items()}
    return after


def _service_accounts(wanted: Wanted, current: Current) -> list[Change | None]:
    found: list[Change | None] = []
    for name in sorted(wanted.service_accounts):
        before = current.service_accounts.get(name) or {"realmRoles": [], "clientRoles": {}}
        after = _mappings(before, wanted.service_accounts[name], wanted.purge["role_mappings"])
        found.append(change_of("service_account", name, before, after))
    return found


def _groups(wanted: Wanted, current: Current) -> list[Change | None]:
    found: list[Change | None] = []
    birth: Object = {"attributes": {}, "realmRoles": [], "clientRoles": {}}
    for path in sorted(wanted.groups, key=lambda item: (item.count("/"), item)):
        before = current.groups.get(path)
        named = wanted.groups[path]
        after = canonical.overlay(before or birth, _without(named, "realmRoles", "clientRoles"))
        after = _mappings(after, named, wanted.purge["role_mappings"])
        found.append(change_of("group", path, before, after))
    return found


def managed_groups(wanted: Wanted) -> set[str]:
    """The groups whose members have to be read: those that are managed or named by a user."""
    if not wanted.users and not wanted.purge["group_members"]:
        return set()
    named = {path for user in wanted.users.values() for path in user.get("groups", [])}
    return set(wanted.groups) | named


def _users(wanted: Wanted, current: Current) -> list[Change | None]:
    found: list[Change | None] = []
    managed = managed_groups(wanted)
    for name in sorted(wanted.users):
        before = current.users.get(name)
        named = wanted.users[name]
        if before is not None:
            before = dict(before, groups=sorted(path for path in managed if name in current.members.get(path, set())))
        birth: Object = {"username": name, "enabled": True, "attributes": {}, "requiredActions": [], "groups": []}
        after = canonical.overlay(before or birth, named)
        if before is not None and "groups" in named and not wanted.purge["group_membership"]:
            after["groups"] = sorted(set(before["groups"]) | set(named["groups"]))
        if name in wanted.passwords and (before is None or name in wanted.reset_passwords):
            after["password"] = wanted.passwords[name]
        found.append(change_of("user", name, before, after))
    return found


def _deletions(wanted: Wanted, current: Current) -> list[Change]:
    def gone(kind: str, flag: str, have: Iterable[str], keep: set[str]) -> list[str]:
        names = wanted.gone(kind) & set(have)
        if wanted.purge[flag]:
            names |= set(have) - keep
        return sorted(names)

    found: list[Change] = []
    tables: list[tuple[str, str, dict[str, Object], set[str]]] = [
        ("user", "users", current.users, set(wanted.users)),
        ("group", "groups", current.groups, set(wanted.groups)),
        ("client", "clients", current.clients, set(wanted.clients) | builtin_clients(current)),
        ("client_scope", "client_scopes", current.client_scopes, set(wanted.client_scopes) | BUILTIN_SCOPES),
        ("realm_role", "realm_roles", current.realm_roles or {}, set(wanted.realm_roles) | builtin_roles(current)),
    ]
    for kind, flag, have, keep in tables:
        names = gone(kind, flag, have, keep)
        if kind == "group":
            names.sort(key=lambda item: (-item.count("/"), item))
        found += [Change(kind, name, "delete", have[name], None, []) for name in names]
    if wanted.purge["group_members"]:
        for path in sorted(managed_groups(wanted) & set(current.groups)):
            others = sorted(current.members.get(path, set()) - set(wanted.users))
            if others and path not in wanted.gone("group"):
                found.append(Change("group_members", path, "update", {"members": others}, {"members": []}, ["members"]))
    return found


def builtin_clients(current: Current) -> set[str]:
    found = set(BUILTIN_CLIENTS)
    if current.name == "master":
        found |= {name for name in current.clients if name.endswith("-realm")}
    return found


def builtin_roles(current: Current) -> set[str]:
    found = set(canonical.BUILTIN_ROLES) | {"default-roles-" + current.name.lower()}
    return found | ({"admin", "create-realm"} if current.name == "master" else set())


_REMOVED_BY_PURGE = frozenset(["clients", "client_scopes", "groups", "users", "realm_roles", "group_members"])


def _unmanaged(wanted: Wanted, current: Current) -> dict[str, list[str]]:
    if not current.exists:
        return {}
    members = managed_groups(wanted)
    found = {
        "clients": set(current.clients) - set(wanted.clients) - builtin_clients(current) - wanted.gone("client"),
        "client_scopes": set(current.client_scopes)
        - set(wanted.client_scopes)
        - BUILTIN_SCOPES
        - wanted.gone("client_scope"),
        "groups": set(current.groups) - set(wanted.groups) - wanted.gone("group"),
        "users": set(current.users) - set(wanted.users) - wanted.gone("user"),
        "realm_roles": set(current.realm_roles or {})
        - set(wanted.realm_roles)
        - builtin_roles(current)
        - wanted.gone("realm_role"),
        "client_settings": loose.settings(wanted, current),
        "default_client_scopes": loose.defaults(wanted, current),
        "protocol_mappers": loose.mappers(wanted, current),
        "group_members": {
            f"{path}: {name}" for path in members for name in current.members.get(path, set()) - set(wanted.users)
        },
    }
    shown: dict[str, list[str]] = {}
    for kind, names in found.items():
        if not names or (kind in _REMOVED_BY_PURGE and wanted.purge[kind]):
            continue
        shown[kind] = sorted(names)[:SHOWN_UNMANAGED]
        if len(names) > SHOWN_UNMANAGED:
            shown[kind].append(f"... and {len(names) - SHOWN_UNMANAGED} more")
    return shown


def make(wanted: Wanted, current: Current) -> Plan:
    changes: list[Change | None] = []
    changes += _realm(wanted, current)
    changes += _realm_roles(wanted, current)
    changes += _client_scopes(wanted, current)
    scopes = scopes_after(wanted, current, changes)
    changes += _default_scopes(wanted, current, scopes)
    changes += _clients(wanted, current, scopes, default_lists(wanted, current, scopes))
    changes += _service_accounts(wanted, current)
    changes += _groups(wanted, current)
    changes += _users(wanted, current)
    changes += _deletions(wanted, current)
    hidden = [] if wanted.reset_secrets else canonical.hidden(current.realm, wanted.settings)
    return Plan([change for change in changes if change is not None], _unmanaged(wanted, current), hidden)


def contested(wanted: Wanted, current: Current, changes: Iterable[Change]) -> dict[str, list[str]]:
    """Clients that exchange tokens and lose here the scopes for it, which keycloak_token_exchange_client would give
    back: without requester: true the two modules undo each other's work."""
    found: dict[str, list[str]] = {}
    for change in changes:
        before, after = change.before or {}, change.after or {}
        if change.kind != "client" or change.operation != "update" or change.name in wanted.requesters:
            continue
        if before["attributes"].get(canonical.EXCHANGE_ENABLED) != "true":
            continue
        lost = set(before.get("optionalClientScopes", [])) - set(after.get("optionalClientScopes", []))
        taken = sorted(lost & _audience_scopes(current.client_scopes, change.name))
        if taken:
            found[change.name] = taken
    return found


Planner = Callable[[Current], Plan]
