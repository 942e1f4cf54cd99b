#!/usr/bin/python
# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: external_oidc_info
short_description: Prove that a cluster can trust an issuer, and what it made of it
version_added: 0.1.0
description:
  - The proofs that come before a cluster's login is changed, which are that the issuer answers under exactly its name
    with a certificate of the CA that the cluster will be given, that it has signing keys, that each API server reads an
    AuthenticationConfiguration, and that the credential of this run does not hang on the login that is changed.
  - The proofs that come after it, which are that each API server has loaded the very file that was written, and who it
    takes a person's token for.
  - Each API server is asked at its own address, because what one of them has loaded says nothing about the others.
  - All problems are told at once, each with what to do.
author:
  - mcp_auth.openshift contributors (@mcp-auth)
extends_documentation_fragment:
  - mcp_auth.openshift.cluster
  - mcp_auth.openshift.attributes
  - mcp_auth.openshift.attributes.cluster
options:
  issuer:
    description:
      - URL of the issuer, to the letter as in the claim C(iss).
    type: str
  issuer_proofs:
    description:
      - Also ask the issuer. V(false) where only O(own_credential) has to know which one it is.
    type: bool
    default: true
  discovery_url:
    description:
      - Where the discovery document is, if not below the issuer's URL.
    type: str
  ca:
    description:
      - The CA (PEM) that the API servers will be given for the issuer. Without one the system's CAs count.
    type: str
  ca_from:
    description:
      - Where the CA is kept in the cluster, instead of O(ca).
    type: dict
    suboptions: &reference
      kind:
        description: The kind of the object.
        type: str
        choices: [Secret, ConfigMap]
        default: Secret
      namespace:
        description: Its namespace.
        type: str
        required: true
      name:
        description: Its name.
        type: str
        required: true
      key:
        description: The key of its data.
        type: str
        required: true
  issuer_timeout:
    description:
      - Seconds to wait for an issuer that does not answer yet.
    type: int
    default: 30
  api_servers:
    description:
      - Also ask the API servers.
    type: bool
    default: true
  api_server_path:
    description:
      - The file that C(--authentication-config) must name, as the API server's pod sees it.
    type: str
  own_credential:
    description:
      - Also prove that the credential of this run does not come from O(issuer) or O(other_issuers), and that it has O(rights).
    type: bool
    default: true
  other_issuers:
    description:
      - More issuers whose logins this run changes, such as those that are taken out.
    type: list
    elements: str
    default: []
  rights:
    description:
      - The rights that this run needs for what it is about to do. As long as one is missing, neither the API servers are
        asked nor O(ca_from) is read.
    type: list
    elements: dict
    default: []
    suboptions:
      verb:
        description: The verb, such as V(get).
        type: str
        required: true
      group:
        description: The API group; empty for the core group.
        type: str
        default: ''
      resource:
        description: The resource in the plural, such as V(pods).
        type: str
        required: true
      namespace:
        description: The namespace; empty for the whole cluster.
        type: str
        default: ''
      name:
        description: The name of the one object; empty for all of them.
        type: str
        default: ''
  wait_loaded:
    description:
      - Wait until each API server has loaded a file.
    type: dict
    suboptions:
      sha256:
        description: The hash of the file, or the hashes where it is not the same on every host.
        type: list
        elements: str
        required: true
      at_least:
        description: How many API servers must have loaded it, as while it is written host by host. All of them with V(0).
        type: int
        default: 0
      addresses:
        description: Look at the API servers at these addresses only, as at the one of the host that was just written.
        type: list
        elements: str
        default: []
      before:
        description:
          - RV(api_servers) of a run before the file was written. Kubernetes 1.33 and older tell no hash, so a success
            after that and no failure counts.
        type: list
        elements: dict
        default: []
      standing:
        description:
          - Files that this run found as they shall be, as after a run that was killed. Kubernetes 1.33 and older load such a file
            only once, so that a success counts, or a start of the API server, since it was written.
        type: list
        elements: dict
        default: []
        suboptions:
          addresses:
            description: The API servers that read this file. Any of them when empty.
            type: list
            elements: str
            default: []
          since:
            description: RV(mcp_auth.openshift.authentication_config#module:modified) of the file.
            type: float
            required: true
      timeout:
        description: Seconds to wait. An API server gives up on an issuer that it cannot reach after a minute.
        type: int
        default: 120
  token:
    description:
      - A person's token for the API server. It is used for one SelfSubjectReview, alone, and for nothing else.
    type: str
  token_from:
    description:
      - Where that token is kept in the cluster, instead of O(token).
    type: dict
    suboptions: *reference
  expect:
    description:
      - Whom the API server has to take the token for.
    type: dict
    suboptions:
      username:
        description: The user name.
        type: str
        default: ""
      groups:
        description: All groups but C(system:authenticated).
        type: list
        elements: str
  fail_on_problems:
    description:
      - Fail when there is a problem. Else it is a warning, and in RV(problems).
    type: bool
    default: true
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
  - Needs the right to list C(endpointslices) in C(default) and pods in C(kube-system), to get the URL C(/metrics), and to
    read what O(ca_from) and O(token_from) name.
  - Where there is one API server and its own address cannot be reached from here, it is asked at the usual one.
seealso:
  - module: mcp_auth.openshift.authentication_config
"""

EXAMPLES = r"""
- name: Before the change
  mcp_auth.openshift.external_oidc_info:
    issuer: https://sso.example.com/realms/openshift
    ca_from: {kind: ConfigMap, namespace: redhat-keycloak, name: mcp-auth-ca, key: ca.crt}
    api_server_path: /etc/kubernetes/auth/authentication.json
  register: before

- name: After it
  mcp_auth.openshift.external_oidc_info:
    issuer: https://sso.example.com/realms/openshift
    ca_from: {kind: ConfigMap, namespace: redhat-keycloak, name: mcp-auth-ca, key: ca.crt}
    wait_loaded:
      sha256: "{{ written.sha256 }}"
      before: "{{ before.api_servers }}"
"""

RETURN = r"""
issuer:
  description: What the issuer showed.
  type: dict
  returned: with O(issuer) and O(issuer_proofs), if its CA is known
  sample:
    url: https://sso.example.com/realms/openshift
    ok: true
    token_endpoint: https://sso.example.com/realms/openshift/protocol/openid-connect/token
    jwks_uri: https://sso.example.com/realms/openshift/protocol/openid-connect/certs
    signing_keys: [{kid: d2Vi, alg: RS256, kty: RSA}]
    certificate: {not_after: "Nov 23 06:00:00 2027 GMT", names: [sso.example.com], issuer: commonName=mcp-auth}
ca:
  description: The CA that was used (PEM, public).
  type: str
  returned: always
  sample: "-----BEGIN CERTIFICATE-----"
api_servers:
  description:
    - Each API server. C(api_servers[].flags) is null where its pod cannot be seen; C(api_servers[].config_hash) is
      empty before Kubernetes 1.34 and without C(--authentication-config).
  type: list
  elements: dict
  returned: with O(api_servers)
  sample:
    - address: 172.18.0.2
      port: 6443
      node: lab-control-plane
      reachable: true
      asked_at: https://172.18.0.2:6443
      version: v1.34.2
      minor: 34
      metrics: read
      config_hash: 3f0a5a5d9a1b6b7d7f0f0f4c0f1d8e0b6f5cf0e4b3b0ad6cf0a0f5f1b2c3d4e5
      reloads: {success: 1}
      last: {success: 1790000000.5}
      started: 1789990000.1
      flags: {authentication_config: /etc/kubernetes/auth/authentication.json, oidc: [], mounted_as_file: false}
own_credential:
  description: Who this run is to the API server, whether that hangs on an issuer that is changed, and which rights are missing.
  type: dict
  returned: with O(own_credential)
  sample: {kind: certificate, username: kubernetes-admin, groups: [kubeadm:cluster-admins], outside: true, missing: []}
person:
  description: Whom the API server takes the token for.
  type: dict
  returned: with O(token) or O(token_from)
  sample: {username: alice, groups: [openshift_admins, system:authenticated], uid: 4711, extra: {}}
problems:
  description: Everything that is wrong, each with its path and what to do.
  type: list
  elements: dict
  returned: always
  sample: []
waited_s:
  description: Seconds that the waits took.
  type: float
  returned: always
  sample: 9.5
error:
  description: What went wrong, for programs.
  type: dict
  returned: on failure
  sample: {reason: problems, hint: see problems}
"""

import os
import time
from typing import Any

from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.args import ClusterModule, reference_arg
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.client import Client, connect, read_reference
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.credentials import default_kubeconfig
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.errors import ClusterError, NotThere
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.facts import missing_rights
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.progress import Progress
from ansible_collections.mcp_auth.openshift.plugins.module_utils._external_oidc import apiservers, identity, issuer
from ansible_collections.mcp_auth.openshift.plugins.module_utils._external_oidc.problems import (
    Problem,
    as_text,
    problem,
)

ARGUMENTS: dict[str, dict[str, Any]] = {
    "issuer": {"type": "str"},
    "issuer_proofs": {"type": "bool", "default": True},
    "discovery_url": {"type": "str"},
    "ca": {"type": "str"},
    "ca_from": reference_arg(),
    "issuer_timeout": {"type": "int", "default": 30},
    "api_servers": {"type": "bool", "default": True},
    "api_server_path": {"type": "str"},
    "own_credential": {"type": "bool", "default": True},
    "other_issuers": {"type": "list", "elements": "str", "default": []},
    "rights": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "verb": {"type": "str", "required": True},
            "group": {"type": "str", "default": ""},
            "resource": {"type": "str", "required": True},
            "namespace": {"type": "str", "default": ""},
            "name": {"type": "str", "default": ""},
        },
    },
    "wait_loaded": {
        "type": "dict",
        "options": {
            "sha256": {"type": "list", "elements": "str", "required": True},
            "at_least": {"type": "int", "default": 0},
            "addresses": {"type": "list", "elements": "str", "default": []},
            "before": {"type": "list", "elements": "dict", "default": []},
            "standing": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "addresses": {"type": "list", "elements": "str", "default": []},
                    "since": {"type": "float", "required": True},
                },
            },
            "timeout": {"type": "int", "default": 120},
        },
    },
    "token": {"type": "str", "no_log": True},
    "token_from": reference_arg(),
    "expect": {
        "type": "dict",
        "options": {"username": {"type": "str", "default": ""}, "groups": {"type": "list", "elements": "str"}},
    },
    "fail_on_problems": {"type": "bool", "default": True},
}


def elsewhere(params: dict[str, Any]) -> apiservers.At:
    """Our credential at another address of the same cluster: an address alone would be asked without it."""
    given = dict(params)
    default = default_kubeconfig()
    if not given.get("kubeconfig") and not given.get("host") and os.path.isfile(default):
        given["kubeconfig"] = default
    return lambda url, name: connect({**given, "host": url, "tls_server_name": name})


def person(module: ClusterModule, client: Client, each: list[Any]) -> tuple[dict[str, Any], list[Problem]]:
    """At every API server that was asked: a login that works at two of three is none."""
    token = (module.params["token"] or read_reference(client, module.params["token_from"])).strip()
    module.hide([token])
    expect = module.params["expect"] or {"username": "", "groups": None}
    seen: dict[str, Any] = {}
    for one in each or [client]:
        status, info = identity.review(one, token)
        seen = {**info, "status": status}
        wrong = identity.compare(info, status, expect["username"], expect["groups"])
        if wrong:
            return seen, wrong
    return seen, []


def authority(client: Client, params: dict[str, Any]) -> tuple[str, list[Problem]]:
    """The CA. One that is not there yet is a problem among the others, not the end."""
    if not params["ca_from"]:
        return params["ca"] or "", []
    try:
        return read_reference(client, params["ca_from"]), []
    except NotThere as exc:
        return "", [problem("issuer-ca", "ca_from", exc.msg, "make the CA first (role keycloak), or give another one")]


def run(module: ClusterModule) -> dict[str, Any]:
    params = module.params
    progress = Progress()
    start = time.monotonic()
    client = connect(params)
    each: list[Any] = []
    problems: list[Problem] = []
    missing: list[str] = []
    result: dict[str, Any] = {"changed": False, "ca": ""}
    if params["own_credential"]:
        found, wrong = identity.own(client, params["issuer"] or "", params["other_issuers"])
        # Nobody has no rights, which is told already.
        missing = missing_rights(client, params["rights"]) if found["username"] else []
        result["own_credential"] = {**found, "missing": missing}
        problems += wrong + identity.lacking(missing)
    readable = not (missing and params["ca_from"])
    if readable:
        result["ca"], wrong = authority(client, params)
        readable = not wrong
        problems += wrong
    if params["issuer"] and params["issuer_proofs"] and readable:
        seen = issuer.examine(
            params["issuer"],
            result["ca"],
            params["discovery_url"] or "",
            patience=params["issuer_timeout"],
            say=progress.say,
        )
        result["issuer"] = seen.as_result()
        problems += seen.problems
    if (params["api_servers"] or params["wait_loaded"]) and missing:
        result["api_servers"] = []
    elif params["api_servers"] or params["wait_loaded"]:
        servers, wrong = apiservers.read_all(client, elsewhere(params))
        problems += wrong + apiservers.problems_of(servers, params["api_server_path"] or "")
        wait = params["wait_loaded"]
        if wait and not problems:
            before = {str(entry.get("address")): entry for entry in wait["before"]}
            apiservers.wait_loaded(
                servers,
                wait["sha256"],
                before,
                wait["at_least"],
                wait["timeout"],
                progress.say,
                only=wait["addresses"],
                standing=wait["standing"],
            )
        result["api_servers"] = [apiservers.as_result(server) for server in servers]
        each = [server["client"] for server in servers if server["reachable"]]
    if params["token"] or params["token_from"]:
        result["person"], wrong = person(module, client, each)
        problems += wrong
    return {**result, "problems": problems, "waited_s": round(time.monotonic() - start, 1)}


def main() -> None:
    module = ClusterModule(
        ARGUMENTS,
        supports_check_mode=True,
        mutually_exclusive=[("ca", "ca_from"), ("token", "token_from")],
    )
    try:
        result = run(module)
    except apiservers.NotLoaded as exc:
        servers = [apiservers.as_result(server) for server in exc.servers]
        module.fail_json(
            msg=f"{exc} {exc.hint}", api_servers=servers, problems=[], error={"reason": "not_loaded", "hint": exc.hint}
        )
    except ClusterError as exc:
        module.fail_json(msg=str(exc), error=exc.to_result())
    if result["problems"]:
        text = f"the cluster's login is not ready:\n{as_text(result['problems'])}"
        if module.params["fail_on_problems"]:
            hint = "each problem says what to do"
            module.fail_json(msg=text, error={"reason": "problems", "hint": hint}, **result)
        module.warn(text)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
