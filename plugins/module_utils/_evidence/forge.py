# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""PRIVATE: makes wrong tokens out of good ones, each different in exactly one property.

A property is a claim, a key of the header, or the signature. Where a property is the header's C(alg) or key, the
signature that belongs to it follows from it and does not count as a second one.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Callable

from . import jose

GARBAGE = "not-a-token"


@dataclass(frozen=True)
class Forged:
    """A wrong token, what is wrong with it, and how to say so."""

    text: str | None
    property: frozenset[str]
    difference: str

    def __repr__(self) -> str:
        return "Forged({})".format(", ".join(sorted(self.property)))


class Forger:
    """Makes the wrong twin of a good token."""

    def __init__(self, jwks: object, key: jose.RsaKey | None = None) -> None:
        self._jwks = jwks
        self._key = key

    @property
    def key(self) -> jose.RsaKey:
        """Make the throw-away key when it is first needed."""
        if self._key is None:
            self._key = jose.make_key()
        return self._key

    def make(self, row: str, good: jose.Token) -> Forged:
        """Make the wrong token of that row."""
        return self._makers()[row](good)

    @classmethod
    def rows(cls) -> frozenset[str]:
        """Say which rows of the matrix are forgeries."""
        return frozenset(cls({})._makers())

    def _makers(self) -> dict[str, Callable[[jose.Token], Forged]]:
        return {
            "no_token": self.no_token,
            "garbage": self.garbage,
            "tampered": self.tampered,
            "empty_signature": self.empty_signature,
            "unknown_key": self.unknown_key,
            "alg_none": self.alg_none,
            "hs256_public_key": self.hs256_public_key,
            "embedded_jwk": self.embedded_jwk,
        }

    def no_token(self, good: jose.Token) -> Forged:
        """Send nothing."""
        return Forged(None, frozenset(("token",)), "no Authorization header")

    def garbage(self, good: jose.Token) -> Forged:
        """Send a text that is no token at all."""
        return Forged(GARBAGE, frozenset(("token",)), "a text that is no token in place of the token")

    def tampered(self, good: jose.Token) -> Forged:
        """Change one claim and keep the signature."""
        claims = dict(good.claims)
        groups = claims.get("groups")
        if isinstance(groups, list):
            name = "groups"
            claims[name] = ["system:masters"] if "system:masters" not in groups else []
        else:
            name = "sub"
            claims[name] = f"00000000-0000-4000-8000-{secrets.randbits(48):012x}"
        text = ".".join((good.parts[0], jose.pack(claims), good.parts[2]))
        return Forged(text, frozenset(("claim:" + name,)), f"claim {name} rewritten, signature kept")

    def empty_signature(self, good: jose.Token) -> Forged:
        """Cut the signature off."""
        return Forged(".".join(good.parts[:2]) + ".", frozenset(("signature",)), "signature cut off")

    def unknown_key(self, good: jose.Token) -> Forged:
        """Sign the same with a key of one's own, under a name that the issuer never published."""
        kid = "own-" + secrets.token_hex(8)
        token = jose.sign_rs256(dict(good.header, kid=kid), good.claims, self.key)
        return Forged(token.text, frozenset(("header:kid",)), "signed by a key that the issuer never published")

    def alg_none(self, good: jose.Token) -> Forged:
        """Say that no signature is needed."""
        token = jose.build(dict(good.header, alg="none"), good.claims)
        return Forged(token.text, frozenset(("header:alg",)), "alg none, no signature")

    def hs256_public_key(self, good: jose.Token) -> Forged:
        """Use the issuer's public key as the secret of an HMAC."""
        secret = jose.public_pem(jose.find_key(self._jwks, good.header.get("kid")))
        token = jose.sign_hs256(dict(good.header, alg="HS256"), good.claims, secret)
        return Forged(token.text, frozenset(("header:alg",)), "alg HS256, keyed with the issuer's public key")

    def embedded_jwk(self, good: jose.Token) -> Forged:
        """Bring the key along in the header."""
        header = dict(good.header, jwk=self.key.jwk(str(good.header.get("kid", ""))))
        token = jose.sign_rs256(header, good.claims, self.key)
        return Forged(token.text, frozenset(("header:jwk",)), "own key brought along in the header (jwk)")


def differences(good: jose.Token, text: str | None) -> frozenset[str]:
    """Say in which properties a wrong token differs from its twin."""
    if text is None:
        return frozenset(("token",))
    try:
        other = jose.read(text)
    except jose.JoseError:
        return frozenset(("token",))
    found: set[str] = set()
    found.update("header:" + name for name in _differing(good.header, other.header))
    found.update("claim:" + name for name in _differing(good.claims, other.claims))
    if other.parts[2] != good.parts[2] and not any(name.startswith("header:") for name in found):
        found.add("signature")
    return frozenset(found)


def _differing(one: Mapping[str, object], other: Mapping[str, object]) -> set[str]:
    missing = object()
    return {
        name
        for name in set(one) | set(other)
        if json.dumps(one.get(name, str(missing)), sort_keys=True)
        != json.dumps(other.get(name, str(missing)), sort_keys=True)
    }
