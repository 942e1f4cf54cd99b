# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
# One redactor for results, diffs and messages. A secret leaf is shown as a fingerprint keyed with a salt of the run:
# a rotation is visible, the value is not, and fingerprints of two runs cannot be compared.

from __future__ import annotations

import hashlib
import hmac
import os
import re
from typing import Any

# By path (kind, key): leaves that hold a secret whatever their name looks like.
SECRET_PATHS = frozenset(
    [
        ("client", "secret"),
        ("client", "registrationAccessToken"),
        ("client", "client.secret.rotated"),
        ("client", "saml.signing.private.key"),
        ("client", "saml.encryption.private.key"),
        ("realm", "smtpServer.password"),
        ("realm", "smtpServer.authTokenClientSecret"),
        ("user", "password"),
        ("user", "credentials"),
    ]
)
# By key, written as Keycloak, Ansible and people write it: one of these anywhere in its last part ...
_SECRET_WORDS = re.compile(
    r"secret|passw(?!ordless)|passphrase|passcode|credential"
    r"|(?:private|api|access|signing|secret|encryption)key|privatepem|registrationaccesstoken"
)
# ... but not where the key ends as one that only speaks about a secret, or names one.
_HARMLESS_END = frozenset(
    """
    alg algorithm allowed certificate claim count created date enabled expiration expires expiry flow format hint id ids
    kind length lifespan lifetime location method mode name names namespace number path policy ref required rotation
    supported temporary time timeout type types uri uris url urls user username
    """.split()
)
_HARMLESS = frozenset(["requiredcredentials", "publickey"])
_TOKEN = frozenset(["token", "jwt", "assertion"])
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[^A-Za-z0-9]+")
_NO_SECRET = frozenset(["true", "false", "", "**********"])
_PRIVATE_KEY = "PRIVATE KEY-----"


def is_secret(kind: str, path: tuple[str, ...], value: object = "x") -> bool:
    if not path or isinstance(value, (bool, int, float)) or value is None:
        return False
    if isinstance(value, str) and value.lower() in _NO_SECRET:
        return False
    for start in range(len(path)):
        if (kind, ".".join(path[start:])) in SECRET_PATHS:
            return True
    if isinstance(value, str) and _PRIVATE_KEY in value:
        return True
    words = _words(path[-1])
    if _harmless(words):
        return False
    if words[-1:] and words[-1] in _TOKEN:
        return True
    return any(_SECRET_WORDS.search("".join(part)) for part in map(_words, path) if not _harmless(part))


def _words(key: str) -> list[str]:
    return [word.lower() for word in _WORD.split(_CAMEL.sub(".", key)) if word]


def _harmless(words: list[str]) -> bool:
    return not words or words[-1] in _HARMLESS_END or any(name in "".join(words) for name in _HARMLESS)


class Reference(str):
    """Stands for a value that is not read yet (a password that is only wanted at a user's birth) or that is not there
    yet (check mode before the Secret is made). Never equal to a value."""

    source: dict[str, Any] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reference) and str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return str.__hash__(self)


class Redactor:
    def __init__(self, salt: bytes | None = None) -> None:
        self._salt = salt or os.urandom(16)
        self._values: set[str] = set()

    def learn(self, *values: object) -> None:
        """Values that no text may show, wherever they turn up (a server that echoes what it got)."""
        for value in values:
            if isinstance(value, str) and len(value) >= 4 and not isinstance(value, Reference):
                self._values.add(value)

    @property
    def values(self) -> set[str]:
        return set(self._values)

    def fingerprint(self, value: object) -> str:
        if isinstance(value, Reference):
            return f"<secret {str(value)}>"
        text = value if isinstance(value, str) else repr(value)
        digest = hmac.new(self._salt, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
        return f"<secret, fingerprint {digest[:12]}>"

    def render(self, kind: str, value: Any, path: tuple[str, ...] = ()) -> Any:
        if is_secret(kind, path, value):
            return self.fingerprint(value)
        if isinstance(value, str) and path and path[-1].endswith("certificate") and len(value) > 100:
            return f"<certificate, sha256 of its text {hashlib.sha256(value.encode()).hexdigest()[:16]}>"
        if isinstance(value, dict):
            return {key: self.render(kind, item, path + (str(key),)) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.render(kind, item, path) for item in value]
        return str(value) if isinstance(value, Reference) else value

    def text(self, text: str) -> str:
        """Clean free text (a server's answer): known values and everything that looks like a token or a secret."""
        for value in sorted(self._values, key=len, reverse=True):
            text = text.replace(value, "********")
        text = re.sub(r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){1,4}", "<token>", text)
        key = r"(?i)(\"?[\w.]*(?:secret|password|private_?key|_token|assertion)\"?\s*[:=]\s*"
        text = re.sub(key + r"\")(?:[^\"\\]|\\.)+", r"\1********", text)
        return re.sub(key + r")(?!\")(?!true\b|false\b|null\b)[^\"&\s,}]+", r"\1********", text)


def secret_leaves(kind: str, value: Any, path: tuple[str, ...] = ()) -> set[str]:
    """Every secret text in a free dictionary, for Ansible's own list of values to hide."""
    found: set[str] = set()
    if isinstance(value, dict):
        for key, item in value.items():
            found |= secret_leaves(kind, item, path + (str(key),))
    elif isinstance(value, (list, tuple)):
        for item in value:
            found |= secret_leaves(kind, item, path)
    elif isinstance(value, str) and is_secret(kind, path, value):
        found.add(value)
    return found
