# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    """Options of modules that talk to an MCP server as a person."""

    DOCUMENTATION = r"""
options:
  url:
    description:
      - URL of the MCP endpoint (streamable HTTP).
    type: str
    required: true
  token:
    description:
      - Token of the person for whom the server is asked. Prefer O(token_from).
      - Without a token the server is asked anonymously.
    type: str
  token_from:
    description:
      - Where the token is. The module reads it itself, it never becomes an Ansible value.
    type: dict
    suboptions: &reference
      kind:
        description: Kind of the object.
        type: str
        choices: [Secret, ConfigMap]
        default: Secret
      namespace:
        description: Namespace of the object.
        type: str
        required: true
      name:
        description: Name of the object.
        type: str
        required: true
      key:
        description: Key in the object's data.
        type: str
        required: true
  server_ca:
    description:
      - CA of the MCP server's certificate, as PEM text or as a path. The system's CAs by default.
    type: str
  server_ca_from:
    description:
      - Where the CA of the MCP server's certificate is.
    type: dict
    suboptions: *reference
  timeout:
    description:
      - Seconds within which each answer has to be complete.
    type: float
    default: 30.0
notes:
  - O(validate_certs) holds for the cluster and for the MCP server. The proxy that the environment names for https is used.
  - Redirects are not followed, so that a token goes nowhere else.
  - The cluster is asked only when O(token_from) or O(server_ca_from) is set. Needs C(get) on those objects.
"""
