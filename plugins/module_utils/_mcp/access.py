# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
"""PRIVATE. The options by which a module reaches an MCP server as a person (doc fragment mcp_auth.openshift.mcp)."""

from __future__ import annotations

from typing import Any

from .._cluster.args import ClusterModule, reference_arg
from .._cluster.client import connect, read_reference
from .client import McpClient, McpError

MCP_ARGS: dict[str, dict[str, Any]] = {
    "url": {"type": "str", "required": True},
    "token": {"type": "str", "no_log": True},
    "token_from": reference_arg(),
    "server_ca": {"type": "str"},
    "server_ca_from": reference_arg(),
    "timeout": {"type": "float", "default": 30.0},
}
MCP_EXCLUSIVE = [("token", "token_from"), ("server_ca", "server_ca_from")]


def client_for(module: ClusterModule) -> McpClient:
    """The client that the module's options describe; the cluster is asked only for references."""
    params = module.params
    token, ca = params["token"], params["server_ca"]
    if params["token_from"] or params["server_ca_from"]:
        cluster = connect(params)
        if params["token_from"]:
            token = read_reference(cluster, params["token_from"])
        if params["server_ca_from"]:
            ca = read_reference(cluster, params["server_ca_from"])
    if token:
        # What is masked has to be what is sent: without the line break at its end.
        module.hide([token, token.strip()])
    if ca and "-----BEGIN" not in ca:
        try:
            with open(ca, encoding="utf-8") as handle:
                ca = handle.read()
        except OSError as exc:
            raise McpError(f"server_ca is neither PEM text nor a file that can be read: {exc}", "tls") from exc
    return McpClient(params["url"], token or None, ca or None, params["timeout"], params["validate_certs"])


def describe(error: McpError) -> str:
    """One sentence, and what to do."""
    return f"{error.message} {error.hint}".strip()
