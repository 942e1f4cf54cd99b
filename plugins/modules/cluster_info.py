#!/usr/bin/python
# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cluster is, and whether our credential is enough."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_info
short_description: Tell what a cluster is and which rights are missing there
version_added: 0.1.0
author:
  - mcp_auth.openshift contributors (@mcp-auth)
description:
  - Reads the version of the API server, the platform and the API groups that it serves.
  - Asks the API server which of the given rights the credential lacks, so that a run is refused before it begins.
notes:
  - Needs no rights but those of C(system:basic-user) and C(system:discovery), which every user has.
options:
  rights:
    description:
      - The rights that are wanted. The task fails and names those that are missing.
    type: list
    elements: dict
    default: []
    suboptions:
      verb:
        description: The verb, such as V(patch).
        type: str
        required: true
      group:
        description: The API group; empty for the core group.
        type: str
        default: ''
      resource:
        description: The resource in the plural, such as V(deployments).
        type: str
        required: true
      namespace:
        description: The namespace; empty for the whole cluster.
        type: str
        default: ''
extends_documentation_fragment:
  - mcp_auth.openshift.attributes
  - mcp_auth.openshift.attributes.cluster
  - mcp_auth.openshift.attributes.info_module
  - mcp_auth.openshift.cluster
"""

EXAMPLES = r"""
- name: Refuse to begin without the rights that are needed
  mcp_auth.openshift.cluster_info:
    kubeconfig: ~/.kube/config
    rights:
      - verb: create
        resource: namespaces
      - verb: patch
        group: rbac.authorization.k8s.io
        resource: clusterrolebindings
  register: cluster
"""

RETURN = r"""
platform:
  description: V(openshift) where the cluster serves C(config.openshift.io), else V(kubernetes).
  returned: success
  type: str
  sample: kubernetes
version:
  description: Version of the API server.
  returned: success
  type: str
  sample: 1.34.2
server:
  description: Address of the API server.
  returned: success
  type: str
  sample: https://127.0.0.1:6443
api_groups:
  description: The served API groups and their versions.
  returned: success
  type: dict
  sample: {"apps": ["v1"]}
missing:
  description: The rights that are missing, in words.
  returned: always
  type: list
  elements: str
  sample: ["patch clusterrolebindings.rbac.authorization.k8s.io"]
"""

from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.args import ClusterModule
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.client import connect
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.errors import ClusterError
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.facts import facts, missing_rights

ARGUMENTS = {
    "rights": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "verb": {"type": "str", "required": True},
            "group": {"type": "str", "default": ""},
            "resource": {"type": "str", "required": True},
            "namespace": {"type": "str", "default": ""},
        },
    },
}


def main() -> None:
    """Run the module."""
    module = ClusterModule(ARGUMENTS, supports_check_mode=True)
    try:
        client = connect(module.params)
        found = facts(client)
        missing = missing_rights(client, module.params["rights"])
    except ClusterError as error:
        module.fail_json(msg=str(error), error=error.to_result(), missing=[])
    if missing:
        module.fail_json(
            msg="The credential for %s lacks the rights to %s. Use one that has them, or grant them."
            % (found["server"], "; ".join(missing)),
            missing=missing,
        )
    module.exit_json(changed=False, missing=[], **found)


if __name__ == "__main__":
    main()
