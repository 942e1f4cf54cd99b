#!/usr/bin/python
# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mcp_tool_call
short_description: Call a tool of an MCP server as a given person
version_added: 0.1.0
description:
  - Calls one tool with the rights of the person whose token it sends, and returns what the tool said.
  - The tool's annotations decide whether the call counts as a change. What is not marked as read-only is a change.
author:
  - mcp_auth.openshift contributors (@mcp-auth)
extends_documentation_fragment:
  - mcp_auth.openshift.cluster
  - mcp_auth.openshift.mcp
options:
  tool:
    description:
      - Name of the tool.
    type: str
    required: true
  arguments:
    description:
      - Arguments of the tool.
    type: dict
    default: {}
  fail_on_error:
    description:
      - Whether the task fails when the tool says that it failed, as when the cluster forbids the person something.
      - A call that does not get through (wrong token, no such tool) or gets no answer always fails.
    type: bool
    default: true
attributes:
  check_mode:
    support: partial
    description: Can run in check mode and tells what it would change, without changing it.
    details:
      - A tool that is not read-only is not called; RV(called) says so.
  diff_mode:
    support: none
    description: Nobody knows what a tool changes.
  idempotent:
    support: partial
    description: As the tool is.
  action_group:
    support: full
    description: In the group C(mcp_auth.openshift.cluster).
    membership: [mcp_auth.openshift.cluster]
seealso:
  - module: mcp_auth.openshift.mcp_info
"""

EXAMPLES = r"""
- name: List namespaces as the person
  mcp_auth.openshift.mcp_tool_call:
    url: https://mcp.example.com/mcp
    token_from: {namespace: llama-stack, name: my-token, key: token}
    tool: namespaces_list
  register: namespaces

- name: What the person may not do is said, the play goes on
  mcp_auth.openshift.mcp_tool_call:
    url: https://mcp.example.com/mcp
    token_from: {namespace: llama-stack, name: my-token, key: token}
    tool: resources_get
    arguments: {apiVersion: v1, kind: Node, name: worker-1}
    fail_on_error: false
  register: node
"""

RETURN = r"""
called:
  description:
    - Whether the tool was called. V(false) means for certain that it did not run.
    - V(true) with an RV(error) means that the call was sent and that no answer tells whether the tool ran. A tool that is
      not read-only then counts as a change. Look before you call it again.
  type: bool
  returned: always
  sample: true
is_error:
  description: Whether the tool said that it failed.
  type: bool
  returned: when it answered
  sample: false
text:
  description: The text parts of the content, joined.
  type: str
  returned: when it answered
  sample: "NAME\ndefault"
content:
  description: The content as the server sent it.
  type: list
  elements: dict
  returned: when it answered
  sample: [{type: text, text: "NAME\ndefault"}]
structured_content:
  description: The structured content, when the tool has some.
  type: dict
  returned: when the tool sends it
  sample: {}
annotations:
  description: What the server says of the tool (C(readOnlyHint), C(destructiveHint) and more).
  type: dict
  returned: when the tool was found
  sample: {readOnlyHint: true}
error:
  description: What went wrong, for programs.
  type: dict
  returned: on failure
  sample: {kind: jsonrpc, jsonrpc_error: {code: -32602, message: "unknown tool"}}
"""

import difflib

from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.args import ClusterModule
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.errors import ClusterError
from ansible_collections.mcp_auth.openshift.plugins.module_utils._mcp.access import (
    MCP_ARGS,
    MCP_EXCLUSIVE,
    client_for,
    describe,
)
from ansible_collections.mcp_auth.openshift.plugins.module_utils._mcp.client import McpClient, McpError

ARGUMENTS = {
    **MCP_ARGS,
    "tool": {"type": "str", "required": True},
    "arguments": {"type": "dict", "default": {}},
    "fail_on_error": {"type": "bool", "default": True},
}


def find_tool(client: McpClient, name: str, arguments: dict[str, object]) -> dict[str, object]:
    """The tool's description; refuses what the server would refuse less clearly."""
    tools = {str(tool.get("name")): tool for tool in client.list_tools()}
    if name not in tools:
        near = difflib.get_close_matches(name, tools, n=1)
        also = f"Did you mean {near[0]}?" if near else "Is it switched off (read_only, toolsets, disabled_tools)?"
        raise McpError(f"The server shows this person no tool '{name}'.", "jsonrpc", hint=also)
    schema = tools[name].get("inputSchema") or {}
    missing = sorted(set(schema.get("required") or []) - set(arguments))
    if missing:
        raise McpError(f"The tool {name} needs the arguments {', '.join(missing)}.", "jsonrpc")
    return tools[name]


#: JSON-RPC errors by which a server says that it did not begin: no JSON, no request, no such method, wrong arguments.
NOT_BEGUN = (-32700, -32600, -32601, -32602)
UNKNOWN = "Nobody knows whether the tool ran: look before you call it again."


def may_have_run(error: McpError) -> bool:
    """Whether a call that failed may have reached the tool; refused by the server or its proxy (4xx) it did not."""
    if error.kind == "jsonrpc":
        return (error.jsonrpc_error or {}).get("code") not in NOT_BEGUN
    return error.sent and not (error.kind == "http" and (error.status or 0) < 500)


def call(client: McpClient, params: dict[str, object], check_mode: bool) -> dict[str, object]:
    """Find the tool, call it unless that may change something in check mode; a lost call is a result with ``error``."""
    name, arguments = str(params["tool"]), dict(params["arguments"])
    client.initialize()
    annotations = find_tool(client, name, arguments).get("annotations") or {}
    changes = annotations.get("readOnlyHint") is not True
    if check_mode and changes:
        client.close()
        return {"changed": True, "called": False, "annotations": annotations}
    try:
        answer = client.call_tool(name, arguments)
    except McpError as error:
        called = may_have_run(error)
        text = f"{describe(error)} {UNKNOWN}" if called else describe(error)
        failed = {"msg": text, "error": error.as_dict()}
        return {"changed": called and changes, "called": called, "annotations": annotations, **failed}
    client.close()
    content = answer.get("content") or []
    result = {
        "changed": changes,
        "called": True,
        "annotations": annotations,
        "content": content,
        "text": "\n".join(
            str(part.get("text", "")) for part in content if isinstance(part, dict) and part.get("type") == "text"
        ),
        "is_error": bool(answer.get("isError")),
    }
    if answer.get("structuredContent") is not None:
        result["structured_content"] = answer["structuredContent"]
    return result


def main() -> None:
    """Run the module."""
    module = ClusterModule(ARGUMENTS, supports_check_mode=True, mutually_exclusive=MCP_EXCLUSIVE)
    try:
        result = call(client_for(module), module.params, module.check_mode)
    except ClusterError as error:
        module.fail_json(msg=str(error), error=error.to_result(), called=False)
    except McpError as error:
        module.fail_json(msg=describe(error), error=error.as_dict(), called=False)
    if "error" in result:
        module.fail_json(**result)
    if result.get("is_error") and module.params["fail_on_error"]:
        module.fail_json(msg=f"The tool {module.params['tool']} failed: {result['text'][:500]}", **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
