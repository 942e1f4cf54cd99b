# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""Where the credential for a cluster comes from. The library is an argument: only client.py imports it."""

from __future__ import annotations

import base64
import binascii
import json
import os
import typing as t

from .errors import ClusterError

SERVICE_ACCOUNT_DIR = "/var/run/secrets/kubernetes.io/serviceaccount"


def default_kubeconfig() -> str:
    """The kubeconfig that is used when none is given; a user id that no file names has no home, and keeps the ~."""
    return os.environ.get("KUBECONFIG") or os.path.expanduser("~/.kube/config")


def load_credentials(kubernetes: t.Any, config: t.Any, params: dict[str, t.Any]) -> str:
    """Fills the configuration from the first source that is there, and says which one it was."""
    given, context = params.get("kubeconfig"), params.get("context")
    try:
        if isinstance(given, dict):
            kubernetes.config.load_kube_config_from_dict(given, context=context, client_configuration=config)
            return "the kubeconfig that was given as a dictionary"
        path = str(given) if given else ""
        if not path and params.get("host"):
            return "the options"
        if not path:
            path = default_kubeconfig()
        files = [os.path.expanduser(name) for name in path.split(os.pathsep) if name]
        if any(os.path.isfile(name) for name in files):
            kubernetes.config.load_kube_config(
                config_file=os.pathsep.join(files), context=context, client_configuration=config
            )
            return "kubeconfig " + path
        if given:
            raise ClusterError("There is no kubeconfig file %s." % path, reason="BadOptions")
        if os.path.isfile(SERVICE_ACCOUNT_DIR + "/token"):
            kubernetes.config.load_incluster_config(client_configuration=config)
            return "the service account of this pod"
    except kubernetes.config.ConfigException as exc:
        raise ClusterError(
            "The kubeconfig could not be used: %s" % str(exc).rstrip("."),
            reason="BadOptions",
            hint="Check kubeconfig and context.",
        ) from exc
    except (OSError, ValueError, TypeError, AttributeError) as exc:
        raise ClusterError("The kubeconfig could not be read: %s" % exc, reason="BadOptions") from exc
    raise ClusterError(
        "No credential for a cluster was found: no kubeconfig, no host, no ~/.kube/config, and this is not a pod.",
        reason="BadOptions",
        hint="Set kubeconfig (or K8S_AUTH_KUBECONFIG), or host and api_key.",
    )


def override(config: t.Any, params: dict[str, t.Any]) -> None:
    """Puts the options over what the kubeconfig gave."""
    for option in ("ca_cert", "client_cert", "client_key"):
        if params.get(option) and not os.path.isfile(params[option]):
            raise ClusterError("%s: there is no file %s." % (option, params[option]), reason="BadOptions")
    _put(config, params)
    refresh = getattr(config, "refresh_api_key_hook", None)
    if refresh is None:
        return

    def again(fresh: t.Any) -> None:
        # The library's hook writes the whole kubeconfig over the configuration before every request, itself included.
        refresh(fresh)
        _put(fresh, params)
        fresh.refresh_api_key_hook = again

    config.refresh_api_key_hook = None if params.get("api_key") else again


def _put(config: t.Any, params: dict[str, t.Any]) -> None:
    host = str(params["host"]).rstrip("/") if params.get("host") else ""
    if host and config.host != host:
        config.host = host
    if params.get("api_key"):
        value = "Bearer " + str(params["api_key"])
        config.api_key = {"authorization": value, "BearerToken": value}
        config.api_key_prefix = {}
        # A client certificate of the kubeconfig would win over the token: who gives a token wants to be that user.
        config.cert_file = config.key_file = None
        config.username = config.password = ""
    for option, attribute in (("ca_cert", "ssl_ca_cert"), ("client_cert", "cert_file"), ("client_key", "key_file")):
        if params.get(option):
            setattr(config, attribute, params[option])
    if params.get("ca_cert") and getattr(config, "ca_cert_data", None):
        config.ca_cert_data = None
    if params.get("tls_server_name"):
        config.tls_server_name = params["tls_server_name"]
    if params.get("validate_certs") is False:
        config.verify_ssl = False


def issuer_of(token: str) -> str:
    """The issuer that a JWT names; empty when it is none, or names none."""
    parts = token.split(".")
    if len(parts) != 3:
        return ""
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error):
        return ""
    return str(claims.get("iss") or "") if isinstance(claims, dict) else ""
