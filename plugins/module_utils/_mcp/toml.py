# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
"""PRIVATE. TOML text by a TOML library; the only file that imports it."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

try:
    import tomlkit
except ImportError:
    HAS_TOMLKIT = False
    TOMLKIT_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    HAS_TOMLKIT = True
    TOMLKIT_IMPORT_ERROR = None

TOMLKIT_REQUIREMENT = "tomlkit >= 0.12"


def dumps(tree: Mapping[str, Any], heading: str = "") -> str:
    """One text for one tree, whatever the order in which it was filled."""
    document = tomlkit.document()
    for line in heading.splitlines():
        document.add(tomlkit.comment(line))
    body = tomlkit.dumps(_ordered(tree))
    text: str = tomlkit.dumps(document)
    return f"{text}{body}" if body else text


def loads(text: str) -> dict[str, Any]:
    """Plain dictionaries, lists and values."""
    plain: dict[str, Any] = tomlkit.parse(text).unwrap()
    return plain


def _ordered(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Values first, then tables, then lists of tables: else a value would land in the table before it."""

    def rank(value: Any) -> int:
        if isinstance(value, dict):
            return 1
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            return 2
        return 0

    ordered: dict[str, Any] = {}
    for name in sorted(tree, key=lambda item: (rank(tree[item]), item)):
        value = tree[name]
        if isinstance(value, dict):
            value = _ordered(value)
        elif rank(value) == 2:
            value = [_ordered(item) for item in value]
        ordered[name] = value
    return ordered
