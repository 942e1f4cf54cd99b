# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
"""PRIVATE: where things are: the hosts, URLs and names that follow from the inputs."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from .inputs import Inputs
from .shapes import Json, text

CA_NAME = "mcp-auth-ca"
CA_KEY = "ca.crt"
MCP_PATH = "/mcp"
PEOPLE_SECRET = "mcp-auth-people"
REQUESTER_KEY_SECRET = "mcp-server-client"
# Where kubectl's and oc's login plug-ins listen for the code.
CLI_REDIRECTS = ("http://localhost:8000", "http://localhost:8080", "http://localhost:18000")
LOOPBACK_REDIRECTS = ("http://127.0.0.1/*", "http://localhost/*")


def origin(host: str, port: int) -> str:
    """``https://host``, with the port where it is not the usual one."""
    return "https://%s" % host if port == 443 else "https://%s:%d" % (host, port)


def keycloak_host(inputs: Inputs) -> str:
    return inputs.text("keycloak_host") or _under(inputs, "sso")


def keycloak_url(inputs: Inputs) -> str:
    """The public origin of Keycloak; where only the issuer is said, the part of it before ``/realms/``."""
    if inputs.text("issuer_url") and not inputs.text("keycloak_host"):
        return inputs.text("issuer_url").split("/realms/")[0]
    return origin(keycloak_host(inputs), inputs.number("keycloak_port"))


def issuer_url(inputs: Inputs) -> str:
    """The issuer to the letter, as Keycloak writes it into ``iss`` (its hostname guide)."""
    return inputs.text("issuer_url") or "%s/realms/%s" % (keycloak_url(inputs), inputs.text("realm"))


def mcp_origin(inputs: Inputs) -> str:
    return origin(inputs.text("mcp_host") or _under(inputs, "mcp"), inputs.number("mcp_port"))


def playground_origin(inputs: Inputs) -> str:
    return origin(inputs.text("playground_host") or _under(inputs, "playground"), inputs.number("playground_port"))


def inspector_origin(inputs: Inputs) -> str:
    return origin(inputs.text("inspector_host") or _under(inputs, "inspector"), inputs.number("inspector_port"))


def _under(inputs: Inputs, name: str) -> str:
    return "%s.%s" % (name, inputs.text("base_domain"))


def clusters(inputs: Inputs) -> list[tuple[str, str]]:
    """``(name, audience)`` of each cluster that trusts the issuer; this one alone where no list is given."""
    given = [(text(item, "name"), text(item, "audience")) for item in inputs.objects("clusters")]
    return given or [(inputs.text("cluster_name"), inputs.text("cluster_audience"))]


def exchange_scope(audience: str) -> str:
    """The scope that puts a cluster's audience into a token; only the requester has it."""
    return "mcp:" + audience


def issuer_section(inputs: Inputs) -> dict[str, Json]:
    """Every address of the issuer (OpenID Connect Discovery 1.0, and Keycloak's own layout of the endpoints)."""
    url = issuer_url(inputs)
    parts = split(url)
    endpoints = url + "/protocol/openid-connect"
    return {
        "url": url,
        "realm": inputs.text("realm"),
        "keycloak_url": keycloak_url(inputs),
        "host": (parts.hostname if parts else "") or "",
        "port": port_of(parts),
        "discovery_url": url + "/.well-known/openid-configuration",
        "jwks_url": endpoints + "/certs",
        "token_url": endpoints + "/token",
        "authorization_url": endpoints + "/auth",
        "device_url": endpoints + "/auth/device",
        "logout_url": endpoints + "/logout",
    }


def split(url: str) -> SplitResult | None:
    """The parts of an address, or None where it is none."""
    try:
        return urlsplit(url)
    except ValueError:
        return None


def port_of(parts: SplitResult | None) -> int:
    """The port of an address, 0 where it has none that there can be."""
    try:
        port = parts.port if parts else 0
    except ValueError:
        return 0
    return 443 if port is None else port


def ca_section(inputs: Inputs) -> dict[str, Json]:
    """Where the certificate of the authority is: of our own making in the cluster, given as PEM, or the system's store."""
    source = inputs.text("ca_source")
    namespace = inputs.text("keycloak_namespace")
    return {
        "source": source,
        "certificate": inputs.text("ca_certificate") if source == "given" else "",
        "config_map": {"name": CA_NAME, "key": CA_KEY},
        "from": {"kind": "ConfigMap", "namespace": namespace, "name": CA_NAME, "key": CA_KEY},
        "secret": {"namespace": namespace, "name": CA_NAME},
    }


def admin_secret(inputs: Inputs) -> dict[str, Json]:
    """The reference to the secret of the service client that administers Keycloak."""
    given = inputs.section("admin_secret")
    return {
        "kind": "Secret",
        "namespace": text(given, "namespace") or inputs.text("keycloak_namespace"),
        "name": text(given, "name") or "mcp-auth-admin",
        "key": text(given, "key") or "client-secret",
    }
