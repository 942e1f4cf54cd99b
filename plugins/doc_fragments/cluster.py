# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - Path of a kubeconfig file, or its content as a dictionary.
      - Without it, and without O(host), E(KUBECONFIG), C(~/.kube/config) and the service account of the pod are tried, in this order.
      - Can also be given by E(K8S_AUTH_KUBECONFIG).
    type: raw
  context:
    description:
      - Context of the kubeconfig; the current one if not set.
      - Can also be given by E(K8S_AUTH_CONTEXT).
    type: str
  host:
    description:
      - URL of the API server. Together with a kubeconfig it replaces the address in it and leaves the rest.
      - Can also be given by E(K8S_AUTH_HOST).
    type: str
  api_key:
    description:
      - Bearer token. It takes the place of any other credential of the kubeconfig.
      - Can also be given by E(K8S_AUTH_API_KEY).
    type: str
  validate_certs:
    description:
      - Whether the certificates of servers are checked.
      - Can also be given by E(K8S_AUTH_VERIFY_SSL).
    type: bool
    default: true
  ca_cert:
    description:
      - Path of the CA certificates (PEM) with which the API server's certificate is checked.
      - Can also be given by E(K8S_AUTH_SSL_CA_CERT).
    type: path
  client_cert:
    description:
      - Path of a client certificate (PEM).
      - Can also be given by E(K8S_AUTH_CERT_FILE).
    type: path
  client_key:
    description:
      - Path of the private key (PEM) of O(client_cert).
      - Can also be given by E(K8S_AUTH_KEY_FILE).
    type: path
  request_timeout:
    description:
      - Seconds that one request to the API server may take.
      - Reads and server-side applies are repeated on lost connections and on the answers 429, 502, 503 and 504, for up to a minute in all.
    type: int
    default: 30
requirements:
  - python >= 3.11
  - kubernetes >= 29.0.0
  - openshift >= 0.13.2
  - jmespath >= 1.0.1
"""
