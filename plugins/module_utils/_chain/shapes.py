# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
"""PRIVATE: the shapes that the model is made of, and typed readers for plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Union

# Plain data as it comes from YAML or JSON.
Json = Union[None, bool, int, float, str, Sequence["Json"], Mapping[str, "Json"]]
Obj = Mapping[str, Json]


@dataclass(frozen=True)
class Problem:
    """One reason why the model is refused: ``rule`` is its stable name, ``path`` is where in the input, ``fix`` what to write."""

    rule: str
    path: str
    message: str
    fix: str

    def to_dict(self) -> dict[str, Json]:
        return {"rule": self.rule, "path": self.path, "message": self.message, "fix": self.fix}

    def __str__(self) -> str:
        return "%s: %s %s" % (self.path, self.message, self.fix)


@dataclass(frozen=True)
class Claims:
    """What a token will carry: audiences in order of name, and for each claim the source of its value.

    A source is a literal, or one of ``$username``, ``$sub``, ``$email``, ``$groups``, ``$any`` (its value depends on the
    person or the moment). ``lifetime`` is in seconds.
    """

    issuer: str
    audiences: tuple[str, ...]
    azp: str
    claims: Mapping[str, str] = field(default_factory=dict)
    lifetime: int = 0

    def to_dict(self) -> dict[str, Json]:
        return {
            "iss": self.issuer,
            "aud": list(self.audiences),
            "azp": self.azp,
            "claims": dict(sorted(self.claims.items())),
            "lifetime_s": self.lifetime,
        }


@dataclass(frozen=True)
class Token:
    """A kind of token in the chain.

    ``client`` is the client that it is issued to, ``scopes`` the optional scopes that are asked for. ``subject`` is
    the kind of token that is exchanged for it (RFC 8693), empty for a login, and ``audience`` the audience that the
    exchange asks for. ``id_token`` is true where the server takes the ID token of a login.
    """

    kind: str
    title: str
    client: str
    scopes: tuple[str, ...] = ()
    subject: str = ""
    audience: str = ""
    id_token: bool = False


@dataclass(frozen=True)
class Hop:
    """A server that takes some kinds of token: by issuer, audience, claims that must be there, and known ``azp``.

    No ``known_azp`` and no ``max_lifetime`` (seconds) mean that the server does not look at them.
    """

    id: str
    title: str
    takes: tuple[str, ...]
    audiences: tuple[str, ...]
    required_claims: tuple[str, ...] = ("sub",)
    known_azp: tuple[str, ...] = ()
    max_lifetime: int = 0

    def refusals(self, token: Claims, issuer: str) -> list[str]:
        """The reasons for which this hop refuses a token, none when it takes it."""
        reasons: list[str] = []
        if token.issuer != issuer:
            reasons.append("the issuer is %s, not %s" % (token.issuer, issuer))
        if not set(token.audiences) & set(self.audiences):
            reasons.append("the audience is %s, none of %s" % (_listed(token.audiences), _listed(self.audiences)))
        missing = [claim for claim in self.required_claims if claim not in token.claims]
        if missing:
            reasons.append("it has no claim %s" % _listed(missing))
        if self.known_azp and token.azp not in self.known_azp:
            reasons.append("its azp is %s, none of %s" % (token.azp, _listed(self.known_azp)))
        if self.max_lifetime and token.lifetime > self.max_lifetime:
            reasons.append("it lives %d s, longer than %d s" % (token.lifetime, self.max_lifetime))
        return reasons


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "(none)"


def text(obj: Obj, key: str, default: str = "") -> str:
    """A string of plain data, or the default."""
    value = obj.get(key)
    return value if isinstance(value, str) else default


def number(obj: Obj, key: str, default: int = 0) -> int:
    """An integer of plain data, or the default. A boolean is no number."""
    value = obj.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def flag(obj: Obj, key: str, default: bool = False) -> bool:
    """A boolean of plain data, or the default."""
    value = obj.get(key)
    return value if isinstance(value, bool) else default


def section(obj: Obj, key: str) -> Obj:
    """A mapping of plain data, or an empty one."""
    value = obj.get(key)
    return value if isinstance(value, Mapping) else {}


def texts(obj: Obj, key: str) -> list[str]:
    """A list of strings of plain data; other elements are left out."""
    value = obj.get(key)
    if isinstance(value, str) or not isinstance(value, Sequence):
        return []
    return [item for item in value if isinstance(item, str)]


def objects(obj: Obj, key: str) -> list[Obj]:
    """A list of mappings of plain data; other elements are left out."""
    value = obj.get(key)
    if isinstance(value, str) or not isinstance(value, Sequence):
        return []
    return [item for item in value if isinstance(item, Mapping)]
