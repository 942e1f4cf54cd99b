# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
#
# PRIVATE: for the modules of this collection only; may change without notice.
"""One shape for everything that is wrong: where, what, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict


class Problem(TypedDict):
    """The same shape as the lint of the chain's model uses."""

    rule: str
    path: str
    message: str
    fix: str


def problem(rule: str, path: str, message: str, fix: str) -> Problem:
    return {"rule": rule, "path": path, "message": message, "fix": fix}


def as_text(problems: Iterable[Problem]) -> str:
    """All problems, one a line, for a failure message."""
    return "\n".join(f"- {entry['path']}: {entry['message']} Fix: {entry['fix']}" for entry in problems)
