# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""PRIVATE: as much of Keycloak's admin API as fixtures need, over the verifier's own wire."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from .clients import Client, SecretClient
from .hops import bearer, oauth_reason
from .target import Stop
from .wire import Reply, Wire


class Admin:
    """Keycloak's admin API, by a service client, by a person, or with a token that was handed in."""

    def __init__(
        self, wire: Wire, url: str, realm: str, client: Client, username: str = "", password: str = ""
    ) -> None:
        self._wire = wire
        self._url = url.rstrip("/")
        self._realm = realm
        self._client = client
        self._username = username
        self._password = password
        self._token = ""
        self._until = 0.0

    @classmethod
    def with_token(cls, wire: Wire, url: str, token: str) -> Admin:
        """Use a token that was handed in."""
        admin = cls(wire, url, "", Client(""))
        admin._token, admin._until = token, float("inf")
        return admin

    def call(self, method: str, path: str, body: object | None = None) -> Reply:
        """Ask the admin API; a 401 is tried once more with a new token."""
        reply = self._send(method, path, body)
        if reply.status == 401 and self._until != float("inf"):
            self.forget()
            reply = self._send(method, path, body)
        return reply

    def must(self, method: str, path: str, body: object | None = None, ok: int = 399) -> Reply:
        """Ask the admin API, and stop the run when it refuses."""
        reply = self.call(method, path, body)
        if not 200 <= reply.status <= ok:
            raise Stop(
                "Keycloak refused {} {}: {} {}. The Keycloak user of this run needs the right to manage realms, clients "
                "and users when fixtures is true.".format(
                    method, path, reply.status or "no answer", oauth_reason(reply)
                )
            )
        return reply

    def items(self, path: str) -> list[Mapping[str, object]]:
        """Read a list."""
        try:
            found = json.loads(self.must("GET", path).body.decode("utf-8"))
        except ValueError:
            found = []
        return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []

    def version(self) -> str:
        """Return the version of Keycloak, empty when this user may not see it."""
        found = self._wire.send("GET", self._url + "/admin/serverinfo", bearer(self._access())).json().get("systemInfo")
        return str(found.get("version") or "") if isinstance(found, dict) else ""

    def forget(self) -> None:
        """Ask for a new token: rights on a realm that was just made are not in the old one."""
        if self._until != float("inf"):
            self._token = ""

    def _send(self, method: str, path: str, body: object | None) -> Reply:
        data = None if body is None else json.dumps(body).encode("utf-8")
        headers = bearer(self._access(), {"Content-Type": "application/json"} if data is not None else None)
        return self._wire.send(method, self._url + "/admin/realms" + path, headers, data)

    def _access(self) -> str:
        if self._token and time.monotonic() < self._until:
            return self._token
        where = "{}/realms/{}".format(self._url, quote(self._realm, safe=""))
        fields: dict[str, str] = {"grant_type": "client_credentials"}
        if self._username:
            fields = {"grant_type": "password", "username": self._username, "password": self._password}
        fields.update(self._client.fields(where))
        reply = self._wire.form(where + "/protocol/openid-connect/token", fields)
        data = reply.json()
        token, life = data.get("access_token"), data.get("expires_in")
        if not isinstance(token, str):
            raise Stop(
                "Could not sign in to Keycloak's realm {} as client {}: {} {}. Check the auth_* options.".format(
                    self._realm, self._client.client_id, reply.status or "no answer", oauth_reason(reply)
                )
            )
        self._token = token
        self._until = time.monotonic() + (life if isinstance(life, int) else 60) - 10
        return token


def admin_client(client_id: str, secret: str) -> Client:
    """Build the client that signs in to the admin API."""
    return SecretClient(client_id, secret) if secret else Client(client_id)


def id_of(reply: Reply) -> str:
    """Return the id of what was just made, from the address that Keycloak gives it."""
    return urlsplit(reply.headers.get("location", "")).path.rpartition("/")[2]
