# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
"""PRIVATE. The options of mcp_config, in the words that hold for every version of the server."""

from __future__ import annotations

from typing import Any

from . import config, presets

_STR: dict[str, Any] = {"type": "str"}
_STRINGS: dict[str, Any] = {"type": "list", "elements": "str"}

EXCHANGE: dict[str, dict[str, Any]] = {
    "audience": {"type": "str", "required": True},
    "scopes": _STRINGS,
    "client_id": {"type": "str", "required": True},
    "method": {"type": "str", "choices": list(config.METHODS), "default": "private_key_jwt"},
    "strategy": _STR,
    "certificate_file": _STR,
    "private_key_file": {"type": "str", "no_log": False},
    "token_file": {"type": "str", "no_log": False},
}

DENIED: dict[str, dict[str, Any]] = {
    "group": {"type": "str", "default": ""},
    "version": {"type": "str", "required": True},
    "kind": _STR,
}

SETTINGS: dict[str, dict[str, Any]] = {
    "issuer_url": {"type": "str", "required": True},
    "issuer_product": {"type": "str", "choices": ["keycloak", "other"], "default": "keycloak"},
    "audience": {"type": "str", "required": True},
    "server_url": {"type": "str", "required": True},
    "certificate_authority": _STR,
    "oauth_scopes": _STRINGS,
    "port": {"type": "str", "default": "8080"},
    "bind_address": {"type": "str", "default": "127.0.0.1"},
    "metrics_port": _STR,
    "exchange": {"type": "dict", "options": EXCHANGE},
    "preset": {"type": "str", "choices": sorted(presets.PRESETS), "default": "read_only"},
    "read_only": {"type": "bool"},
    "disable_destructive": {"type": "bool"},
    "toolsets": {"type": "list", "elements": "str", "default": ["core"]},
    "enabled_tools": _STRINGS,
    "disabled_tools": _STRINGS,
    "unhidden_tools": _STRINGS,
    "denied_resources": {"type": "list", "elements": "dict", "options": DENIED},
    "confirmation_rules": {"type": "list", "elements": "dict"},
    "confirmation_fallback": {"type": "str", "choices": ["allow", "deny"], "default": "deny"},
    "stateless": {"type": "bool", "default": True},
    "server_instructions": _STR,
    "kubeconfig": _STR,
    "cluster_provider_strategy": _STR,
    "log_level": {"type": "int", "default": 0},
    "list_output": {"type": "str", "choices": ["table", "yaml"]},
    "secret_field": {"type": "str", "default": "client_secret", "no_log": False},
}
