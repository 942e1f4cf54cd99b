# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate authority that is thrown away with the test, and a kubeconfig that points to a proxy."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates for the proxies."""

    def __init__(self, folder: Path, name: str = "throw-away authority of a test") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        public = self._key.public_key()
        self._certificate = (
            self._builder(self._name, public, 0, 30)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(
                x509.KeyUsage(False, False, False, False, False, True, True, False, False),
                critical=True,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.file = folder / "ca.pem"
        self.file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    @property
    def pem(self) -> str:
        """The authority's certificate."""
        return self.file.read_text()

    def _builder(self, subject: x509.Name, key: Any, first_day: int, last_day: int) -> x509.CertificateBuilder:
        now = datetime.datetime.now(tz=datetime.UTC) - datetime.timedelta(minutes=5)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=first_day))
            .not_valid_after(now + datetime.timedelta(days=last_day))
        )

    def server(self, *names: str, first_day: int = 0, last_day: int = 7) -> Pair:
        """A server certificate for names and addresses; last_day in the past makes an expired one."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives: list[x509.GeneralName] = []
        for name in names:
            try:
                alternatives.append(x509.IPAddress(ipaddress.ip_address(name)))
            except ValueError:
                alternatives.append(x509.DNSName(name))
        certificate = (
            self._builder(
                x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]), key.public_key(), first_day, last_day
            )
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        stem = f"server-{certificate.serial_number:x}"[:20]
        pair = Pair(self.folder / f"{stem}.pem", self.folder / f"{stem}.key")
        pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        pair.key.touch(mode=0o600)
        pair.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return pair


@dataclass(frozen=True)
class Kubeconfig:
    """The administrator's kubeconfig, taken apart."""

    server: str
    ca: str
    certificate: str
    key: str
    data: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> Kubeconfig:
        """Read a kubeconfig with one cluster and a client certificate, as kind writes it."""
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        cluster, user = data["clusters"][0]["cluster"], data["users"][0]["user"]
        texts = [cluster["certificate-authority-data"], user["client-certificate-data"], user["client-key-data"]]
        ca, certificate, key = (base64.b64decode(text).decode() for text in texts)
        return cls(cluster["server"], ca, certificate, key, data)

    def files(self, folder: Path) -> tuple[Path, Pair]:
        """The authority and the client's certificate and key as files."""
        folder.mkdir(parents=True, exist_ok=True)
        ca, pair = folder / "cluster-ca.pem", Pair(folder / "client.pem", folder / "client.key")
        ca.write_text(self.ca)
        pair.certificate.write_text(self.certificate)
        pair.key.touch(mode=0o600)
        pair.key.write_text(self.key)
        return ca, pair

    def pointing_to(self, server: str, more_ca: str, path: Path) -> Path:
        """The same credential at another address. It trusts the cluster's own authority still: external_auth asks each
        API server at its own address with it."""
        data = json.loads(json.dumps(self.data))
        cluster = data["clusters"][0]["cluster"]
        cluster["server"] = server
        cluster["certificate-authority-data"] = base64.b64encode((self.ca + "\n" + more_ca).encode()).decode()
        return write_private(path, yaml.safe_dump(data))

    def as_token(self, token: str, path: Path, server: str = "") -> Path:
        """Another user of the same cluster."""
        data = json.loads(json.dumps(self.data))
        data["users"][0]["user"] = {"token": token}
        data["clusters"][0]["cluster"]["server"] = server or self.server
        return write_private(path, yaml.safe_dump(data))


def write_private(path: Path, text: str) -> Path:
    """A file that only its owner reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    return path
