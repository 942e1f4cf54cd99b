# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
# Executes exactly a plan. Each object is read again right before it is written: where it is no longer what the plan
# was made from, Replan is raised and the engine reads and plans again.

from __future__ import annotations

from functools import partial
from typing import Any, Callable

from . import canonical
from .canonical import Current, Object
from .errors import KeycloakError, Replan, Uncertain
from .plan import Change, Plan
from .read import Api, base

# Optional ones first: a built-in client whose default list has basic is complete (see _realm_default_scopes).
_SCOPE_LISTS = {"optionalClientScopes": "optional-client-scopes", "defaultClientScopes": "default-client-scopes"}


def execute(api: Api, current: Current, plan: Plan, done: list[Change]) -> bool:
    """True when there is nothing left; False when a realm was made, whose rest has to be planned from what is there.
    What is known to be done is appended to done, also when an error ends it."""
    applier = _Applier(api, current)
    for change in plan.changes:
        try:
            applier.one(change)
        except Uncertain as error:
            raise Replan(change.kind, change.name, error.error.text(), error.error, True) from error
        except KeycloakError as error:
            if error.code in (404, 409):
                raise Replan(change.kind, change.name, error.text(), error) from error
            raise
        done.append(change)
        if change.kind == "realm" and change.operation == "create":
            return False
    return True


def _named(items: dict[str, Object], raw: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    old = {item.get("name"): item for item in raw or []}
    return [dict(old.get(name, {}), name=name, **item) for name, item in sorted(items.items())]


def _attributes(raw: dict[str, Any] | None, before: Object, after: Object, empty: Any = "") -> dict[str, Any]:
    """The server's attributes with ours laid over; a removed one is sent empty."""
    found = dict(raw or {})
    for key in set(before) | set(after):
        if before.get(key) != after.get(key):
            found[key] = after.get(key, empty)
    return found


def _fields(before: Object, after: Object, keys: set[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in keys:
        found[key] = after[key] if key in after else ([] if isinstance(before.get(key), list) else "")
    return found


class _Applier:
    def __init__(self, api: Api, current: Current) -> None:
        self.api = api
        self.current = current
        self.base = base(current.name)

    def one(self, change: Change) -> None:
        if change.operation == "delete":
            self._delete(change)
            return
        handlers: dict[str, Callable[[Change], None]] = {
            "realm": self._realm,
            "realm_role": self._realm_role,
            "client_scope": self._client_scope,
            "realm_default_scopes": self._realm_default_scopes,
            "client": self._client,
            "service_account": self._service_account,
            "group": self._group,
            "user": self._user,
            "group_members": self._group_members,
        }
        handlers[change.kind](change)

    # -- helpers ---------------------------------------------------------------------------------------------------
    def _id(self, kind: str, name: str) -> str:
        found = self.current.ids.get((kind, name))
        if not found:
            raise Replan(kind, name, "it is not there (any more)")
        return found

    def _fresh(self, change: Change, path: str, normal: Callable[[dict[str, Any]], Object]) -> dict[str, Any]:
        """The object as it is now, when the parts that we change are still what the plan saw."""
        raw = self.api.get(path, missing=True)
        if raw is None:
            raise Replan(change.kind, change.name, "it was deleted meanwhile")
        now = normal(raw)
        before = change.before or {}
        for key in change.touched():
            if now.get(key) != before.get(key) and key not in _SCOPE_LISTS:
                raise Replan(change.kind, change.name, f"somebody else changed {key} meanwhile")
        found: dict[str, Any] = raw
        return found

    def _put(self, path: str, body: Any = None) -> None:
        self.api.request("PUT", path, body)

    def _post(self, path: str, body: Any, safe: bool = False) -> Any:
        return self.api.request("POST", path, body, safe=safe)

    def _drop(self, path: str, body: Any = None) -> None:
        self.api.request("DELETE", path, body, accept=(404,))

    # -- kinds -----------------------------------------------------------------------------------------------------
    def _realm(self, change: Change) -> None:
        after = change.after or {}
        if change.operation == "create":
            self._post("admin/realms", dict(after, realm=change.name))
            # With the realm come roles to administer it, which the token in hand does not know.
            self.api.renew()
            return
        raw = self._fresh(change, self.base, canonical.realm)
        before = change.before or {}
        body = _fields(before, after, change.touched() - {"attributes"})
        if "attributes" in change.touched():
            # A realm's attributes are replaced as a whole by the server.
            merged = _attributes(raw.get("attributes"), before.get("attributes", {}), after.get("attributes", {}))
            body["attributes"] = {key: value for key, value in merged.items() if value != ""}
        self._put(self.base, body)

    def _realm_role(self, change: Change) -> None:
        after = change.after or {}
        body = {"name": change.name, "description": after.get("description", "")}
        if change.operation == "create":
            self._post(self.base + "/roles", body)
        elif "description" in change.touched():
            raw = self._fresh(
                change, "{}/roles-by-id/{}".format(self.base, self._id("realm_role", change.name)), canonical.realm_role
            )
            self._put("{}/roles-by-id/{}".format(self.base, raw["id"]), dict(raw, **body))
        if "composites" in after:
            old = set((change.before or {}).get("composites", []))
            path = "{}/roles-by-id/{}/composites".format(self.base, self._role(change.name)["id"])
            self._difference(path, old, set(after["composites"]), self._role)

    def _difference(self, path: str, before: set[str], after: set[str], role: Callable[[str], dict[str, Any]]) -> None:
        if before - after:
            self._drop(path, [role(name) for name in sorted(before - after)])
        if after - before:
            self._post(path, [role(name) for name in sorted(after - before)], safe=True)

    def _role(self, name: str) -> dict[str, Any]:
        found = self.current.ids.get(("realm_role", name))
        if not found:
            raw = self.api.get(f"{self.base}/roles/{_quote(name)}")
            found = self.current.ids[("realm_role", name)] = raw["id"]
        return {"id": found, "name": name}

    def _client_role(self, client: str, name: str) -> dict[str, Any]:
        key = ("client_role", client + "/" + name)
        if key not in self.current.ids:
            path = "{}/clients/{}/roles/{}".format(self.base, self._id("client", client), _quote(name))
            self.current.ids[key] = self.api.get(path)["id"]
        return {"id": self.current.ids[key], "name": name}

    def _mappings(self, path: str, before: Object, after: Object) -> None:
        self._difference(
            path + "/realm", set(before.get("realmRoles", [])), set(after.get("realmRoles", [])), self._role
        )
        old, new = before.get("clientRoles", {}), after.get("clientRoles", {})
        for client in sorted(set(old) | set(new)):
            if old.get(client) != new.get(client):
                self._difference(
                    "{}/clients/{}".format(path, self._id("client", client)),
                    set(old.get(client, [])),
                    set(new.get(client, [])),
                    partial(self._client_role, client),
                )

    def _client_scope(self, change: Change) -> None:
        after = change.after or {}
        path = self.base + "/client-scopes"
        if change.operation == "create":
            body = dict(after, name=change.name, protocolMappers=_named(after.get("protocolMappers", {})))
            self.current.ids[("client_scope", change.name)] = self._post(path, body).created_id
            return
        before = change.before or {}
        path = "{}/{}".format(path, self._id("client_scope", change.name))
        raw = self._fresh(change, path, canonical.client_scope)
        touched = change.touched() - {"protocolMappers"}
        if touched:
            body = dict(raw, **_fields(before, after, touched - {"attributes"}))
            body["attributes"] = _attributes(raw.get("attributes"), before["attributes"], after["attributes"])
            body.pop("protocolMappers", None)
            self._put(path, body)
        ids = {item["name"]: item["id"] for item in raw.get("protocolMappers") or []}
        old, new = before.get("protocolMappers", {}), after.get("protocolMappers", {})
        models = path + "/protocol-mappers/models"
        for name in sorted(set(old) | set(new)):
            if old.get(name) == new.get(name):
                continue
            kept = name in old and name in new and _same_type(old[name], new[name])
            if kept:
                self._put(f"{models}/{ids[name]}", dict(new[name], id=ids[name], name=name))
                continue
            if name in old:
                self._drop(f"{models}/{ids[name]}")
            if name in new:
                self._post(models, dict(new[name], name=name))

    def _realm_default_scopes(self, change: Change) -> None:
        before, after = set((change.before or {})["scopes"]), set((change.after or {})["scopes"])
        mine = f"{self.base}/default-{change.name}-client-scopes/"
        other = "optional" if change.name == "default" else "default"
        there = set(self.current.optional_scopes if other == "optional" else self.current.default_scopes)
        for name in sorted(before - after):
            self._drop(mine + self._id("client_scope", name))
        # basic goes last: where it is a default, everything before it is done (a killed run is finished by the next).
        for name in sorted(after - before, key=lambda item: (item == "basic", item)):
            if name in there:
                self._drop("{}/default-{}-client-scopes/{}".format(self.base, other, self._id("client_scope", name)))
            self._put(mine + self._id("client_scope", name))

    def _client(self, change: Change) -> None:
        after = change.after or {}
        if change.operation == "create":
            body = dict(after, clientId=change.name, protocolMappers=_named(after.get("protocolMappers", {})))
            self.current.ids[("client", change.name)] = self._post(self.base + "/clients", body).created_id
            return
        before = change.before or {}
        path = "{}/clients/{}".format(self.base, self._id("client", change.name))
        with_secret = "secret" in before
        raw = self._fresh(change, path, lambda item: canonical.client(item, with_secret))
        touched = change.touched()
        plain = touched - set(_SCOPE_LISTS)
        if plain:
            body = dict(raw, **_fields(before, after, plain - {"attributes", "protocolMappers"}))
            body["attributes"] = _attributes(raw.get("attributes"), before["attributes"], after["attributes"])
            body.pop("protocolMappers", None)
            if "protocolMappers" in plain:
                body["protocolMappers"] = self._client_mappers(raw, before, after)
            for key in ("access", *_SCOPE_LISTS):
                body.pop(key, None)
            self._put(path, body)
        lists = {key: (set(raw.get(key) or []), set(after.get(key, []))) for key in _SCOPE_LISTS if key in touched}
        for key, (old, _new) in lists.items():
            planned = set(before.get(key, [])) - set(after.get(key, []))
            for name in sorted(old & planned):
                self._drop("{}/{}/{}".format(path, _SCOPE_LISTS[key], self._id("client_scope", name)))
        for key, (old, new) in lists.items():
            for name in sorted(new - old, key=lambda item: (item == "basic", item)):
                self._put("{}/{}/{}".format(path, _SCOPE_LISTS[key], self._id("client_scope", name)))

    @staticmethod
    def _client_mappers(raw: dict[str, Any], before: Object, after: Object) -> list[dict[str, Any]]:
        """With the ids of those that keep their type, so that the server updates them in place."""
        old, new = before.get("protocolMappers", {}), after.get("protocolMappers", {})
        kept = [
            item
            for item in raw.get("protocolMappers") or []
            if item["name"] in new and item["name"] in old and _same_type(old[item["name"]], new[item["name"]])
        ]
        return _named(new, kept)

    def _service_account(self, change: Change) -> None:
        user = self.current.ids.get(("service_account", change.name))
        if not user:
            path = "{}/clients/{}/service-account-user".format(self.base, self._id("client", change.name))
            user = self.current.ids[("service_account", change.name)] = self.api.get(path)["id"]
        self._mappings(f"{self.base}/users/{user}/role-mappings", change.before or {}, change.after or {})

    def _group(self, change: Change) -> None:
        after, before = change.after or {}, change.before or {}
        parts = canonical.split_path(change.name)
        if change.operation == "create":
            path = self.base + "/groups"
            if len(parts) > 1:
                path = "{}/{}/children".format(path, self._id("group", "/" + "/".join(parts[:-1])))
            response = self._post(path, {"name": parts[-1], "attributes": after["attributes"]})
            found = response.created_id or (response.data or {}).get("id", "")
            self.current.ids[("group", change.name)] = found
        path = "{}/groups/{}".format(self.base, self._id("group", change.name))
        if change.operation == "update":
            raw = self._fresh(change, path, canonical.group)
            if "attributes" in change.touched():
                merged = _attributes(raw.get("attributes"), before["attributes"], after["attributes"], [])
                body = {"name": raw["name"], "attributes": {key: value for key, value in merged.items() if value}}
                self._put(path, body)
        self._mappings(path + "/role-mappings", before, after)

    def _user(self, change: Change) -> None:
        after, before = change.after or {}, change.before or {}
        if change.operation == "create":
            body = {key: value for key, value in after.items() if key != "password"}
            if "password" in after:
                body["credentials"] = [{"type": "password", "value": str(after["password"]), "temporary": False}]
            self.current.ids[("user", change.name)] = self._post(self.base + "/users", body).created_id
            return
        path = "{}/users/{}".format(self.base, self._id("user", change.name))
        touched = change.touched()
        plain = touched - {"groups", "password"}
        if plain:
            raw = self._fresh(Change("user", change.name, "update", before, after, sorted(plain)), path, canonical.user)
            body = dict(raw, **_fields(before, after, plain - {"attributes"}))
            if "attributes" in plain:
                merged = _attributes(raw.get("attributes"), before["attributes"], after["attributes"], [])
                body["attributes"] = {key: value for key, value in merged.items() if value}
            body.pop("access", None)
            self._put(path, body)
        old, new = set(before.get("groups", [])), set(after.get("groups", []))
        for group in sorted(old - new):
            self._drop("{}/groups/{}".format(path, self._id("group", group)))
        for group in sorted(new - old):
            self._put("{}/groups/{}".format(path, self._id("group", group)))
        if "password" in after:
            self._put(
                path + "/reset-password", {"type": "password", "value": str(after["password"]), "temporary": False}
            )

    def _group_members(self, change: Change) -> None:
        group = self._id("group", change.name)
        for name in (change.before or {})["members"]:
            found = self.current.ids.get(("user", name))
            if not found:
                users = self.api.get(self.base + "/users", username=name, exact=True, briefRepresentation=True)
                found = users[0]["id"] if users else ""
            if found:
                self._drop(f"{self.base}/users/{found}/groups/{group}")

    def _delete(self, change: Change) -> None:
        places = {
            "user": "users/",
            "group": "groups/",
            "client": "clients/",
            "client_scope": "client-scopes/",
            "realm_role": "roles-by-id/",
        }
        if change.kind == "realm":
            self._drop(self.base)
        else:
            self._drop(f"{self.base}/{places[change.kind]}{self._id(change.kind, change.name)}")


def _same_type(one: Object, other: Object) -> bool:
    return (one.get("protocol"), one.get("protocolMapper")) == (other.get("protocol"), other.get("protocolMapper"))


def _quote(name: str) -> str:
    from urllib.parse import quote

    return quote(name, safe="")
