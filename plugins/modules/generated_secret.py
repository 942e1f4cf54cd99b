#!/usr/bin/python
# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: generated_secret
short_description: Make credentials once, keep them in a Kubernetes Secret, and copy them to where they are needed
version_added: 0.1.0
description:
  - Makes a Secret with random values, unless it is there already. That Secret is the truth; no value ever becomes an Ansible value.
  - Copies in other namespaces, also inside rendered files, follow from it. A copy that was changed by hand is put back.
  - A run that is killed at any moment is finished by the next one with the same values. Two runs at the same moment agree.
  - Values are only replaced when that is asked for.
  - A Secret that this module did not make - it has no label C(app.kubernetes.io/managed-by=mcp-auth-openshift) - keeps all its values. Keys
    that it lacks are added. It is left as it is when it has them all.
extends_documentation_fragment:
  - mcp_auth.openshift.cluster
  - mcp_auth.openshift.attributes
  - mcp_auth.openshift.attributes.cluster
attributes:
  check_mode:
    support: full
    details:
      - Works when the namespace does not exist yet. Values are then made up and thrown away.
  diff_mode:
    support: full
    details:
      - A value is shown as a fingerprint that differs from run to run.
  idempotent:
    support: full
    details:
      - Except with O(generate=rotate) and no O(rotation_id).
options:
  namespace:
    description: Namespace of the Secret.
    type: str
    required: true
  name:
    description: Name of the Secret.
    type: str
    required: true
  state:
    description:
      - V(present) makes the Secret and its copies.
      - V(absent) deletes the copies, those that are no longer named too, and the Secret. Its values are lost then.
      - A Secret that this module did not make is left, with a warning; with O(generate=never) every Secret is.
    type: str
    choices: [present, absent]
    default: present
  fields:
    description:
      - The keys of the Secret. Each is random, or has O(fields[].value), or O(fields[].template).
      - Other keys that the Secret has are left alone.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The key.
        type: str
        required: true
      length:
        description: Number of characters of a random value.
        type: int
        default: 32
      bytes:
        description:
          - Number of random bytes, which O(fields[].alphabet) then encodes, instead of O(fields[].length). A cookie secret of 32 raw
            bytes in base64 is V(32) here.
        type: int
      alphabet:
        description: What a random value is made of. With less than 64 bits of randomness the field is refused.
        type: str
        choices: [alnum, hex, base64, urlsafe]
        default: alnum
      value:
        description: A constant that is no secret, for example a user name.
        type: str
      template:
        description: A text made of other fields. See O(copies[].templates) for what can be written.
        type: str
  generate:
    description:
      - V(if_missing) makes the random values that are not there.
      - V(never) makes none and fails when one is missing. For credentials that somebody else provides. Nothing of the Secret is changed but
        an annotation that lists the copies.
      - V(rotate) replaces all random values. It fails when somebody else wrote one of them.
    type: str
    choices: [if_missing, never, rotate]
    default: if_missing
  rotation_id:
    description:
      - With O(generate=rotate) the values are replaced once for each new O(rotation_id), for example a date. It is kept in an annotation,
        together with the values, so a second run with the same one changes nothing, and a killed run does not rotate twice.
    type: str
  copies:
    description:
      - Secrets that are derived from this one. They hold exactly what is said here; other keys in them are removed.
      - A copy that is not named any more is deleted. A Secret that is no copy of this one is never overwritten.
    type: list
    elements: dict
    default: []
    suboptions:
      namespace:
        description: Namespace of the copy.
        type: str
        required: true
      name:
        description: Name of the copy.
        type: str
        required: true
      fields:
        description: The fields that it holds; all of them when neither this nor O(copies[].templates) is given.
        type: list
        elements: str
        default: []
      templates:
        description:
          - Files with fields in them; the key is the file's name.
          - C(${field}) is the plain value, C(${field:toml}) and C(${field:json}) a quoted string of that language, C(${field:base64}) and
            C(${field:url}) what they say. C($$) is a dollar sign.
        type: dict
        default: {}
      type:
        description: Type of the Secret.
        type: str
        default: Opaque
  labels:
    description:
      - Labels of the copies, and of the Secret when this module made it, besides those that are there. C(app.kubernetes.io/managed-by) is
        always that of this collection.
    type: dict
    default: {}
  annotations:
    description: Annotations of the Secret when this module made it, besides those that are there.
    type: dict
    default: {}
  type:
    description: Type of the Secret.
    type: str
    default: Opaque
notes:
  - The user needs the rights C(get), C(create) and C(update) on Secrets in the namespaces named, and C(delete) to remove copies.
  - To hand a Secret of yours over to this module, give it the label C(app.kubernetes.io/managed-by=mcp-auth-openshift).
author:
  - mcp_auth.openshift contributors (@mcp-auth)
seealso:
  - module: mcp_auth.openshift.generated_certificate
"""

EXAMPLES = r"""
- name: The database's credentials
  mcp_auth.openshift.generated_secret:
    namespace: demo
    name: database
    fields:
      - name: username
        value: app
      - name: password
      - name: url
        template: postgresql://${username:url}:${password:url}@database:5432/app

- name: A client secret, and a drop-in file with it where the server runs
  mcp_auth.openshift.generated_secret:
    namespace: demo
    name: client
    fields:
      - name: client-secret
        length: 48
    copies:
      - namespace: demo
        name: server-dropin
        templates:
          10-secret.toml: |
            client_secret = ${client-secret:toml}

- name: New values, once
  mcp_auth.openshift.generated_secret:
    namespace: demo
    name: client
    fields:
      - name: client-secret
        length: 48
    generate: rotate
    rotation_id: "2026-07"
    copies:
      - namespace: demo
        name: server-dropin
        templates:
          10-secret.toml: |
            client_secret = ${client-secret:toml}
"""

RETURN = r"""
fields:
  description: Names of the fields.
  returned: success
  type: list
  elements: str
  sample: [username, password, url]
generated:
  description: Names of the fields whose values were made by this run.
  returned: success
  type: list
  elements: str
  sample: [password]
fingerprint:
  description:
    - Changes when a value changes and stays otherwise, over all runs. For an annotation that makes a workload roll.
    - Empty in check mode when the values do not exist yet.
  returned: success
  type: str
  sample: 5d1c2f0a9b3e4477
changes:
  description: What was done with each Secret, or in check mode would be.
  returned: success
  type: list
  elements: dict
  sample:
    - object: {apiVersion: v1, kind: Secret, namespace: demo, name: database}
      operation: create
      paths: [data.password]
      validated_by_server: true
error:
  description: What went wrong, in parts.
  returned: on failure
  type: dict
  sample: {message: "...", reason: NotOurs, code: 0, hint: "..."}
"""

from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.args import ClusterModule
from ansible_collections.mcp_auth.openshift.plugins.module_utils._secrets.module import generated_secret

FIELD = {
    "name": {"type": "str", "required": True},
    "length": {"type": "int", "default": 32},
    "bytes": {"type": "int"},
    "alphabet": {"type": "str", "choices": ["alnum", "hex", "base64", "urlsafe"], "default": "alnum"},
    "value": {"type": "str"},
    "template": {"type": "str"},
}
COPY = {
    "namespace": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "fields": {"type": "list", "elements": "str", "default": []},
    "templates": {"type": "dict", "default": {}},
    "type": {"type": "str", "default": "Opaque"},
}
ARGUMENT_SPEC = {
    "namespace": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "fields": {"type": "list", "elements": "dict", "default": [], "options": FIELD},
    "generate": {"type": "str", "choices": ["if_missing", "never", "rotate"], "default": "if_missing"},
    "rotation_id": {"type": "str"},
    "copies": {"type": "list", "elements": "dict", "default": [], "options": COPY},
    "labels": {"type": "dict", "default": {}},
    "annotations": {"type": "dict", "default": {}},
    "type": {"type": "str", "default": "Opaque"},
}


def main() -> None:
    generated_secret(ClusterModule(ARGUMENT_SPEC, supports_check_mode=True))


if __name__ == "__main__":
    main()
