# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""The fields of a generated Secret: which values stay, which are made, what follows from them. Pure but for the dice."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import json
import math
import secrets
import string
import typing as t

from .._cluster.errors import ClusterError
from .templates import names_in, render

ALNUM = string.ascii_letters + string.digits
LEAST_BITS = 64
ROTATION = "mcp-auth.openshift/rotation"
COPIES = "mcp-auth.openshift/copies"
SOURCE = "mcp-auth.openshift/source"
# Which keys of a Secret that somebody else made are ours.
ADDED = "mcp-auth.openshift/added"
PUBLISHED = "mcp-auth.openshift/published"
MANAGED = {"app.kubernetes.io/managed-by": "mcp-auth-openshift"}


@dataclasses.dataclass(frozen=True)
class Field:
    """One key of the Secret."""

    name: str
    length: int = 32
    alphabet: str = "alnum"
    raw_bytes: int = 0
    value: str | None = None
    template: str | None = None

    @property
    def generated(self) -> bool:
        return self.value is None and self.template is None

    @property
    def bits(self) -> float:
        if self.raw_bytes:
            return 8.0 * self.raw_bytes
        per_char = {"alnum": math.log2(len(ALNUM)), "hex": 4.0, "base64": 6.0, "urlsafe": 6.0}[self.alphabet]
        return self.length * per_char


@dataclasses.dataclass(frozen=True)
class Copy:
    """A Secret that is derived from the source."""

    namespace: str
    name: str
    fields: tuple[str, ...] = ()
    templates: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    type: str = "Opaque"

    @property
    def place(self) -> str:
        return self.namespace + "/" + self.name


def check(fields: t.Sequence[Field], copies: t.Sequence[Copy], source: str) -> None:
    """Refuses what can not work, before anything is read."""
    names = [field.name for field in fields]
    _once(names, "field")
    for field in fields:
        if field.value is not None and field.template is not None:
            raise ClusterError("Field %s has a value and a template." % field.name, reason="BadOptions")
        if field.generated and field.bits < LEAST_BITS:
            raise ClusterError(
                "Field %s would have %d bits; the least is %d." % (field.name, field.bits, LEAST_BITS),
                reason="BadOptions",
                hint="Raise length or bytes.",
            )
        if field.template is not None:
            plain = [other.name for other in fields if other.template is None]
            _known(names_in(field.template, "Field " + field.name), plain, "Field " + field.name)
    _once([copy.place for copy in copies], "copy")
    for copy in copies:
        what = "Copy " + copy.place
        if copy.place == source:
            raise ClusterError(what + " is the Secret itself.", reason="BadOptions")
        _known(copy.fields, names, what)
        _once(list(copy.fields) + list(copy.templates), "key of copy " + copy.place)
        for key, template in copy.templates.items():
            _known(names_in(template, "%s, %s" % (what, key)), names, "%s, %s" % (what, key))


def _once(names: t.Sequence[str], what: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ClusterError("The %s %s is given twice." % (what, name), reason="BadOptions")


def _known(names: t.Iterable[str], known: t.Sequence[str], what: str) -> None:
    for name in names:
        if name not in known:
            raise ClusterError(
                "%s refers to %r; the fields are %s." % (what, name, ", ".join(known)), reason="BadOptions"
            )


def generate(field: Field) -> str:
    if field.raw_bytes or field.alphabet in ("base64", "urlsafe"):
        # Without bytes: at least as many as give the wanted number of characters.
        raw = secrets.token_bytes(field.raw_bytes or math.ceil(field.length * 0.75))
        if field.alphabet == "hex":
            return raw.hex()
        if field.alphabet == "urlsafe":
            text = base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")
            return text if field.raw_bytes else text[: field.length]
        if field.alphabet == "base64":
            return base64.b64encode(raw).decode("ascii")
    letters = ALNUM if field.alphabet == "alnum" else "0123456789abcdef"
    count = field.length
    if field.raw_bytes:
        count = math.ceil(8.0 * field.raw_bytes / math.log2(len(letters)))
    return "".join(secrets.choice(letters) for _index in range(count))


def settle(
    fields: t.Sequence[Field], present: t.Mapping[str, str], policy: str, rotate: bool, where: str
) -> tuple[dict[str, str], list[str]]:
    """The values of all fields, and the names of those that were made now."""
    values: dict[str, str] = {}
    made: list[str] = []
    for field in fields:
        if field.value is not None:
            values[field.name] = field.value
        elif field.generated:
            if present.get(field.name) and not rotate:
                values[field.name] = present[field.name]
            elif policy == "never":
                raise ClusterError(
                    "%s has no key %s, and generate is never." % (where, field.name),
                    reason="SecretMissing",
                    hint="Create the Secret with that key, or use generate: if_missing.",
                )
            else:
                values[field.name] = generate(field)
                made.append(field.name)
    for field in fields:
        if field.template is not None:
            values[field.name] = render(field.template, values)
    return {field.name: values[field.name] for field in fields}, made


def derive(copy: Copy, values: t.Mapping[str, str]) -> dict[str, str]:
    """What a copy holds: its fields (all, when it names neither fields nor templates) and rendered texts."""
    names = copy.fields if copy.fields or copy.templates else tuple(values)
    out = {name: values[name] for name in names}
    for key, template in copy.templates.items():
        out[key] = render(template, values)
    return out


def annotations_of(live: t.Mapping[str, t.Any] | None) -> dict[str, str]:
    return dict(((live or {}).get("metadata") or {}).get("annotations") or {})


def names_noted(text: str | None) -> list[str]:
    """The names in one of our annotations; none when somebody spoiled it."""
    try:
        found = json.loads(text or "[]")
    except ValueError:
        return []
    return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []


def places_noted(text: str | None) -> list[str]:
    return [item for item in names_noted(text) if "/" in item]


def note(names: t.Iterable[str]) -> str:
    """The text of such an annotation; empty for no names."""
    found = sorted(set(names))
    return json.dumps(found, separators=(",", ":")) if found else ""


def is_ours(live: t.Mapping[str, t.Any]) -> bool:
    """Whether this collection made an object: only then may it be overwritten or deleted."""
    labels = (live.get("metadata") or {}).get("labels") or {}
    return all(labels.get(key) == value for key, value in MANAGED.items())


def not_ours(namespace: str, name: str, why: str, hint: str) -> ClusterError:
    label = "=".join(next(iter(MANAGED.items())))
    return ClusterError(
        "Secret %s/%s was not made by this module (it has no label %s), so %s." % (namespace, name, label, why),
        reason="NotOurs",
        hint="%s, or hand it over: kubectl label secret -n %s %s %s" % (hint, namespace, name, label),
    )


def left(place: str) -> str:
    """The warning of state absent."""
    return "Secret %s was not made by this module and is left." % place


def encode(values: t.Mapping[str, str]) -> dict[str, str]:
    return {key: base64.b64encode(value.encode("utf-8")).decode("ascii") for key, value in values.items()}


def decode(data: t.Mapping[str, t.Any] | None, names: t.Iterable[str], where: str) -> dict[str, str]:
    """The text of those keys of a Secret that are there."""
    out = {}
    for name in names:
        if (data or {}).get(name) is None:
            continue
        try:
            out[name] = base64.b64decode(str((data or {})[name])).decode("utf-8")
        except ValueError as exc:
            raise ClusterError("Key %s of %s is not text." % (name, where), reason="BadSecret") from exc
    return out


def mark(values: t.Mapping[str, str], uid: str) -> str:
    """A fingerprint keyed with the Secret's uid, for checksum annotations: the same in every run, new when a value is
    new. It covers all values together, of which at least one has the bits of LEAST_BITS."""
    text = json.dumps(dict(values), sort_keys=True).encode("utf-8", "surrogatepass")
    return hmac.new(uid.encode(), text, hashlib.sha256).hexdigest()[:16]
