# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
"""PRIVATE: what is refused about addresses and places: the issuer, hosts, ports, namespaces, the authority, the database."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from . import places
from .lint import Draft
from .shapes import Problem, section, text

# RFC 1123: what a host and a namespace may be called.
_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_HOST = re.compile(r"(?=.{1,253}\Z)%s(\.%s)*\Z" % (_LABEL, _LABEL))
_NAMESPACE = re.compile(r"%s\Z" % _LABEL)
# As Keycloak takes it and as an address can carry it without escapes.
_REALM = re.compile(r"[A-Za-z0-9_][-A-Za-z0-9._]{0,254}\Z")
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
MAX_ISSUER = 512


def issuer(draft: Draft) -> Iterator[Problem]:
    """OpenID Connect Discovery 1.0, section 3, and what the API server demands of an issuer."""
    url, path = draft.issuer, "chain_issuer_url"
    parts = places.split(url)
    if parts is None:
        yield Problem(
            "issuer-url", path, "the issuer %r is no address." % url, "Write one such as https://HOST/realms/REALM."
        )
        return
    if not url.startswith("https://"):
        yield Problem(
            "issuer-https", path, "the issuer %s is not https." % url, "Write an address that begins with https://."
        )
    if parts.query or "?" in url:
        yield Problem(
            "issuer-query", path, "the issuer %s has a query." % url, "Leave out the part from the question mark on."
        )
    if parts.fragment or "#" in url:
        yield Problem(
            "issuer-fragment", path, "the issuer %s has a fragment." % url, "Leave out the part from the # on."
        )
    if parts.username is not None or parts.password is not None:
        yield Problem(
            "issuer-user", path, "the issuer has a user name in its address.", "Leave out the part before the @."
        )
    if not _HOST.match(parts.hostname or "") or parts.netloc != parts.netloc.lower():
        yield Problem(
            "issuer-host",
            path,
            "the issuer %s names no host, or one that cannot be." % url,
            "Set chain_base_domain (hosts are named under it), or chain_keycloak_host; small letters, digits, - and dots.",
        )
    if not places.port_of(parts):
        yield Problem("issuer-port", path, "the issuer %s has no port that can be." % url, "Write 1 to 65535, or none.")
    if len(url) > MAX_ISSUER or any(letter.isspace() or not letter.isprintable() for letter in url):
        yield Problem(
            "issuer-text",
            path,
            "the issuer %r is longer than %d letters, or has a blank or a control character." % (url[:80], MAX_ISSUER),
            "Write it as it stands in the claim iss, to the letter.",
        )
    yield from _issuer_parts(draft)


def _issuer_parts(draft: Draft) -> Iterator[Problem]:
    inputs, url = draft.inputs, draft.issuer
    if not inputs.text("issuer_url"):
        return
    end = "/realms/" + inputs.text("realm")
    if not url.endswith(end):
        yield Problem(
            "issuer-realm",
            "chain_issuer_url",
            "the issuer %s does not end with %s, so it is not that of the realm." % (url, end),
            "Write the address up to the name of the realm, with nothing behind it, or set chain_realm.",
        )
    elif inputs.text("keycloak_host") and url != places.keycloak_url(inputs) + end:
        yield Problem(
            "issuer-keycloak",
            "chain_issuer_url",
            "the issuer is %s, but host and port give %s." % (url, places.keycloak_url(inputs) + end),
            "Leave out chain_keycloak_host: what it says follows from the issuer.",
        )


def discovery(draft: Draft) -> Iterator[Problem]:
    """A token's ``iss`` is compared to the letter."""
    url = draft.issuer
    seen = text(section(draft.observed, "discovery"), "issuer")
    if seen and seen != url:
        difference = " They differ only by a slash at the end." if seen.rstrip("/") == url.rstrip("/") else ""
        yield Problem(
            "issuer-mismatch",
            "chain_issuer_url",
            "the discovery document says the issuer is %s, the model says %s.%s" % (seen, url, difference),
            "Set chain_issuer_url to %s, or fix the hostname of Keycloak: a token's iss must equal it to the letter."
            % seen,
        )


def hosts(draft: Draft) -> Iterator[Problem]:
    """A host is a name, without scheme, port or path."""
    for name in ("base_domain", "keycloak_host", "mcp_host", "playground_host", "inspector_host"):
        host = draft.inputs.text(name)
        if host and not _HOST.match(host):
            yield Problem(
                "host-name",
                "chain_" + name,
                "%r is no host name." % host,
                "Write small letters, digits, - and dots, without https://, port or path.",
            )
    for name in ("keycloak_port", "mcp_port", "playground_port", "inspector_port", "postgres_port"):
        port = draft.inputs.number(name)
        if not 0 < port < 65536:
            yield Problem("port-number", "chain_" + name, "there is no port %d." % port, "Write 1 to 65535.")
    url = draft.inputs.text("keycloak_admin_url")
    parts = places.split(url)
    if url and (
        parts is None or parts.scheme not in ("https", "http") or not parts.hostname or not places.port_of(parts)
    ):
        yield Problem("admin-url", "chain_keycloak_admin_url", "%r is no address." % url, "Write https://HOST[:PORT].")


def realm_name(draft: Draft) -> Iterator[Problem]:
    name = draft.inputs.text("realm")
    if not _REALM.match(name):
        yield Problem(
            "realm-name",
            "chain_realm",
            "%r cannot be the name of a realm here: it stands in addresses." % name,
            "Write letters, digits, -, _ and dots.",
        )
    elif name == "master":
        yield Problem(
            "realm-name",
            "chain_realm",
            "the realm master administers Keycloak itself; who may sign in there must not follow from the chain.",
            "Write the name of a realm of its own, such as openshift.",
        )


def namespaces(draft: Draft) -> Iterator[Problem]:
    inputs = draft.inputs
    named = [("chain_" + name, inputs.text(name)) for name in ("keycloak_namespace", "agents_namespace")]
    named += [("chain_developer_namespaces", name) for name in inputs.texts("developer_namespaces")]
    for path, name in named:
        if not _NAMESPACE.match(name):
            yield Problem(
                "namespace-name", path, "%r is no name of a namespace." % name, "Write small letters, digits and -."
            )
    if inputs.text("keycloak_namespace") == inputs.text("agents_namespace"):
        yield Problem(
            "namespace-shared",
            "chain_agents_namespace",
            "it is the namespace of Keycloak as well: who may work with the agents would read Keycloak's Secrets.",
            "Give the agents a namespace of their own.",
        )


def authority(draft: Draft) -> Iterator[Problem]:
    inputs = draft.inputs
    source, pem = inputs.text("ca_source"), inputs.text("ca_certificate")
    if "PRIVATE KEY" in pem:
        yield Problem(
            "ca-certificate",
            "chain_ca_certificate",
            "there is a private key in it.",
            "Write the certificate alone, and take the key to be known.",
        )
    elif source == "given" and not certificate(pem):
        yield Problem(
            "ca-certificate",
            "chain_ca_certificate",
            "the authority is to be given, and this holds no certificate that can be read.",
            "Write its certificate as PEM, or set chain_ca_source to managed or system.",
        )
    # In a lab the Keycloak that is said to be given is one that this collection made before.
    if source == "managed" and not inputs.flag("keycloak_managed") and not inputs.flag("lab"):
        yield Problem(
            "ca-not-of-keycloak",
            "chain_ca_source",
            "Keycloak is given, so an authority that is made here has not signed its certificate.",
            "Write given and its certificate in chain_ca_certificate, or system.",
        )


def certificate(pem: str) -> bool:
    """Whether a text holds PEM certificates, all of which can be decoded."""
    found = _CERTIFICATE.findall(pem)
    for body in found:
        try:
            der = base64.b64decode("".join(body.split()), validate=True)
        except (binascii.Error, ValueError):
            return False
        # DER: a SEQUENCE with a long length.
        if der[:2] not in (b"\x30\x81", b"\x30\x82", b"\x30\x83"):
            return False
    return bool(found)


def database(draft: Draft) -> Iterator[Problem]:
    """The database that this collection deploys is where it deploys it."""
    inputs = draft.inputs
    if not (inputs.flag("postgres_managed") and inputs.flag("keycloak_managed")):
        return
    namespace = inputs.text("keycloak_namespace")
    service = "postgresql.%s.svc" % namespace
    if inputs.text("postgres_host") not in ("", "postgresql", service, service + ".cluster.local"):
        yield Problem(
            "database-place",
            "chain_postgres_host",
            "the database that is deployed here is not at %s." % inputs.text("postgres_host"),
            "Leave it empty, or set chain_postgres_managed to false.",
        )
    if inputs.number("postgres_port") != 5432:
        yield Problem(
            "database-place",
            "chain_postgres_port",
            "the database that is deployed here listens on 5432.",
            "Leave it out, or set chain_postgres_managed to false.",
        )
    if text(inputs.section("postgres_credentials"), "namespace") not in ("", namespace):
        yield Problem(
            "database-place",
            "chain_postgres_credentials.namespace",
            "the database that is deployed here mounts the Secret, so it lies in its namespace %s." % namespace,
            "Leave it out.",
        )


RULES = (issuer, discovery, hosts, realm_name, namespaces, authority, database)
