# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""Texts with ${field} in them, encoded for the place where they stand. Pure."""

from __future__ import annotations

import base64
import json
import re
import typing as t
import urllib.parse

from .._cluster.errors import ClusterError

_PLACE = re.compile(r"\$(?:\$|\{([^}]*)\})")
_SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def toml(value: str) -> str:
    """A TOML basic string, with its quotes."""

    def escape(char: str) -> str:
        if char in _SHORT:
            return _SHORT[char]
        return "\\u%04X" % ord(char) if ord(char) < 0x20 or ord(char) == 0x7F else char

    return '"' + "".join(map(escape, value)) + '"'


ENCODERS: dict[str, t.Callable[[str], str]] = {
    "toml": toml,
    "json": json.dumps,
    "base64": lambda value: base64.b64encode(value.encode("utf-8")).decode("ascii"),
    "url": lambda value: urllib.parse.quote(value, safe=""),
}


def names_in(template: str, what: str) -> set[str]:
    """The fields that a template refers to; refuses what it can not mean."""
    names = set()
    for found in _PLACE.finditer(template):
        if found.group(1) is None:
            continue
        name, mark, encoder = found.group(1).partition(":")
        if not name or (mark and encoder not in ENCODERS):
            raise ClusterError(
                "%s: ${%s} is not known; write ${field} or ${field:%s}, and $$ for a dollar sign."
                % (what, found.group(1), "|".join(sorted(ENCODERS))),
                reason="BadOptions",
            )
        names.add(name)
    return names


def render(template: str, values: t.Mapping[str, str]) -> str:
    """Fills a template that names_in has accepted, in one pass: a value that looks like a place stays as it is."""

    def fill(found: re.Match[str]) -> str:
        if found.group(1) is None:
            return "$"
        name, _mark, encoder = found.group(1).partition(":")
        value = values[name]
        return ENCODERS[encoder](value) if encoder else value

    return _PLACE.sub(fill, template)
