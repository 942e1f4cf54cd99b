# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # The options of the cluster fragment belong to these modules as well: they read references with them.
    DOCUMENTATION = r"""
options:
  auth_keycloak_url:
    description:
      - URL of the Keycloak server, such as V(https://sso.example.com). A path only where the server has one.
      - Plain http is taken for loopback addresses only, unless O(validate_certs=false).
      - Can also be given by E(KEYCLOAK_URL).
    type: str
  auth_realm:
    description: The realm in which the administrator's client or user logs in.
    type: str
    default: master
  auth_client_id:
    description: The client that logs in.
    type: str
    default: admin-cli
  auth_client_secret:
    description:
      - Secret of O(auth_client_id). Without O(auth_username) the client's own service account logs in.
      - Prefer O(auth_client_secret_from).
    type: str
  auth_client_secret_from:
    description: Where O(auth_client_secret) is kept in the cluster. It is read by the module and is in no Ansible value.
    type: dict
    suboptions: &reference
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
  auth_username:
    description: User that logs in by password. Prefer a client with a service account.
    type: str
  auth_password:
    description: Password of O(auth_username).
    type: str
  auth_password_from:
    description: Where O(auth_password) is kept in the cluster.
    type: dict
    suboptions: *reference
  token:
    description: An access token for the Admin API. It is used as it is and never renewed.
    type: str
  auth_ca_cert:
    description: The CA certificates with which Keycloak's certificate is checked, as PEM text or as a path.
    type: str
  auth_ca_cert_from:
    description: Where O(auth_ca_cert) is kept in the cluster.
    type: dict
    suboptions: *reference
  connection_timeout:
    description: Seconds that one request to Keycloak may take.
    type: int
    default: 10
  auth_deadline:
    description:
      - Seconds that all requests of the task may take together, waiting included.
      - Reads and writes that can be repeated without harm are tried again on lost connections and on the answers
        502, 503 and 504.
    type: int
    default: 300
  auth_wait:
    description: Seconds after which a server is given up that has not answered even once. At most O(auth_deadline).
    type: int
    default: 60
notes:
  - The credential needs the roles C(view-realm), C(manage-realm), C(view-clients), C(manage-clients), C(view-users)
    and C(manage-users) of the realm (client C(realm-management), or client C(<realm>-realm) of realm C(master)).
  - References are read with the cluster's credential, which needs the right to get the Secrets and ConfigMaps named.
requirements:
  - python >= 3.11
  - python-keycloak >= 6.0.0
"""
