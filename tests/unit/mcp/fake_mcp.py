# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An MCP server that answers as a test wants it to, byte for byte."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Request:
    """What came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> dict[str, Any]:
        return json.loads(self.body) if self.body else {}


Handler = Callable[[Request, Callable[[bytes], None]], None]


def reply(status: int, body: bytes = b"", headers: tuple[tuple[str, str], ...] = (), reason: str = "X") -> bytes:
    """A whole answer with its length."""
    lines = [f"HTTP/1.1 {status} {reason}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def as_json(message: Any, *headers: tuple[str, str]) -> bytes:
    return reply(200, json.dumps(message).encode(), (("Content-Type", "application/json"), *headers))


def as_stream(text: bytes, *headers: tuple[str, str]) -> bytes:
    """An event stream that ends when the connection does."""
    lines = ["HTTP/1.1 200 OK", "Content-Type: text/event-stream; charset=utf-8", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + text


def chunked(pieces: list[bytes], end: bool = True) -> bytes:
    """An event stream in chunks; without the last chunk it is broken off."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces)
    return head + body + (b"0\r\n\r\n" if end else b"")


def result(request: Request, value: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request.message.get("id"), "result": value}


INITIALIZED = {"protocolVersion": "2025-06-18", "serverInfo": {"name": "fake", "version": "1"}, "capabilities": {}}


@dataclass
class FakeMcp:
    """Answers by the JSON-RPC method, or by the HTTP method where there is none."""

    answers: dict[str, Handler] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/mcp"
        self.open = True
        self.answers.setdefault("initialize", lambda request, send: send(as_json(result(request, INITIALIZED))))
        self.answers.setdefault("notifications/initialized", lambda request, send: send(reply(202)))
        threading.Thread(target=self._serve, daemon=True).start()

    def on(self, method: str, answer: bytes | Handler) -> FakeMcp:
        self.answers[method] = answer if callable(answer) else lambda request, send: send(answer)
        return self

    def _serve(self) -> None:
        while self.open:
            try:
                connection, _address = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            line = stream.readline().decode().split()
            if len(line) < 2:
                return
            headers: dict[str, str] = {}
            while (text := stream.readline().decode().strip()) != "":
                name, _colon, value = text.partition(":")
                headers[name.lower()] = value.strip()
            request = Request(line[0], line[1], headers, stream.read(int(headers.get("content-length", "0"))))
            self.requests.append(request)
            message = request.message
            key = message.get("method", "response") if message else line[0]
            handler = self.answers.get(key)
            try:
                if handler is None:
                    connection.sendall(reply(404, b"not here"))
                else:
                    handler(request, connection.sendall)
            except OSError:
                return  # the client went away, as some tests want

    def close(self) -> None:
        self.open = False
        self.socket.close()
