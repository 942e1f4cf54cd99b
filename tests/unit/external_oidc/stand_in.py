# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small OpenID issuer of our own: https, discovery, keys, tokens. Run as a program it serves until it is ended."""

from __future__ import annotations

import argparse
import base64
import datetime
import ipaddress
import json
import ssl
import tempfile
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """A CA that signs what it is asked to."""

    def __init__(self, title: str = "stand-in CA") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = name(title)
        now = datetime.datetime.now(datetime.UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(self.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=30))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def server(self, host: str, days: int = 20) -> bytes:
        """Certificate and key for a host; with negative days it has expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            alternative: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            alternative = x509.DNSName(host)
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name(host))
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=25))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


class Issuer:
    """Serves at https://host:port; ``pages`` can be changed while it runs."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, certificate: bytes = b"", bind: str = "") -> None:
        self.authority = Authority()
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.pages: dict[str, tuple[int, bytes]] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = outer.pages.get(self.path, (404, b"{}"))
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile() as file:
            file.write(certificate or self.authority.server(host))
            file.flush()
            context.load_cert_chain(file.name)
        self.server = ThreadingHTTPServer((bind or host, port), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://{host}:{self.server.server_address[1]}/realms/x"
        self.publish()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def page(self, path: str, document: object, status: int = 200) -> None:
        self.pages[path] = (status, document if isinstance(document, bytes) else json.dumps(document).encode())

    def publish(self, issuer: str | None = None, keys: list[dict] | None = None) -> None:
        numbers = self.key.public_key().public_numbers()
        key = {
            "kid": "one",
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "n": b64(numbers.n.to_bytes(256, "big")),
            "e": b64(numbers.e.to_bytes(3, "big")),
        }
        self.page("/realms/x/certs", {"keys": [key] if keys is None else keys})
        self.page(
            "/realms/x/.well-known/openid-configuration",
            {
                "issuer": issuer or self.url,
                "jwks_uri": self.url + "/certs",
                "token_endpoint": self.url + "/token",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            },
        )

    def token(self, **claims: object) -> str:
        now = int(time.time())
        body = {"iss": self.url, "iat": now, "exp": now + 300, "jti": str(uuid.uuid4()), "sub": "4711", **claims}
        head = {"alg": "RS256", "typ": "JWT", "kid": "one"}
        signed = f"{b64(json.dumps(head).encode())}.{b64(json.dumps(body).encode())}"
        return f"{signed}.{b64(self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", required=True, help="gets ca.crt, url and, for each claims file, token files")
    options = parser.parse_args()
    issuer = Issuer(options.host, options.port)
    folder = Path(options.folder)
    (folder / "ca.crt").write_text(issuer.authority.pem)
    claims = {"aud": "openshift", "azp": "mcp-server", "sid": "s1", "preferred_username": "alice"}
    (folder / "token").write_text(issuer.token(**claims, groups=["/openshift_admins", "/a/openshift_admins"]))
    (folder / "url").write_text(issuer.url)
    threading.Event().wait()


if __name__ == "__main__":
    main()
