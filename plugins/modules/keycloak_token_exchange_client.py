#!/usr/bin/python
# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a Keycloak client a requester of standard token exchange."""

from __future__ import annotations

DOCUMENTATION = r"""
module: keycloak_token_exchange_client
short_description: Make a Keycloak client a requester of standard token exchange
version_added: 0.1.0
author:
  - mcp_auth.openshift contributors (@mcp-auth)
description:
  - Lets a client exchange a person's access token for one with another audience (RFC 8693, Keycloak 26.2 and newer), for exactly the audiences and
    scopes that are named.
  - It owns these fields of the client and no other - the exchange switch, the policy for refresh tokens, the lifespan of its access tokens, the
    optional scopes that carry an audience of others, and full scope, which it switches off. The rest is M(mcp_auth.openshift.keycloak_realm)'s, which
    leaves these alone on a client with O(mcp_auth.openshift.keycloak_realm#module:clients[].requester).
  - Refuses what cannot work - a public requester, an audience that is no client, an audience that no scope reaches, a scope that adds more than was
    named.
  - Given a subject token it proves the setup by a real exchange.
notes:
  - The target's scope belongs to the requester alone. Other clients that hold it are warned about and listed in RV(others_with_scope).
seealso:
  - module: mcp_auth.openshift.keycloak_realm
  - module: mcp_auth.openshift.keycloak_token_exchange
options:
  realm:
    description: Name of the realm.
    type: str
    required: true
  client_id:
    description: The requester. It must be there and be confidential.
    type: str
    required: true
  state:
    description: Whether the client can exchange. V(absent) takes the switch, its settings and the targets' scopes away and leaves the client.
    type: str
    choices: [present, absent]
    default: present
  audiences:
    description: The targets. Each must be a client of the realm. Required with O(state=present).
    type: list
    elements: str
  scopes:
    description: The optional scopes of the requester that reach the targets, exactly these. Required with O(state=present).
    type: list
    elements: str
  access_token_lifespan:
    description:
      - Seconds that an exchanged token lives.
      - A requester can exchange its own token again for a longer one until the session ends, so keep it short.
    type: int
    default: 60
  refresh_tokens:
    description: Whether an exchange can give refresh tokens.
    type: str
    choices: ['NO', SAME_SESSION]
    default: 'NO'
  subject_token_audience_scope:
    description: The client scope that puts the requester into the audience of subject tokens. Its audience mapper is checked.
    type: str
  audience_scope_managed:
    description: Makes O(subject_token_audience_scope) or its mapper where it is missing.
    type: bool
    default: false
  client_secret:
    description: Secret of the requester. Prefer O(client_secret_from).
    type: str
  client_secret_from:
    description: Where the requester's secret is kept in the cluster.
    type: dict
    suboptions:
      kind:
        description: What holds the value.
        type: str
        choices: [Secret, ConfigMap]
        default: Secret
      namespace:
        description: Namespace of the object.
        type: str
        required: true
      name:
        description: Name of the object.
        type: str
        required: true
      key:
        description: Key of the value in the object.
        type: str
        required: true
  client_key:
    description: Private key (PEM) of a requester that signs assertions (C(private_key_jwt)). Prefer O(client_key_from).
    type: str
  client_key_from:
    description: Where the requester's private key is kept in the cluster.
    type: dict
    suboptions:
      kind:
        description: What holds the value.
        type: str
        choices: [Secret, ConfigMap]
        default: Secret
      namespace:
        description: Namespace of the object.
        type: str
        required: true
      name:
        description: Name of the object.
        type: str
        required: true
      key:
        description: Key of the value in the object.
        type: str
        required: true
  subject_token:
    description: Access token of a person, to be exchanged. Prefer O(subject_token_from).
    type: str
  subject_token_from:
    description: Where the access token is kept in the cluster.
    type: dict
    suboptions:
      kind:
        description: What holds the value.
        type: str
        choices: [Secret, ConfigMap]
        default: Secret
      namespace:
        description: Namespace of the object.
        type: str
        required: true
      name:
        description: Name of the object.
        type: str
        required: true
      key:
        description: Key of the value in the object.
        type: str
        required: true
  plan_against_empty:
    description:
      - In check mode, says that this run would make the Keycloak, the realm or the client. If it is not there - the object with the credential is
        not found, the host does not resolve, nothing listens there, or the server has no such client - the plan is made for a client that was just
        made, with a warning.
      - A server that answers is there; a refused login, a wrong certificate or a slow answer is an error in check mode too.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
extends_documentation_fragment:
  - mcp_auth.openshift.attributes
  - mcp_auth.openshift.attributes.keycloak
  - mcp_auth.openshift.cluster
  - mcp_auth.openshift.keycloak
"""

EXAMPLES = r"""
- name: The MCP server exchanges tokens for the cluster
  mcp_auth.openshift.keycloak_token_exchange_client:
    auth_keycloak_url: https://sso.example.com
    auth_client_id: mcp-auth-admin
    auth_client_secret_from: {namespace: redhat-keycloak, name: mcp-auth-admin, key: client-secret}
    realm: openshift
    client_id: mcp-server
    audiences: [openshift]
    scopes: ["mcp:openshift"]
    access_token_lifespan: 60
    subject_token_audience_scope: mcp-server
"""

RETURN = r"""
realm:
  description: Name of the realm.
  returned: always
  type: str
  sample: openshift
client_id:
  description: The requester.
  returned: always
  type: str
  sample: mcp-server
changes:
  description: What was changed, or in check mode would be, in order. Secrets are fingerprints that hold for this run only.
  returned: always
  type: list
  elements: dict
  contains:
    kind:
      description: Kind of the object.
      type: str
    name:
      description: Name of the object.
      type: str
    operation:
      description: V(create), V(update) or V(delete).
      type: str
    paths:
      description: The paths that differ.
      type: list
      elements: str
    before:
      description: The parts that differ, as they were.
      type: dict
    after:
      description: The parts that differ, as they are.
      type: dict
  sample:
    - kind: client
      name: mcp-client
      operation: update
      paths: [redirectUris]
      before: {redirectUris: ["*"]}
      after: {redirectUris: ["http://127.0.0.1/*"]}
others_with_scope:
  description: Other clients that hold one of the targets' scopes, by scope.
  returned: always
  type: dict
  sample: {"mcp:openshift": [old-client]}
subject_clients:
  description: The clients whose tokens can carry O(subject_token_audience_scope).
  returned: always
  type: list
  elements: str
  sample: [mcp-client]
proof:
  description: The claims of a really exchanged token, when a subject token was given.
  returned: always
  type: dict
  sample: {claims: {aud: openshift, azp: mcp-server}, lifetime: 60, scope: "groups mcp:openshift profile"}
requests:
  description: Number of requests to Keycloak, login included.
  returned: always
  type: int
  sample: 10
writes:
  description: Number of those that write.
  returned: always
  type: int
  sample: 0
error:
  description: On failure, what was tried, the server's code and what to do.
  returned: failure
  type: dict
  sample:
    code: 403
    hint: "Client a of realm master lacks the role view-clients."
    message: "GET admin/realms/x/clients was answered 403."
    reason: "forbidden"
    request: "GET admin/realms/x/clients"
problems:
  description: On bad input, every problem with its path. Nothing was changed then.
  returned: failure
  type: list
  elements: dict
  sample: [{path: "clients[0].secret", message: "a public client has no secret"}]
"""

from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.progress import Progress
from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak.args import (
    REQUESTER_ARGS,
    REQUESTER_EXCLUSIVE,
)
from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak.module import KeycloakModule, cluster_reader
from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak.requester import run


def main() -> None:
    """Run the module."""
    module = KeycloakModule(
        REQUESTER_ARGS,
        mutually_exclusive=REQUESTER_EXCLUSIVE,
        required_if=[("state", "present", ("audiences", "scopes"))],
    )
    run(module, cluster_reader(module.params), Progress().say)


if __name__ == "__main__":
    main()
