#!/usr/bin/python
# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kube_objects
short_description: Apply a list of Kubernetes objects in one pass
version_added: 0.1.0
description:
  - Applies a list of objects with server-side apply, in the order of the list, by one connection.
  - All objects are read, and those that differ are tried on the server (dry run), before the first one is written. So a missing right,
    a field that the server does not take, or a conflict with another manager ends the task before anything is changed.
  - An object whose fields are ours and have the wanted values costs one request; nothing is written then.
  - Then it waits until the objects are ready. Kinds that it knows (Deployment, StatefulSet, Job, CustomResourceDefinition and others)
    need no conditions; for others they are given in O(waits).
  - With O(apply_set) it takes away what an earlier run of the same set made and this one does not name.
extends_documentation_fragment:
  - mcp_auth.openshift.cluster
  - mcp_auth.openshift.wait
  - mcp_auth.openshift.attributes
  - mcp_auth.openshift.attributes.cluster
attributes:
  check_mode:
    support: full
    details:
      - Works on an empty cluster too. A Namespace or CustomResourceDefinition of the same list counts as there; an object that
        the server could not try for such a reason has RV(ignore:validated_by_server=false).
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  objects:
    description:
      - Manifests, each with C(apiVersion), C(kind) and C(metadata.name). A C(List) is opened.
      - C(stringData) of a Secret is turned into C(data), because it never settles with server-side apply. Better do not put secrets
        into a task at all, use M(mcp_auth.openshift.generated_secret).
    type: list
    elements: dict
    default: []
  state:
    description:
      - V(present) applies the objects.
      - V(absent) deletes them, the last of the list first. Of a manifest only kind and name matter then. A kind that the
        server does not know has no objects, which is no error.
    type: str
    choices: [present, absent]
    default: present
  waits:
    description:
      - What to wait for, on objects of the list or on any others. It replaces the conditions that the module knows for that kind.
    type: list
    elements: dict
    default: []
    suboptions:
      api_version:
        description: The API version, for example V(apps/v1).
        type: str
        required: true
      kind:
        description: The kind.
        type: str
        required: true
      namespace:
        description: The namespace; not for objects that have none.
        type: str
      name:
        description: The name.
        type: str
        required: true
      until:
        description:
          - JMESPath expressions over the live object. The wait is over when all are true.
          - Compare the generation first, V(status.observedGeneration >= metadata.generation), else a state of before the change counts.
          - If empty, the conditions that the module knows for this kind.
        type: list
        elements: str
        default: []
      fail:
        description: JMESPath expressions; as soon as one is true the task fails.
        type: list
        elements: str
        default: []
      timeout:
        description: Seconds for this object alone, within O(wait_timeout).
        type: int
  apply_set:
    description:
      - Makes the list an apply-set. Its objects get the label C(mcp-auth.openshift/apply-set); a ConfigMap of this name lists them.
      - What an earlier run of the set made and the list does not name any more is deleted. An object that was there before the set
        is not deleted but let go.
      - Namespaces and CustomResourceDefinitions are applied with the set and never belong to it, because what others keep in them would
        go with them. To delete one, name it with O(state=absent).
    type: dict
    suboptions:
      name:
        description: Name of the set and of its ConfigMap.
        type: str
        required: true
      namespace:
        description: Namespace of that ConfigMap.
        type: str
        required: true
  force_conflicts:
    description: Takes over fields that another manager owns with other values. Without it that is an error which names them.
    type: bool
    default: false
notes:
  - The user needs the rights C(get) and C(patch) (and C(create) for new objects) on the objects; C(delete) for V(state=absent) and apply-sets;
    to explain a time-out, C(list) on events and pods.
  - The field manager is C(mcp-auth-openshift).
author:
  - mcp_auth.openshift contributors (@mcp-auth)
seealso:
  - module: mcp_auth.openshift.generated_secret
  - module: mcp_auth.openshift.generated_certificate
"""

EXAMPLES = r"""
- name: A namespace and what lives in it
  mcp_auth.openshift.kube_objects:
    objects:
      - apiVersion: v1
        kind: Namespace
        metadata:
          name: demo
      - apiVersion: v1
        kind: ConfigMap
        metadata:
          name: settings
          namespace: demo
        data:
          colour: blue
    apply_set:
      name: demo
      namespace: demo

- name: Wait for an object that somebody else makes
  mcp_auth.openshift.kube_objects:
    waits:
      - api_version: v1
        kind: ConfigMap
        namespace: demo
        name: settings
        until:
          - data.colour == 'blue'

- name: Remove them
  mcp_auth.openshift.kube_objects:
    state: absent
    apply_set:
      name: demo
      namespace: demo
"""

RETURN = r"""
changes:
  description: What was done with each object, or in check mode would be.
  returned: always
  type: list
  elements: dict
  contains:
    object:
      description: Which object.
      type: dict
      returned: always
      sample: {apiVersion: v1, kind: ConfigMap, namespace: demo, name: settings}
    operation:
      description: V(create), V(update), V(delete) or V(none).
      type: str
      returned: always
      sample: update
    paths:
      description: The fields that differ.
      type: list
      elements: str
      returned: always
      sample: [data.colour]
    validated_by_server:
      description: Whether the server has tried this change.
      type: bool
      returned: always
      sample: true
waited_s:
  description: Seconds spent waiting.
  returned: always
  type: float
  sample: 3.2
requests:
  description: Number of requests sent to the API server.
  returned: always
  type: int
  sample: 7
error:
  description: What went wrong, in parts.
  returned: on failure
  type: dict
  sample: {message: "...", reason: Forbidden, code: 403, hint: "..."}
"""

from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.args import WAIT_ARGS, ClusterModule
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.module import kube_objects

ARGUMENT_SPEC = dict(
    WAIT_ARGS,
    objects={"type": "list", "elements": "dict", "default": []},
    state={"type": "str", "choices": ["present", "absent"], "default": "present"},
    waits={
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "api_version": {"type": "str", "required": True},
            "kind": {"type": "str", "required": True},
            "namespace": {"type": "str"},
            "name": {"type": "str", "required": True},
            "until": {"type": "list", "elements": "str", "default": []},
            "fail": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "int"},
        },
    },
    apply_set={
        "type": "dict",
        "options": {"name": {"type": "str", "required": True}, "namespace": {"type": "str", "required": True}},
    },
    force_conflicts={"type": "bool", "default": False},
)


def main() -> None:
    kube_objects(ClusterModule(ARGUMENT_SPEC, supports_check_mode=True))


if __name__ == "__main__":
    main()
