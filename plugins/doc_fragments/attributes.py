# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and tells what it would change, without changing it.
  diff_mode:
    description: Returns what has changed, or in check mode would change, when diff mode is on. No secret is in it.
  idempotent:
    description: A second run with the same input changes nothing.
"""

    CLUSTER = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/mcp_auth.openshift.cluster) in C(module_defaults) to set the options of the connection.
    support: full
    membership:
      - mcp_auth.openshift.cluster
"""

    KEYCLOAK = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/mcp_auth.openshift.keycloak) in C(module_defaults) to set the options of the connection.
    support: full
    membership:
      - mcp_auth.openshift.keycloak
"""

    INFO_MODULE = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - It only reads.
  diff_mode:
    support: none
    details:
      - It changes nothing.
  idempotent:
    support: full
    details:
      - It only reads.
"""
