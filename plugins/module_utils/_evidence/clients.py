# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""PRIVATE: how a client says who it is at Keycloak's token endpoint."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping

from . import jose

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Client:
    """A public client: it says its name and proves nothing."""

    def __init__(self, client_id: str) -> None:
        self.client_id = client_id

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.client_id})"

    def fields(self, audience: str) -> Mapping[str, str]:
        """Return the form fields of one request."""
        return {"client_id": self.client_id}


class SecretClient(Client):
    """A client with a shared secret."""

    def __init__(self, client_id: str, secret: str) -> None:
        super().__init__(client_id)
        self._secret = secret

    def fields(self, audience: str) -> Mapping[str, str]:
        """Return the form fields of one request."""
        return {"client_id": self.client_id, "client_secret": self._secret}


class KeyClient(Client):
    """A client that signs an assertion with its private key (RFC 7523)."""

    def __init__(self, client_id: str, key: jose.RsaKey) -> None:
        super().__init__(client_id)
        self._key = key

    def fields(self, audience: str) -> Mapping[str, str]:
        """Return the form fields of one request; each assertion serves once."""
        now = int(time.time())
        claims: dict[str, object] = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": audience,
            "jti": secrets.token_hex(16),
            "iat": now,
            "nbf": now - 5,
            "exp": now + 30,
        }
        token = jose.sign_rs256({"alg": "RS256", "typ": "JWT"}, claims, self._key)
        return {
            "client_id": self.client_id,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": token.text,
        }
