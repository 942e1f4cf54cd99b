#!/usr/bin/python
# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model of the chain, built, judged and derived from."""

from __future__ import annotations

DOCUMENTATION = r"""
module: chain_info
short_description: Build the model of the chain and everything that follows from it
version_added: 0.1.0
author:
  - mcp_auth.openshift contributors (@mcp-auth)
description:
  - Builds one model of the chain from person to cluster, the issuer, its clients and scopes, the tokens and who takes them,
    out of flat C(chain_*) variables.
  - Predicts the claims of every token from the realm alone, and refuses a setup in which a server would refuse a token
    that is meant for it, or take one that is not.
  - Reads and writes nothing. What must be known of the world is given in O(observed).
options:
  inputs:
    description:
      - The C(chain_*) variables, by their full names.
      - P(mcp_auth.openshift.chain#role) documents each.
      - Nested values are taken as the modules take them, and options that do not exist are refused. Secrets are refused too,
        they travel as references.
    type: dict
    required: true
  observed:
    description:
      - What is known of the world.
    type: dict
    default: {}
    suboptions:
      platform:
        description: What the cluster is, where O(inputs) leaves C(chain_platform) at V(auto).
        type: str
        choices: [kubernetes, openshift]
      discovery:
        description: The issuer's discovery document, as it was fetched. Its C(issuer) must equal the model's to the letter.
        type: dict
  variable_names:
    description:
      - Names of all variables that look like this collection's, to find mistyped ones. Outside C(chain_*) only one that
        is a letter or two off is refused, unless C(chain_foreign_variables) names it.
    type: list
    elements: str
    default: []
  known_names:
    description:
      - Names of the variables that the other roles know.
    type: list
    elements: str
    default: []
  lint:
    description:
      - Whether problems fail the task. With V(false) they are only returned.
    type: bool
    default: true
attributes:
  check_mode:
    description: Can run in check mode and return the same.
    support: full
  diff_mode:
    description: Returns what changed.
    support: none
  idempotent:
    description: Always gives the same for the same input.
    support: full
seealso:
  - module: mcp_auth.openshift.keycloak_realm
  - module: mcp_auth.openshift.chain_verify
"""

EXAMPLES = r"""
- name: Build the model of a lab
  mcp_auth.openshift.chain_info:
    inputs:
      chain_lab: true
      chain_cluster_name: lab
      chain_base_domain: mcp-auth.localhost
      chain_keycloak_port: 30443
      chain_mcp_port: 30444
  register: lab

- name: Show what the cluster will be told about the issuer
  ansible.builtin.debug:
    var: lab.chain.login.kubernetes

- name: List what is wrong without failing
  mcp_auth.openshift.chain_info:
    inputs:
      chain_base_domain: apps.example.com
      chain_cluster_token_lifespan: 3600
    lint: false
  register: judged
"""

RETURN = r"""
chain:
  description: The model. It holds no secret, only references to Secrets. Where O(lint=false) and a secret is written into
    O(inputs), that secret is hidden in it.
  returned: success
  type: dict
  contains:
    issuer:
      description: The issuer and its addresses.
      type: dict
      sample: {"url": "https://sso.mcp-auth.localhost:30443/realms/openshift", "realm": "openshift", "port": 30443}
    realm:
      description: The options of M(mcp_auth.openshift.keycloak_realm) that make the realm.
      type: dict
    requesters:
      description: The options of M(mcp_auth.openshift.keycloak_token_exchange_client), one entry a requester.
      type: list
      elements: dict
    tokens:
      description:
        - The kinds of token and their predicted claims. A value is a literal or one of V($username), V($sub), V($email),
          V($groups), V($any).
      type: dict
    hops:
      description: The servers in the order in which a call meets them, each with what it takes and what it refuses.
      type: list
      elements: dict
    login:
      description: How the cluster maps a token to a user.
      type: dict
    people:
      description: Who each person is on the cluster, and what that person may do there.
      type: list
      elements: dict
  sample: {"version": 1, "name": "lab", "platform": "kubernetes"}
keycloak_connection:
  description: The options by which the modules of action group C(keycloak) reach Keycloak as our service client.
  returned: success
  type: dict
  sample: {"auth_keycloak_url": "https://sso.mcp-auth.localhost:30443", "auth_client_id": "mcp-auth-admin"}
problems:
  description: What is wrong with the input.
  returned: always
  type: list
  elements: dict
  sample:
    - rule: lifetime-requester
      path: chain_cluster_token_lifespan
      message: the token for the cluster lives 3600 s. The API server cannot revoke one.
      fix: Write at most 120.
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mcp_auth.openshift.plugins.module_utils._chain import build, normal

ARGUMENTS = {
    "inputs": {"type": "dict", "required": True},
    "observed": {
        "type": "dict",
        "default": {},
        "options": {
            "platform": {"type": "str", "choices": ["kubernetes", "openshift"]},
            "discovery": {"type": "dict"},
        },
    },
    "variable_names": {"type": "list", "elements": "str", "default": []},
    "known_names": {"type": "list", "elements": "str", "default": []},
    "lint": {"type": "bool", "default": True},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    params = module.params
    # A secret in place of its reference is refused, and Ansible prints the options of a module that failed.
    module.no_log_values.update(secret for _path, secret in normal.inline_secrets(params["inputs"]))
    model = build.build(params["inputs"], params["observed"] or {}, params["variable_names"], params["known_names"])
    problems = model["problems"]
    if problems and params["lint"]:
        module.fail_json(
            msg="The chain cannot work as described:\n%s" % build.problems_text(problems), problems=problems
        )
    module.exit_json(
        changed=False, chain=model, problems=problems, keycloak_connection=build.keycloak_connection(model)
    )


if __name__ == "__main__":
    main()
