# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
#
# PRIVATE: for the modules of this collection only; may change without notice.
"""Who can do everything in a cluster, or give itself the right to: read from its roles and bindings. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

#: What every cluster has without us: the installer's groups and the parts of Kubernetes and OpenShift themselves.
ALLOWED = (
    "Group:system:masters",
    "Group:kubeadm:cluster-admins",
    "Group:system:cluster-admins",
    "User:system:admin",
    "ServiceAccount:kube-system:*",
    "ServiceAccount:openshift-*:*",
)


def every_right(role: dict[str, Any]) -> bool:
    """Any verb on anything."""
    return any(
        "*" in (rule.get("verbs") or [])
        and "*" in (rule.get("resources") or [])
        and "*" in (rule.get("apiGroups") or [])
        for rule in role.get("rules") or []
    )


#: Whoever may be one of these, or bind this role, can do everything.
MIGHTY = {
    "users": {"system:admin", "kubernetes-admin", "kubernetes-super-admin"},
    "groups": {"system:masters", "kubeadm:cluster-admins", "system:cluster-admins"},
    "clusterroles": {"cluster-admin"},
}


def leads_to_every_right(role: dict[str, Any]) -> list[str]:
    """Rights by which one gets the others: writing or binding any role, being anybody."""
    found = []
    for rule in role.get("rules") or []:
        verbs, groups = (set(rule.get(name) or []) for name in ("verbs", "apiGroups"))
        kinds = _mighty_kinds(rule)
        if (
            groups & {"*", "rbac.authorization.k8s.io"}
            and "clusterroles" in kinds
            and verbs & {"*", "escalate", "bind"}
        ):
            found.append("escalate or bind on clusterroles")
        if groups & {"*", ""} and kinds & {"users", "groups"} and verbs & {"*", "impersonate"}:
            found.append("impersonate users or groups")
    return sorted(set(found))


def _mighty_kinds(rule: dict[str, Any]) -> set[str]:
    """The kinds of MIGHTY that a rule is about; one that names objects only where it names a mighty one."""
    kinds, named = set(rule.get("resources") or []), set(rule.get("resourceNames") or [])
    return {kind for kind, mighty in MIGHTY.items() if kinds & {"*", kind} and (not named or named & mighty)}


def subject_id(subject: dict[str, Any]) -> str:
    """Group:NAME, User:NAME or ServiceAccount:NAMESPACE:NAME."""
    if subject.get("kind") == "ServiceAccount":
        return f"ServiceAccount:{subject.get('namespace') or ''}:{subject.get('name')}"
    return f"{subject.get('kind')}:{subject.get('name')}"


def holders(
    roles: Sequence[dict[str, Any]], bindings: Iterable[dict[str, Any]], allowed: Iterable[str]
) -> list[dict[str, Any]]:
    """Every subject that is bound to such a role cluster-wide (or in kube-system), with what it can do."""
    patterns = list(allowed)
    strong: dict[str, tuple[str, list[str]]] = {}
    for role in roles:
        name = str((role.get("metadata") or {}).get("name"))
        if every_right(role):
            strong[name] = ("everything", ["*"])
        elif leads_to_every_right(role):
            strong[name] = ("escalation", leads_to_every_right(role))
    found = []
    for binding in bindings:
        reference = binding.get("roleRef") or {}
        power = strong.get(str(reference.get("name"))) if reference.get("kind") == "ClusterRole" else None
        if power is None:
            continue
        for subject in binding.get("subjects") or []:
            name = subject_id(subject)
            found.append(
                {
                    "subject": name,
                    "role": reference.get("name"),
                    "binding": (binding.get("metadata") or {}).get("name"),
                    "namespace": (binding.get("metadata") or {}).get("namespace") or "",
                    "power": power[0],
                    "rights": power[1],
                    "allowed": any(fnmatchcase(name, pattern) for pattern in patterns),
                }
            )
    return sorted(found, key=lambda entry: (entry["power"], entry["subject"], str(entry["binding"])))
