#!/usr/bin/python
# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mcp_info
short_description: Read an MCP server as a given person
version_added: 0.1.0
description:
  - Opens a conversation with an MCP server and returns what it says of itself, its tools and its protected-resource
    metadata (RFC 9728).
author:
  - mcp_auth.openshift contributors (@mcp-auth)
extends_documentation_fragment:
  - mcp_auth.openshift.cluster
  - mcp_auth.openshift.mcp
options:
  gather:
    description:
      - What to read. V(metadata) needs no token.
      - V(guard) tries what has to be refused. No token, a garbage one, an unsigned one, a foreign Origin, and every path
        but the MCP endpoint and its metadata.
    type: list
    elements: str
    choices: [server, tools, metadata, guard]
    default: [server, tools, metadata]
  issuer_url:
    description:
      - Issuer that the unsigned token of V(guard) names.
    type: str
    default: ""
  audience:
    description:
      - Audience that the unsigned token of V(guard) names.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    description: Only reads.
  diff_mode:
    support: none
    description: Changes nothing.
  idempotent:
    support: full
    description: Only reads.
  action_group:
    support: full
    description: In the group C(mcp_auth.openshift.cluster).
    membership: [mcp_auth.openshift.cluster]
seealso:
  - module: mcp_auth.openshift.mcp_tool_call
  - module: mcp_auth.openshift.mcp_config
"""

EXAMPLES = r"""
- name: Which tools does a person see?
  mcp_auth.openshift.mcp_info:
    url: https://mcp.example.com/mcp
    token_from: {namespace: llama-stack, name: my-token, key: token}
    server_ca_from: {kind: ConfigMap, namespace: llama-stack, name: mcp-auth-ca, key: ca.crt}
  register: mcp

- name: Whom does the server trust? (no token needed)
  mcp_auth.openshift.mcp_info:
    url: https://mcp.example.com/mcp
    gather: [metadata]
"""

RETURN = r"""
server:
  description: Name and version of the server, its capabilities and its protocol version.
  type: dict
  returned: when V(server) is gathered
  sample: {protocolVersion: "2025-06-18", serverInfo: {name: kubernetes-mcp-server, version: v0.0.67}}
tools:
  description: Every tool with its schema and annotations.
  type: list
  elements: dict
  returned: when V(tools) is gathered
  sample: [{name: pods_list, annotations: {readOnlyHint: true}}]
tool_names:
  description: The names of the tools.
  type: list
  elements: str
  returned: when V(tools) is gathered
  sample: [namespaces_list, pods_list]
metadata:
  description: The protected-resource metadata, its address and the status with which it came.
  type: dict
  returned: when V(metadata) is gathered
  sample: {url: "https://mcp.example.com/.well-known/oauth-protected-resource/mcp", status: 200, document: {}}
guard:
  description: Every try with the status that it had to get and the one that it got.
  type: list
  elements: dict
  returned: when V(guard) is gathered
  sample: [{name: no token, expected: 401, status: 401, ok: true, detail: ""}]
error:
  description: What went wrong, for programs.
  type: dict
  returned: on failure
  sample: {kind: http, status: 401, www_authenticate: [{scheme: Bearer, params: {error: invalid_token}, token68: ""}]}
"""

from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.args import ClusterModule
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.errors import ClusterError
from ansible_collections.mcp_auth.openshift.plugins.module_utils._mcp import guard
from ansible_collections.mcp_auth.openshift.plugins.module_utils._mcp.access import (
    MCP_ARGS,
    MCP_EXCLUSIVE,
    client_for,
    describe,
)
from ansible_collections.mcp_auth.openshift.plugins.module_utils._mcp.client import McpClient, McpError

ARGUMENTS = {
    **MCP_ARGS,
    "gather": {
        "type": "list",
        "elements": "str",
        "choices": ["server", "tools", "metadata", "guard"],
        "default": ["server", "tools", "metadata"],
    },
    "issuer_url": {"type": "str", "default": ""},
    "audience": {"type": "str", "default": ""},
}


def read(client: McpClient, params: dict[str, object]) -> dict[str, object]:
    """What was asked for, in one conversation."""
    gather = params["gather"]
    result: dict[str, object] = {}
    if "guard" in gather:
        result["guard"] = guard.check(client, params["issuer_url"], params["audience"])
    if "metadata" in gather:
        result["metadata"] = client.metadata()
    if "server" in gather or "tools" in gather:
        server = client.initialize()
        if "server" in gather:
            result["server"] = server
        if "tools" in gather:
            tools = client.list_tools()
            result["tools"] = tools
            result["tool_names"] = sorted(str(tool.get("name", "")) for tool in tools)
        client.close()
    return result


def main() -> None:
    """Run the module."""
    module = ClusterModule(ARGUMENTS, supports_check_mode=True, mutually_exclusive=MCP_EXCLUSIVE)
    try:
        module.exit_json(changed=False, **read(client_for(module), module.params))
    except ClusterError as error:
        module.fail_json(msg=str(error), error=error.to_result())
    except McpError as error:
        module.fail_json(msg=describe(error), error=error.as_dict())


if __name__ == "__main__":
    main()
