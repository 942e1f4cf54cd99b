#!/usr/bin/python
# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: generated_certificate
short_description: Keep a CA or a certificate in a Kubernetes Secret, renew it in time, publish its public part
version_added: 0.1.0
description:
  - Keeps a key and its certificate in a Secret of the type C(kubernetes.io/tls). Keys are made here and never leave the module but for
    that Secret.
  - Makes a new certificate when there is none, when it ends soon, or when it no longer fits - other names, another issuer, another type
    of key, a key that is not its own.
  - Certificates that somebody else provides are checked and never touched (O(generate=never)).
  - A Secret that this module did not make - it has no label C(app.kubernetes.io/managed-by=mcp-auth-openshift) - is used as it is when it
    will do, and is never replaced or deleted. When it will not do, the module fails and says why.
extends_documentation_fragment:
  - mcp_auth.openshift.cluster
  - mcp_auth.openshift.attributes
  - mcp_auth.openshift.attributes.cluster
attributes:
  check_mode:
    support: full
    details:
      - Works when the namespace and the issuer do not exist yet.
  diff_mode:
    support: full
  idempotent:
    support: full
    details:
      - Except with O(generate=rotate) and no O(rotation_id), and when a certificate is due for renewal.
options:
  namespace:
    description: Namespace of the Secret.
    type: str
    required: true
  name:
    description: Name of the Secret. Its keys are C(tls.crt), C(tls.key) and C(ca.crt).
    type: str
    required: true
  state:
    description:
      - V(present) keeps the certificate.
      - V(absent) deletes what was published, now or earlier, and the Secret.
      - A Secret that this module did not make is left, with a warning; with O(generate=never) every Secret is.
    type: str
    choices: [present, absent]
    default: present
  role:
    description:
      - V(ca) is a self-signed CA.
      - V(server) is the certificate of a TLS server, signed by O(issuer_secret), or self-signed without it.
      - V(client_key) is a self-signed certificate for C(private_key_jwt), the authentication of a client by a signed JWT.
    type: str
    choices: [ca, server, client_key]
    required: true
  common_name:
    description:
      - Common name of the subject. X.509 gives it 64 bytes. A longer one is left out for O(role=server), where only O(dns_names) and
        O(ip_addresses) count, and cut for the others.
    type: str
    required: true
  dns_names:
    description:
      - The names for which the certificate is valid. For O(role=server) the common name when neither this nor O(ip_addresses) is given.
      - Names beyond ASCII are encoded (IDNA). The few that are not the same in both of its standards have to be given encoded.
    type: list
    elements: str
    default: []
  ip_addresses:
    description: The addresses for which the certificate is valid.
    type: list
    elements: str
    default: []
  key_type:
    description:
      - V(ec) is a key on the curve P-256, V(rsa) one of 3072 bits.
      - If not set, V(rsa) for O(role=client_key), because Keycloak expects RS256 there, else V(ec).
    type: str
    choices: [ec, rsa]
  issuer_secret:
    description: The Secret of the CA that signs, made with O(role=ca). Its C(ca.crt) becomes the C(ca.crt) of this one.
    type: dict
    suboptions:
      namespace:
        description: Namespace of the CA's Secret.
        type: str
        required: true
      name:
        description: Name of the CA's Secret.
        type: str
        required: true
  valid_days:
    description: Days that a new certificate is valid, but no longer than its issuer. If not set, 3650 for a CA, else 365.
    type: int
  renew_before_days:
    description: A certificate that ends within so many days is renewed. If not set, 400 for a CA, else 60.
    type: int
  generate:
    description:
      - V(if_needed) makes a certificate when the one that is there will not do.
      - V(never) checks the one that is there - that its key belongs to it, the time, the names, the issuer - and fails with the reason.
      - V(rotate) makes a new one.
    type: str
    choices: [if_needed, never, rotate]
    default: if_needed
  rotation_id:
    description: With O(generate=rotate) a new certificate is made once for each new O(rotation_id).
    type: str
  previous:
    description:
      - With O(role=ca), whether the certificates that a renewed CA replaces stay in C(ca.crt) and in what is published, until they expire.
        Certificates that they signed stay good meanwhile. V(drop) once all are replaced, or at once when the old key has leaked.
    type: str
    choices: [keep, drop]
    default: keep
  ca_certificate:
    description:
      - CA certificates (PEM) that somebody else keeps. An empty text is refused.
      - With O(role=ca) they are checked and published, and there is no Secret.
      - With O(role=server) and O(generate=never) they must have signed the certificate.
    type: str
  publish:
    description:
      - ConfigMaps that hold the public part. They are kept in step and put back when somebody changes them.
      - One that is not named any more is deleted, unless somebody else keeps the certificate (O(generate=never), O(ca_certificate)). If this
        is not set, nothing is published and nothing deleted.
      - A ConfigMap belongs to one certificate, but may hold several of its texts under different keys. One of somebody else is never
        overwritten; it is left as it is when it holds the same text already.
    type: list
    elements: dict
    suboptions:
      kind:
        description: Kind of the object.
        type: str
        choices: [ConfigMap]
        default: ConfigMap
      namespace:
        description: Namespace of the ConfigMap.
        type: str
        required: true
      name:
        description: Name of the ConfigMap.
        type: str
        required: true
      key:
        description: Key of the ConfigMap.
        type: str
        default: ca.crt
      content:
        description: V(ca) is what others should trust, V(certificate) the certificate itself. If not set, V(certificate) for O(role=client_key), else V(ca).
        type: str
        choices: [ca, certificate]
  labels:
    description:
      - Labels of the Secret and of what is published. C(app.kubernetes.io/managed-by) is always that of this collection.
    type: dict
    default: {}
notes:
  - The user needs C(get), C(create) and C(update) on Secrets of the namespace, C(get) on the issuer's Secret, and C(get), C(create) and
    C(patch) on the ConfigMaps, and C(delete) to take them back.
  - To hand a Secret of yours over to this module, give it the label C(app.kubernetes.io/managed-by=mcp-auth-openshift).
requirements:
  - cryptography >= 42.0.0
author:
  - mcp_auth.openshift contributors (@mcp-auth)
seealso:
  - module: mcp_auth.openshift.generated_secret
"""

EXAMPLES = r"""
- name: A CA, known in the namespaces that need it
  mcp_auth.openshift.generated_certificate:
    namespace: demo
    name: demo-ca
    role: ca
    common_name: Demo CA
    publish:
      - namespace: demo
        name: demo-ca

- name: A server's certificate
  mcp_auth.openshift.generated_certificate:
    namespace: demo
    name: web-tls
    role: server
    common_name: web.example.com
    dns_names:
      - web.example.com
      - web.demo.svc
    issuer_secret:
      namespace: demo
      name: demo-ca

- name: A client's key for private_key_jwt
  mcp_auth.openshift.generated_certificate:
    namespace: demo
    name: client-key
    role: client_key
    common_name: my-client
"""

RETURN = r"""
certificate:
  description: The certificate (PEM). It is public. Empty in check mode when it does not exist yet.
  returned: success
  type: str
  sample: "-----BEGIN CERTIFICATE-----\n..."
ca_bundle:
  description: What others should trust (PEM).
  returned: success
  type: str
  sample: "-----BEGIN CERTIFICATE-----\n..."
not_after:
  description: When it ends.
  returned: success
  type: str
  sample: "2027-07-01T10:00:00+00:00"
fingerprint_sha256:
  description: Fingerprint of the certificate. For an annotation that makes a workload roll.
  returned: success
  type: str
  sample: 8a7f...
renewed:
  description: Whether a certificate was made, or in check mode would be.
  returned: success
  type: bool
  sample: false
reason:
  description: Why it was made.
  returned: success
  type: str
  sample: names changed
changes:
  description: What was done with each object, or in check mode would be.
  returned: success
  type: list
  elements: dict
  sample:
    - object: {apiVersion: v1, kind: Secret, namespace: demo, name: web-tls}
      operation: create
      paths: [data]
      validated_by_server: true
error:
  description: What went wrong, in parts.
  returned: on failure
  type: dict
  sample: {message: "...", reason: WrongName, code: 0, hint: "..."}
"""

from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.args import ClusterModule
from ansible_collections.mcp_auth.openshift.plugins.module_utils._secrets.module import generated_certificate

ARGUMENT_SPEC = {
    "namespace": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "role": {"type": "str", "choices": ["ca", "server", "client_key"], "required": True},
    "common_name": {"type": "str", "required": True},
    "dns_names": {"type": "list", "elements": "str", "default": []},
    "ip_addresses": {"type": "list", "elements": "str", "default": []},
    "key_type": {"type": "str", "choices": ["ec", "rsa"], "no_log": False},
    "issuer_secret": {
        "type": "dict",
        "no_log": False,
        "options": {"namespace": {"type": "str", "required": True}, "name": {"type": "str", "required": True}},
    },
    "valid_days": {"type": "int"},
    "renew_before_days": {"type": "int"},
    "generate": {"type": "str", "choices": ["if_needed", "never", "rotate"], "default": "if_needed"},
    "rotation_id": {"type": "str"},
    "previous": {"type": "str", "choices": ["keep", "drop"], "default": "keep"},
    "ca_certificate": {"type": "str"},
    "publish": {
        "type": "list",
        "elements": "dict",
        "options": {
            "kind": {"type": "str", "choices": ["ConfigMap"], "default": "ConfigMap"},
            "namespace": {"type": "str", "required": True},
            "name": {"type": "str", "required": True},
            "key": {"type": "str", "default": "ca.crt", "no_log": False},
            "content": {"type": "str", "choices": ["ca", "certificate"]},
        },
    },
    "labels": {"type": "dict", "default": {}},
}


def main() -> None:
    generated_certificate(ClusterModule(ARGUMENT_SPEC, supports_check_mode=True))


if __name__ == "__main__":
    main()
