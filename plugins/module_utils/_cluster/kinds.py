# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""Where Kubernetes itself serves the kinds of which every cluster has the stable version (Kubernetes API reference).

They need no discovery, which costs three requests in each module's run. All other kinds are looked up.
"""

from __future__ import annotations

import typing as t


class Kind(t.NamedTuple):
    """The resource of a kind, as far as the client needs it."""

    api_version: str
    plural: str
    namespaced: bool

    def path(self, name: str | None = None, namespace: str | None = None) -> str:
        parts = ["/apis" if "/" in self.api_version else "/api", self.api_version]
        parts += ["namespaces", namespace] if namespace else []
        parts += [self.plural] + ([name] if name else [])
        return "/".join(parts)


STABLE: dict[tuple[str, str], Kind] = {
    (api_version, kind): Kind(api_version, plural, namespaced)
    for api_version, kind, plural, namespaced in (
        ("v1", "ConfigMap", "configmaps", True),
        ("v1", "Namespace", "namespaces", False),
        ("v1", "Pod", "pods", True),
        ("v1", "Secret", "secrets", True),
        ("v1", "Service", "services", True),
        ("v1", "ServiceAccount", "serviceaccounts", True),
        ("apps/v1", "Deployment", "deployments", True),
        ("apps/v1", "StatefulSet", "statefulsets", True),
        ("discovery.k8s.io/v1", "EndpointSlice", "endpointslices", True),
        ("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", True),
        ("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", True),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", False),
        ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings", False),
        ("rbac.authorization.k8s.io/v1", "Role", "roles", True),
        ("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings", True),
    )
}
