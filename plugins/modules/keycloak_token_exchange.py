#!/usr/bin/python
# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exchange a person's token at Keycloak and tell the claims of the new one."""

from __future__ import annotations

DOCUMENTATION = r"""
module: keycloak_token_exchange
short_description: Exchange an access token at Keycloak (RFC 8693)
version_added: 0.1.0
author:
  - mcp_auth.openshift contributors (@mcp-auth)
description:
  - Exchanges a person's access token as a requester and returns the claims of the token that comes back.
  - A refusal is explained - which audience the token has, which scope would add the missing one.
notes:
  - Needs no administrator's credential. With one (O(auth_client_secret_from) and its like) an explanation names the scopes of the realm.
seealso:
  - module: mcp_auth.openshift.keycloak_token_exchange_client
options:
  realm:
    description: Name of the realm.
    type: str
    required: true
  client_id:
    description: The requester.
    type: str
    required: true
  audience:
    description: The audiences asked for.
    type: list
    elements: str
    default: []
  scopes:
    description: The scopes asked for.
    type: list
    elements: str
    default: []
  requested_token_type:
    description: What is asked for.
    type: str
    choices: [access_token, id_token, refresh_token]
    default: access_token
  return_token:
    description: Returns the token as well. Refused unless the task has C(no_log=true).
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
attributes:
  check_mode:
    support: full
    details:
      - It exchanges in check mode as well; nothing is changed by that.
  diff_mode:
    support: none
    details:
      - It changes nothing.
  idempotent:
    support: full
extends_documentation_fragment:
  - mcp_auth.openshift.attributes
  - mcp_auth.openshift.attributes.keycloak
  - mcp_auth.openshift.cluster
  - mcp_auth.openshift.keycloak
"""

EXAMPLES = r"""
- name: What would the cluster see of this person
  mcp_auth.openshift.keycloak_token_exchange:
    auth_keycloak_url: https://sso.example.com
    realm: openshift
    client_id: mcp-server
    client_key_from: {namespace: llama-stack, name: mcp-server-client, key: tls.key}
    subject_token_from: {namespace: llama-stack, name: probe, key: token}
    audience: [openshift]
    scopes: ["mcp:openshift"]
  register: exchanged
"""

RETURN = r"""
claims:
  description: Claims of the new token.
  returned: success
  type: dict
  sample: {aud: openshift, azp: mcp-server, preferred_username: testadmin, groups: [/openshift_admins]}
subject_claims:
  description: Claims of the subject token.
  returned: always
  type: dict
  sample: {aud: mcp-server, azp: mcp-client}
expires_in:
  description: Seconds that the new token lives.
  returned: success
  type: int
  sample: 60
scope:
  description: Scopes of the new token.
  returned: success
  type: str
  sample: groups mcp:openshift profile
refresh_token_issued:
  description: Whether a refresh token came as well.
  returned: success
  type: bool
  sample: false
token:
  description: The token itself.
  returned: when O(return_token=true)
  type: str
error:
  description: On failure, Keycloak's error and what to do.
  returned: failure
  type: dict
  sample:
    code: 403
    hint: "The subject token was issued to mcp-client and has the audience none."
    message: "Keycloak refuses the exchange."
    reason: "access_denied"
    request: "POST realms/openshift/protocol/openid-connect/token"
"""

from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.progress import Progress
from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak.args import (
    EXCHANGE_ARGS,
    REQUESTER_EXCLUSIVE,
)
from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak.exchanging import run
from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak.module import KeycloakModule, cluster_reader


def main() -> None:
    """Run the module."""
    module = KeycloakModule(EXCHANGE_ARGS, mutually_exclusive=REQUESTER_EXCLUSIVE)
    run(module, cluster_reader(module.params), Progress().say)


if __name__ == "__main__":
    main()
