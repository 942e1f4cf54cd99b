#!/usr/bin/python
# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mcp_config
short_description: Render and check the settings of kubernetes-mcp-server for one of its versions
version_added: 0.1.0
description:
  - Turns one description of what is wanted into the configuration (TOML) that the given version of
    kubernetes-mcp-server takes, 0.0.54 to 0.0.67 and the planned next one.
  - Older servers ignore a setting that they do not know. This module refuses it and names the replacement.
  - Refuses what cannot work, such as the exchange strategy rfc8693 with Keycloak before 0.0.67, or private_key_jwt
    before 0.0.67.
  - The client secret is never in the result. With a secret the module returns the template of a file that
    M(mcp_auth.openshift.generated_secret) fills in a Secret.
author:
  - mcp_auth.openshift contributors (@mcp-auth)
options:
  version:
    description:
      - Version of the server.
    type: str
    default: 0.0.67
  generation:
    description:
      - Which settings a version speaks that this module does not know. V(g1) is 0.0.55 and older, V(g2) 0.0.57 to 0.0.66,
        V(g3) 0.0.67, V(g4) what is planned after it.
    type: str
    choices: [g1, g2, g3, g4]
  settings:
    description:
      - What is wanted, in words that hold for every version.
    type: dict
    required: true
    suboptions:
      issuer_url:
        description: URL of the issuer, to the letter of its C(iss) claim.
        type: str
        required: true
      issuer_product:
        description: What the issuer is. Decides which exchanges are known not to work.
        type: str
        choices: [keycloak, other]
        default: keycloak
      audience:
        description: Audience that a person's token must have.
        type: str
        required: true
      server_url:
        description: Public URL of the MCP endpoint. Published as C(resource) in the metadata.
        type: str
        required: true
      certificate_authority:
        description: Path, as the server sees it, of the CA of the issuer.
        type: str
      oauth_scopes:
        description: Scopes that clients are told to ask for.
        type: list
        elements: str
      port:
        description: Port of the MCP endpoint.
        type: str
        default: "8080"
      bind_address:
        description: Address on which the server listens. Loopback, because a proxy ends TLS.
        type: str
        default: 127.0.0.1
      metrics_port:
        description: Port of metrics and statistics, which need no token.
        type: str
      exchange:
        description: How the person's token becomes a token for the cluster. Without it the token is passed on as it is.
        type: dict
        suboptions:
          audience:
            description: Audience of the cluster's tokens.
            type: str
            required: true
          scopes:
            description: Scopes to ask for.
            type: list
            elements: str
          client_id:
            description: Client as which the server asks.
            type: str
            required: true
          method:
            description: How that client authenticates.
            type: str
            choices: [private_key_jwt, client_secret_basic, client_secret_post, jwt_file]
            default: private_key_jwt
          strategy:
            description: Exchange strategy. By default the one that works with the version.
            type: str
          certificate_file:
            description: Path of the client's certificate, for V(private_key_jwt).
            type: str
          private_key_file:
            description: Path of the client's key, for V(private_key_jwt).
            type: str
          token_file:
            description: Path of a signed token, for V(jwt_file).
            type: str
      preset:
        description:
          - V(read_only) shows only tools that read.
          - V(write) shows tools that change things too, except C(pods_exec) and C(pods_run). An agent that reads untrusted
            text can then be told to change whatever its person may change.
        type: str
        choices: [read_only, write]
        default: read_only
      read_only:
        description: Overrides what O(settings.preset) says.
        type: bool
      disable_destructive:
        description: Hides tools that delete or overwrite.
        type: bool
      toolsets:
        description: Toolsets to show.
        type: list
        elements: str
        default: [core]
      enabled_tools:
        description: Shows only these tools.
        type: list
        elements: str
      disabled_tools:
        description: Hides these tools, beside those that O(settings.preset) hides.
        type: list
        elements: str
      unhidden_tools:
        description:
          - Shows tools that O(settings.preset) hides. C(pods_exec) and C(pods_run) can read the Secrets that are mounted
            in pods, past O(settings.denied_resources).
        type: list
        elements: str
      denied_resources:
        description: Kinds that no tool reaches. Secrets and the kinds of RBAC by default.
        type: list
        elements: dict
        suboptions:
          group:
            description: API group, empty for the core group.
            type: str
            default: ""
          version:
            description: API version.
            type: str
            required: true
          kind:
            description: Kind. All kinds of the version without it.
            type: str
      confirmation_rules:
        description:
          - When the person is asked. The server's own fields.
          - The rule of O(settings.preset) for destructive tools stays, unless one of these is for all of them (C(destructive=true)
            and nothing that narrows it).
        type: list
        elements: dict
      confirmation_fallback:
        description: What happens when the client cannot ask its person.
        type: str
        choices: [allow, deny]
        default: deny
      stateless:
        description: No sessions. With sessions one person can open another's event stream.
        type: bool
        default: true
      server_instructions:
        description: What the server tells clients about when to use it.
        type: str
      kubeconfig:
        description: Path of the kubeconfig. It needs no credential.
        type: str
      cluster_provider_strategy:
        description: How the server finds clusters. V(kubeconfig) when O(settings.kubeconfig) is set.
        type: str
      log_level:
        description: Verbosity from 0 to 9. From 7 on logs show arguments of tools.
        type: int
        default: 0
      list_output:
        description: Form of lists.
        type: str
        choices: [table, yaml]
      secret_field:
        description: Field of the Secret that holds the client secret, for the template.
        type: str
        default: client_secret
  extra:
    description:
      - More settings by the server's own names, nested or dotted, checked against the version.
      - They are for what O(settings) has no word for. A key that a setting writes is refused here, because it would go
        around the setting's checks; C(log_level) alone wins over its setting.
    type: dict
    default: {}
  config_path:
    description: Path of the configuration as the server sees it.
    type: str
    default: /etc/mcp-server/config.toml
  dropin_dir:
    description: Folder of the drop-in files as the server sees it.
    type: str
    default: /etc/mcp-server/conf.d
attributes:
  check_mode:
    support: full
    description: Only computes.
  diff_mode:
    support: none
    description: Changes nothing.
  idempotent:
    support: full
    description: The same options give the same text.
requirements:
  - tomlkit >= 0.12
seealso:
  - module: mcp_auth.openshift.mcp_info
  - module: mcp_auth.openshift.generated_secret
"""

EXAMPLES = r"""
- name: Settings of the default version, the client authenticates by a key
  mcp_auth.openshift.mcp_config:
    settings:
      issuer_url: https://sso.example.com/realms/openshift
      audience: mcp-server
      server_url: https://mcp.example.com/mcp
      metrics_port: "9090"
      kubeconfig: /etc/mcp-server/kubeconfig
      exchange:
        audience: openshift
        scopes: ["mcp:openshift"]
        client_id: mcp-server
        certificate_file: /etc/mcp-server/client/tls.crt
        private_key_file: /etc/mcp-server/client/tls.key
  register: mcp

- name: An older server, with a client secret
  mcp_auth.openshift.mcp_config:
    version: 0.0.60
    settings:
      issuer_url: https://sso.example.com/realms/openshift
      audience: mcp-server
      server_url: https://mcp.example.com/mcp
      exchange:
        audience: openshift
        scopes: ["mcp:openshift"]
        client_id: mcp-server
        method: client_secret_basic
  register: old
"""

RETURN = r"""
config:
  description: The configuration as TOML text. Holds no secret.
  type: str
  returned: success
  sample: "require_oauth = true\n"
data:
  description: The same as a dictionary.
  type: dict
  returned: success
  sample: {require_oauth: true}
dropins:
  description: Files that have to come from a Secret, each with its template for M(mcp_auth.openshift.generated_secret).
  type: list
  elements: dict
  returned: success
  sample: [{name: 50-client-secret.toml, template: "sts_client_secret = ${client_secret:toml}\n"}]
secret_delivery:
  description:
    - V(none) without a client secret, V(dropin) when the server reads drop-in files, V(whole_file) when all of
      RV(secret_template) has to be one file from a Secret.
  type: str
  returned: success
  sample: none
secret_template:
  description: The whole configuration as a template, for servers that read no drop-in files.
  type: str
  returned: when RV(secret_delivery) is V(whole_file)
  sample: "sts_client_secret = ${client_secret:toml}\nrequire_oauth = true\n"
args:
  description: Arguments with which the server has to be started.
  type: list
  elements: str
  returned: success
  sample: ["--config", /etc/mcp-server/config.toml]
generation:
  description: The generation that was rendered for.
  type: str
  returned: success
  sample: g3
assumed:
  description: The version that was rendered for; for an unknown one that of its generation that is best known.
  type: str
  returned: success
  sample: 0.0.67
metrics_port:
  description: Port on which the server shows its metrics, that of MCP where its version has no other.
  type: str
  returned: success
  sample: "9091"
own_metadata:
  description: Whether the metadata of the server answer 500 once its issuer is lost, so that they tell whether it is ready.
  type: bool
  returned: success
  sample: true
publishes_resource:
  description: Whether the metadata name the server (C(resource)) and its issuer, as RFC 9728 wants.
  type: bool
  returned: success
  sample: true
problems:
  description: What is wrong (severity V(error)) or worth knowing (V(warning)), each with what to do.
  type: list
  elements: dict
  returned: always
  sample: [{rule: key, path: extra.sts_audience, message: "sts_audience ended with 0.0.66; this is 0.0.67.", severity: error}]
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.mcp_auth.openshift.plugins.module_utils._mcp import config, generations, toml
from ansible_collections.mcp_auth.openshift.plugins.module_utils._mcp.options import SETTINGS

ARGUMENTS = {
    "version": {"type": "str", "default": "0.0.67"},
    "generation": {"type": "str", "choices": sorted(generations.REPRESENTATIVE)},
    "settings": {"type": "dict", "required": True, "options": SETTINGS},
    "extra": {"type": "dict", "default": {}},
    "config_path": {"type": "str", "default": "/etc/mcp-server/config.toml"},
    "dropin_dir": {"type": "str", "default": "/etc/mcp-server/conf.d"},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    if not toml.HAS_TOMLKIT:
        module.fail_json(msg=missing_required_lib(toml.TOMLKIT_REQUIREMENT), exception=toml.TOMLKIT_IMPORT_ERROR)
    params = module.params
    wanted = {**params["settings"], "extra": params["extra"]}
    made = config.render(params["version"], wanted, params["generation"], params["config_path"], params["dropin_dir"])
    problems = made.problem_dicts()
    if made.errors:
        lines = [f"{problem.path}: {problem.message} {problem.fix}".strip() for problem in made.errors]
        module.fail_json(msg="The MCP server's settings are refused:\n- " + "\n- ".join(lines), problems=problems)
    for problem in made.problems:
        module.warn(f"{problem.path}: {problem.message} {problem.fix}".strip())
    heading = f"kubernetes-mcp-server {made.version}, made by mcp_auth.openshift.mcp_config. Holds no secret."
    result = {
        "config": toml.dumps(made.config, heading),
        "data": made.config,
        "dropins": made.dropins,
        "secret_delivery": made.secret_delivery,
        "args": made.args,
        "generation": made.generation,
        "assumed": made.assumed,
        "metrics_port": made.metrics_port,
        "own_metadata": made.own_metadata,
        "publishes_resource": made.publishes_resource,
        "problems": problems,
    }
    if made.secret_delivery == "whole_file":
        body = result["config"].replace("$", "$$")
        result["secret_template"] = "".join(dropin["template"] for dropin in made.dropins) + body
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
