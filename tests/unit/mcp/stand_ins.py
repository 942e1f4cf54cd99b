# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for the issuer and the API server, so that the real MCP server can run in a unit test.

The issuer checks what a Keycloak checks of an exchange (who asks, for which subject token type, for which audience) and
keeps every form that it got; the API server takes only tokens that the issuer exchanged. What they cannot show is shown
on the real ones by the integration target mcp_config.
"""

from __future__ import annotations

import base64
import datetime
import functools
import ipaddress
import json
import ssl
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@functools.cache
def shared_key() -> rsa.RSAPrivateKey:
    """One key for all stand-ins: making one takes longer than everything else here."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, good as a CA for itself and as a client key."""
    key = shared_key()
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(alternative, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    crt, pem = folder / f"{name}.crt", folder / f"{name}.key"
    crt.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return crt, pem


class Served:
    """An HTTPS server on a free port of loopback, in a thread."""

    def __init__(self, crt: Path, key: Path, handler: type[BaseHTTPRequestHandler]) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(crt, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Issuer:
    """Discovery, keys, and a token endpoint that knows one requester."""

    def __init__(self, folder: Path, client_id: str, secret: str) -> None:
        self.crt, key_path = certificate(folder, "issuer")
        self.key: Any = serialization.load_pem_private_key(key_path.read_bytes(), None)
        self.client_id = client_id
        self.secret = secret
        self.forms: list[dict[str, str]] = []
        self.refused: list[str] = []
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

            def give(self, status: int, document: Any) -> None:
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:
                if self.path.endswith("/.well-known/openid-configuration"):
                    self.give(200, issuer.discovery())
                elif self.path.endswith("/certs"):
                    self.give(200, {"keys": [issuer.jwk()]})
                else:
                    self.give(404, {"error": "not found"})

            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
                form = dict(urllib.parse.parse_qsl(text))
                form["authorization"] = self.headers.get("Authorization", "")
                issuer.forms.append(form)
                problem = issuer.problem(form)
                if problem:
                    issuer.refused.append(problem)
                    self.give(400, {"error": "invalid_request", "error_description": problem})
                    return
                claims = json.loads(unb64(form["subject_token"].split(".")[1]))
                token = issuer.token(claims["sub"], [form.get("audience", "")], azp=client_id)
                answer = {"access_token": token, "issued_token_type": ACCESS_TOKEN, "token_type": "Bearer"}
                self.give(200, {**answer, "expires_in": 60})

        self.served = Served(self.crt, key_path, Handler)
        self.url = f"{self.served.url}/realms/test"

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/auth",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/certs",
            "scopes_supported": ["openid"],
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def jwk(self) -> dict[str, str]:
        numbers = self.key.public_key().public_numbers()
        size = (numbers.n.bit_length() + 7) // 8
        return {
            "kty": "RSA",
            "alg": "RS256",
            "use": "sig",
            "kid": "one",
            "n": b64(numbers.n.to_bytes(size, "big")),
            "e": b64(numbers.e.to_bytes(3, "big")),
        }

    def token(self, sub: str, audience: list[str], azp: str = "mcp-client", lifetime: int = 300) -> str:
        now = int(time.time())
        claims = {"iss": self.url, "sub": sub, "aud": audience, "azp": azp, "iat": now, "exp": now + lifetime}
        head = b64(json.dumps({"alg": "RS256", "typ": "JWT", "kid": "one"}).encode())
        signed = f"{head}.{b64(json.dumps(claims).encode())}"
        return f"{signed}.{b64(self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    def problem(self, form: dict[str, str]) -> str:
        """What Keycloak would say, or nothing."""
        if form.get("grant_type") != GRANT:
            return "unsupported grant"
        if form.get("subject_token_type") != ACCESS_TOKEN:
            return "Parameter 'subject_token' supports access tokens only"
        if "client_assertion" in form:
            payload = json.loads(unb64(form["client_assertion"].split(".")[1]))
            return "" if payload.get("sub") == self.client_id else "wrong assertion"
        if form["authorization"].startswith("Basic "):
            user, _colon, password = base64.b64decode(form["authorization"][6:]).decode().partition(":")
            login = (user, password)  # the server does not escape them as RFC 6749 wants
        else:
            login = (form.get("client_id", ""), form.get("client_secret", ""))
        return "" if login == (self.client_id, self.secret) else "Invalid client credentials"

    def close(self) -> None:
        self.served.close()


class ApiServer:
    """As much of a Kubernetes API server as listing namespaces needs."""

    def __init__(self, folder: Path, audience: str) -> None:
        self.crt, key_path = certificate(folder, "api")
        self.calls: list[tuple[str, str]] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

            def give(self, status: int, document: Any) -> None:
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def who(self) -> str:
                header = self.headers.get("Authorization", "")
                if not header.startswith("Bearer ") or header.count(".") != 2:
                    return ""
                claims = json.loads(unb64(header.split(".")[1]))
                return str(claims["sub"]) if audience in claims["aud"] else ""

            def do_GET(self) -> None:
                path = self.path.split("?")[0]
                person = self.who()
                api.calls.append((person, path))
                documents = {
                    "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.2"},
                    "/api": {"kind": "APIVersions", "versions": ["v1"]},
                    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
                    "/api/v1": {
                        "kind": "APIResourceList",
                        "groupVersion": "v1",
                        "resources": [
                            {"name": name, "singularName": one, "namespaced": False, "kind": kind, "verbs": ["list"]}
                            for name, one, kind in (
                                ("namespaces", "namespace", "Namespace"),
                                ("nodes", "node", "Node"),
                            )
                        ],
                    },
                    "/api/v1/namespaces": {
                        "kind": "NamespaceList",
                        "apiVersion": "v1",
                        "metadata": {"resourceVersion": "1"},
                        "items": [{"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": f"seen-by-{person}"}}],
                    },
                }
                if path == "/api/v1/namespaces" and not person:
                    self.give(401, {"kind": "Status", "status": "Failure", "reason": "Unauthorized", "code": 401})
                elif path in documents:
                    self.give(200, documents[path])
                else:
                    self.give(404, {"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404})

            do_POST = do_GET

        self.served = Served(self.crt, key_path, Handler)
        self.url = self.served.url

    def close(self) -> None:
        self.served.close()
