# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""The one redactor: by path, by the pattern of a key, by the kind of object, and by the shape of a text.

A secret is shown as a fingerprint keyed with a salt of this process: a change of the value is visible, the value
is not, and two runs can not be compared with each other or with a dictionary.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import typing as t

_SALT = os.urandom(32)
_KEY = re.compile(
    r"(pass(word|wd|phrase)|secret|token|private.?key|credential|api.?key|authorization|cookie|jwks?$|\bpin\b)",
    re.IGNORECASE,
)
# Names of places, switches and durations hold no secret: secretName, tokenUrl, client-secret-file, access.token.lifespan.
_KEY_SAFE = re.compile(
    r"((name|ref|url|uri|endpoint|path|file|files|dir|from|seconds|lifespan|lifetime|timeout|expiry|mode|policy|type"
    r"|alg|algorithm|method|format|enabled|disabled|managed|required|created|updated|version|fingerprint|audience"
    r"|namespace|claim|scope|scopes|id|size|length|count|max|reuse|behavior|key|keys_from|supported|types|signature)$"
    r"|automount|imagepullsecret|accesstokenlifespan|claim)",
    re.IGNORECASE,
)
_KEY_ALWAYS = re.compile(r"(private.?key|api.?key|client.?key.?data|storage.?key)$", re.IGNORECASE)
_TEXT = (
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(r"eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(\.[A-Za-z0-9_-]*){1,3}"),
    re.compile(r"(?<=[Bb]earer )[A-Za-z0-9._~+/=-]{8,}"),
    re.compile(r"(?<=[Bb]asic )[A-Za-z0-9+/=]{8,}"),
    re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),
    re.compile(
        r"(?<![A-Za-z])((?:client_|admin_)?(?:secret|password|passwd|assertion|subject_token|refresh_token|access_token))"
        r"(\"?\s*[=:]\s*)(?!<secret )(\"(?:[^\"\\\n]|\\.)+\"|'[^'\n]+'|[^\s\"'&,;{}]{4,})",
        re.IGNORECASE,
    ),
)
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def fingerprint(value: t.Any) -> str:
    """A mark that is equal for equal values within this process, and tells nothing else."""
    raw = value if isinstance(value, bytes) else repr(value).encode("utf-8", "surrogatepass")
    return "<secret " + hmac.new(_SALT, raw, hashlib.sha256).hexdigest()[:12] + ">"


def secret_key(key: str) -> bool:
    """Whether a key's name says that its value is a secret."""
    if _KEY_ALWAYS.search(key):
        return True
    return bool(_KEY.search(key)) and not _KEY_SAFE.search(key)


def redact_text(text: str) -> str:
    """Hides private keys, tokens, credentials in URLs and assignments of secrets in free text."""

    def mark(found: re.Match[str]) -> str:
        if found.re.groups == 3 and found.group(1) and found.group(2):
            return found.group(1) + found.group(2) + fingerprint(found.group(3))
        return fingerprint(found.group(0))

    for pattern in _TEXT:
        text = pattern.sub(mark, text)
    return text


def _matches(path: tuple[str, ...], rule: str) -> bool:
    parts = tuple(rule.split("."))
    return len(parts) == len(path) and all(want in ("*", got) for want, got in zip(parts, path))


def redact(value: t.Any, path_rules: t.Iterable[str] = ()) -> t.Any:
    """A deep copy of value with no secret in it.

    path_rules are dotted paths from the top whose values are secrets whatever their key says; * stands for any
    one key or index, for example clients.*.secret.
    """
    return _walk(value, (), tuple(path_rules))


def _walk(value: t.Any, path: tuple[str, ...], rules: tuple[str, ...]) -> t.Any:
    if value is not None and any(_matches(path, rule) for rule in rules):
        return _hide(value)
    if isinstance(value, dict):
        return _walk_dict(value, path, rules)
    if isinstance(value, (list, tuple)):
        return [_walk(item, path + (str(index),), rules) for index, item in enumerate(value)]
    if isinstance(value, bytes):
        return fingerprint(value)
    if isinstance(value, str):
        return redact_text(value)
    return value


def _walk_dict(value: dict[t.Any, t.Any], path: tuple[str, ...], rules: tuple[str, ...]) -> dict[str, t.Any]:
    is_secret = value.get("kind") == "Secret" and ("apiVersion" in value or "data" in value or "stringData" in value)
    # An environment variable or an option carries its name beside its value.
    named = value.get("name") if isinstance(value.get("value"), (str, bytes)) else None
    out: dict[str, t.Any] = {}
    for key, item in value.items():
        name = str(key)
        here = path + (name,)
        if is_secret and name in ("data", "stringData"):
            out[name] = _hide(item)
        elif name == LAST_APPLIED:
            out[name] = "<left out>"
        elif name == "value" and isinstance(named, str) and secret_key(named):
            out[name] = _hide(item)
        elif secret_key(name) and not isinstance(item, (bool, int, float)):
            out[name] = _hide_scalars(item, here, rules)
        else:
            out[name] = _walk(item, here, rules)
    return out


def _hide(value: t.Any) -> t.Any:
    """Hides every leaf, keeps the keys."""
    if isinstance(value, dict):
        return {str(key): _hide(item) for key, item in value.items()}
    if value is None or value == "":
        return value
    if isinstance(value, (list, tuple)):
        return [_hide(item) for item in value]
    return fingerprint(value)


def _hide_scalars(value: t.Any, path: tuple[str, ...], rules: tuple[str, ...]) -> t.Any:
    """Under a key that sounds secret: texts are hidden, structures (secretKeyRef, volumes.secret) are walked."""
    if isinstance(value, (str, bytes)) and value:
        return fingerprint(value)
    if isinstance(value, (list, tuple)) and value and all(isinstance(item, str) for item in value):
        return [fingerprint(item) for item in value]
    return _walk(value, path, rules)
