# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API server and Keycloak, asked with the standard library only: the tests do not lean on the code that they test."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import ssl
import time
import urllib.parse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from faults.kill import Snapshot
from faults.pki import Kubeconfig

Answer = tuple[int, dict[str, Any]]


def call(
    url: str,
    method: str,
    path: str,
    context: ssl.SSLContext,
    body: bytes | None,
    headers: Mapping[str, str],
    timeout: float = 30,
) -> Answer:
    """One HTTPS request, on a connection of its own."""
    parts = urlsplit(url)
    connection = http.client.HTTPSConnection(parts.hostname or "", parts.port or 443, timeout=timeout, context=context)
    try:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
    finally:
        connection.close()
    try:
        found = json.loads(text or "{}")
    except ValueError:
        found = {"text": text}
    return answer.status, found if isinstance(found, dict) else {"items": found}


class Kube:
    """The administrator at the API server."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        self.kubeconfig = Kubeconfig.read(kubeconfig)
        self.ca, self.pair = self.kubeconfig.files(folder)
        self.context = ssl.create_default_context(cafile=str(self.ca))
        self.context.load_cert_chain(self.pair.certificate, self.pair.key)

    def ask(self, method: str, path: str, body: object = None, content: str = "application/json") -> Answer:
        """A request as the administrator."""
        data = None if body is None else json.dumps(body).encode()
        return call(self.kubeconfig.server, method, path, self.context, data, {"Content-Type": content})

    def get(self, path: str) -> dict[str, Any] | None:
        """An object, or None when it is not there."""
        status, found = self.ask("GET", path)
        if status == 404:
            return None
        if status != 200:
            raise RuntimeError(f"GET {path}: {status} {found.get('message', '')}")
        return found

    def items(self, path: str) -> list[dict[str, Any]]:
        """The objects of a list; none when the list is not there."""
        return list((self.get(path) or {}).get("items") or [])

    def make(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create an object, or replace the one that is there."""
        status, found = self.ask("POST", path, body)
        if status == 409:
            full = f"{path}/{body['metadata']['name']}"
            status, found = self.ask("PATCH", full, body, "application/merge-patch+json")
        if status not in (200, 201):
            raise RuntimeError(f"POST {path}: {status} {found.get('message', '')}")
        return found

    def patch(self, path: str, body: object, kind: str = "merge-patch") -> dict[str, Any]:
        """Change an object."""
        status, found = self.ask("PATCH", path, body, f"application/{kind}+json")
        if status != 200:
            raise RuntimeError(f"PATCH {path}: {status} {found.get('message', '')}")
        return found

    def delete(self, path: str, now: bool = False) -> None:
        """Delete an object; now: a pod gets no time to end."""
        status, found = self.ask("DELETE", path, {"gracePeriodSeconds": 0} if now else None)
        if status not in (200, 202, 404):
            raise RuntimeError(f"DELETE {path}: {status} {found.get('message', '')}")

    def secret(self, namespace: str, name: str) -> dict[str, bytes]:
        """The content of a Secret."""
        found = self.get(f"/api/v1/namespaces/{namespace}/secrets/{name}")
        return {key: base64.b64decode(text) for key, text in ((found or {}).get("data") or {}).items()}

    def secrets(self, namespaces: tuple[str, ...]) -> dict[str, bytes]:
        """Every value of every Secret of some namespaces, by namespace/name:key."""
        found = {}
        for namespace in namespaces:
            for item in self.items(f"/api/v1/namespaces/{namespace}/secrets"):
                for key, text in (item.get("data") or {}).items():
                    found[f"{namespace}/{item['metadata']['name']}:{key}"] = base64.b64decode(text)
        return found

    def snapshot(self, namespaces: tuple[str, ...]) -> Snapshot:
        """Fingerprints of the same."""
        return {name: hashlib.sha256(value).hexdigest()[:16] for name, value in self.secrets(namespaces).items()}

    def token(self, namespace: str, account: str) -> str:
        """A token of a ServiceAccount, made if it is not there."""
        self.make(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": account}})
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        _status, found = self.ask("POST", path, {"spec": {"expirationSeconds": 3600}})
        return str(found["status"]["token"])


class Keycloak:
    """The administrator at Keycloak: our service client, whose secret lies in the cluster."""

    def __init__(self, url: str, kube: Kube, model: Mapping[str, Any]) -> None:
        self.url = url
        self.kube = kube
        self.model = model
        self._token = ("", 0.0)

    @property
    def ca(self) -> str:
        """The authority of the servers' certificates."""
        where = self.model["ca"]["from"]
        found = self.kube.get(f"/api/v1/namespaces/{where['namespace']}/configmaps/{where['name']}")
        return str(((found or {}).get("data") or {}).get(where["key"], ""))

    @property
    def context(self) -> ssl.SSLContext:
        """TLS with that authority."""
        return ssl.create_default_context(cadata=self.ca)

    def open(self, path: str) -> Answer:
        """What anybody may read."""
        return call(self.url, "GET", path, self.context, None, {})

    def login(self) -> str:
        """A token of our service client, kept while it is fresh."""
        token, until = self._token
        if time.monotonic() < until:
            return token
        admin = self.model["admin"]
        where = admin["secret_from"]
        secret = self.kube.secret(where["namespace"], where["name"])[where["key"]].decode()
        form = {"grant_type": "client_credentials", "client_id": admin["client_id"], "client_secret": secret}
        path = f"/realms/{admin['realm']}/protocol/openid-connect/token"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        status, found = call(self.url, "POST", path, self.context, urllib.parse.urlencode(form).encode(), headers)
        if status != 200:
            raise RuntimeError(f"login at Keycloak: {status} {found.get('error', '')}")
        self._token = (str(found["access_token"]), time.monotonic() + 20)
        return self._token[0]

    def forget(self) -> None:
        """Log in anew: a token has rights in the realms that were there when it was made."""
        self._token = ("", 0.0)

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        """A request to the administration API."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.login()}", "Content-Type": "application/json"}
        return call(self.url, method, f"/admin/realms{path}", self.context, data, headers)

    def items(self, path: str) -> list[dict[str, Any]]:
        """A list of the administration API."""
        status, found = self.ask("GET", path)
        if status != 200:
            raise RuntimeError(f"GET {path}: {status} {found.get('error', '')}")
        return list(found.get("items") or [])

    def identity(self, realm: str) -> dict[str, str]:
        """What must outlive everything: signing keys, ids of people and of clients."""
        found = {}
        for key in self.open(f"/realms/{realm}/protocol/openid-connect/certs")[1]["keys"]:
            found[f"key {key['kid']}"] = hashlib.sha256(key["n"].encode()).hexdigest()[:16] if "n" in key else "-"
        for user in self.items(f"/{realm}/users?max=1000"):
            found[f"user {user['username']}"] = user["id"]
        for client in self.items(f"/{realm}/clients?max=1000"):
            found[f"client {client['clientId']}"] = client["id"]
        return found


def wait_for(what: str, condition: Callable[[], object], timeout: float = 120, pause: float = 1.0) -> None:
    """Wait until a condition holds; an error of the connection counts as not yet."""
    until = time.monotonic() + timeout
    last = ""
    while time.monotonic() < until:
        try:
            if condition():
                return
            last = ""
        except (OSError, http.client.HTTPException, RuntimeError, KeyError) as exc:
            last = f" ({type(exc).__name__}: {exc})"
        time.sleep(pause)
    raise RuntimeError(f"{what}: not within {timeout:.0f} s{last}")
