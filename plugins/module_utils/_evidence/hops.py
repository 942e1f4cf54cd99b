# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""PRIVATE: the three hops that are attacked: what is sent to each, and how its answer is read."""

from __future__ import annotations

import html
import re
import time
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Callable, Protocol

from . import jose
from .clients import Client
from .target import CannotTry, Probe, Target
from .wire import Reply, Wire

EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"
PROTOCOL_VERSION = "2025-06-18"
REVIEW_PATH = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
ACCESS_PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@dataclass(frozen=True)
class Answer:
    """What a hop said, in words that hold no token."""

    status: int
    reason: str
    taken: bool
    reason_known: bool = True
    data: Mapping[str, object] = field(default_factory=dict, repr=False)
    token: str = field(default="", repr=False)
    cors: str = ""


def bearer(token: str | None, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Build the headers of a request with that token, or with none."""
    headers = {"Authorization": "Bearer " + token} if token is not None else {}
    headers.update(more or {})
    return headers


class Keycloak:
    """The issuer. A wrong token is presented as the subject of an exchange by the real requester."""

    def __init__(self, target: Target, wire: Wire, requester: Client | None) -> None:
        self.target = target
        self.wire = wire
        self._requester = requester
        self._jwks: dict[str, object] = {}

    @property
    def requester(self) -> Client:
        """Return the real requester, whose credential one must be allowed to use."""
        if self._requester is None:
            raise CannotTry("the requester's credential may not be used (requester_key_from, requester_secret_from)")
        return self._requester

    def jwks(self) -> dict[str, object]:
        """Return the issuer's public keys."""
        if not self._jwks:
            self._jwks = self.wire.send("GET", self.target.jwks_url).json()
        return self._jwks

    def present(self, token: str | None, headers: Mapping[str, str] | None = None) -> Answer:
        """Exchange that token for one for the cluster."""
        return self.exchange(token, headers=headers)

    def exchange(
        self,
        token: str | None,
        client: Client | None = None,
        audience: str | None = None,
        scopes: Sequence[str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Exchange a token (RFC 8693); an empty audience or list of scopes is not sent."""
        fields = {
            "grant_type": EXCHANGE_GRANT,
            "subject_token_type": ACCESS_TOKEN_TYPE,
            "requested_token_type": ACCESS_TOKEN_TYPE,
        }
        if token is not None:
            fields["subject_token"] = token
        audience = self.target.exchange_audience if audience is None else audience
        scope = " ".join(self.target.exchange_scopes if scopes is None else scopes)
        fields.update({name: value for name, value in (("audience", audience), ("scope", scope)) if value})
        return self.grant(fields, client or self.requester, headers)

    def grant(self, fields: Mapping[str, str], client: Client, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask the token endpoint."""
        sent = dict(fields)
        sent.update(client.fields(self.target.issuer))
        reply = self.wire.form(self.target.token_url, sent, headers)
        data = reply.json()
        token = data.get("access_token")
        got = isinstance(token, str)
        reason = "token issued" if got else oauth_reason(reply)
        return Answer(reply.status, reason, got, True, data, str(token or ""), cors_of(reply))

    def login_page(self, client_id: str, scope: str = "openid", redirect_uri: str = "") -> Answer:
        """Ask for a browser login at a client."""
        query = urllib.parse.urlencode(
            {
                "client_id": client_id,
                "response_type": "code",
                "scope": scope,
                "state": "chain-verify",
                "redirect_uri": redirect_uri or self.target.redirect_uri(client_id),
                "code_challenge": "0" * 43,
                "code_challenge_method": "S256",
            }
        )
        reply = self.wire.send("GET", self.target.authorization_url + "?" + query, {"Accept": "text/html"})
        location = urllib.parse.parse_qs(urllib.parse.urlsplit(reply.headers.get("location", "")).query)
        if location.get("error"):
            reason = ": ".join(location["error"] + location.get("error_description", []))
            return Answer(reply.status, reason, False)
        if reply.status == 200 or (reply.status in (302, 303) and "location" in reply.headers):
            return Answer(reply.status, "a login page came", True)
        return Answer(reply.status, page_message(reply) or reply.error, False)

    def register(self) -> Answer:
        """Register a client as nobody; what came of it is removed again."""
        body = {"client_name": "chain-verify-anonymous", "redirect_uris": ["http://127.0.0.1/callback"]}
        reply = self.wire.send("POST", self.target.issuer + "/clients-registrations/openid-connect", {}, body)
        data = reply.json()
        if reply.status != 201:
            return Answer(reply.status, oauth_reason(reply), False)
        where, token = data.get("registration_client_uri"), data.get("registration_access_token")
        if isinstance(where, str) and isinstance(token, str):
            self.wire.send("DELETE", where, bearer(token))
        return Answer(reply.status, "a client was registered", True)


class McpServer:
    """The MCP server. A wrong token is presented to C(initialize), or to a tool call where that says more."""

    def __init__(self, target: Target, wire: Wire) -> None:
        self.target = target
        self.wire = wire

    def present(self, token: str | None, headers: Mapping[str, str] | None = None) -> Answer:
        """Begin a conversation."""
        reply = self._ask("initialize", initialize(), token, headers)
        data = reply.json()
        result = data.get("result")
        if reply.status == 200 and isinstance(result, Mapping):
            return Answer(200, "initialize answered", True, True, dict(result, session=self.session_of(reply)))
        return Answer(reply.status, mcp_reason(reply), False)

    def tools(self, token: str) -> list[Mapping[str, object]]:
        """List the tools, as that person."""
        session = self._session(token)
        found: list[Mapping[str, object]] = []
        cursor = ""
        for _page in range(50):
            reply = self._ask("tools/list", {"cursor": cursor} if cursor else {}, token, session)
            result = reply.json().get("result")
            page = result.get("tools") if isinstance(result, Mapping) else None
            if not isinstance(page, list):
                raise CannotTry(f"tools/list answered {mcp_reason(reply)}")
            found += [item for item in page if isinstance(item, Mapping)]
            cursor = str(result.get("nextCursor") or "") if isinstance(result, Mapping) else ""
            if not cursor:
                break
        return found

    def call(self, token: str | None, probe: Probe, headers: Mapping[str, str] | None = None) -> Answer:
        """Call a tool; taken means that cluster data came."""
        sent = dict(self._session(token) if token is not None else {})
        sent.update(headers or {})
        reply = self._ask("tools/call", {"name": probe.tool, "arguments": dict(probe.arguments)}, token, sent)
        result = reply.json().get("result")
        if reply.status != 200 or not isinstance(result, Mapping):
            return Answer(reply.status, mcp_reason(reply), False)
        said = tool_text(result)
        if result.get("isError") is True:
            return Answer(200, brief(said), False)
        return Answer(200, "%d lines of cluster data" % len(said.splitlines()), True)

    def metadata(self) -> Reply:
        """Read what the server says about who may authorize."""
        return self.wire.send("GET", self.target.mcp_origin + "/.well-known/oauth-protected-resource")

    def _session(self, token: str | None) -> dict[str, str]:
        reply = self._ask("initialize", initialize(), token, None)
        session = self.session_of(reply)
        return {"Mcp-Session-Id": session} if session else {}

    @staticmethod
    def session_of(reply: Reply) -> str:
        """Return the session that the server made, empty when it keeps none."""
        return reply.headers.get("mcp-session-id", "")

    def _ask(
        self, method: str, params: Mapping[str, object], token: str | None, headers: Mapping[str, str] | None
    ) -> Reply:
        sent = bearer(token, {"Accept": "application/json, text/event-stream"})
        if method != "initialize":
            sent["MCP-Protocol-Version"] = PROTOCOL_VERSION
        sent.update(headers or {})
        return self.wire.send(
            "POST", self.target.mcp_url, sent, {"jsonrpc": "2.0", "id": 1, "method": method, "params": dict(params)}
        )


class LogReader(Protocol):
    """Reads why the API server refused somebody."""

    def since(self, moment: float) -> list[str] | None:
        """Return the reasons logged since then, None when the log cannot be read."""


class ApiServer:
    """The API server. A wrong token is presented to SelfSubjectReview."""

    def __init__(self, url: str, wire: Wire, log: LogReader | None = None) -> None:
        self.url = url.rstrip("/")
        self.wire = wire
        self.log = log

    def present(self, token: str | None, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask the API server who the sender is."""
        answer, lines = self._review(token, headers)
        for _again in range(2):
            # Somebody else was refused in the same moment: ask again, until the log speaks of one refusal only.
            if len(lines) < 2:
                break
            answer, lines = self._review(token, headers)
        if len(lines) > 1:
            return Answer(401, "status only; the log of that moment has several reasons", False, False)
        return answer

    def _review(self, token: str | None, headers: Mapping[str, str] | None) -> tuple[Answer, list[str]]:
        started = time.time()
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        reply = self.wire.send("POST", self.url + REVIEW_PATH, bearer(token, headers), body)
        data = reply.json()
        if reply.status == 201:
            status = data.get("status")
            user = status.get("userInfo") if isinstance(status, Mapping) else None
            seen = user if isinstance(user, Mapping) else {}
            return Answer(201, f"taken as {user_name(user)}", True, True, seen, cors=cors_of(reply)), []
        message = str(data.get("message") or reply.error)
        if reply.status != 401:
            return Answer(reply.status, brief(message), False), []
        logged = self.log.since(started) if self.log is not None and token is not None else None
        if logged:
            return Answer(401, brief("; ".join(logged), 400), False), logged
        return Answer(401, brief(message), False, token is None), []

    def may(self, token: str, probe: Probe) -> bool | None:
        """Ask the API server whether it would allow something."""
        wanted = {"verb": probe.verb, "group": probe.group, "resource": probe.resource}
        if probe.namespace:
            wanted["namespace"] = probe.namespace
        body: dict[str, object] = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": wanted},
        }
        reply = self.wire.send("POST", self.url + ACCESS_PATH, bearer(token), body)
        status = reply.json().get("status")
        return status.get("allowed") is True if reply.status == 201 and isinstance(status, Mapping) else None


def cors_of(reply: Reply) -> str:
    """Return the origin whose pages a browser would let read the answer."""
    return reply.headers.get("access-control-allow-origin", "")


def oauth_reason(reply: Reply) -> str:
    """Read an OAuth error."""
    data = reply.json()
    parts = [str(data[key]) for key in ("error", "error_description", "errorMessage") if data.get(key)]
    return brief(": ".join(parts) or reply.error or page_message(reply))


def page_message(reply: Reply) -> str:
    """Read the message of Keycloak's error page."""
    text = reply.body.decode("utf-8", "replace")
    found = re.search(r'<p[^>]*class="instruction"[^>]*>(.*?)</p>', text, re.S)
    if not found:
        found = re.search(r"<title>(.*?)</title>", text, re.S)
    plain = re.sub(r"<[^>]+>", " ", found.group(1) if found else text if "<" not in text else "")
    return brief(html.unescape(plain))


def mcp_reason(reply: Reply) -> str:
    """Read why the MCP server did not answer."""
    header = reply.headers.get("www-authenticate", "")
    found = re.search(r'error="?([^",]+)', header)
    error = reply.json().get("error")
    if isinstance(error, Mapping):
        return brief("error {}: {}".format(error.get("code"), error.get("message")))
    said = brief(reply.error or reply.text(160))
    return "; ".join(part for part in (f'error="{brief(found.group(1))}"' if found else "", said) if part)


def tool_text(result: Mapping[str, object]) -> str:
    """Join the text of a tool's answer."""
    content = result.get("content")
    items = content if isinstance(content, list) else []
    return "\n".join(str(item.get("text", "")) for item in items if isinstance(item, Mapping))


def initialize() -> dict[str, object]:
    """Build the first request of a conversation."""
    return {
        "protocolVersion": PROTOCOL_VERSION,
        "capabilities": {},
        "clientInfo": {"name": "chain-verify", "version": "1"},
    }


def user_name(user: object) -> str:
    """Return the name in a review."""
    return str(user.get("username")) if isinstance(user, Mapping) else "nobody"


TOKEN_LIKE = re.compile(r"eyJ[\w-]{8,}(\.[\w-]*){0,2}")


def brief(said: str, limit: int = 240) -> str:
    """Put a message on one line, with nothing in it that looks like a token."""
    return TOKEN_LIKE.sub("<token>", " ".join(said.split()))[:limit]


def wait_for(ready: Callable[[], bool], seconds: float, step: float = 0.5) -> bool:
    """Wait until something is true; say whether it came true in time."""
    deadline = time.monotonic() + seconds
    while True:
        if ready():
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(step)


def claims_shown(token: jose.Token) -> dict[str, object]:
    """Return the claims of a token as a report may show them: what happens to be a secret elsewhere stays out."""
    hidden: tuple[str, ...] = ("jti", "sid", "session_state", "nonce", "at_hash", "auth_time")
    return {name: value for name, value in token.claims.items() if name not in hidden}
