# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
"""PRIVATE. HTTP as an MCP client needs it: one deadline per request, event streams, challenges; standard library only."""

from __future__ import annotations

import base64
import http.client
import re
import socket
import ssl
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_BODY = 16 * 1024 * 1024
EXCERPT = 500


class McpError(Exception):
    """A call that failed: where, with which status, and what the server said. Never holds the token."""

    def __init__(
        self,
        message: str,
        kind: str,
        status: int | None = None,
        jsonrpc_error: dict[str, Any] | None = None,
        www_authenticate: list[dict[str, Any]] | None = None,
        body: str = "",
        hint: str = "",
        sent: bool = True,
    ) -> None:
        super().__init__(message)
        self.message = message
        #: connect, timeout, tls, http, protocol or jsonrpc
        self.kind = kind
        self.status = status
        self.jsonrpc_error = jsonrpc_error
        self.www_authenticate = www_authenticate or []
        self.body = body
        self.hint = hint
        #: False when the request cannot have reached the server.
        self.sent = sent

    def as_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "message": self.message,
            "status": self.status,
            "jsonrpc_error": self.jsonrpc_error,
            "www_authenticate": self.www_authenticate,
            "body": self.body,
            "hint": self.hint,
        }


@dataclass
class Answer:
    """An HTTP answer, whatever its status."""

    status: int
    headers: dict[str, str]
    body: bytes
    challenges: list[dict[str, Any]] = field(default_factory=list)
    truncated: bool = False

    def header(self, name: str) -> str:
        return self.headers.get(name.lower(), "")

    @property
    def media_type(self) -> str:
        return self.header("content-type").split(";", 1)[0].strip().lower()

    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


_BEARER = re.compile(r"[A-Za-z0-9._~+/=-]+")


def bearer_value(token: str) -> str:
    """The token as a header can carry it (RFC 6750); the error never holds it, and http.client's would."""
    token = token.strip()
    if not _BEARER.fullmatch(token):
        raise ValueError(
            "The token holds a character that no bearer token has, such as a line break or a space: give it on one line."
        )
    return token


_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PIECE = re.compile(
    rf'\s*,*\s*(?P<name>{_TOKEN})(?:\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>{_TOKEN})(?![=/+~]))'
    rf"|(?:[ ]+(?P<token68>[A-Za-z0-9._~+/-]+=*)(?=\s*(?:,|$)))?)"
)


def parse_challenges(values: list[str]) -> list[dict[str, Any]]:
    """WWW-Authenticate (RFC 9110) -> [{scheme, params, token68}]; what cannot be read ends the list."""
    challenges: list[dict[str, Any]] = []
    for value in values:
        position = 0
        while position < len(value):
            match = _PIECE.match(value, position)
            if match is None or match.end() == position:
                break
            position = match.end()
            name = match.group("name")
            if match.group("quoted") is not None or match.group("plain") is not None:
                text = match.group("plain")
                if text is None:
                    text = re.sub(r"\\(.)", r"\1", match.group("quoted"))
                if challenges:
                    challenges[-1]["params"].setdefault(name.lower(), text)
            else:
                challenges.append({"scheme": name, "params": {}, "token68": match.group("token68") or ""})
    return challenges


def parse_events(lines: Iterator[bytes]) -> Iterator[dict[str, str]]:
    """Server-sent events: several data lines are one text, comments are dropped, an unfinished event too."""
    data: list[str] = []
    event = {"event": "", "id": ""}
    first = True
    for raw in lines:
        line = raw.decode("utf-8", "replace")
        if first:
            line, first = line.lstrip("\ufeff"), False
        if not line:
            if data:
                yield {**event, "data": "\n".join(data)}
            data, event = [], {"event": "", "id": event["id"]}
            continue
        if line.startswith(":"):
            continue
        name, _colon, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if name == "data":
            data.append(value)
        elif name in event:
            event[name] = value


def split_lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Lines that end with CR, LF or CRLF, over any cut of the chunks; a last line without an end is dropped."""
    rest = b""
    for chunk in chunks:
        rest += chunk
        while True:
            match = re.search(rb"\r\n|\n|\r(?!$)", rest)
            if match is None:
                break
            yield rest[: match.start()]
            rest = rest[match.end() :]
        if len(rest) > MAX_BODY:
            raise McpError(f"A line of the event stream is longer than {MAX_BODY} bytes.", "protocol")
    if rest.endswith(b"\r"):
        yield rest[:-1]


class Deadline:
    """One time-out over all reads of a request, so that a server that drips cannot hold us."""

    def __init__(self, seconds: float, what: str) -> None:
        self.end = time.monotonic() + seconds
        self.seconds = seconds
        self.what = what

    def left(self) -> float:
        left = self.end - time.monotonic()
        if left <= 0:
            raise self.error()
        return left

    def error(self) -> McpError:
        return McpError(f"{self.what}: no complete answer in {self.seconds:g} s.", "timeout")


class Wire:
    """Requests to one origin. No redirect is followed: a token goes where it was sent and nowhere else."""

    def __init__(self, url: str, ca_pem: str | None, timeout: float, validate_certs: bool = True) -> None:
        self.parts = urllib.parse.urlsplit(url)
        if self.parts.scheme not in ("http", "https") or not self.parts.hostname:
            raise McpError(f"'{url}' is no http or https URL.", "connect")
        self.timeout = timeout
        self.context: ssl.SSLContext | None = None
        if self.parts.scheme == "https":
            try:
                self.context = ssl.create_default_context(cadata=ca_pem or None)
            except (ssl.SSLError, ValueError) as exc:
                raise McpError(f"The given CA is no PEM certificate: {exc}", "tls") from exc
            if not validate_certs:
                self.context.check_hostname = False
                self.context.verify_mode = ssl.CERT_NONE

    @property
    def origin(self) -> str:
        return f"{self.parts.scheme}://{self.parts.netloc}"

    def _connection(self, deadline: Deadline) -> http.client.HTTPConnection:
        host, port = str(self.parts.hostname), self.parts.port
        default = 443 if self.context is not None else 80
        proxy = self._proxy()
        target = (str(proxy.hostname), proxy.port or 3128) if proxy is not None else (host, port or default)
        if self.context is not None:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                target[0], target[1], timeout=deadline.left(), context=self.context
            )
        else:
            connection = http.client.HTTPConnection(target[0], target[1], timeout=deadline.left())
        if proxy is not None and self.context is not None:
            headers = {}
            if proxy.username:
                login = f"{urllib.parse.unquote(proxy.username)}:{urllib.parse.unquote(proxy.password or '')}"
                headers["Proxy-Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
            connection.set_tunnel(host, port or default, headers)
        return connection

    def _proxy(self) -> urllib.parse.SplitResult | None:
        """The proxy that the environment names for https; plain http is for loopback and takes none."""
        host = str(self.parts.hostname)
        if self.context is None or urllib.request.proxy_bypass(f"{host}:{self.parts.port or 443}"):
            return None
        named = urllib.request.getproxies().get("https", "")
        return urllib.parse.urlsplit(named) if named else None

    def open(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, what: str
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse, socket.socket, Deadline]:
        """Send a request; the caller reads the answer and closes the connection."""
        deadline = Deadline(self.timeout, what)
        connection = self._connection(deadline)
        sent = False
        try:
            try:
                connection.connect()
                sock: socket.socket = connection.sock
                sock.settimeout(deadline.left())
                sent = True
                connection.request(method, path, body=body, headers=dict(headers))
                sock.settimeout(deadline.left())
                return connection, connection.getresponse(), sock, deadline
            except socket.timeout as exc:  # its own class before Python 3.10
                raise deadline.error() from exc
            except ssl.SSLCertVerificationError as exc:
                message = f"{what}: the certificate of {self.origin} is not trusted: {exc.verify_message}"
                raise McpError(message, "tls", hint="Give the CA that signed it.") from exc
            except ssl.SSLError as exc:
                raise McpError(f"{what}: TLS with {self.origin} failed: {exc.reason or exc}", "tls") from exc
            except ValueError:
                # http.client quotes the header that it refuses, with the token in it.
                message = (
                    f"{what}: the request holds a header that HTTP cannot carry (a line break?); nothing was sent."
                )
                raise McpError(message, "protocol", sent=False) from None
            except (http.client.HTTPException, OSError) as exc:
                kind = "connect" if isinstance(exc, OSError) else "protocol"
                raise McpError(f"{what}: {self.origin} gave no answer: {_reason(exc)}", kind) from exc
        except BaseException as exc:
            connection.close()
            if isinstance(exc, McpError):
                exc.sent = exc.sent and sent
            raise

    @staticmethod
    def chunks(response: http.client.HTTPResponse, sock: socket.socket, deadline: Deadline) -> Iterator[bytes]:
        """The body as it comes; every read is bound by what is left of the deadline."""
        while True:
            try:
                sock.settimeout(deadline.left())
                chunk = response.read1(65536)
            except socket.timeout as exc:
                raise deadline.error() from exc
            except (http.client.HTTPException, OSError) as exc:
                raise McpError(f"{deadline.what}: the answer broke off: {_reason(exc)}", "protocol") from exc
            if not chunk:
                if response.length not in (None, 0):
                    message = f"{deadline.what}: the answer broke off, {response.length} bytes are missing."
                    raise McpError(message, "protocol")
                return
            yield chunk

    def fetch(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, what: str) -> Answer:
        """The whole answer, whatever its status."""
        connection, response, sock, deadline = self.open(method, path, headers, body, what)
        try:
            kept, size, truncated = [], 0, False
            for chunk in self.chunks(response, sock, deadline):
                kept.append(chunk)
                size += len(chunk)
                if size > MAX_BODY:
                    truncated = True
                    break
            return to_answer(response, b"".join(kept)[:MAX_BODY], truncated)
        finally:
            connection.close()


def to_answer(response: http.client.HTTPResponse, body: bytes, truncated: bool = False) -> Answer:
    headers: dict[str, str] = {}
    for name, value in response.getheaders():
        headers[name.lower()] = f"{headers[name.lower()]}, {value}" if name.lower() in headers else value
    challenges = parse_challenges(response.headers.get_all("WWW-Authenticate") or [])
    return Answer(response.status, headers, body, challenges, truncated)


def excerpt(text: str, hidden: str = "") -> str:
    """The start of a body for a message, without the token, should a server echo it."""
    if hidden:
        text = text.replace(hidden, "***")
    return text if len(text) <= EXCERPT else text[:EXCERPT] + "..."


def _reason(exc: BaseException) -> str:
    text = str(exc)
    return f"{type(exc).__name__}: {text}" if text else type(exc).__name__
