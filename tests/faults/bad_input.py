# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input that a play has to refuse: what is wrong, and which words the error must have.

The rows of PREFLIGHT need no cluster; the kind stage has more, which need one.
"""

from __future__ import annotations

import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .pki import Authority, Pair, write_private

# A cluster of the lab's shape, as far as preflight.yml needs it.
INPUTS: dict[str, Any] = {
    "chain_lab": True,
    "chain_cluster_name": "lab",
    "chain_base_domain": "mcp-auth.localhost",
    "chain_keycloak_port": 30443,
    "chain_mcp_port": 30444,
    "chain_node_ports": True,
    "external_auth_hosts": ["localhost"],
}


@dataclass(frozen=True)
class Case:
    """A bad input: variables, or a fault of the server that the kubeconfig names."""

    name: str
    words: tuple[str, ...]
    values: tuple[tuple[str, Any], ...] = ()
    server: str = ""


PREFLIGHT = (
    Case("an unknown variable", ("chain_realmm", "chain_realm"), (("chain_realmm", "openshift"),)),
    Case("an unknown variable of a role", ("keycloak_imagee", "keycloak_image"), (("keycloak_imagee", "x"),)),
    Case("a text in place of a number", ("chain_keycloak_port", "int"), (("chain_keycloak_port", "many"),)),
    Case("a text in place of a list", ("chain_people", "list"), (("chain_people", "bob"),)),
    Case("a choice that there is not", ("chain_ca_source", "managed"), (("chain_ca_source", "stolen"),)),
    Case(
        "several at once, all told",
        ("chain_keycloak_port", "chain_ca_source"),
        (("chain_keycloak_port", "many"), ("chain_ca_source", "stolen")),
    ),
    Case(
        "an issuer without TLS", ("https",), (("chain_issuer_url", "http://sso.mcp-auth.localhost/realms/openshift"),)
    ),
    # With the platform given no cluster is asked what it is.
    Case(
        "an unknown version of the MCP server",
        ("9\\.9\\.9",),
        (("chain_mcp_server_version", "9.9.9"), ("chain_platform", "kubernetes")),
    ),
    Case(
        "no control-plane host",
        ("chain_control_plane_hosts", "external_auth_managed_control_plane"),
        (("external_auth_hosts", []), ("chain_platform", "kubernetes")),
    ),
    Case(
        "a given Keycloak whose name leads nowhere",
        ("sso\\.no-such-domain\\.invalid", "does not resolve"),
        (
            ("chain_base_domain", "no-such-domain.invalid"),
            ("chain_lab", False),
            ("chain_keycloak_managed", False),
            ("chain_ca_source", "system"),
            ("chain_platform", "kubernetes"),
        ),
    ),
    Case(
        "a kubeconfig that is not there",
        ("no-such-kubeconfig",),
        (("chain_kubeconfig", "/nowhere/no-such-kubeconfig"),),
    ),
    Case("a cluster that does not answer", ("refused|cannot be reached|unreachable",), server="closed"),
    Case("a host that does not resolve", ("no-such-host\\.invalid",), server="unknown-name"),
    Case("a certificate of another authority", ("certificate",), server="other-authority"),
    Case("a certificate that has expired", ("expired",), server="expired"),
    Case("a certificate for another name", ("certificate|hostname", "127\\.0\\.0\\.1"), server="other-name"),
)


class Refusing(http.server.BaseHTTPRequestHandler):
    """An API server that is never asked anything when its certificate is bad."""

    server: Quiet

    def do_any(self) -> None:
        content = json.dumps({"kind": "Status", "status": "Failure", "code": 403, "reason": "Forbidden"}).encode()
        self.server.asked.append(self.path)
        self.send_response(403)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_any

    def log_message(self, format: str, *args: object) -> None:
        """Nothing to tell."""


class Quiet(http.server.ThreadingHTTPServer):
    """Handshakes fail here on purpose."""

    daemon_threads = True

    def __init__(self) -> None:
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), Refusing)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that does not like the certificate goes away."""


@contextmanager
def server(kind: str, folder: Path) -> Iterator[Path]:
    """A kubeconfig for a server with that fault."""
    trusted = Authority(folder / "trusted")
    if kind in ("closed", "unknown-name"):
        url = "https://127.0.0.1:1" if kind == "closed" else "https://no-such-host.invalid:6443"
        yield kubeconfig(folder, url, trusted)
        return
    pair: Pair
    if kind == "other-authority":
        pair = Authority(folder / "other", "another authority").server("127.0.0.1")
    elif kind == "expired":
        pair = trusted.server("127.0.0.1", first_day=-3, last_day=-1)
    else:
        pair = trusted.server("another-name.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    listening = Quiet()
    listening.socket = context.wrap_socket(listening.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield kubeconfig(folder, f"https://127.0.0.1:{listening.server_address[1]}", trusted)
        if listening.asked:
            raise AssertionError(f"a server with a bad certificate was asked: {listening.asked}")
    finally:
        listening.shutdown()
        listening.server_close()


def kubeconfig(folder: Path, url: str, authority: Authority) -> Path:
    """A kubeconfig with a token."""
    data = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "bad", "cluster": {"server": url, "certificate-authority": str(authority.file)}}],
        "users": [{"name": "bad", "user": {"token": "not-a-real-token"}}],
        "contexts": [{"name": "bad", "context": {"cluster": "bad", "user": "bad"}}],
        "current-context": "bad",
    }
    return write_private(folder / "kubeconfig", yaml.safe_dump(data))
