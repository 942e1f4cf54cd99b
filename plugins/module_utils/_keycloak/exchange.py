# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
# Standard token exchange (RFC 8693) at Keycloak, and what its refusals mean.

from __future__ import annotations

import base64
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from .errors import KeycloakError
from .session import Session, sign_assertion

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TOKEN_TYPES = {
    "access_token": "urn:ietf:params:oauth:token-type:access_token",
    "id_token": "urn:ietf:params:oauth:token-type:id_token",
    "refresh_token": "urn:ietf:params:oauth:token-type:refresh_token",
}


@dataclass
class Client:
    """A requester and how it proves who it is: a secret, or a private key (private_key_jwt)."""

    client_id: str
    secret: str | None = None
    key: str | None = None


@dataclass
class Exchanged:
    token: str
    claims: dict[str, Any]
    token_type: str = "access_token"
    expires_in: int = 0
    scope: str = ""
    refresh: bool = False
    subject: dict[str, Any] = field(default_factory=dict)


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a JWT, not checked. An empty dictionary when it is none."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        body = parts[1] + "=" * (-len(parts[1]) % 4)
        found = json.loads(base64.urlsafe_b64decode(body.encode("ascii")))
    except (ValueError, UnicodeError):
        return {}
    return found if isinstance(found, dict) else {}


def audience_list(claims: dict[str, Any]) -> list[str]:
    aud = claims.get("aud") or []
    return [str(item) for item in aud] if isinstance(aud, list) else [str(aud)]


def exchange(
    session: Session,
    realm: str,
    client: Client,
    subject_token: str,
    audiences: list[str],
    scopes: list[str],
    requested: str = "access_token",
) -> Exchanged:
    session.redactor.learn(client.secret, client.key, subject_token)
    path = "realms/{}/protocol/openid-connect/token".format(quote(realm, safe=""))
    issuer = str(session.discovery(realm).get("issuer", "")) if client.key else ""

    def form() -> dict[str, Any]:
        found: dict[str, Any] = {
            "grant_type": GRANT,
            "subject_token": subject_token,
            "subject_token_type": TOKEN_TYPES["access_token"],
            "requested_token_type": TOKEN_TYPES[requested],
        }
        if audiences:
            found["audience"] = audiences
        if scopes:
            found["scope"] = " ".join(scopes)
        if client.key:
            found.update(client_id=client.client_id, client_assertion_type=ASSERTION)
            found["client_assertion"] = assertion(client.client_id, client.key, issuer)
        return found

    basic = (client.client_id, client.secret or "") if not client.key else None
    response = session.post_form(path, form, basic)
    data = response.data if isinstance(response.data, dict) else {}
    if response.status != 200 or not data.get("access_token"):
        raise refused(session, response.status, data, client, subject_token, audiences, scopes, path)
    token = str(data["access_token"])
    session.redactor.learn(token, data.get("refresh_token"), data.get("id_token"))
    return Exchanged(
        token,
        claims_of(token),
        requested,
        int(data.get("expires_in") or 0),
        str(data.get("scope") or ""),
        bool(data.get("refresh_token")),
        claims_of(subject_token),
    )


def assertion(client_id: str, key: str, issuer: str) -> str:
    now = int(time.time())
    claims = {"iss": client_id, "sub": client_id, "aud": issuer, "jti": str(uuid.uuid4()), "iat": now, "exp": now + 60}
    return sign_assertion(key, claims, {})


def refused(
    session: Session,
    status: int,
    data: dict[str, Any],
    client: Client,
    subject_token: str,
    audiences: list[str],
    scopes: list[str],
    path: str,
) -> KeycloakError:
    error, description = str(data.get("error") or ""), str(data.get("error_description") or "")
    said = session.redactor.text(": ".join(part for part in (error, description) if part) or f"HTTP {status}")
    hint = hint_for(error, description, client, claims_of(subject_token), audiences, scopes)
    message = f"Keycloak refuses the exchange by {client.client_id}: {said}."
    return KeycloakError(message, error or "refused", status, hint, "POST", path)


def hint_for(
    error: str,
    description: str,
    client: Client,
    subject: dict[str, Any],
    audiences: list[str],
    scopes: list[str],
) -> str:
    """What Keycloak's words mean for whoever set up the chain."""
    name, text = client.client_id, description.lower()
    has = ", ".join(audience_list(subject)) or "none"
    origin = subject.get("azp") or "the client that got it"
    if "not within the token audience" in text:
        return (
            f"The subject token was issued to {origin} and has the audience {has}; it must have {name}. A client scope "
            f"with an audience mapper for {name} must be a default scope of {origin}, or be asked for at the login."
        )
    if "requested audience not available" in text:
        wanted = ", ".join(audiences)
        asked = " ".join(scopes) or "none"
        return (
            f"No scope that the exchange has (asked for: {asked}) adds the audience {wanted}: a client scope with an "
            f"audience mapper for it must be an optional scope of {name} and be asked for."
        )
    if "audience not found" in text or "unknown audience" in text:
        return f"Each audience must be a client of the realm: {', '.join(audiences)}."
    if error == "invalid_scope" or "invalid scopes" in text:
        return f"Only default and optional client scopes of {name} can be asked for ({' '.join(scopes)})."
    if "supports access tokens only" in text or ("invalid token" in text and subject.get("typ") in ("ID", "Refresh")):
        return "The subject token must be an access token; an ID token or a refresh token is none."
    if error == "invalid_client" or "credentials" in text:
        way = "certificate and the private key belong together" if client.key else "secret is right"
        return f"The client's own proof failed: check that {name} exists, is enabled, and that its {way}."
    if "not enabled" in text or error in ("unauthorized_client", "access_denied"):
        return f"Standard token exchange is off for {name}: keycloak_token_exchange_client switches it on."
    if "public client" in text:
        return f"{name} is a public client; a requester must be confidential."
    if "invalid token" in text or error == "invalid_token" or "session" in text:
        left = subject.get("exp")
        if isinstance(left, (int, float)) and left < time.time():
            return f"The subject token expired {int(time.time() - left)} s ago."
        if not subject:
            return "The subject token is no JWT."
        return f"The subject token (issuer {subject.get('iss')}) is of another realm, or its session or person is gone."
    return ""
