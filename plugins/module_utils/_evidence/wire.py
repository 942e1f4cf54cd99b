# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""PRIVATE: one plain HTTP request at a time, with no retry, no redirect and no opinion."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field

from .target import Stop

USER_AGENT = "mcp-auth-openshift-chain-verify"
LARGEST_BODY = 4 * 1024 * 1024


@dataclass(frozen=True)
class Reply:
    """What came back. Its body may hold a token, so it stays out of repr."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    error: str = ""

    def json(self) -> dict[str, object]:
        """Return the body as an object, an empty one when it is none."""
        try:
            value = json.loads(self.body.decode("utf-8"))
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def text(self, limit: int = 300) -> str:
        """Return the beginning of the body on one line."""
        return " ".join(self.body.decode("utf-8", "replace").split())[:limit]


class Wire:
    """Sends requests to servers that one certificate authority vouches for."""

    def __init__(self, ca_pem: str = "", timeout: float = 15.0, validate_certs: bool = True) -> None:
        self.timeout = timeout
        try:
            self._context = ssl.create_default_context(cadata=ca_pem or None)
        except ssl.SSLError as error:
            raise Stop(f"The certificate of the authority cannot be read: {error}.") from error
        if not validate_certs:
            self._context.check_hostname = False
            self._context.verify_mode = ssl.CERT_NONE

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | Mapping[str, object] | None = None,
        timeout: float | None = None,
    ) -> Reply:
        """Send one request; a failure to reach the server is a reply with status 0."""
        parts = urllib.parse.urlsplit(url)
        sent = {"User-Agent": USER_AGENT, "Accept": "application/json"}
        if isinstance(body, Mapping):
            body = json.dumps(body).encode("utf-8")
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        path = (parts.path or "/") + ("?" + parts.query if parts.query else "")
        connection = self._connect(parts, timeout or self.timeout)
        try:
            connection.request(method, path, body=body, headers=sent)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, found, read_body(answer, found))
        except (OSError, http.client.HTTPException) as error:
            return Reply(0, error=f"{type(error).__name__}: {error}")
        except ValueError:
            # http.client quotes the header that it refuses, with the token in it.
            return Reply(0, error="a header that HTTP cannot carry (a line break?); nothing was sent")
        finally:
            connection.close()

    def form(
        self, url: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None, timeout: float = 0.0
    ) -> Reply:
        """Send a form, as OAuth wants it."""
        sent = {"Content-Type": "application/x-www-form-urlencoded"}
        sent.update(headers or {})
        return self.send("POST", url, sent, urllib.parse.urlencode(fields).encode("ascii"), timeout or None)

    def _connect(self, parts: urllib.parse.SplitResult, timeout: float) -> http.client.HTTPConnection:
        host, secure = parts.hostname or "", parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        proxy = "" if urllib.request.proxy_bypass(host) or is_loopback(host) else proxy_for(parts.scheme)
        if proxy:
            via = urllib.parse.urlsplit(proxy)
            tunnel: http.client.HTTPConnection
            if secure:
                tunnel = http.client.HTTPSConnection(
                    via.hostname or "", via.port or 3128, timeout=timeout, context=self._context
                )
                # The hop to the proxy is plain HTTP; TLS begins inside the tunnel.
            else:
                tunnel = http.client.HTTPConnection(via.hostname or "", via.port or 3128, timeout=timeout)
            tunnel.set_tunnel(host, port)
            return tunnel
        if secure:
            return NamedHost(host, port, timeout, self._context)
        return http.client.HTTPConnection(address_of(host), port, timeout=timeout)


class NamedHost(http.client.HTTPSConnection):
    """TLS to a name, also to one below .localhost that the resolver does not know."""

    def __init__(self, host: str, port: int, timeout: float, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=timeout, context=context)
        self._tls = context

    def connect(self) -> None:
        """Open the connection to the address and prove the name."""
        raw = socket.create_connection((address_of(self.host), self.port), self.timeout)
        self.sock = self._tls.wrap_socket(raw, server_hostname=self.host)


def address_of(host: str) -> str:
    """RFC 6761: every name below .localhost is loopback, whatever the resolver says."""
    return "127.0.0.1" if host.endswith(".localhost") else host


def is_loopback(host: str) -> bool:
    """Say whether a name means this machine."""
    return host in ("localhost", "::1") or host.startswith("127.") or host.endswith(".localhost")


def proxy_for(scheme: str) -> str:
    """Return the proxy that the environment names."""
    return urllib.request.getproxies().get(scheme, "")


def read_body(answer: http.client.HTTPResponse, headers: Mapping[str, str]) -> bytes:
    """Read a body; of an event stream only as far as the event that answers the request."""
    if not headers.get("content-type", "").lower().startswith("text/event-stream"):
        return answer.read(LARGEST_BODY)
    lines: list[bytes] = []
    size = 0
    while size < LARGEST_BODY:
        line = answer.readline()
        size += len(line)
        if line.startswith(b"data:"):
            lines.append(line[5:].strip())
        elif not line.strip():
            event = b"\n".join(lines)
            if not line or is_answer(event):
                return event
            lines = []
    return b""


def is_answer(event: bytes) -> bool:
    """Say whether an event answers the request; notifications may come before it."""
    try:
        value = json.loads(event.decode("utf-8"))
    except ValueError:
        return False
    return isinstance(value, dict) and ("result" in value or "error" in value)
