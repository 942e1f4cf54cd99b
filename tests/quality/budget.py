# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The budget of exceptions: each switched-off finding says why, and there are no more of a kind than here."""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from .tree import files, problem, text_of

PYTHON = (".py",)
YAML = (".yml", ".yaml")
SHELL = (".sh", "")

# kind: (pattern, files, how many there may be)
KINDS: dict[str, tuple[re.Pattern[str], tuple[str, ...], int]] = {
    "noqa": (re.compile(r"#\s*noqa\b(?P<rest>.*)"), PYTHON, 10),
    "type: ignore": (re.compile(r"#\s*type:\s*ignore(?P<rest>.*)"), PYTHON, 40),
    "nosec": (re.compile(r"#\s*nosec\b(?P<rest>.*)"), PYTHON, 0),
    "pylint: disable": (re.compile(r"#\s*pylint:\s*disable(?P<rest>.*)"), PYTHON, 0),
    "no cover": (re.compile(r"#\s*pragma:\s*no cover(?P<rest>.*)"), PYTHON, 5),
    "yamllint disable": (re.compile(r"#\s*yamllint\s+disable(?P<rest>.*)"), YAML, 0),
    "lint skip": (re.compile(r"#\s*noqa:?(?P<rest>.*)"), YAML, 5),
    "ignore_errors": (re.compile(r"^\s*-?\s*ignore_errors:(?P<rest>.*)"), YAML, 60),
    "failed_when: false": (re.compile(r"^\s*-?\s*failed_when:\s*false(?P<rest>.*)"), YAML, 10),
    "shellcheck disable": (re.compile(r"#\s*shellcheck\s+disable(?P<rest>.*)"), SHELL, 5),
}
CODE = re.compile(r"^\s*[:=]?\s*(\[[\w, -]+\]|[\w-]+(\[[\w-]+\])?(?=\s|$)|=\S+)?[\s,]*")


@dataclass(frozen=True)
class Exception_:
    """One finding that is switched off."""

    kind: str
    path: Path
    line: int
    reason: str


def gather(root: Path) -> list[Exception_]:
    """Every exception in the tree."""
    found = []
    for path in files(root):
        if path.relative_to(root).parts[:2] == ("tests", "quality") and path.name == "budget.py":
            continue
        lines = text_of(path).splitlines()
        for kind, (pattern, suffixes, _limit) in KINDS.items():
            if path.suffix in suffixes:
                for number, line in enumerate(lines, 1):
                    match = pattern.search(line)
                    if match:
                        told = reason(lines, number, match["rest"])
                        if not told and kind == "type: ignore" and path.relative_to(root).parts[0] == "tests":
                            # A test gives wrong types on purpose; there the error code says enough.
                            told = match["rest"].strip()
                        if not told and registered(lines, number) and path.relative_to(root).parts[0] == "tests":
                            told = "a test looks at the failure"
                        found.append(Exception_(kind, path, number, told))
        if path.suffix == ".py" and path.parent.name == "_chain":
            found += [Exception_("Any in _chain", path, number, "") for number in any_lines("\n".join(lines))]
    return found


def reason(lines: list[str], number: int, rest: str) -> str:
    """Why: behind the exception on its line, or in a comment on the line before."""
    told = CODE.sub("", rest, count=1).strip(" #()-")
    if told:
        return told
    before = lines[number - 2].strip() if number > 1 else ""
    return before.lstrip("# ") if before.startswith("#") and "SPDX" not in before else ""


def registered(lines: list[str], number: int) -> bool:
    """Whether the task around a line keeps its result."""
    return any(line.strip().startswith("register:") for line in lines[max(0, number - 4) : number + 3])


def any_lines(text: str) -> list[int]:
    """Lines with the type Any, under whatever name."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(text))
        if (isinstance(node, ast.Name) and node.id == "Any") or (isinstance(node, ast.Attribute) and node.attr == "Any")
    ]


def check(root: Path) -> list[str]:
    """Exceptions without a reason, and kinds above their budget."""
    gathered = gather(root)
    found = [
        problem(root, item.path, item.line, f"{item.kind} without a reason") for item in gathered if not item.reason
    ]
    for kind, number in Counter(item.kind for item in gathered).items():
        limit = KINDS[kind][2] if kind in KINDS else 0
        if number > limit:
            found.append(f"{number} of the kind {kind!r}, the budget is {limit}")
    return found


def report(root: Path) -> str:
    """The budget as a table, and each exception with its reason."""
    gathered = gather(root)
    counted = Counter(item.kind for item in gathered)
    limits = {**{kind: limit for kind, (_pattern, _suffixes, limit) in KINDS.items()}, "Any in _chain": 0}
    lines = [
        "budget of exceptions: " + ", ".join(f"{kind} {counted[kind]} of {limit}" for kind, limit in limits.items())
    ]
    lines += [f"  {problem(root, item.path, item.line, item.kind)}: {item.reason}" for item in gathered]
    return "\n".join(lines)
