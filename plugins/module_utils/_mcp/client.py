# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
"""PRIVATE. An MCP client over streamable HTTP, for the modules and for the verifier."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from .wire import Answer, Deadline, McpError, Wire, bearer_value, excerpt, parse_events, split_lines, to_answer

__all__ = ["Answer", "McpClient", "McpError"]

PROTOCOL_VERSION = "2025-06-18"
KNOWN_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
WELL_KNOWN = "/.well-known/oauth-protected-resource"
USER_AGENT = "mcp-auth-openshift"
MAX_PAGES = 100
METHOD_NOT_FOUND = -32601


class McpClient:
    """One person's conversation with one MCP server."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        ca_pem: str | None = None,
        timeout: float = 30,
        validate_certs: bool = True,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.url = url
        try:
            self.token = bearer_value(token) if token else None
        except ValueError as exc:
            raise McpError(str(exc), "protocol") from None
        self.extra_headers = dict(headers or {})
        self.wire = Wire(url, ca_pem, timeout, validate_certs)
        self.path = self.wire.parts.path or "/"
        if self.wire.parts.query:
            self.path += f"?{self.wire.parts.query}"
        self.session_id = ""
        self.protocol_version = ""
        self.server: dict[str, Any] = {}
        self._last_id = 0

    # -- what a caller asks -------------------------------------------------------------------------------------
    def initialize(self) -> dict[str, Any]:
        """Opens the conversation; returns protocolVersion, serverInfo, capabilities and instructions."""
        self.session_id, self.protocol_version = "", ""
        wanted = {
            "protocolVersion": PROTOCOL_VERSION,
            "capabilities": {},
            "clientInfo": {"name": USER_AGENT, "version": "1"},
        }
        result = self._call("initialize", wanted)
        version = str(result.get("protocolVersion", ""))
        if version not in KNOWN_VERSIONS:
            message = f"The server speaks protocol version '{version}', known are {', '.join(KNOWN_VERSIONS)}."
            raise McpError(message, "protocol")
        self.protocol_version = version
        self.server = result
        self._notify("notifications/initialized")
        return result

    def list_tools(self) -> list[dict[str, Any]]:
        """Every tool, over all pages."""
        tools: list[dict[str, Any]] = []
        cursor: Any = None
        for _page in range(MAX_PAGES):
            result = self._call("tools/list", {"cursor": cursor} if cursor else {})
            page = result.get("tools")
            if not isinstance(page, list):
                raise McpError("tools/list: the answer has no list of tools.", "protocol")
            tools.extend(tool for tool in page if isinstance(tool, dict))
            following = result.get("nextCursor")
            if not following:
                return tools
            if following == cursor:
                break
            cursor = following
        raise McpError("tools/list: the pages do not end.", "protocol")

    def call_tool(self, name: str, arguments: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Runs a tool; a tool that failed is a result with ``isError``, a call that failed an McpError."""
        return self._call("tools/call", {"name": name, "arguments": dict(arguments or {})})

    def metadata(self) -> dict[str, Any]:
        """The protected-resource metadata (RFC 9728), asked without a token: {url, status, document}."""
        place = WELL_KNOWN + self.path.split("?")[0]
        answer = self.raw("GET", path=place)
        if answer.status in (401, 404):  # old servers know the short path only and guard the rest
            place = WELL_KNOWN
            answer = self.raw("GET", path=place)
        document: Any = None
        if answer.status == 200:
            try:
                document = json.loads(answer.body)
            except ValueError as exc:
                raise McpError(f"{place} is no JSON.", "protocol", 200, body=excerpt(answer.text())) from exc
        return {"url": self.wire.origin + place, "status": answer.status, "document": document}

    def close(self) -> None:
        """Ends a session if there is one; that a server refuses or is gone by then takes nothing from what it answered."""
        if self.session_id:
            with contextlib.suppress(McpError):
                self.raw("DELETE", token=self.token)
            self.session_id = ""

    def raw(
        self,
        method: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | str | None = None,
        path: str | None = None,
        token: str | None = None,
    ) -> Answer:
        """Any request, any status, nothing interpreted: for probes. Sends only the token that is given here."""
        sent = {"User-Agent": USER_AGENT, "Accept": "application/json, text/event-stream", **self.extra_headers}
        if self.session_id:
            sent["Mcp-Session-Id"] = self.session_id
        if self.protocol_version:
            sent["MCP-Protocol-Version"] = self.protocol_version
        if body is not None:
            sent["Content-Type"] = "application/json"
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        sent.update(headers or {})
        data = body.encode() if isinstance(body, str) else body
        place = self.path if path is None else path
        return self.wire.fetch(method, place, sent, data, f"{method} {self.wire.origin}{place}")

    # -- JSON-RPC -----------------------------------------------------------------------------------------------
    def _headers(self) -> dict[str, str]:
        headers = {
            "User-Agent": USER_AGENT,
            "Accept": "application/json, text/event-stream",
            "Content-Type": "application/json",
            **self.extra_headers,
        }
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if self.session_id:
            headers["Mcp-Session-Id"] = self.session_id
        if self.protocol_version:
            headers["MCP-Protocol-Version"] = self.protocol_version
        return headers

    def _call(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        self._last_id += 1
        number = self._last_id
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": dict(params)}
        answer = self._exchange(request, number, method)
        if "error" in answer:
            error = answer["error"] if isinstance(answer["error"], dict) else {"message": str(answer["error"])}
            text = excerpt(str(error.get("message", "")), self.token or "")
            raise McpError(f"{method}: {text}", "jsonrpc", 200, {**error, "message": text})
        result = answer.get("result")
        if not isinstance(result, dict):
            raise McpError(f"{method}: the answer has neither result nor error.", "protocol", 200)
        return result

    def _exchange(self, request: Mapping[str, Any], number: int, method: str) -> dict[str, Any]:
        """Sends one request and returns the one message that answers it."""
        data = json.dumps(request).encode()
        what = f"{method} at {self.wire.origin}{self.path}"
        connection, response, sock, deadline = self.wire.open("POST", self.path, self._headers(), data, what)
        try:
            head = to_answer(response, b"")
            chunks = self.wire.chunks(response, sock, deadline)
            if head.status != 200:
                raise self._refused(method, head, b"".join(chunks))
            if method == "initialize":
                self.session_id = head.header("mcp-session-id")
            if head.media_type == "text/event-stream":
                return self._from_stream(chunks, number, method, deadline)
            if head.media_type != "application/json":
                text = f"{method}: expected JSON or an event stream, got '{head.media_type}'."
                raise McpError(text, "protocol", 200, body=excerpt(b"".join(chunks).decode("utf-8", "replace")))
            for message in self._messages(b"".join(chunks).decode("utf-8", "replace"), method):
                if message.get("id") == number and "method" not in message:
                    return message
            raise McpError(f"{method}: the answer is for another request.", "protocol", 200)
        finally:
            connection.close()

    def _from_stream(self, chunks: Iterator[bytes], number: int, method: str, deadline: Deadline) -> dict[str, Any]:
        for event in parse_events(split_lines(chunks)):
            deadline.left()
            if event["event"] not in ("", "message"):
                continue
            for message in self._messages(event["data"], method):
                if "method" in message:
                    if "id" in message:
                        self._answer_server(message)
                elif message.get("id") == number:
                    return message
        raise McpError(f"{method}: the event stream ended without an answer.", "protocol", 200)

    def _messages(self, text: str, method: str) -> list[dict[str, Any]]:
        try:
            parsed = json.loads(text)
        except ValueError as exc:
            raise McpError(f"{method}: broken JSON.", "protocol", 200, body=excerpt(text, self.token or "")) from exc
        found = [item for item in (parsed if isinstance(parsed, list) else [parsed]) if isinstance(item, dict)]
        if not found:
            raise McpError(f"{method}: no JSON-RPC message.", "protocol", 200, body=excerpt(text, self.token or ""))
        return found

    def _answer_server(self, message: Mapping[str, Any]) -> None:
        """A server may ask on its side: ping is answered, what we did not offer is refused."""
        reply: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
        if message["method"] == "ping":
            reply["result"] = {}
        else:
            reply["error"] = {"code": METHOD_NOT_FOUND, "message": "not offered by this client"}
        self.raw("POST", body=json.dumps(reply), token=self.token)

    def _notify(self, method: str) -> None:
        answer = self.raw("POST", body=json.dumps({"jsonrpc": "2.0", "method": method}), token=self.token)
        if answer.status not in (200, 202, 204):
            raise self._refused(method, answer, answer.body)

    def _refused(self, method: str, answer: Answer, body: bytes) -> McpError:
        text = excerpt(body.decode("utf-8", "replace").strip(), self.token or "")
        hints = {
            401: "The token is missing, expired, of another issuer or for another audience.",
            403: "The token is good, the request is not allowed (scope, Origin or Host).",
            404: "No MCP endpoint at this path, or the session is gone: initialize again.",
            503: "The server, or the issuer that it asks, is down.",
        }
        error = None
        try:
            parsed = json.loads(body)
            error = parsed.get("error") if isinstance(parsed, dict) and isinstance(parsed.get("error"), dict) else None
        except ValueError:
            pass
        if 300 <= answer.status < 400:
            hint = f"Redirects are not followed; the server names {excerpt(answer.header('location'))}."
        else:
            hint = hints.get(answer.status, "")
        message = f"{method}: HTTP {answer.status}{': ' + text if text else ''}"
        return McpError(message, "http", answer.status, error, answer.challenges, text, hint)
