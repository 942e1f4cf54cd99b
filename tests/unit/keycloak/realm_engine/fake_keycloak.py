# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small stand-in for Keycloak's Admin API, as far as our engine uses it. Its quirks were measured on 26.4.7: an
update of a client takes mappers and redirect URIs but not scopes, an update of a client scope does not take mappers,
attributes go away when sent empty, a realm's attributes are replaced as a whole, userinfo.token.claim is written down
when only id.token.claim was said, a scope with a service account turns up by itself."""

from __future__ import annotations

import copy
import itertools
import json
import re
import threading
import time
import urllib.parse
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak.canonical import BUILTIN_CLIENTS
from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak.errors import KeycloakError
from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak.session import Response

MAPPERS = ["oidc-audience-mapper", "oidc-group-membership-mapper", "oidc-sub-mapper", "oidc-hardcoded-claim-mapper"]
DEFAULT = ["acr", "basic", "email", "profile", "role_list", "roles", "saml_organization", "web-origins"]
OPTIONAL = ["address", "microprofile-jwt", "offline_access", "organization", "phone"]


def builtin_scopes() -> list[dict[str, Any]]:
    found = []
    for name in [*DEFAULT, *OPTIONAL, "service_account"]:
        saml = name in ("role_list", "saml_organization")
        mappers = (
            [] if name == "offline_access" else [mapper("sub" if name == "basic" else name, "oidc-sub-mapper", {})]
        )
        if saml:
            mappers[0]["protocol"] = "saml"
        found.append({"name": name, "protocol": "saml" if saml else "openid-connect", "protocolMappers": mappers})
    return found


def mapper(name: str, kind: str, config: dict[str, str]) -> dict[str, Any]:
    return {"name": name, "protocol": "openid-connect", "protocolMapper": kind, "config": config}


class Refused(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class FakeKeycloak:
    def __init__(self) -> None:
        self.numbers = itertools.count(1)
        self.realms: dict[str, dict[str, Any]] = {}
        self.log: list[tuple[str, str]] = []
        self.before_write: Callable[[FakeKeycloak, str, str], None] = lambda fake, method, path: None
        self._make({"realm": "master"})

    @property
    def writes(self) -> list[tuple[str, str]]:
        return [entry for entry in self.log if entry[0] != "GET"]

    def id(self) -> str:
        return f"id-{next(self.numbers):04d}"

    # -- state -----------------------------------------------------------------------------------------------------
    def _make(self, body: dict[str, Any]) -> None:
        rep = {key: value for key, value in body.items() if key not in ("clientScopes", "clients", "groups", "users")}
        rep.setdefault("enabled", False)
        rep["id"] = self.id()
        rep.setdefault("attributes", {})
        realm: dict[str, Any] = {
            "rep": rep, "scopes": {}, "default": set(), "optional": set(), "clients": {}, "groups": {}, "users": {},
            "roles": {}, "role_mappings": {}, "members": {}, "profile": {"unmanagedAttributePolicy": "ENABLED"},
        }  # fmt: skip
        self.realms[body["realm"]] = realm
        for scope in body.get("clientScopes", builtin_scopes()):
            self._scope(realm, scope)
        if "clientScopes" not in body:
            for kind, names in (("default", DEFAULT), ("optional", OPTIONAL)):
                realm[kind] = {key for key, item in realm["scopes"].items() if item["name"] in names}
        for name in sorted(BUILTIN_CLIENTS):
            self._client(realm, {"clientId": name})
        for name in ("offline_access", "uma_authorization", "default-roles-" + body["realm"]):
            self._role(realm, {"name": name})
        for item in body.get("clients", []):
            self._client(realm, item)
        for item in body.get("groups", []):
            self._group(realm, item, "")
        for item in body.get("users", []):
            self._user(realm, item)

    def _mappers(self, items: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
        found = []
        for item in items or []:
            if item["protocol"] == "openid-connect" and item["protocolMapper"] not in MAPPERS:
                raise Refused(400, "unknown mapper type")
            config = dict(item.get("config") or {})
            if "id.token.claim" in config:
                config.setdefault("userinfo.token.claim", config["id.token.claim"])
            found.append(dict(item, id=item.get("id") or self.id(), config=config, consentRequired=False))
        return found

    def _scope(self, realm: dict[str, Any], body: dict[str, Any]) -> str:
        if any(item["name"] == body["name"] for item in realm["scopes"].values()):
            raise Refused(409, "Client Scope already exists")
        key = self.id()
        realm["scopes"][key] = dict(body, id=key, protocolMappers=self._mappers(body.get("protocolMappers")))
        return key

    def _scope_names(self, realm: dict[str, Any], ids: set[str]) -> list[str]:
        return [realm["scopes"][key]["name"] for key in ids if realm["scopes"][key]["protocol"] == "openid-connect"]

    def _client(self, realm: dict[str, Any], body: dict[str, Any]) -> str:
        if any(item["clientId"] == body["clientId"] for item in realm["clients"].values()):
            raise Refused(409, f"Client {body['clientId']} already exists")
        known = {item["name"] for item in realm["scopes"].values()}
        found = {
            "enabled": True, "publicClient": False, "bearerOnly": False, "standardFlowEnabled": True,
            "fullScopeAllowed": True, "protocol": "openid-connect", "redirectUris": [], "webOrigins": [],
        }  # fmt: skip
        found.update(body)
        found["id"] = key = self.id()
        if not found["publicClient"] and not found.get("secret"):
            found["secret"] = "made-" + key
        found["protocolMappers"] = self._mappers(body.get("protocolMappers"))
        found["attributes"] = {
            "realm_client": "false",
            **{k: v for k, v in (body.get("attributes") or {}).items() if v},
        }
        given = "defaultClientScopes" in body or "optionalClientScopes" in body
        for name, kind in (("defaultClientScopes", "default"), ("optionalClientScopes", "optional")):
            own = body.get(name, []) if given else self._scope_names(realm, realm[kind])
            found[name] = [scope for scope in own if scope in known]
        if found.get("serviceAccountsEnabled"):
            found["defaultClientScopes"] = sorted({*found["defaultClientScopes"], "service_account"})
            realm["users"]["sa-" + key] = {"id": "sa-" + key, "username": "service-account-" + found["clientId"]}
            realm["role_mappings"]["sa-" + key] = {"default-roles-" + realm["rep"]["realm"]}
        realm["clients"][key] = found
        return key

    def _role(self, realm: dict[str, Any], body: dict[str, Any]) -> str:
        if any(item["name"] == body["name"] for item in realm["roles"].values()):
            raise Refused(409, "Role already exists")
        key = self.id()
        realm["roles"][key] = {"id": key, "name": body["name"], "description": body.get("description") or ""}
        realm["role_mappings"][key] = set()
        return key

    def _group(self, realm: dict[str, Any], body: dict[str, Any], parent: str) -> str:
        path = (realm["groups"][parent]["path"] if parent else "") + "/" + body["name"]
        if any(item["path"] == path for item in realm["groups"].values()):
            raise Refused(409, "Top level group named already exists")
        key = self.id()
        realm["groups"][key] = {
            "id": key, "name": body["name"], "path": path, "parent": parent,
            "attributes": body.get("attributes") or {}, "clientRoles": {},
        }  # fmt: skip
        realm["role_mappings"][key] = set()
        realm["members"][key] = set()
        return key

    def _user(self, realm: dict[str, Any], body: dict[str, Any]) -> str:
        name = body["username"].lower()
        if any(item["username"] == name for item in realm["users"].values()):
            raise Refused(409, "User exists with same username")
        key = self.id()
        paths = {item["path"]: group for group, item in realm["groups"].items()}
        if any(path not in paths for path in body.get("groups", [])):
            raise Refused(500, "unknown_error")
        found = {k: v for k, v in body.items() if k not in ("groups", "credentials")}
        realm["users"][key] = dict(found, id=key, username=name, requiredActions=body.get("requiredActions") or [])
        realm["users"][key]["password"] = [item["value"] for item in body.get("credentials", [])]
        for path in body.get("groups", []):
            realm["members"][paths[path]].add(key)
        return key

    # -- requests --------------------------------------------------------------------------------------------------
    def handle(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any, str]:
        self.log.append((method, path))
        if method != "GET":
            self.before_write(self, method, path)
        try:
            return self._handle(method, path, query, copy.deepcopy(body))
        except Refused as error:
            return error.status, {"errorMessage": error.text}, ""

    def _handle(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any, str]:
        if path == "admin/serverinfo":
            types = {"openid-connect": [{"id": name} for name in MAPPERS]}
            return 200, {"protocolMapperTypes": types}, ""
        parts = [urllib.parse.unquote(part) for part in path.split("/")]
        if parts[:2] != ["admin", "realms"]:
            raise Refused(404, "unknown path")
        if len(parts) == 2:
            if body["realm"] in self.realms:
                raise Refused(409, "Realm exists")
            self._make(body)
            return 201, None, "http://x/" + path + "/" + body["realm"]
        realm = self.realms.get(parts[2])
        if realm is None:
            raise Refused(404, "Realm not found.")
        rest = "/".join(parts[3:])
        for pattern, handler in ROUTES:
            match = re.fullmatch(pattern, method + " " + rest)
            if match:
                return handler(self, realm, method, [*match.groups()], query, body)
        raise Refused(404, "no route for " + method + " " + rest)


def _part(fake: FakeKeycloak, realm: dict[str, Any], method: str, *unused: Any) -> tuple[int, Any, str]:
    body = unused[2]
    if method == "GET":
        return 200, copy.deepcopy(realm["rep"]), ""
    if method == "DELETE":
        del fake.realms[realm["rep"]["realm"]]
    else:
        realm["rep"].update(body)
    return 204, None, ""


def _scopes(fake: FakeKeycloak, realm: dict[str, Any], method: str, ids: list[str], query: Any, body: Any) -> Any:
    if not ids:
        if method == "POST":
            return 201, None, "http://x/client-scopes/" + fake._scope(realm, body)
        return 200, copy.deepcopy(list(realm["scopes"].values())), ""
    scope = _found(realm["scopes"], ids[0])
    if len(ids) == 1:
        if method == "GET":
            return 200, copy.deepcopy(scope), ""
        if method == "DELETE":
            del realm["scopes"][ids[0]]
            realm["default"].discard(ids[0])
            realm["optional"].discard(ids[0])
            for client in realm["clients"].values():
                for key in ("defaultClientScopes", "optionalClientScopes"):
                    client[key] = [name for name in client[key] if name != scope["name"]]
            return 204, None, ""
        attributes = {**(scope.get("attributes") or {}), **(body.pop("attributes", None) or {})}
        body.pop("protocolMappers", None)
        scope.update(body, attributes={key: value for key, value in attributes.items() if value != ""})
        return 204, None, ""
    models = scope["protocolMappers"]
    if method == "POST":
        if any(item["name"] == body["name"] for item in models):
            raise Refused(409, "Protocol mapper exists with same name")
        models += fake._mappers([body])
        return 201, None, ""
    index = next((n for n, item in enumerate(models) if item["id"] == ids[1]), None)
    if index is None:
        raise Refused(404, "Model not found")
    models[index : index + 1] = fake._mappers([body]) if method == "PUT" else []
    return 204, None, ""


def _defaults(fake: FakeKeycloak, realm: dict[str, Any], method: str, ids: list[str], query: Any, body: Any) -> Any:
    kind = ids[0]
    if len(ids) == 1:
        return 200, [{"id": key, "name": realm["scopes"][key]["name"]} for key in realm[kind]], ""
    _found(realm["scopes"], ids[1])
    if method == "PUT":
        realm[kind].add(ids[1])
    else:
        realm[kind].discard(ids[1])
    return 204, None, ""


def _clients(fake: FakeKeycloak, realm: dict[str, Any], method: str, ids: list[str], query: Any, body: Any) -> Any:
    if not ids:
        if method == "POST":
            return 201, None, "http://x/clients/" + fake._client(realm, body)
        items = list(realm["clients"].values())
        first = int(query.get("first", 0))
        return 200, copy.deepcopy(items[first : first + int(query.get("max", 10**6))]), ""
    client = _found(realm["clients"], ids[0])
    if len(ids) == 1:
        if method == "GET":
            return 200, copy.deepcopy(client), ""
        if method == "DELETE":
            del realm["clients"][ids[0]]
            return 204, None, ""
        attributes = {**client["attributes"], **(body.pop("attributes", None) or {})}
        if body.get("protocolMappers") is not None:
            body["protocolMappers"] = fake._mappers(body["protocolMappers"])
        for key in ("defaultClientScopes", "optionalClientScopes"):
            body.pop(key, None)
        client.update(body, attributes={key: value for key, value in attributes.items() if value not in ("", None)})
        return 204, None, ""
    if ids[1] == "service-account-user":
        return 200, {"id": "sa-" + ids[0]}, ""
    if ids[1] == "roles":
        return 200, [], ""
    key = "defaultClientScopes" if ids[1] == "default" else "optionalClientScopes"
    name = _found(realm["scopes"], ids[2])["name"]
    client[key] = [scope for scope in client[key] if scope != name] + ([name] if method == "PUT" else [])
    return 204, None, ""


def _groups(fake: FakeKeycloak, realm: dict[str, Any], method: str, ids: list[str], query: Any, body: Any) -> Any:
    def shown(key: str, deep: bool = False) -> dict[str, Any]:
        item = dict(realm["groups"][key])
        item["realmRoles"] = [realm["roles"][role]["name"] for role in realm["role_mappings"][key]]
        children = [child for child, group in realm["groups"].items() if group["parent"] == key]
        item["subGroupCount"] = len(children)
        item["subGroups"] = [shown(child, True) for child in children] if deep else []
        return item

    if not ids:
        if method == "POST":
            return 201, None, "http://x/groups/" + fake._group(realm, body, "")
        deep = query.get("search", "") != ""
        return 200, [shown(key, deep) for key, group in realm["groups"].items() if not group["parent"]], ""
    group = _found(realm["groups"], ids[0])
    if len(ids) == 1:
        if method == "GET":
            return 200, shown(ids[0]), ""
        if method == "DELETE":
            for key in [
                k for k, item in realm["groups"].items() if (item["path"] + "/").startswith(group["path"] + "/")
            ]:
                del realm["groups"][key]
            return 204, None, ""
        group.update(body)
        return 204, None, ""
    if ids[1] == "children" and method == "POST":
        return 201, None, "http://x/groups/" + fake._group(realm, body, ids[0])
    members = [{"id": key, "username": realm["users"][key]["username"]} for key in realm["members"][ids[0]]]
    first = int(query.get("first", 0))
    return 200, members[first : first + int(query.get("max", 10**6))], ""


def _users(fake: FakeKeycloak, realm: dict[str, Any], method: str, ids: list[str], query: Any, body: Any) -> Any:
    if not ids:
        if method == "POST":
            return 201, None, "http://x/users/" + fake._user(realm, body)
        items = [item for item in realm["users"].values() if not item["username"].startswith("service-account-")]
        if "username" in query:
            items = [item for item in items if item["username"] == query["username"]]
        first = int(query.get("first", 0))
        return 200, copy.deepcopy(items[first : first + int(query.get("max", 10**6))]), ""
    if ids == ["profile"]:
        return 200, realm["profile"], ""
    user = _found(realm["users"], ids[0])
    if len(ids) == 1:
        if method == "GET":
            return 200, copy.deepcopy(user), ""
        if method == "DELETE":
            del realm["users"][ids[0]]
            for members in realm["members"].values():
                members.discard(ids[0])
            return 204, None, ""
        user.update(body)
        for key in [key for key, value in user.items() if value == ""]:
            del user[key]
        return 204, None, ""
    if ids[1] == "groups":
        _found(realm["groups"], ids[2])
        (realm["members"][ids[2]].add if method == "PUT" else realm["members"][ids[2]].discard)(ids[0])
        return 204, None, ""
    user["password"] = [body["value"]]
    return 204, None, ""


def _mappings(fake: FakeKeycloak, realm: dict[str, Any], method: str, ids: list[str], query: Any, body: Any) -> Any:
    have = realm["role_mappings"].setdefault(ids[0], set())
    if method == "GET":
        names = [{"id": key, "name": realm["roles"][key]["name"]} for key in have if key in realm["roles"]]
        return 200, ({"realmMappings": names} if ids[1] == "all" else names), ""
    for role in body:
        _found(realm["roles"], role["id"])
        (have.add if method == "POST" else have.discard)(role["id"])
    return 204, None, ""


def _roles(fake: FakeKeycloak, realm: dict[str, Any], method: str, ids: list[str], query: Any, body: Any) -> Any:
    if not ids:
        if method == "POST":
            fake._role(realm, body)
            return 201, None, ""
        return 200, copy.deepcopy(list(realm["roles"].values())), ""
    if ids[0] == "name":
        found = [item for item in realm["roles"].values() if item["name"] == ids[1]]
        if not found:
            raise Refused(404, "Could not find role")
        return 200, found[0], ""
    role = _found(realm["roles"], ids[1])
    if method == "GET":
        return 200, dict(role), ""
    if method == "DELETE":
        del realm["roles"][ids[1]]
    else:
        role.update(body)
    return 204, None, ""


def _found(table: dict[str, Any], key: str) -> Any:
    if key not in table:
        raise Refused(404, "not found")
    return table[key]


def _tagged(handler: Callable[..., Any], *tags: Any) -> Callable[..., Any]:
    """A handler that gets fixed words among what the path said (None = the next group of the pattern)."""

    def call(fake: FakeKeycloak, realm: Any, method: str, ids: list[str], query: Any, body: Any) -> Any:
        rest = iter(ids)
        return handler(fake, realm, method, [next(rest) if tag is None else tag for tag in tags], query, body)

    return call


ROUTES: list[tuple[str, Callable[..., Any]]] = [
    (r"\w+ ", _part),
    (r"\w+ client-scopes", _scopes),
    (r"\w+ client-scopes/([^/]+)", _scopes),
    (r"POST client-scopes/([^/]+)/protocol-mappers/models", _tagged(_scopes, None, "new")),
    (r"\w+ client-scopes/([^/]+)/protocol-mappers/models/([^/]+)", _scopes),
    (r"\w+ default-(default|optional)-client-scopes", _defaults),
    (r"\w+ default-(default|optional)-client-scopes/([^/]+)", _defaults),
    (r"\w+ clients", _clients),
    (r"\w+ clients/([^/]+)", _clients),
    (r"\w+ clients/([^/]+)/(service-account-user|roles)", _clients),
    (r"\w+ clients/([^/]+)/(default|optional)-client-scopes/([^/]+)", _clients),
    (r"\w+ groups", _groups),
    (r"\w+ groups/([^/]+)", _groups),
    (r"\w+ groups/([^/]+)/(children|members)", _groups),
    (r"\w+ (?:groups|users)/([^/]+)/role-mappings/realm", _tagged(_mappings, None, "realm")),
    (r"GET users/([^/]+)/role-mappings", _tagged(_mappings, None, "all")),
    (r"\w+ users", _users),
    (r"\w+ users/([^/]+)", _users),
    (r"\w+ users/([^/]+)/(reset-password)", _users),
    (r"\w+ users/([^/]+)/(groups)/([^/]+)", _users),
    (r"\w+ roles", _roles),
    (r"\w+ roles/([^/]+)", _tagged(_roles, "name", None)),
    (r"\w+ roles-by-id/([^/]+)", _tagged(_roles, "id", None)),
    (r"GET roles-by-id/([^/]+)/composites/realm", _tagged(_mappings, None, "realm")),
    (r"\w+ roles-by-id/([^/]+)/composites", _tagged(_mappings, None, "realm")),
]


class FakeApi:
    """The interface of a session over a FakeKeycloak, with no network in between."""

    def __init__(self, fake: FakeKeycloak) -> None:
        self.fake = fake
        # A token knows the roles that there were when it was made: none over a realm that was made after it.
        self.born_later: set[str] = set()

    def renew(self) -> None:
        self.born_later.clear()

    def get(self, path: str, missing: bool = False, **params: Any) -> Any:
        response = self.request("GET", path, params=params, accept=(404,) if missing else ())
        return None if response.status == 404 else response.data

    def request(
        self, method: str, path: str, body: Any = None, params: Any = None, safe: Any = None, accept: Any = ()
    ) -> Any:
        query = {key: str(value) for key, value in (params or {}).items()}
        if path.removeprefix("admin/realms/").split("/")[0] in self.born_later:
            raise KeycloakError(f"{method} {path} was answered 403: the token is older than the realm", code=403)
        if (method, path) == ("POST", "admin/realms"):
            self.born_later.add(body["realm"])
        status, data, location = self.fake.handle(method, path, query, json.loads(json.dumps(body)))
        if status >= 400 and status not in accept:
            raise KeycloakError(f"{method} {path} was answered {status}: {data}", code=status)
        return Response(status, data, location)

    def parallel(self, calls: list[Callable[[], Any]]) -> list[Any]:
        return [call() for call in calls]


class Server:
    """A FakeKeycloak behind HTTP, with faults: faults maps "METHOD path" patterns to functions that answer instead."""

    def __init__(self, fake: FakeKeycloak, lifetime: int = 300) -> None:
        self.fake = fake
        self.lifetime = lifetime
        self.logins = 0
        self.seen: list[tuple[str, str, str]] = []
        self.tokens: set[str] = set()
        self.fault: Callable[[BaseHTTPRequestHandler, str, str], bool] = lambda handler, method, path: False
        self.lock = threading.Lock()
        self.body = b""  # of the request that is being answered
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: Any) -> None:
                pass

            def _any(self) -> None:
                outer.answer(self)

            do_GET = do_POST = do_PUT = do_DELETE = _any

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *unused: object) -> None:
        self.http.shutdown()
        self.http.server_close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        raw = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        parts = urllib.parse.urlsplit(handler.path)
        path = parts.path.lstrip("/")
        with self.lock:
            self.seen.append((handler.command, path, handler.headers.get("User-Agent", "")))
        self.body = raw
        if self.fault(handler, handler.command, path):
            return
        if path.endswith("/protocol/openid-connect/token"):
            self.token(handler, dict(urllib.parse.parse_qsl(raw.decode())))
            return
        if handler.headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            send(handler, 401, {"error": "HTTP 401 Unauthorized"})
            return
        query = dict(urllib.parse.parse_qsl(parts.query))
        body = json.loads(raw) if raw and raw[:1] in b"{[" else None
        with self.lock:
            status, data, location = self.fake.handle(handler.command, path, query, body)
        send(handler, status, data, location)

    def token(self, handler: BaseHTTPRequestHandler, form: dict[str, str]) -> None:
        if form.get("client_secret") != "right" and form.get("password") != "right":
            send(handler, 401, {"error": "unauthorized_client", "error_description": "Invalid client credentials"})
            return
        with self.lock:
            self.logins += 1
            token = f"token-{self.logins}-{time.monotonic_ns()}"
            self.tokens = {token}
        send(handler, 200, {"access_token": token, "expires_in": self.lifetime})


def send(handler: BaseHTTPRequestHandler, status: int, data: Any, location: str = "") -> None:
    body = b"" if data is None else json.dumps(data).encode()
    handler.send_response(status)
    if location:
        handler.send_header("Location", location)
    if body:
        handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
