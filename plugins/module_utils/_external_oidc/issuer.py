# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
#
# PRIVATE: for the modules of this collection only; may change without notice.
"""The proofs about the issuer that come before a cluster trusts it: name, CA, certificate, discovery, signing keys.

Asked from here with exactly the CA that the API server will be given. Standard library only, no client of ours: what
is proven must not depend on settings of ours that the API server does not have.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from . import pem
from .problems import Problem, problem
from .validate import issuer_url_problems

WELL_KNOWN = "/.well-known/openid-configuration"
ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA")
_LIMIT = 1024 * 1024


@dataclass
class Seen:
    """What the issuer showed, and what is wrong with it."""

    url: str
    discovery: dict[str, Any] = field(default_factory=dict)
    signing_keys: list[dict[str, str]] = field(default_factory=list)
    certificate: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def as_result(self) -> dict[str, Any]:
        return {
            "url": self.url,
            "ok": not self.problems,
            "token_endpoint": self.discovery.get("token_endpoint") or "",
            "jwks_uri": self.discovery.get("jwks_uri") or "",
            "signing_keys": self.signing_keys,
            "certificate": self.certificate,
        }


class _Failed(Exception):
    """One proof failed; those that need it are not tried."""

    def __init__(self, entry: Problem, passing: bool = False) -> None:
        super().__init__(entry["message"])
        self.entry = entry
        self.passing = passing


def context_for(certificate_authority: str) -> ssl.SSLContext:
    """TLS as Go's crypto/tls does it: only this CA when one is given, an intermediate in it is an anchor."""
    context = ssl.create_default_context(cadata=certificate_authority.strip() or None)
    # Python 3.13 checks more than the API server does (VERIFY_X509_STRICT); older ones check less (PARTIAL_CHAIN).
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= getattr(ssl, "VERIFY_X509_PARTIAL_CHAIN", 0)
    return context


def examine(
    url: str,
    certificate_authority: str = "",
    discovery_url: str = "",
    timeout: float = 10.0,
    patience: float = 30.0,
    say: Callable[[str], None] = lambda text: None,
) -> Seen:
    """All proofs. What can pass by itself (connection refused, 5xx) is tried again for ``patience`` seconds."""
    seen = Seen(url)
    seen.problems.extend(issuer_url_problems(url, "issuer"))
    if discovery_url:
        seen.problems.extend(issuer_url_problems(discovery_url, "discovery_url"))
    wrong = pem.problem_with_certificates(certificate_authority) if certificate_authority.strip() else ""
    if wrong:
        seen.problems.append(problem("issuer-ca", "ca", wrong, "give the CA's certificates in PEM"))
    if seen.problems:
        return seen
    until = time.monotonic() + patience
    while True:
        try:
            _prove(seen, certificate_authority, discovery_url or url.rstrip("/") + WELL_KNOWN, timeout)
            return seen
        except _Failed as failed:
            if not failed.passing or time.monotonic() > until:
                seen.problems.append(failed.entry)
                return seen
            say(f"waiting for the issuer {url}: {failed.entry['message']}")
            time.sleep(2)


def _prove(seen: Seen, authority: str, where: str, timeout: float) -> None:
    context = context_for(authority)
    _resolve(where)
    seen.certificate = _certificate(where, context, timeout)
    seen.discovery = _document(where, context, timeout, "discovery")
    told = seen.discovery.get("issuer")
    if told != seen.url:
        raise _Failed(
            problem(
                "issuer-differs",
                "issuer",
                f"the discovery document says {told!r}, the cluster would be told {seen.url!r}{_how(str(told), seen.url)}.",
                "both must be the same to the letter: set the issuer to what the document says, or fix the host name "
                "(hostname) of Keycloak",
            )
        )
    jwks = seen.discovery.get("jwks_uri")
    if not isinstance(jwks, str) or not jwks.startswith("https://") or not _has_port(jwks):
        raise _Failed(
            problem("issuer-jwks", "jwks_uri", f"{jwks!r} is no https address.", "correct the issuer's host name")
        )
    keys = _document(jwks, context, timeout, "jwks").get("keys")
    seen.signing_keys = signing_keys(keys if isinstance(keys, list) else [])
    if not seen.signing_keys:
        raise _Failed(
            problem(
                "issuer-keys",
                "jwks_uri",
                f"{jwks} has no key that signs tokens.",
                "give the realm an active RS256 or ES256 signing key",
            )
        )


def signing_keys(keys: list[Any]) -> list[dict[str, str]]:
    """The public keys that the API server can check a token with."""
    found = []
    for key in keys:
        if not isinstance(key, dict) or key.get("use", "sig") != "sig" or key.get("kty") not in ("RSA", "EC", "OKP"):
            continue
        algorithm = str(key.get("alg") or {"RSA": "RS256", "EC": "ES256"}.get(str(key.get("kty")), ""))
        if algorithm in ALGORITHMS:
            found.append({"kid": str(key.get("kid") or ""), "alg": algorithm, "kty": str(key.get("kty"))})
    return found


def _has_port(url: str) -> bool:
    """Whether what stands behind the host's name, if anything does, is a port."""
    try:
        _port = urlsplit(url).port
    except ValueError:
        return False
    return True


def _resolve(url: str) -> None:
    host = urlsplit(url).hostname or ""
    try:
        socket.getaddrinfo(host, None)
    except OSError as exc:
        raise _Failed(
            problem(
                "issuer-name",
                "issuer",
                f"the host {host} does not resolve here ({exc.strerror or exc}).",
                "make the name resolve (DNS or hosts file) here, on the control-plane hosts and in the pods",
            )
        ) from exc


def _certificate(url: str, context: ssl.SSLContext, timeout: float) -> dict[str, Any]:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 443
    try:
        with (
            socket.create_connection((host, port), timeout=timeout) as raw,
            context.wrap_socket(raw, server_hostname=host) as connection,
        ):
            shown: dict[str, Any] = dict(connection.getpeercert() or {})
    except ssl.SSLCertVerificationError as exc:
        raise _Failed(_certificate_problem(exc, host)) from exc
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionError) as exc:
        # A port that somebody forwards answers also while nobody is behind it.
        raise _Failed(
            problem(
                "issuer-unreachable",
                "issuer",
                f"{host}:{port} closes the connection at once.",
                "start the issuer; something in front of it answers already",
            ),
            passing=True,
        ) from exc
    except ssl.SSLError as exc:
        raise _Failed(
            problem(
                "issuer-tls",
                "issuer",
                f"no TLS with {host}:{port} ({exc.reason or exc}).",
                "let the issuer speak TLS there",
            )
        ) from exc
    except OSError as exc:
        raise _Failed(
            problem(
                "issuer-unreachable",
                "issuer",
                f"nothing answers at {host}:{port} ({exc.strerror or exc}).",
                "start the issuer, or open the way to it",
            ),
            passing=True,
        ) from exc
    return {
        "not_after": shown.get("notAfter", ""),
        "names": [value for kind, value in shown.get("subjectAltName", ()) if kind in ("DNS", "IP Address")],
        "issuer": ", ".join(f"{name}={value}" for part in shown.get("issuer", ()) for name, value in part),
    }


def _certificate_problem(exc: ssl.SSLCertVerificationError, host: str) -> Problem:
    code, said = exc.verify_code, exc.verify_message
    if code == 10:
        return problem(
            "issuer-expired", "issuer", f"the certificate of {host} has expired.", "renew it, or set the clock"
        )
    if code == 9:
        return problem(
            "issuer-expired", "issuer", f"the certificate of {host} is not valid yet.", "set the clocks right"
        )
    if code in (62, 64):
        return problem(
            "issuer-hostname",
            "issuer",
            f"the certificate is for another name than {host} ({said}).",
            f"issue one for {host}",
        )
    if code in (7, 18, 19, 20, 21):
        return problem(
            "issuer-ca",
            "ca",
            f"the given CA does not sign the certificate of {host} ({said}).",
            "give the CA that signed it, whole chain included; without one the system's CAs are used",
        )
    return problem("issuer-tls", "issuer", f"the certificate of {host} is not accepted ({said}).", "issue a new one")


def _document(url: str, context: ssl.SSLContext, timeout: float, what: str) -> dict[str, Any]:
    request = urllib.request.Request(url, headers={"Accept": "application/json", "User-Agent": "mcp-auth-openshift"})
    # The API server does not have the proxy of this machine's environment.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(request, timeout=timeout) as answer:
            body = answer.read(_LIMIT)
    except urllib.error.HTTPError as exc:
        fix = "create the realm first, and check its name" if exc.code == 404 else "look at the issuer's log"
        raise _Failed(
            problem(f"issuer-{what}", "issuer", f"{url} answers {exc.code}.", fix),
            passing=exc.code in (429, 502, 503, 504),
        ) from exc
    except (OSError, ValueError, http.client.HTTPException) as exc:
        cause = getattr(exc, "reason", exc)
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise _Failed(_certificate_problem(cause, urlsplit(url).hostname or "")) from exc
        raise _Failed(
            problem(
                f"issuer-{what}", "issuer", f"{url} does not answer ({cause}).", "start the issuer, or open the way"
            ),
            passing=True,
        ) from exc
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise _Failed(
            problem(
                f"issuer-{what}", "issuer", f"{url} answers something that is no JSON object.", "check the issuer's URL"
            )
        )
    return document


def _how(told: str, wanted: str) -> str:
    if told.rstrip("/") == wanted.rstrip("/"):
        return " (they differ by a slash at the end)"
    if told.lower() == wanted.lower():
        return " (they differ by capital letters)"
    return ""
