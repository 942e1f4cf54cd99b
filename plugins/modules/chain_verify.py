#!/usr/bin/python
# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: chain_verify
short_description: Walk the whole chain as given people, try every wrong thing at every hop, and report what came
version_added: 0.1.0
author:
  - mcp_auth.openshift contributors (@mcp-auth)
description:
  - Signs people in, exchanges their tokens, calls tools on the MCP server and asks the API server who they are. Each claim
    and each right is compared with what the model of the chain predicts.
  - Then tries what must not work. Each wrong token stands beside a good twin, which the same hop had accepted just
    before, and the report says what differs. Beside an expired token a good one is sent just after it, too. A refusal
    counts only with the expected reason. The MCP server gives one reason for every bad token, so that there the twin has
    to tell which fault it was.
  - Looks at rights, tools, open paths and credentials.
  - The result holds claims, never a token, a password or a key.
  - The run fails when a hop takes a wrong token, refuses it for a wrong reason, or refuses the good twin too; when a hop
    differs from the model; when the posture is bad; when something made for the run could not be removed; and when nothing
    of what was asked for could be tried (C(failed)).
  - What could not be tried is V(not tested), and a refusal whose reason could not be read is shown as such. With
    such gaps the run succeeds, and its verdict is C(passed with gaps). Only a run without gaps is C(passed).
options:
  chain:
    description:
      - The model of the chain, as M(mcp_auth.openshift.chain_info) returns it and as role P(mcp_auth.openshift.chain#role)
        sets it.
    type: dict
    required: true
  people:
    description:
      - Who walks the chain. Without it, everybody whom the model knows.
      - Of somebody whom the model does not know, name, audience, lifetime and rights of the persona are compared. The groups
        cannot be, so that the hops which show them are V(not tested).
      - Somebody with neither a token nor a password signs in by device flow, which needs the client that O(fixtures) makes.
        The address to open is shown by the callback P(mcp_auth.openshift.progress#callback), on the controller only. Where
        nobody would see it, the run stops at once. There is no login by browser redirect (code flow).
    type: list
    elements: dict
    suboptions:
      username:
        description: Name at the issuer.
        type: str
        required: true
      persona:
        description: What a person whom the model does not know is to be measured against.
        type: str
        choices: [admin, developer, reader, none]
      signin:
        description: V(device) asks the person also where the model has a password.
        type: str
        choices: [device, password, token]
      token:
        description: An access token for the MCP server.
        type: str
      token_from:
        description: Where the token is.
        type: dict
        suboptions: &reference
          kind:
            description: Kind of the object.
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
            description: Key in the object.
            type: str
            required: true
      password:
        description: The password, for labs. It needs O(fixtures), which makes the client that allows it.
        type: str
      password_from:
        description: Where the password is.
        type: dict
        suboptions: *reference
  parts:
    description:
      - What to do. The matrix alone is what a change of one hop needs to be tried again.
      - V(login) is the short way of a login to the cluster, for the time when there is no MCP server yet. It is left out when
        V(hops) is there.
    type: list
    elements: str
    choices: [login, hops, matrix, posture]
    default: [hops, matrix, posture]
  columns:
    description: The hops at which to try wrong things; all without it.
    type: list
    elements: str
    choices: [keycloak, mcp_server, kube_apiserver]
  rows:
    description: The wrong things to try, by the names in RV(cells[].row); all without it.
    type: list
    elements: str
  fixtures:
    description:
      - Consent to make, for the time of the run, three clients, three client scopes, three probe users and a second realm in
        Keycloak. The report names each of them with what it may do. Without V(matrix) in O(parts) only the first client is
        made.
      - C(chain-verify) is a public client that takes a password for a token (direct access grants), and signs people in by
        device flow. Its tokens live 60 seconds. They are made for the MCP server and, for V(matrix), for Llama Stack.
      - C(chain-verify-stranger) is confidential and may ask for an exchange, which has to be refused. It signs nobody in.
      - C(chain-verify-brief) is confidential and takes passwords, too. Its tokens live 10 seconds. They are made for the MCP
        server and, with the claim C(azp) written to the name of the MCP server's client, for the API server. With its secret
        and a person's password one can log in to the cluster past the MCP server. The secret is in the memory of the run, and
        an administrator of Keycloak can read it.
      - Where such clients must not be, leave this off.
      - All of it is marked, removed at the end, removed by a child process when the run is killed, and swept by the start of
        the next run.
      - It needs the options O(auth_client_secret_from) and the like, of somebody who may manage realms.
      - Without it the rows that need it are V(not tested).
    type: bool
    default: false
  outage:
    description:
      - Consent to scale Keycloak to nothing and back, and to try the chain meanwhile. Without it that row is V(not tested).
      - It needs the right to change the StatefulSet. A run that is killed leaves its former size in an annotation, and the
        next run with this option, or its child process, gives it back.
    type: bool
    default: false
  requester_key_from:
    description:
      - The private key by which the MCP server's client proves who it is. Naming it is the consent to use it here.
      - Without it, and without O(requester_secret_from), the exchange and Keycloak's column are V(not tested).
    type: dict
    suboptions: *reference
  requester_secret_from:
    description: The secret of the MCP server's client, where it has one in place of a key.
    type: dict
    suboptions: *reference
  expiry_wait:
    description:
      - How many seconds to wait at most for a good token to end, so that it can be sent again.
      - The wait runs beside the other attempts. The API server is asked 12 seconds after the end, because it keeps its
        verdict on a token for ten.
    type: int
    default: 150
  signin_wait:
    description: How many seconds to wait for a person to sign in by device flow.
    type: int
    default: 300
  report:
    description:
      - Files to write, on the host where the module runs. Nothing is written in check mode.
      - Their folders have to be there. The run stops before it tries anything when one of them could not be written. Where
        that fails at the end, the run fails, and its result holds everything that was found.
    type: dict
    suboptions:
      json:
        description: Everything, for programs.
        type: path
      junit:
        description: JUnit XML, for continuous integration. What was not tested is skipped there.
        type: path
      html:
        description: One page that needs nothing else, for people.
        type: path
      mode:
        description: Permissions of the files. They hold personal data (names and groups).
        type: raw
        default: "0640"
extends_documentation_fragment:
  - mcp_auth.openshift.attributes
  - mcp_auth.openshift.attributes.cluster
  - mcp_auth.openshift.cluster
  - mcp_auth.openshift.keycloak
attributes:
  check_mode:
    support: full
    details:
      - It says what would be tried, and contacts nobody.
  diff_mode:
    support: none
    details:
      - It changes nothing that stays.
  idempotent:
    support: full
    details:
      - What it makes for a run it removes again; C(changed) is always false. Reports are written anew each time.
notes:
  - Rights on the cluster for the whole of it are those to read the referenced Secrets, to create tokens of the MCP server's
    ServiceAccount, to read the API server's log (C(pods/log)), to impersonate ServiceAccounts, and to list RBAC
    objects, Deployments, DaemonSets and NetworkPolicies. What is lacking makes single rows V(not tested).
  - Two runs with O(fixtures) on one realm at the same time disturb each other.
seealso:
  - module: mcp_auth.openshift.chain_info
  - module: mcp_auth.openshift.mcp_info
"""

EXAMPLES = r"""
- name: Verify a lab, with everything that can be tried
  mcp_auth.openshift.chain_verify:
    chain: "{{ chain_model }}"
    fixtures: true
    requester_key_from: {namespace: llama-stack, name: mcp-server-client, key: tls.key}
    auth_client_id: mcp-auth-admin
    auth_client_secret_from: {namespace: redhat-keycloak, name: mcp-auth-admin, key: client-secret}
    report:
      html: /tmp/chain.html
      junit: /tmp/chain.xml

- name: Verify a cluster of one's own with one person, who signs in on the way, and without making anything
  mcp_auth.openshift.chain_verify:
    chain: "{{ chain_model }}"
    people:
      - {username: jdoe, persona: developer, token_from: {namespace: llama-stack, name: jdoe-token, key: token}}

- name: Try the MCP server again after a change
  mcp_auth.openshift.chain_verify:
    chain: "{{ chain_model }}"
    parts: [matrix]
    columns: [mcp_server]
"""

RETURN = r"""
msg:
  description: The verdict in one line (C(passed), C(passed with gaps) or C(failed)); on failure with the tables.
  returned: always
  type: str
  sample: "passed: 70 wrong things tried, 70 refused as expected, 0 not tested; hops right 15 of 15"
table:
  description: The tables for a terminal, line by line.
  returned: not in check mode
  type: list
  elements: str
summary:
  description: The figures, and in C(failures) what failed. C(reasons_checked) of the C(refused) showed their reason.
  returned: not in check mode
  type: dict
  sample: {"verdict": "passed", "tried": 70, "refused": 70, "taken": 0, "not_tested": 0, "hops": 15, "hops_right": 15}
hops:
  description:
    - Each person's way, with the claims that were sent and every comparison.
    - On failure only what was wrong; the reports always hold all of it. When one of them could not be written, all of it
      is here.
  returned: not in check mode
  type: list
  elements: dict
  sample: [{"id": "exchange", "person": "jdoe", "verdict": "right", "checks": []}]
cells:
  description: The matrix; on failure only what failed.
  returned: not in check mode
  type: list
  elements: dict
  contains:
    row:
      description: What was tried.
      type: str
      sample: wrong_audience
    column:
      description: Where.
      type: str
      sample: kube_apiserver
    verdict:
      description: V(refused as expected), V(taken), V(wrong reason), V(nothing proven), V(n/a) or V(not tested).
      type: str
      sample: refused as expected
    got_status:
      description: Status of the answer.
      type: int
      sample: 401
    got_reason:
      description: Its reason.
      type: str
      sample: 'oidc: verify token: oidc: expected audience in ["openshift"] got ["mcp-server"]'
posture:
  description: How the system stands; on failure only what is bad.
  returned: not in check mode
  type: list
  elements: dict
  sample: [{"id": "tools", "title": "Tools offered", "expected": "read only", "found": "9, of which none writes", "verdict": "ok"}]
versions:
  description: Versions of the parts, as far as they were seen.
  returned: not in check mode
  type: dict
  sample: {"kubernetes": "v1.34.2", "keycloak": "26.4.7", "mcp_server": "0.0.67"}
fixtures:
  description: What was made in Keycloak for the run and removed after it, with what each may do; empty when nothing was.
  returned: success, not in check mode
  type: str
  sample: "With consent, made in Keycloak for this run and removed after it: client chain-verify (public, ...)."
reports:
  description: The files that were written.
  returned: not in check mode
  type: list
  elements: str
plan:
  description: What would be tried at each hop.
  returned: in check mode
  type: list
  elements: dict
  sample: [{"row": "no_token", "column": "mcp_server", "would": "would be tried, expecting 401, missing_token"}]
"""

import os
from typing import Any

from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.args import ClusterModule, reference_arg
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.errors import ClusterError
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.progress import ENV, Progress
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence import entry, text
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence.files import Reports
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence.model import COLUMNS
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence.run import LOGIN, PARTS
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence.target import Stop
from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak.args import KEYCLOAK_ARGS, KEYCLOAK_EXCLUSIVE

PERSON: dict[str, Any] = {
    "username": {"type": "str", "required": True},
    "persona": {"type": "str", "choices": ["admin", "developer", "reader", "none"]},
    "signin": {"type": "str", "choices": ["device", "password", "token"]},
    "token": {"type": "str", "no_log": True},
    "token_from": reference_arg(),
    "password": {"type": "str", "no_log": True},
    "password_from": reference_arg(),
}
ARGS: dict[str, Any] = {
    "chain": {"type": "dict", "required": True},
    "people": {"type": "list", "elements": "dict", "options": PERSON},
    "parts": {"type": "list", "elements": "str", "choices": [LOGIN, *PARTS], "default": list(PARTS)},
    "columns": {"type": "list", "elements": "str", "choices": list(COLUMNS)},
    "rows": {"type": "list", "elements": "str"},
    "fixtures": {"type": "bool", "default": False},
    "outage": {"type": "bool", "default": False},
    "requester_key_from": reference_arg(),
    "requester_secret_from": reference_arg(),
    "expiry_wait": {"type": "int", "default": 150},
    "signin_wait": {"type": "int", "default": 300},
    "report": {
        "type": "dict",
        "options": {
            "json": {"type": "path"},
            "junit": {"type": "path"},
            "html": {"type": "path"},
            "mode": {"type": "raw", "default": "0640"},
        },
    },
}


def heard() -> bool:
    """Say whether the callback is there that prints what a run says."""
    return os.access(os.environ.get(ENV, ""), os.W_OK)


def main() -> None:
    """Run the module."""
    module = ClusterModule(dict(KEYCLOAK_ARGS, **ARGS), supports_check_mode=True, mutually_exclusive=KEYCLOAK_EXCLUSIVE)
    unknown = entry.unknown_rows(module.params)
    if unknown:
        module.fail_json(msg=unknown)
    if module.check_mode:
        plan = entry.planned(module.params)
        module.exit_json(changed=False, plan=plan, msg="%d cells; nothing was contacted" % len(plan))
    reports = Reports(module.params["report"] or {})
    try:
        reports.prepare(lambda path: module.set_mode_if_different(path, module.params["report"]["mode"], False))
        evidence = entry.verify(module.params, module.hide, Progress("chain_verify: ").say, heard())
    except Stop as error:
        module.fail_json(msg=str(error))
    except ClusterError as error:
        module.fail_json(msg=str(error), error=error.to_result())
    reports.write(evidence)
    table = text.terminal(evidence).splitlines()
    msg = text.headline(evidence)
    if reports.problems:
        msg += ". Not written: {}. All of it is in this result.".format(", ".join(reports.problems))
    if evidence.failures():
        msg = "\n".join([msg, "", *table])
    elif not reports.problems:
        module.exit_json(changed=False, msg=msg, table=table, reports=reports.written, **evidence.to_dict())
    # Where everything would be missing, the result has to hold it.
    found = evidence.to_dict() if reports.problems else text.excerpt(evidence)
    module.fail_json(msg=msg, table=table, reports=reports.written, **found)


if __name__ == "__main__":
    main()
