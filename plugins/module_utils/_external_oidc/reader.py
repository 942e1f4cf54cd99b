# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
#
# PRIVATE: for the modules of this collection only; may change without notice.
"""Reads an AuthenticationConfiguration that may be JSON (ours) or YAML (written by hand).

The one place of this package with a library from outside, and only for a file that is not JSON: control-plane hosts
have no more than Python itself.
"""

from __future__ import annotations

import json
from typing import Any

from .kubernetes import Unmergeable

try:
    import yaml
except ImportError:
    HAS_YAML = False
else:
    HAS_YAML = True


def parse(content: bytes) -> Any:
    """The document in ``content``."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise Unmergeable(f"the file is not UTF-8 text ({exc.reason}).", "correct or move it") from exc
    if not text.strip():
        raise Unmergeable(
            "the file is empty, which the API server refuses as well.",
            "put an AuthenticationConfiguration with 'jwt: []' there, or remove the file",
        )
    try:
        return json.loads(text, object_pairs_hook=_no_duplicates)
    except json.JSONDecodeError:
        pass
    if not HAS_YAML:
        raise Unmergeable(
            "the file is YAML, and the Python of this host has no PyYAML to read it.",
            "install PyYAML for the interpreter that Ansible uses there (package python3-yaml or python3-pyyaml), "
            "or turn the file into JSON once (JSON is valid YAML to the API server; yq -o json does it)",
        )
    try:
        documents = [document for document in yaml.safe_load_all(text) if document is not None]
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark is not None else ""
        raise Unmergeable(f"the file is neither JSON nor YAML{where}.", "correct or move it") from exc
    if len(documents) != 1:
        raise Unmergeable(f"the file holds {len(documents)} YAML documents.", "the API server reads one only")
    return documents[0]


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise Unmergeable(f"the file has the field {key!r} twice.", "the API server refuses that: correct the file")
        found[key] = value
    return found
