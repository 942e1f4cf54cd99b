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
    "User:system:kube-controller-manager",
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


#: Whoever may be one of these, or bind this role, can do everything. No name counts where none is given here.
MIGHTY: dict[str, set[str]] = {
    "users": {"system:admin", "kubernetes-admin", "kubernetes-super-admin"},
    "groups": {"system:masters", "kubeadm:cluster-admins", "system:cluster-admins"},
    "clusterroles": {"cluster-admin"},
    "roles": set(),
    "serviceaccounts": set(),
    "serviceaccounts/token": set(),
}
RBAC = "rbac.authorization.k8s.io"
#: API group, verbs, kinds, and how it is told. ServiceAccounts of kube-system can write any role in every cluster
#: (clusterrole-aggregation-controller), so whoever can be any ServiceAccount there can, too.
WAYS: tuple[tuple[str, set[str], set[str], str], ...] = (
    (RBAC, {"escalate", "bind"}, {"clusterroles"}, "escalate or bind on clusterroles"),
    (RBAC, {"escalate", "bind"}, {"roles"}, "escalate or bind on roles"),
    ("", {"impersonate"}, {"users", "groups"}, "impersonate users or groups"),
    ("", {"impersonate"}, {"serviceaccounts"}, "impersonate serviceaccounts"),
    ("", {"create"}, {"serviceaccounts/token"}, "create serviceaccounts/token"),
)


def leads_to_every_right(role: dict[str, Any], accounts: Iterable[str] = ()) -> list[str]:
    """Rights by which one gets the others: writing or binding any role, being anybody or one of these ServiceAccounts."""
    found = set()
    for rule in role.get("rules") or []:
        verbs, groups = (set(rule.get(name) or []) for name in ("verbs", "apiGroups"))
        kinds = _mighty_kinds(rule, set(accounts))
        for group, needed, about, told in WAYS:
            if groups & {"*", group} and verbs & {"*", *needed} and kinds & about:
                found.add(told)
    return sorted(found)


def _mighty_kinds(rule: dict[str, Any], accounts: set[str]) -> set[str]:
    """The kinds of MIGHTY that a rule is about; one that names objects only where it names a mighty one."""
    kinds, named = set(rule.get("resources") or []), set(rule.get("resourceNames") or [])
    found = set()
    for kind, mighty in MIGHTY.items():
        _kind, slash, part = kind.partition("/")
        known = accounts if kind.startswith("serviceaccounts") else mighty
        if kinds & {"*", kind, f"*/{part}" if slash else kind} and (not named or named & known):
            found.add(kind)
    return found


def subject_id(subject: dict[str, Any]) -> str:
    """Group:NAME, User:NAME or ServiceAccount:NAMESPACE:NAME."""
    if subject.get("kind") == "ServiceAccount":
        return f"ServiceAccount:{subject.get('namespace') or ''}:{subject.get('name')}"
    return f"{subject.get('kind')}:{subject.get('name')}"


Place = tuple[str, str]


def _strong(roles: Sequence[dict[str, Any]], accounts: Iterable[str] = ()) -> dict[Place, tuple[str, list[str]]]:
    """Roles by namespace (none for a ClusterRole) and name, with what they give."""
    found: dict[Place, tuple[str, list[str]]] = {}
    for role in roles:
        metadata = role.get("metadata") or {}
        place = (str(metadata.get("namespace") or ""), str(metadata.get("name")))
        ways = leads_to_every_right(role, accounts)
        if every_right(role):
            found[place] = ("everything", ["*"])
        elif ways:
            found[place] = ("escalation", ways)
    return found


def _role_of(binding: dict[str, Any]) -> Place:
    reference = binding.get("roleRef") or {}
    own = str((binding.get("metadata") or {}).get("namespace") or "")
    return own if reference.get("kind") == "Role" else "", str(reference.get("name"))


def holders(
    roles: Sequence[dict[str, Any]], bindings: Sequence[dict[str, Any]], allowed: Iterable[str]
) -> list[dict[str, Any]]:
    """Every subject that is bound to such a role cluster-wide (or in kube-system), with what it can do.

    ``roles`` are the ClusterRoles, and the Roles of the namespaces whose bindings are given.
    """
    patterns = list(allowed)
    strong = _strong(roles)
    # A rule may name a ServiceAccount: does that one hold such a right?
    accounts = {
        str(subject.get("name"))
        for binding in bindings
        if _role_of(binding) in strong
        for subject in binding.get("subjects") or []
        if subject.get("kind") == "ServiceAccount" and subject.get("namespace") == "kube-system"
    }
    strong = _strong(roles, accounts)
    found = []
    for binding in bindings:
        power = strong.get(_role_of(binding))
        if power is None:
            continue
        for subject in binding.get("subjects") or []:
            name = subject_id(subject)
            found.append(
                {
                    "subject": name,
                    "role": (binding.get("roleRef") or {}).get("name"),
                    "binding": (binding.get("metadata") or {}).get("name"),
                    "namespace": (binding.get("metadata") or {}).get("namespace") or "",
                    "power": power[0],
                    "rights": power[1],
                    "allowed": any(fnmatchcase(name, pattern) for pattern in patterns),
                }
            )
    return sorted(found, key=lambda entry: (entry["power"], entry["subject"], str(entry["binding"])))
