# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The MCP server's ServiceAccount has no rights, neither by its name nor by the group of its namespace."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence import model, posture

GROUP = {"kind": "Group", "name": "system:serviceaccounts:agents"}
ACCOUNT = {"kind": "ServiceAccount", "name": "ocp-mcp", "namespace": "agents"}
EVERYBODY = {"verbs": ["create"], "resources": ["selfsubjectreviews"]}
SECRETS = {"verbs": ["*"], "resources": ["secrets"]}
PULL = {"verbs": ["get"], "resources": ["imagestreams/layers"]}


class Cluster:
    """An API server that knows what each namespace's ServiceAccounts, and ours alone, may do."""

    def __init__(self, subject=None, role="edit", rule=None):
        self.subject, self.role, self.rule = subject, role, rule

    def list(self, api_version, kind, namespace=None):
        if self.subject is None or kind != "RoleBinding":
            return []
        return [{"metadata": {"name": "b"}, "roleRef": {"name": self.role}, "subjects": [self.subject]}]

    def request(self, method, path, body=None, headers=None, token=None):
        who = headers["Impersonate-User"]
        mine = who == "system:serviceaccount:agents:ocp-mcp"
        given = self.subject == ACCOUNT and mine or self.subject == GROUP and ":agents:" in who
        rules = [EVERYBODY, *([self.rule or SECRETS] if given else [])]
        return 201, {"status": {"resourceRules": rules}}


@pytest.mark.parametrize(
    ("cluster", "verdict"),
    [
        (Cluster(), model.OK),
        (Cluster(ACCOUNT), model.BAD),
        (Cluster(GROUP), model.BAD),
        (Cluster(GROUP, "system:image-puller", PULL), model.OK),
        (Cluster(ACCOUNT, "system:image-puller", PULL), model.BAD),
    ],
)
def test_rights_by_name_and_by_group(cluster, verdict):
    item = model.Posture("service_account", "t", "e", "")
    posture.rights(SimpleNamespace(target=SimpleNamespace(agents_namespace="agents"), asked=lambda: cluster), item)
    assert item.verdict == verdict, item.detail


STAR = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
TOKENS = {"verbs": ["create"], "apiGroups": [""], "resources": ["serviceaccounts/token"]}


class Bindings:
    """An API server with one strong ClusterRole, one Role of kube-system, and one subject that is bound to it."""

    def __init__(self, subject, kind="ClusterRole", rule=None):
        self.subject, self.kind, self.rule = subject, kind, rule or STAR

    def list(self, api_version, kind, namespace=None):
        metadata = {"name": "strong", **({"namespace": namespace} if namespace else {})}
        if kind == self.kind:
            return [{"metadata": metadata, "rules": [self.rule]}]
        if kind == f"{self.kind}Binding":
            return [
                {"metadata": metadata, "roleRef": {"kind": self.kind, "name": "strong"}, "subjects": [self.subject]}
            ]
        return []


@pytest.mark.parametrize(
    ("cluster", "verdict"),
    [
        (Bindings({"kind": "Group", "name": "openshift_admins"}), model.OK),
        (Bindings({"kind": "User", "name": "openshift_admins"}), model.NOTE),
        (Bindings({"kind": "Group", "name": "others"}, rule=TOKENS), model.NOTE),
        (Bindings({"kind": "Group", "name": "others"}, "Role"), model.NOTE),
        (Bindings({"kind": "ServiceAccount", "name": "c", "namespace": "kube-system"}), model.OK),
        (Bindings({"kind": "ServiceAccount", "name": "c", "namespace": "agents"}, rule=TOKENS), model.BAD),
        (Bindings({"kind": "Group", "name": "system:authenticated"}), model.BAD),
    ],
)
def test_who_can_do_everything(cluster, verdict):
    item = model.Posture("cluster_admins", "t", "e", "")
    target = SimpleNamespace(
        agents_namespace="agents", keycloak_namespace="keycloak", rbac_groups=lambda role: ["openshift_admins"]
    )
    posture.cluster_admins(SimpleNamespace(target=target, asked=lambda: cluster), item)
    assert item.verdict == verdict, item.detail
