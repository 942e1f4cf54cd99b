# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
"""PRIVATE. Which setting of ours writes a key of the server's file."""

from __future__ import annotations

#: Keys that an option or a preset writes, with all its checks: O(extra) may not go around them.
OWNED: dict[str, str] = {
    "authorization_url": "issuer_url",
    "bind_address": "bind_address",
    "certificate_authority": "certificate_authority",
    "cluster_provider_strategy": "cluster_provider_strategy",
    "confirmation_fallback": "confirmation_fallback",
    "confirmation_rules": "confirmation_rules",
    "denied_resources": "denied_resources",
    "disable_destructive": "preset",
    "disable_dynamic_client_registration": "none: it is always true",
    "disabled_tools": "disabled_tools",
    "enabled_tools": "enabled_tools",
    "kubeconfig": "kubeconfig",
    "list_output": "list_output",
    "metrics_port": "metrics_port",
    "oauth_audience": "audience",
    "oauth_scopes": "oauth_scopes",
    "port": "port",
    "read_only": "preset",
    "require_oauth": "none: it is always true",
    "server_instructions": "server_instructions",
    "server_url": "server_url",
    "stateless": "stateless",
    "toolsets": "toolsets",
}


def owner(name: str) -> str:
    """The setting that writes a key, empty when the key is free."""
    if name.startswith(("sts_", "token_exchange.")):
        return "exchange"
    return OWNED.get(name, "")
