# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small API server in this process: discovery, objects, a plain server-side apply, and faults on demand.

It is for what a real one can not do on demand: fail on the n-th write, drop a connection, answer 429. Its apply knows
no lists with keys; the integration targets try the real one.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import json
import threading
import typing as t
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

KINDS = {
    ("v1", "Namespace"): ("namespaces", False),
    ("v1", "ConfigMap"): ("configmaps", True),
    ("v1", "Secret"): ("secrets", True),
    ("v1", "Pod"): ("pods", True),
    ("v1", "Event"): ("events", True),
    ("apps/v1", "Deployment"): ("deployments", True),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"): ("customresourcedefinitions", False),
}
WRITES = ("POST", "PUT", "PATCH", "DELETE")


class FakeApi:
    """The state of the server and its log of requests."""

    def __init__(self) -> None:
        self.kinds = dict(KINDS)
        self.objects: dict[tuple[str, str, str], dict[str, t.Any]] = {}
        self.log: list[tuple[str, str, dict[str, str], dict[str, str]]] = []
        self.faults: list[t.Callable[[str, str], t.Any]] = []
        self.lock = threading.RLock()
        self.versions = itertools.count(1)
        self.put("namespaces", "", {"metadata": {"name": "demo"}}, "v1", "Namespace")
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: t.Any) -> None:
                return

            def do_GET(self) -> None:
                api.handle(self)

            do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = "http://127.0.0.1:%d" % self.server.server_port

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    # -- for tests -----------------------------------------------------------------------------------------------
    def writes(self) -> list[tuple[str, str]]:
        """Writes that were no dry run."""
        return [(m, p) for m, p, query, _h in self.log if m in WRITES and "dryRun" not in query and m != "DRYDELETE"]

    def put(
        self, plural: str, namespace: str, body: dict[str, t.Any], api: str = "v1", kind: str = ""
    ) -> dict[str, t.Any]:
        body = copy.deepcopy(body)
        body.setdefault("apiVersion", api)
        if kind:
            body.setdefault("kind", kind)
        meta = body["metadata"]
        meta.setdefault("uid", "uid-%d" % next(self.versions))
        meta["resourceVersion"] = str(next(self.versions))
        if namespace:
            meta["namespace"] = namespace
        if plural == "namespaces":
            body["status"] = {"phase": "Active"}
        if plural == "customresourcedefinitions":
            names = [{"type": name, "status": "True"} for name in ("Established", "NamesAccepted")]
            body["status"] = {"conditions": names}
            spec = body["spec"]
            self.kinds["%s/v1" % spec["group"], spec["names"]["kind"]] = (spec["names"]["plural"], True)
        self.objects[plural, namespace, meta["name"]] = body
        return body

    def get(self, plural: str, namespace: str, name: str) -> dict[str, t.Any] | None:
        return self.objects.get((plural, namespace, name))

    @contextlib.contextmanager
    def fault(self, make: t.Callable[[str, str], t.Any]) -> t.Iterator[None]:
        self.faults.append(make)
        try:
            yield
        finally:
            self.faults.remove(make)

    # -- the server ----------------------------------------------------------------------------------------------
    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        body = json.loads(handler.rfile.read(length) or b"null") if length else None
        parts = urlsplit(handler.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if handler.command == "DELETE" and body and body.get("dryRun"):
            query["dryRun"] = "All"
        with self.lock:
            headers = {key.title(): value for key, value in handler.headers.items()}
            self.log.append((handler.command, parts.path, query, headers))
            for make in list(self.faults):
                answer = make(handler.command, parts.path)
                if answer == "drop":
                    handler.close_connection = True
                    handler.connection.close()
                    return
                if answer is not None:
                    return self.send(handler, *answer)
            status, result = self.route(handler.command, parts.path, query, body)
        self.send(handler, status, result)

    def send(
        self, handler: BaseHTTPRequestHandler, status: int, body: t.Any, headers: dict[str, str] | None = None
    ) -> None:
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "text/plain" if isinstance(body, str) else "application/json")
        handler.send_header("Content-Length", str(len(data)))
        for key, value in (headers or {}).items():
            handler.send_header(key, value)
        handler.end_headers()
        with contextlib.suppress(OSError):
            handler.wfile.write(data)

    def route(self, method: str, path: str, query: dict[str, str], body: t.Any) -> tuple[int, t.Any]:
        found = self.discovery(path)
        if found is not None:
            return 200, found
        parts = path.strip("/").split("/")
        api, rest = (parts[1], parts[2:]) if parts[0] == "api" else ("/".join(parts[1:3]), parts[3:])
        namespace = ""
        if not rest:
            return 404, "404 page not found"
        if len(rest) > 2 and rest[0] == "namespaces":
            namespace, rest = rest[1], rest[2:]
        plural, name = rest[0], rest[1] if len(rest) > 1 else ""
        kind = next((k for (a, k), (p, _n) in self.kinds.items() if a == api and p == plural), "")
        if not kind:
            return 404, "404 page not found"
        if len(rest) > 2 and rest[2] == "log":
            return 200, "one\ntwo password=hunter2hunter2\n"
        return self.verb(method, api, kind, plural, namespace, name, query, body)

    def discovery(self, path: str) -> t.Any:
        groups = sorted({api.split("/", maxsplit=1)[0] for api, _kind in self.kinds if "/" in api})
        if path == "/version":
            return {"major": "1", "minor": "34", "gitVersion": "v1.34.2"}
        if path == "/api":
            return {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            versions = [{"groupVersion": g + "/v1", "version": "v1"} for g in groups]
            rows = [{"name": g, "versions": [v], "preferredVersion": v} for g, v in zip(groups, versions, strict=False)]
            return {"kind": "APIGroupList", "groups": rows}
        api = path.strip("/").split("/", 1)[-1]
        if path.strip("/") in ("api/v1", "apis/" + api):
            rows = [
                {"name": plural, "kind": kind, "namespaced": scoped, "singularName": "", "verbs": ["get"]}
                for (version, kind), (plural, scoped) in self.kinds.items()
                if version == api
            ]
            if rows:
                return {"kind": "APIResourceList", "groupVersion": api, "resources": rows}
        return None

    def verb(
        self,
        method: str,
        api: str,
        kind: str,
        plural: str,
        namespace: str,
        name: str,
        query: dict[str, str],
        body: t.Any,
    ) -> tuple[int, t.Any]:
        live = self.get(plural, namespace, name or ((body or {}).get("metadata") or {}).get("name", ""))
        if method == "GET" and not name:
            items = [o for (p, n, _name), o in sorted(self.objects.items()) if p == plural and namespace in ("", n)]
            return 200, {"kind": kind + "List", "items": items}
        if method == "GET":
            return (200, live) if live else missing(plural, name)
        if namespace and not self.get("namespaces", "", namespace):
            return missing("namespaces", namespace)
        dry = query.get("dryRun") == "All"
        if method == "DELETE":
            if not live:
                return missing(plural, name)
            if not dry:
                del self.objects[plural, namespace, name]
            return 200, {"kind": "Status", "status": "Success"}
        if method == "POST" and live:
            return 409, status(409, "AlreadyExists", '%s "%s" already exists' % (plural, live["metadata"]["name"]))
        if method == "PUT":
            if not live:
                return missing(plural, name)
            if (
                body["metadata"].get("resourceVersion", live["metadata"]["resourceVersion"])
                != live["metadata"]["resourceVersion"]
            ):
                return 409, status(409, "Conflict", "the object has been modified")
        result = self.merge(live, body, query.get("fieldManager", "")) if method == "PATCH" else body
        if live and method == "PATCH" and same(result, live):
            return 200, live
        result = copy.deepcopy(result)
        result["metadata"].setdefault("uid", (live or {}).get("metadata", {}).get("uid", "uid-dry"))
        if dry:
            return 200, result
        if not live:
            result["metadata"].pop("uid")
        return 200, self.put(plural, namespace, result, api, kind)

    def merge(self, live: t.Any, wanted: dict[str, t.Any], manager: str) -> dict[str, t.Any]:
        """Apply: what the manager owned and does not name any more goes, what it names is set. Lists are atomic."""
        out = (
            copy.deepcopy(live)
            if live
            else {"apiVersion": wanted["apiVersion"], "kind": wanted["kind"], "metadata": {}}
        )
        entries = [e for e in out["metadata"].pop("managedFields", []) if e["manager"] != manager]
        before = [e for e in (live or {}).get("metadata", {}).get("managedFields", []) if e["manager"] == manager]
        fields = fields_of({k: v for k, v in wanted.items() if k not in ("apiVersion", "kind")})
        for skip in ("f:name", "f:namespace"):
            fields.get("f:metadata", {}).pop(skip, None)
        if not fields.get("f:metadata"):
            fields.pop("f:metadata", None)
        if before:
            drop(out, before[0]["fieldsV1"], fields)
        overlay(out, wanted)
        entry = {"manager": manager, "operation": "Apply", "apiVersion": wanted["apiVersion"], "fieldsV1": fields}
        out["metadata"]["managedFields"] = [*entries, entry]
        return out


def missing(plural: str, name: str) -> tuple[int, t.Any]:
    answer = status(404, "NotFound", '%s "%s" not found' % (plural, name))
    answer["details"] = {"kind": plural, "name": name}
    return 404, answer


def status(code: int, reason: str, message: str) -> dict[str, t.Any]:
    return {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message}


def same(one: dict[str, t.Any], other: dict[str, t.Any]) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def fields_of(value: t.Any) -> dict[str, t.Any]:
    if not isinstance(value, dict):
        return {}
    return {"f:" + key: fields_of(item) for key, item in value.items()}


def drop(out: dict[str, t.Any], old: dict[str, t.Any], new: dict[str, t.Any]) -> None:
    for key, below in old.items():
        name = key[2:]
        if name not in out:
            continue
        if key not in new:
            if below and isinstance(out[name], dict):
                drop(out[name], below, {})
                if not out[name]:
                    del out[name]
            else:
                del out[name]
        elif below and isinstance(out[name], dict):
            drop(out[name], below, new[key])


def overlay(out: dict[str, t.Any], wanted: dict[str, t.Any]) -> None:
    for key, value in wanted.items():
        if isinstance(value, dict) and isinstance(out.get(key), dict):
            overlay(out[key], value)
        else:
            out[key] = copy.deepcopy(value)
