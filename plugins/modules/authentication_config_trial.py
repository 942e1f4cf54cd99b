#!/usr/bin/python
# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: authentication_config_trial
short_description: Try an AuthenticationConfiguration on a throw-away API server
version_added: 0.1.0
description:
  - A running API server keeps its old file when a new one is wrong, but one that starts with a wrong file exits. So an
    error in an expression (CEL) is a lock-out that waits for the next restart.
  - This module starts a pod with the image, the feature gates and the service account issuers of the API server that
    runs, lets it read the file, and removes it. Reading takes about a second, and nothing of the cluster is touched.
  - The pod has no token, no key of the cluster, no host network and no database. The file is in an annotation of it.
author:
  - mcp_auth.openshift contributors (@mcp-auth)
extends_documentation_fragment:
  - mcp_auth.openshift.cluster
  - mcp_auth.openshift.attributes
  - mcp_auth.openshift.attributes.cluster
options:
  content:
    description:
      - The whole file, as it would be written. RV(mcp_auth.openshift.authentication_config#module:content) is that.
      - ansible-core up to 2.18 makes a dictionary of a template that looks like one; that is taken too.
    type: json
    required: true
  namespace:
    description:
      - Where the pod runs.
    type: str
    default: kube-system
  timeout:
    description:
      - Seconds until the trial counts as not possible.
    type: int
    default: 60
  required:
    description:
      - Fail also when no trial is possible, as where the API servers' pods cannot be seen.
    type: bool
    default: false
attributes:
  check_mode:
    support: partial
    description: Can run in check mode and tells what it would change, without changing it.
    details:
      - In check mode nothing is started and the verdict is V(skipped).
  diff_mode:
    support: none
    description: Nothing is changed.
  idempotent:
    support: full
    description: Leaves nothing behind and never reports a change.
notes:
  - Needs the right to list pods in C(kube-system), and to create, get and delete pods in O(namespace) and to read their log.
  - Pods that a killed run left are removed by the next one.
seealso:
  - module: mcp_auth.openshift.authentication_config
"""

EXAMPLES = r"""
- name: Plan the file without writing it
  mcp_auth.openshift.authentication_config:
    path: /etc/kubernetes/auth/authentication.json
    jwt: "{{ [chain_model.login.kubernetes] }}"
  check_mode: true
  register: planned

- name: Try it
  mcp_auth.openshift.authentication_config_trial:
    content: "{{ planned.content }}"
  delegate_to: localhost
"""

RETURN = r"""
verdict:
  description:
    - V(accepted), V(unavailable) when no trial was possible, V(skipped) in check mode. A refusal fails the task.
  type: str
  returned: always
  sample: accepted
message:
  description: What the API server said, or why there was no trial.
  type: str
  returned: always
  sample: ""
version:
  description: The image of the API server that tried the file.
  type: str
  returned: when a trial was made
  sample: registry.k8s.io/kube-apiserver:v1.34.2
waited_s:
  description: Seconds that the trial took.
  type: float
  returned: always
  sample: 2.1
error:
  description: What went wrong, for programs.
  type: dict
  returned: on failure
  sample: {reason: refused, hint: correct the expression}
"""

import contextlib
import time
from datetime import datetime, timezone
from typing import Any

from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.args import ClusterModule
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.client import Client, connect
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.errors import ClusterError
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.progress import Progress
from ansible_collections.mcp_auth.openshift.plugins.module_utils._external_oidc import apiservers, trial

ARGUMENTS: dict[str, dict[str, Any]] = {
    "content": {"type": "json", "required": True},
    "namespace": {"type": "str", "default": "kube-system"},
    "timeout": {"type": "int", "default": 60},
    "required": {"type": "bool", "default": False},
}


def sweep(client: Client, namespace: str) -> None:
    """Takes away what a killed run left. One that is younger may be another run's."""
    for found in client.list("v1", "Pod", namespace, label_selector=f"{trial.LABEL}={trial.LABEL_VALUE}"):
        made = datetime.strptime(found["metadata"]["creationTimestamp"], "%Y-%m-%dT%H:%M:%SZ").replace(
            tzinfo=timezone.utc
        )
        if (datetime.now(timezone.utc) - made).total_seconds() > 600:
            client.delete("v1", "Pod", found["metadata"]["name"], namespace)


def attempt(client: Client, running: dict[str, Any], params: dict[str, Any], progress: Progress) -> tuple[str, str]:
    """One pod, from its creation to its removal."""
    namespace, timeout = params["namespace"], params["timeout"]
    made = client.create(trial.pod(running, params["content"], namespace, timeout + 60))
    name = made["metadata"]["name"]
    try:
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            found = client.get("v1", "Pod", name, namespace)
            if found is None:
                return "unavailable", f"the pod {namespace}/{name} was removed by somebody else"
            if trial.ended(found):
                # The log has all of it, the status only its end; who may not read logs still gets that.
                status, body = client.request("GET", f"/api/v1/namespaces/{namespace}/pods/{name}/log?tailLines=80")
                return trial.verdict(str(body.get("text") or "") if status == 200 else trial.last_words(found))
            why = trial.stuck(found)
            if why:
                return "unavailable", f"the pod cannot start: {why}"
            progress.say(f"waiting for the trial of the file in pod {namespace}/{name}")
            time.sleep(0.5)
        return "unavailable", f"the pod {namespace}/{name} did not end within {timeout} s"
    finally:
        with contextlib.suppress(ClusterError):
            client.delete("v1", "Pod", name, namespace)


def run(module: ClusterModule) -> dict[str, Any]:
    params = module.params
    start = time.monotonic()
    result: dict[str, Any] = {"changed": False, "verdict": "skipped", "message": ""}
    if not module.check_mode:
        client = connect(params)
        running = [pod for pod in apiservers.pods(client) if (pod.get("status") or {}).get("phase") == "Running"]
        if len(params["content"].encode()) > trial.MAX_BYTES:
            result.update(verdict="unavailable", message="the file is too large for an annotation of a pod")
        elif not running:
            result.update(
                verdict="unavailable", message="the API servers' pods cannot be seen (component=kube-apiserver)"
            )
        else:
            sweep(client, params["namespace"])
            verdict, message = attempt(client, running[0], params, Progress())
            image = running[0]["spec"]["containers"][0].get("image", "")
            result.update(verdict=verdict, message=message, version=image)
    return {**result, "waited_s": round(time.monotonic() - start, 1)}


def main() -> None:
    module = ClusterModule(ARGUMENTS, supports_check_mode=True)
    try:
        result = run(module)
    except ClusterError as exc:
        module.fail_json(msg=str(exc), error=exc.to_result())
    if result["verdict"] == "refused":
        hint = "correct it; the file was not written, and every API server still runs with the one that it has"
        module.fail_json(
            msg=f"a throw-away API server ({result['version']}) refuses this file: {result['message']}\n{hint}",
            error={"reason": "refused", "hint": hint},
            **result,
        )
    if result["verdict"] == "unavailable" and module.params["required"]:
        hint = "make the trial possible, or go without it (required: false)"
        module.fail_json(
            msg=f"no trial was possible: {result['message']}. {hint}",
            error={"reason": "unavailable", "hint": hint},
            **result,
        )
    if result["verdict"] == "unavailable":
        module.warn(f"no trial of the file was possible: {result['message']}. Nothing but a trial compiles its CEL.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
