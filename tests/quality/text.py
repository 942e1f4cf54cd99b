# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each file must have: a licence, a notice that it is private, a size that one can read; and what none may have."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from .tree import files, problem, text_of

# In parts as well: REUSE reads this file.
LICENCE = "SPDX-License-" + "Identifier: GPL-3.0-or-later"
CODE = (".py", ".sh", ".go")
PRIVATE = "# PRIVATE to the collection: it may change in any release."
MODULE_LINES = 300
UTIL_LINES = 500
CLASS_METHODS = 25
# Written in parts, so that this file does not name them.
REGISTRIES = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("files", "pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("proxy", "golang", "org"),
        ("sum", "golang", "org"),
        ("repo1", "maven", "org"),
        ("repo", "maven", "apache", "org"),
        ("deb", "debian", "org"),
        ("security", "debian", "org"),
        ("static", "crates", "io"),
    )
)
LOCKS = (".sum", ".lock")
MACHINE_PATH = re.compile(r"(?:^|[^A-Za-z0-9_.-])(/(?:work|farm)/|/tmp/(?:f|dev)/|/root/\.pyenv)")
UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "NotImple" + "mented")) + r")\b")


def check(root: Path) -> list[str]:
    """Every file that lacks something or has too much."""
    return [*licences(root), *private_notices(root), *sizes(root), *forbidden_text(root)]


def licences(root: Path) -> Iterator[str]:
    """Code says its licence in its first lines; empty files need none."""
    for path in files(root):
        text = text_of(path)
        script = text.startswith("#!")
        if text and (path.suffix in CODE or script) and LICENCE not in "\n".join(text.splitlines()[:8]):
            yield problem(root, path, 1, f"no {LICENCE!r} in the first lines")


def private_notices(root: Path) -> Iterator[str]:
    """module_utils says that it is private, in each file, because ansible-test wants __init__.py empty."""
    for path in files(root, "plugins/module_utils", suffixes=(".py",)):
        text = text_of(path)
        if path.name == "__init__.py":
            if text:
                yield problem(root, path, 1, "has to be empty (ansible-test sanity empty-init)")
        elif PRIVATE not in text.splitlines()[:6]:
            yield problem(root, path, 1, f"lacks the line {PRIVATE!r} below the licence")
        elif not path.relative_to(root / "plugins/module_utils").parts[0].startswith("_"):
            yield problem(root, path, 1, "module_utils are private: their names begin with an underscore")


def sizes(root: Path) -> Iterator[str]:
    """Modules are thin (documentation and main), the rest stays readable."""
    for place, limit in (("plugins/modules", MODULE_LINES), ("plugins/module_utils", UTIL_LINES)):
        for path in files(root, place, suffixes=(".py",)):
            text = text_of(path)
            lines = len(text.splitlines()) - (documentation_lines(text) if place.endswith("modules") else 0)
            if lines > limit:
                yield problem(root, path, 1, f"{lines} lines without documentation; the limit is {limit}")
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.ClassDef):
                    methods = sum(isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)) for item in node.body)
                    if methods > CLASS_METHODS:
                        yield problem(
                            root,
                            path,
                            node.lineno,
                            f"class {node.name} has {methods} methods; the limit is {CLASS_METHODS}",
                        )


def documentation_lines(text: str) -> int:
    """Lines of DOCUMENTATION, EXAMPLES and RETURN; line limits do not count them."""
    total = 0
    for node in ast.parse(text).body:
        names = {item.id for item in getattr(node, "targets", []) if isinstance(item, ast.Name)}
        if names & {"DOCUMENTATION", "EXAMPLES", "RETURN"}:
            total += (node.end_lineno or node.lineno) - node.lineno + 1
    return total


def forbidden_text(root: Path) -> Iterator[str]:
    """No address of a package registry, no path of one machine, nothing unfinished."""
    public = ("plugins", "roles", "playbooks")
    for path in files(root):
        locked = path.suffix in LOCKS or path.name.endswith("lock.json")
        part = path.relative_to(root).parts[0]
        for number, line in enumerate(text_of(path).splitlines(), 1):
            named = [host for host in REGISTRIES if host in line]
            if named and not locked:
                yield problem(root, path, number, f"names the package registry {named[0]}")
            if MACHINE_PATH.search(line):
                yield problem(root, path, number, "a path of one machine")
            if part in public and UNFINISHED.search(line):
                yield problem(root, path, number, "unfinished")
