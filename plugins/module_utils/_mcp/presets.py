# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
"""PRIVATE. What agents may see and do, by the name of a preset: tools that are hidden, and when a person is asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

Rule = Mapping[str, Any]

#: What an agent that reads untrusted text may not reach, whoever its person is.
DENIED_RESOURCES: tuple[dict[str, str], ...] = (
    {"group": "", "version": "v1", "kind": "Secret"},
    {"group": "rbac.authorization.k8s.io", "version": "v1", "kind": "ClusterRole"},
    {"group": "rbac.authorization.k8s.io", "version": "v1", "kind": "ClusterRoleBinding"},
    {"group": "rbac.authorization.k8s.io", "version": "v1", "kind": "Role"},
    {"group": "rbac.authorization.k8s.io", "version": "v1", "kind": "RoleBinding"},
)

#: Tools that start a program: it reads the Secrets that are mounted in its pod, past denied_resources.
RUNNING_TOOLS: tuple[str, ...] = ("pods_exec", "pods_run")

PRESETS: dict[str, dict[str, Any]] = {
    "read_only": {"read_only": True},
    "write": {
        "read_only": False,
        "disabled_tools": list(RUNNING_TOOLS),
        "confirmation_rules": [{"destructive": True, "message": "This changes or deletes something on the cluster."}],
    },
}

WRITE_RISK = (
    "The preset write lets an agent create, change and delete whatever its person may. Text that the agent reads "
    "(logs, events, annotations) can tell it to. A client that cannot ask its person is refused destructive tools; "
    "creating and updating is not asked about. Give agents rights of their own (chain_agent_rights: separate)."
)


def rules(preset: Mapping[str, Any], mine: Sequence[Rule] | None) -> list[Rule]:
    """The user's rules; the preset's stay beside them, unless one of them is for all destructive tools itself."""
    own = list(mine or [])
    return own + ([] if any(map(asks_before_destructive, own)) else list(preset.get("confirmation_rules") or []))


def asks_before_destructive(rule: Rule) -> bool:
    """Before all of them: any other field would narrow it."""
    narrowing = {name for name, value in rule.items() if value is not None} - {"destructive", "message"}
    return rule.get("destructive") is True and not narrowing


def running(enabled: Collection[str] | None, hidden: Collection[str]) -> list[str]:
    """The tools that start a program and are shown, where only the enabled ones are when some are named."""
    return [name for name in RUNNING_TOOLS if name not in hidden and (not enabled or name in enabled)]
