# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""Options of the action group "cluster" (doc fragment mcp_auth.openshift.cluster) and the module that takes them."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule, env_fallback

from .redact import redact

CLUSTER_ARGS: dict[str, dict[str, t.Any]] = {
    "kubeconfig": {"type": "raw", "fallback": (env_fallback, ["K8S_AUTH_KUBECONFIG"])},
    "context": {"type": "str", "fallback": (env_fallback, ["K8S_AUTH_CONTEXT"])},
    "host": {"type": "str", "fallback": (env_fallback, ["K8S_AUTH_HOST"])},
    "api_key": {"type": "str", "no_log": True, "fallback": (env_fallback, ["K8S_AUTH_API_KEY"])},
    "validate_certs": {"type": "bool", "default": True, "fallback": (env_fallback, ["K8S_AUTH_VERIFY_SSL"])},
    "ca_cert": {"type": "path", "fallback": (env_fallback, ["K8S_AUTH_SSL_CA_CERT"])},
    "client_cert": {"type": "path", "fallback": (env_fallback, ["K8S_AUTH_CERT_FILE"])},
    "client_key": {"type": "path", "no_log": False, "fallback": (env_fallback, ["K8S_AUTH_KEY_FILE"])},
    "request_timeout": {"type": "int", "default": 30},
}

WAIT_ARGS: dict[str, dict[str, t.Any]] = {
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 300},
}

REFERENCE_OPTIONS: dict[str, dict[str, t.Any]] = {
    "kind": {"type": "str", "choices": ["Secret", "ConfigMap"], "default": "Secret"},
    "namespace": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "key": {"type": "str", "required": True, "no_log": False},
}


def reference_arg() -> dict[str, t.Any]:
    """The argument spec of an option such as client_secret_from: a key of a Secret or ConfigMap."""
    return {"type": "dict", "no_log": False, "options": dict(REFERENCE_OPTIONS)}


_KUBECONFIG_SECRETS = (
    "token",
    "password",
    "client-key-data",
    "id-token",
    "refresh-token",
    "client-secret",
    "access-token",
)


def kubeconfig_secrets(value: t.Any) -> set[str]:
    """The secret leaves of a kubeconfig that was given as a dictionary."""
    found: set[str] = set()
    if isinstance(value, dict):
        for key, item in value.items():
            if key in _KUBECONFIG_SECRETS and isinstance(item, str) and item:
                found.add(item)
            else:
                found |= kubeconfig_secrets(item)
    elif isinstance(value, list):
        for item in value:
            found |= kubeconfig_secrets(item)
    return found


class ClusterModule(AnsibleModule):  # type: ignore[misc]  # ansible-core has no types
    """AnsibleModule with the options of the group, which does not write its invocation to the system's log.

    Free dictionaries (kubeconfig, objects) escape the no_log of an argument spec, and AnsibleModule logs the invocation
    while it is made, before anything could be hidden. no_log=True does not help: the executor's value overrides it.
    """

    def __init__(self, argument_spec: dict[str, t.Any], **kwargs: t.Any) -> None:
        spec = dict(CLUSTER_ARGS)
        spec.update(argument_spec)
        super().__init__(argument_spec=spec, **kwargs)
        self.hide(kubeconfig_secrets(self.params.get("kubeconfig")))

    def _log_invocation(self) -> None:
        return

    def _return_formatted(self, kwargs: dict[str, t.Any]) -> None:
        """An option that is wrong ends the module in its constructor, before anything could be hidden one by one."""
        self.hide(kubeconfig_secrets(self.params.get("kubeconfig")))
        kwargs.setdefault("invocation", {"module_args": redact(self.params)})
        super()._return_formatted(kwargs)

    def hide(self, values: t.Iterable[str]) -> None:
        """Adds values to those that Ansible masks in every output. Short ones would mask half of the text."""
        self.no_log_values.update(value for value in values if len(value) >= 6)
