# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy adds where the metadata is to every challenge that does not say so, whatever the audience is called."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

TEMPLATE = Path(__file__).parents[3] / "roles" / "mcp_server" / "templates" / "proxy.yml.j2"


@pytest.mark.parametrize(
    ("challenge", "added"),
    [
        ('Bearer realm="Kubernetes MCP Server", audience="mcp-server", error="missing_token"', True),
        ('Bearer realm="Kubernetes MCP Server", audience="mcp_server", error="invalid_token"', True),
        ('Bearer realm="Kubernetes MCP Server", error="missing_token"', True),
        ('Bearer error="invalid_token"', True),
        ('Bearer realm="x", audience="y", resource_metadata="https://z", error="missing_token"', False),
        ('Bearer realm="x", audience="y", error="missing_token", resource_metadata="https://z"', False),
    ],
)
def test_a_challenge_gets_the_metadata_once(challenge: str, added: bool) -> None:
    found = re.search(r'"search_regexp": ("(?:[^"\\]|\\.)*")', TEMPLATE.read_text(encoding="utf-8"))
    assert found
    pattern = json.loads(found.group(1))
    assert (re.sub(pattern, r"\1, resource_metadata=", challenge) != challenge) == added
