# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
"""PRIVATE. Is the server shut to those who have no good token? Asked right after each deployment."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from typing import Any

from .client import WELL_KNOWN, Answer, McpClient

FOREIGN_ORIGIN = "https://foreign.invalid"
#: Nothing of this may be reachable from outside; the last two would make the server look like an issuer.
CLOSED_PATHS = (
    "/",
    "/healthz",
    "/metrics",
    "/stats",
    "/sse",
    "/message",
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
)
_INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "probe", "version": "1"}},
}


def _b64(value: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned_token(issuer: str, audience: str) -> str:
    """A token that says all the right things and that nobody signed."""
    now = int(time.time())
    claims = {"iss": issuer, "aud": [audience], "sub": "nobody", "iat": now, "exp": now + 300}
    return f"{_b64({'alg': 'none', 'typ': 'JWT'})}.{_b64(claims)}."


def check(client: McpClient, issuer: str = "", audience: str = "") -> list[dict[str, Any]]:
    """Every probe with what was expected and what came; a connection that fails is an McpError."""
    body = json.dumps(_INITIALIZE)
    found: list[dict[str, Any]] = []

    def note(name: str, expected: int, answer: Answer, good: bool = True, detail: str = "") -> None:
        right = answer.status == expected and good
        why = "" if right else (detail or answer.text()[:200])
        found.append({"name": name, "expected": expected, "status": answer.status, "ok": right, "detail": why})

    answer = client.raw("POST", body=body)
    named = [item["params"].get("resource_metadata", "") for item in answer.challenges if item["scheme"] == "Bearer"]
    wanted = client.wire.origin + WELL_KNOWN + client.path.split("?")[0]
    note("no token", 401, answer, named == [wanted], f"WWW-Authenticate names {named}, not {wanted}")
    tokens = {"garbage token": "garbage", "unsigned token": unsigned_token(issuer, audience)}
    for name, token in tokens.items():
        answer = client.raw("POST", body=body, token=token)
        errors = [item["params"].get("error", "") for item in answer.challenges]
        note(name, 401, answer, errors == ["invalid_token"], f"WWW-Authenticate says {errors}, not invalid_token")
    note("foreign Origin", 403, client.raw("POST", headers={"Origin": FOREIGN_ORIGIN}, body=body))
    for path in CLOSED_PATHS:
        note(f"path {path}", 404, client.raw("GET", path=path))
    return found
