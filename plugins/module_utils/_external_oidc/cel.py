# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
#
# PRIVATE: for the modules of this collection only; may change without notice.
"""Mistakes in a CEL expression that can be seen in its text. Only the API server compiles it.

An API server that is running keeps its old file when the new one is wrong; one that starts with it exits. So a wrong
expression is a lock-out that waits for the next restart, and worth looking for before.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Report = Callable[[str, str, str, str], None]

_RAW = "(?:[rR][bB]?|[bB][rR])"
_STRING = re.compile(
    rf"{_RAW}?\"\"\"[\s\S]*?\"\"\"|{_RAW}?\'\'\'[\s\S]*?\'\'\'|{_RAW}\"[^\"]*\"|{_RAW}'[^']*'"
    r"""|[bB]?"(?:\\.|[^"\\])*"|[bB]?'(?:\\.|[^'\\])*'|//[^\n]*"""
)
# A name of its own: no field of something, also not an optional one (.?name).
_NAME = r"(?<![\w.])(?<!\.\?)"
_MACRO = r"\.\s*(?:map|filter|all|exists|exists_one)\s*\("
_PAIRS = {")": "(", "]": "[", "}": "{"}
_USER_FIELDS = ("username", "uid", "groups", "extra")


def uses(expression: str, operand: str, field: str) -> bool:
    """Whether ``operand.field`` (also ``operand.?field``) is looked at."""
    return bool(re.search(rf"(?<![\w.]){operand}\s*\.\s*\??{field}(?!\w)", strip_strings(expression)))


def strip_strings(expression: str) -> str:
    """The expression with every string literal replaced by an empty one, and without comments."""
    return _STRING.sub(lambda found: " " if found.group().startswith("//") else '""', expression)


def lint(expression: Any, path: str, variable: str, report: Report) -> None:
    """``variable`` is the only name that the API server declares there: claims, or user in user rules."""
    if not isinstance(expression, str) or not expression.strip():
        report("cel", path, "is empty or no text.", "give a CEL expression")
        return
    if re.search("[\u2018\u2019\u201c\u201d]", expression):
        report("cel", path, "has typographic quotes.", "use ' or \"")
        return
    code = strip_strings(expression)
    if "'" in code or re.search(r'(?<!")"(?!")', code):
        report("cel", path, "has a quote that is not closed.", "close it")
        return
    _brackets(code, path, report)
    _operators(code, path, report)
    other = "user" if variable == "claims" else "claims"
    # What a macro binds is the expression's own.
    bound = set(re.findall(_MACRO + r"\s*(\w+)\s*,", code))
    if other not in bound and re.search(rf"{_NAME}{other}(?!\w)", code):
        report("cel", path, f"looks at {other}, which is not known here.", f"use {variable}")
    elif not re.search(rf"{_NAME}{variable}(?!\w)", code) and variable == "user":
        report("cel", path, "does not look at user at all.", "write a rule over user.username, user.groups, ...")
    if variable == "user":
        for field in re.findall(_NAME + r"user\s*\.\s*\??(\w+)", code):
            if field not in _USER_FIELDS:
                report("cel", path, f"user has no field {field}.", "known are " + ", ".join(_USER_FIELDS))
    _range_of_any(code, path, report)


def _brackets(code: str, path: str, report: Report) -> None:
    stack: list[str] = []
    for char in code:
        if char in "([{":
            stack.append(char)
        elif char in _PAIRS and (not stack or stack.pop() != _PAIRS[char]):
            report("cel", path, f"has a {char} that nothing opened.", "balance the brackets")
            return
    if stack:
        report("cel", path, f"has a {stack[-1]} that is never closed.", "balance the brackets")


def _operators(code: str, path: str, report: Report) -> None:
    if re.search(r"(?<![=!<>])=(?![=])", code):
        report("cel", path, "has a single =.", "compare with ==")
    if re.search(r"(?<!&)&(?!&)|(?<!\|)\|(?!\|)", code):
        report("cel", path, "has a single & or |.", "use && or ||")
    if re.search(_NAME + r"(and|or|not)(?!\w)", code):
        report("cel", path, "uses and, or or not as a word.", "use &&, || and !")


def _range_of_any(code: str, path: str, report: Report) -> None:
    """A claim has any type, and the API server goes through lists and maps only: dyn() says that it may be one.
    What lies inside a claim (claims.a.b) is dynamic without that."""
    claim = _NAME + r"claims(?:\s*\.\s*\w+|\s*\[\s*\"\"\s*\])"
    for call in re.finditer(_MACRO, code):
        before = code[: call.start()].rstrip()
        if before.endswith(")"):
            start = _opening(before)
            if re.search(r"\w$", before[:start].rstrip()):
                continue  # what a function gives has a type of its own
            receiver = before[start + 1 : -1]
            wrong = bool(re.search(rf"[?:]\s*{claim}\s*(?:$|:)", receiver)) or bool(
                re.fullmatch(claim, receiver.strip())
            )
        else:
            wrong = bool(re.search(claim + "$", before))
        if wrong:
            report(
                "cel",
                path,
                "goes through a claim, whose type is not known (map, filter, all, exists).",
                "wrap it in dyn(), as in (has(claims.groups) ? dyn(claims.groups) : dyn([])).map(g, string(g))",
            )
            return


def _opening(text: str) -> int:
    """Where the bracket that the last character closes was opened. The brackets are balanced."""
    depth = 0
    for at in range(len(text) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(text[at], 0)
        if depth == 0:
            return at
    return 0
