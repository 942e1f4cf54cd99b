# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a container registry can be reached: it answers its v2 endpoint, over TLS that holds, within seconds.

A connection alone proves nothing: some networks answer every address, with a page and a certificate of their own.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterable

SECONDS = 5.0
ALIASES = {"docker.io": "registry-1.docker.io"}


def host_of(ref: str) -> str:
    """The registry that an image reference names."""
    first = ref.split("/", 1)[0]
    return first if "/" in ref and ("." in first or ":" in first or first == "localhost") else "docker.io"


def answers(host: str, seconds: float = SECONDS) -> bool:
    """Whether this host is a registry that we can talk to."""
    connection = http.client.HTTPSConnection(
        ALIASES.get(host, host), timeout=seconds, context=ssl.create_default_context()
    )
    try:
        connection.request("GET", "/v2/")
        reply = connection.getresponse()
        version = reply.getheader("Docker-Distribution-Api-Version") or ""
        challenge = reply.getheader("WWW-Authenticate") or ""
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    is_registry = version.startswith("registry/2") or challenge.lower().startswith("bearer realm=")
    return reply.status in (200, 401) and is_registry


def all_answer(refs: Iterable[str]) -> bool:
    """Whether every registry of these images answers."""
    return all(answers(host) for host in sorted({host_of(ref) for ref in refs}))
