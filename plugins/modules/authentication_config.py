#!/usr/bin/python
# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: authentication_config
short_description: Trust an issuer in the AuthenticationConfiguration of a Kubernetes API server
version_added: 0.1.0
description:
  - Writes the file that C(kube-apiserver --authentication-config) reads, on the control-plane host itself.
  - Only the entries of O(jwt) are ours. Entries of other issuers and C(anonymous) stay as they are.
  - The file is checked before it is written, with every problem reported at once, and written in one step (rename),
    because an API server that starts with a wrong file exits.
  - With O(confirm_within) the host puts the previous file back by itself, unless O(state=confirmed) comes in time.
    This needs nobody but the host, so it also works when the controller has died. The host's side are the units that the
    role P(mcp_auth.openshift.external_auth#role) installs; the module asks them to answer before it writes.
  - Writes JSON, which is valid YAML. Reads both. A file in YAML loses its comments when it is written; it is kept.
author:
  - mcp_auth.openshift contributors (@mcp-auth)
options:
  path:
    description:
      - The file, as this host sees it.
      - Mount its folder into the API server's pod, not the file. The API server would not see a renamed file.
    type: path
    default: /etc/kubernetes/auth/authentication.json
  state:
    description:
      - V(present) brings the entries of O(jwt) into the file.
      - V(absent) takes the entries of the issuers of O(jwt) and O(remove_issuers) out, and nothing else.
      - V(confirmed) keeps a file that is waiting for its confirmation.
      - V(reverted) puts the previous file back at once, if a confirmation is pending, or if the file has the hash
        O(sha256).
    type: str
    choices: [present, absent, confirmed, reverted]
    default: present
  jwt:
    description:
      - Entries of the list C(jwt) of an AuthenticationConfiguration, each found again by its C(issuer.url).
      - Holds no secret. The CA of the issuer is public.
    type: list
    elements: dict
    default: []
  remove_issuers:
    description:
      - URLs of issuers that shall not be trusted any more, as after the issuer's URL changed.
    type: list
    elements: str
    default: []
  api_version:
    description:
      - The version of the file. That of the existing file by default, else V(apiserver.config.k8s.io/v1).
    type: str
    choices: [apiserver.config.k8s.io/v1, apiserver.config.k8s.io/v1beta1]
  kubernetes_minor:
    description:
      - The minor version of the oldest API server that reads the file, V(34) for Kubernetes 1.34.
      - The file is checked by the rules of that version.
    type: int
    default: 34
  confirm_within:
    description:
      - Seconds after which the host puts the previous file back unless the new one was confirmed.
      - With V(0) the file stays without a confirmation. That is refused while an earlier change waits for its own, because
        it would be kept as well, proven by nobody.
      - Where the file is right already and waits for its confirmation, the time begins anew.
    type: int
    default: 0
  watch_timeout:
    description:
      - Seconds to wait for the host's timer to answer before a file with O(confirm_within) is written.
    type: int
    default: 20
  sha256:
    description:
      - With O(state=confirmed), the hash that the file must have. Another content is refused.
      - With O(state=reverted), the hash of a file that is taken back even if it was confirmed already, as when another
        control-plane host could not be confirmed. Only for what the same run has written.
    type: str
  backup:
    description:
      - Also keep a copy of the previous file with the time in its name.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Tells what would change and writes nothing.
  diff_mode:
    support: full
    description: Shows the configuration before and after. It holds no secret.
  idempotent:
    support: full
    description: A file that means the same is left as it is, byte for byte.
notes:
  - Runs on Python 3.9 and newer, with nothing but the standard library. PyYAML is used for a file in YAML, if it is there.
  - Needs root on the host (C(become)).
  - Owner, group, mode and SELinux label of the file are kept. A new file has mode 0600.
  - Neighbours of the file are C(.previous) (the last confirmed content), C(.revert-at) (the deadline), C(.rejected) and
    C(.reverted) (what the host took away, and when).
  - The deadline is kept by the clock of the host and by its uptime, whichever comes first.
  - The API server refuses to load a file in which C(anonymous) differs from the one that it started with.
seealso:
  - module: mcp_auth.openshift.external_oidc_info
  - module: mcp_auth.openshift.authentication_config_trial
"""

EXAMPLES = r"""
- name: Trust the issuer, with a way back after three minutes
  mcp_auth.openshift.authentication_config:
    path: /etc/kubernetes/auth/authentication.json
    jwt:
      - issuer:
          url: https://sso.example.com/realms/openshift
          audiences: [openshift]
        claimMappings:
          username: {claim: preferred_username, prefix: "oidc:"}
          groups: {claim: groups, prefix: "oidc:"}
    confirm_within: 180
  register: written

- name: Keep it
  mcp_auth.openshift.authentication_config:
    path: /etc/kubernetes/auth/authentication.json
    state: confirmed
    sha256: "{{ written.sha256 }}"

- name: Do not trust the issuer any more
  mcp_auth.openshift.authentication_config:
    path: /etc/kubernetes/auth/authentication.json
    state: absent
    remove_issuers: [https://sso.example.com/realms/openshift]
"""

RETURN = r"""
sha256:
  description: Hash of the file as it is now, or would be after this run in check mode. Empty without a file.
  type: str
  returned: always
  sample: 3f0a5a5d9a1b6b7d7f0f0f4c0f1d8e0b6f5cf0e4b3b0ad6cf0a0f5f1b2c3d4e5
previous_sha256:
  description: Hash of the file before.
  type: str
  returned: always
  sample: ""
modified:
  description:
    - Since when the file is what it is, in seconds since the epoch on that host. It tells an API server that has loaded it
      from one that has not.
  type: float
  returned: always
  sample: 1790000000.5
issuers:
  description: URLs of all issuers that the file trusts now, ours and others.
  type: list
  elements: str
  returned: always
  sample: [https://sso.example.com/realms/openshift]
content:
  description: The file as it is now, or would be after this run in check mode. It holds no secret.
  type: str
  returned: with O(state=present) and O(state=absent)
  sample: '{"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthenticationConfiguration", "jwt": []}'
changes:
  description: What was changed.
  type: list
  elements: dict
  returned: always
  sample: [{path: "jwt[https://sso.example.com/realms/openshift]", operation: create}]
pending:
  description: The confirmation that the host waits for.
  type: dict
  returned: always
  sample: {deadline: 1790000000, seconds_left: 180, sha256: 3f0a5a5d}
reverted:
  description: What the host put back last, and when.
  type: dict
  returned: always
  sample: {at: 1790000000, sha256: 3f0a5a5d, why: tick}
backup_file:
  description: The copy of the previous file.
  type: str
  returned: when O(backup) is set and the file changed
  sample: /etc/kubernetes/auth/authentication.json.4711.2026-01-01@00:00:00~
problems:
  description: Everything that the API server would refuse, each with its path and what to do.
  type: list
  elements: dict
  returned: when the configuration is refused
  sample: [{rule: required, path: "jwt[0].issuer.audiences", message: is missing or empty., fix: name the audience}]
error:
  description: What went wrong, for programs.
  type: dict
  returned: on failure
  sample: {reason: invalid, hint: correct what is listed; nothing was written}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mcp_auth.openshift.plugins.module_utils._external_oidc import host, kubernetes, reader
from ansible_collections.mcp_auth.openshift.plugins.module_utils._external_oidc.hostfile import HostFile, HostFileError

ARGUMENTS: dict[str, dict[str, Any]] = {
    "path": {"type": "path", "default": "/etc/kubernetes/auth/authentication.json"},
    "state": {"type": "str", "choices": ["present", "absent", "confirmed", "reverted"], "default": "present"},
    "jwt": {"type": "list", "elements": "dict", "default": []},
    "remove_issuers": {"type": "list", "elements": "str", "default": []},
    "api_version": {"type": "str", "choices": list(kubernetes.API_VERSIONS[:2])},
    "kubernetes_minor": {"type": "int", "default": 34},
    "confirm_within": {"type": "int", "default": 0},
    "watch_timeout": {"type": "int", "default": 20},
    "sha256": {"type": "str"},
    "backup": {"type": "bool", "default": False},
}


def run(module: AnsibleModule) -> dict[str, Any]:
    wanted = host.Wanted(
        path=module.params["path"],
        state=module.params["state"],
        jwt=module.params["jwt"],
        remove_issuers=module.params["remove_issuers"],
        api_version=module.params["api_version"],
        minor=module.params["kubernetes_minor"],
        confirm_within=max(0, module.params["confirm_within"]),
        watch_timeout=module.params["watch_timeout"],
        sha256=module.params["sha256"],
    )
    file = HostFile(wanted.path)
    with file.lock():
        if wanted.state in ("confirmed", "reverted"):
            return _decide(module, file, wanted)
        file.wait_for_revert()
        host.check(file, wanted)
        current = file.read()
        planned = host.plan(wanted, current)
        # A deadline that is moved is a change, too.
        changed = planned.changed or (wanted.confirm_within > 0 and file.pending() is not None)
        backup = {}
        if not module.check_mode:
            if planned.changed and module.params["backup"] and current is not None:
                backup["backup_file"] = module.backup_local(file.path)
            planned, changed = host.apply(file, wanted, planned)
        return {
            "changed": changed,
            "sha256": planned.sha256_after,
            "previous_sha256": planned.sha256_before,
            "issuers": kubernetes.issuers(planned.after or {}),
            "changes": planned.changes,
            "content": planned.text,
            "diff": planned.diff(wanted.path),
            **backup,
            **host.report(file),
        }


def _decide(module: AnsibleModule, file: HostFile, wanted: host.Wanted) -> dict[str, Any]:
    """Keep the pending file, or go back at once."""
    before = file.read()
    if module.check_mode:
        taken = wanted.state == "reverted" and before is not None and kubernetes.sha256(before) == wanted.sha256
        changed = file.pending() is not None or taken
    elif wanted.state == "confirmed":
        changed = file.confirm(wanted.sha256)
    else:
        changed = file.revert(wanted.sha256)
    after = file.read()
    return {
        "changed": changed,
        "sha256": "" if after is None else kubernetes.sha256(after),
        "previous_sha256": "" if before is None else kubernetes.sha256(before),
        "issuers": [] if after is None else kubernetes.issuers(kubernetes.check_mergeable(reader.parse(after))),
        "changes": [{"path": "", "operation": wanted.state}] if changed else [],
        **host.report(file),
    }


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        result = run(module)
    except host.Refused as exc:
        error = {"reason": exc.reason, "hint": exc.fix}
        module.fail_json(msg=f"{exc}\n{exc.fix}", problems=exc.problems, error=error)
    except kubernetes.Unmergeable as exc:
        module.fail_json(msg=f"{exc} {exc.fix}", error={"reason": "unmergeable", "hint": exc.fix})
    except HostFileError as exc:
        module.fail_json(msg=f"{exc} {exc.fix}", error={"reason": exc.reason, "hint": exc.fix})
    module.exit_json(**result)


if __name__ == "__main__":
    main()
