#!/usr/bin/python
# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: rbac_info
short_description: Tell who can do everything in a cluster
version_added: 0.1.0
description:
  - Reads the cluster's roles and bindings and names every subject that is bound to a role with any verb on anything, or
    to one that leads there (writing or binding any role, impersonating anybody, a token of any service account).
  - Can be told who is expected, and fails when there is anybody else.
author:
  - mcp_auth.openshift contributors (@mcp-auth)
extends_documentation_fragment:
  - mcp_auth.openshift.cluster
  - mcp_auth.openshift.attributes
  - mcp_auth.openshift.attributes.cluster
options:
  allowed:
    description:
      - Who may have such rights, as V(Group:NAME), V(User:NAME) or V(ServiceAccount:NAMESPACE:NAME). C(*) stands for any
        characters.
    type: list
    elements: str
    default: []
  allow_system:
    description:
      - Also allow what every cluster has without us, which is C(system:masters), C(kubeadm:cluster-admins),
        C(system:cluster-admins), C(system:admin), C(system:kube-controller-manager) and the service accounts of
        C(kube-system) and C(openshift-*).
    type: bool
    default: true
  fail_on_others:
    description:
      - Fail when somebody who is not allowed can do everything, or give itself that right. Else it is a warning.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Only reads.
  diff_mode:
    support: none
    description: Only reads.
  idempotent:
    support: full
    description: Only reads.
  info_module:
    support: full
    description: Changes nothing.
notes:
  - Needs the right to list C(clusterroles) and C(clusterrolebindings), and C(roles) and C(rolebindings) in C(kube-system).
  - Bindings in other namespaces are not read. Who may use the service accounts of a namespace has the rights of each of
    them, so an operator with every right is as strong as the admins of its namespace.
"""

EXAMPLES = r"""
- name: Nobody but the admins' group and the cluster itself can do everything
  mcp_auth.openshift.rbac_info:
    allowed: ["Group:openshift_admins"]
    fail_on_others: true
"""

RETURN = r"""
holders:
  description:
    - Who has such rights, by which binding. C(power) is V(everything) or V(escalation). A binding in the
      namespace C(kube-system), be it to a C(ClusterRole) or a C(Role), counts, because its Secrets, pods and service
      accounts are the cluster's.
  type: list
  elements: dict
  returned: always
  sample:
    - subject: Group:system:masters
      role: cluster-admin
      binding: cluster-admin
      namespace: ""
      power: everything
      rights: ["*"]
      allowed: true
others:
  description: Those of RV(holders) that are not allowed, whichever their C(power).
  type: list
  elements: dict
  returned: always
  sample: []
error:
  description: What went wrong, for programs.
  type: dict
  returned: on failure
  sample: {reason: others, hint: remove the binding}
"""

from typing import Any

from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.args import ClusterModule
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.client import connect
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.errors import ClusterError
from ansible_collections.mcp_auth.openshift.plugins.module_utils._external_oidc import power

API = "rbac.authorization.k8s.io/v1"
ARGUMENTS: dict[str, dict[str, Any]] = {
    "allowed": {"type": "list", "elements": "str", "default": []},
    "allow_system": {"type": "bool", "default": True},
    "fail_on_others": {"type": "bool", "default": False},
}


def run(params: dict[str, Any]) -> dict[str, Any]:
    client = connect(params)
    allowed = params["allowed"] + list(power.ALLOWED if params["allow_system"] else ())
    bindings = client.list(API, "ClusterRoleBinding") + client.list(API, "RoleBinding", "kube-system")
    roles = client.list(API, "ClusterRole") + client.list(API, "Role", "kube-system")
    holders = power.holders(roles, bindings, allowed)
    others = [entry for entry in holders if not entry["allowed"]]
    return {"changed": False, "holders": holders, "others": others}


def main() -> None:
    module = ClusterModule(ARGUMENTS, supports_check_mode=True)
    try:
        result = run(module.params)
    except ClusterError as exc:
        module.fail_json(msg=str(exc), error=exc.to_result())
    if result["others"]:
        names = ", ".join(
            f"{entry['subject']} (binding {entry['binding']}: {', '.join(entry['rights'])})"
            for entry in result["others"]
        )
        hint = "remove the binding, or name the subject in the list of those who may (rbac_allowed_cluster_admins)"
        text = f"not only the expected ones can do everything in this cluster, or give themselves that right: {names}. {hint}"
        if module.params["fail_on_others"]:
            module.fail_json(msg=text, error={"reason": "others", "hint": hint}, **result)
        module.warn(text)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
