# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arrows go one way: playbooks -> roles -> modules -> module_utils, and inside module_utils as the table here says."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .tree import files, problem, text_of

OURS = ("ansible_collections", "mcp_auth", "openshift")
UTILS = ("plugins", "module_utils")

# Who may know whom inside module_utils. _chain is known to all and knows nobody; _cluster is the way to the API server,
# to references of secrets and to redaction; _evidence walks the whole chain.
MAY_KNOW: dict[str, frozenset[str]] = {
    "_chain": frozenset(),
    "_cluster": frozenset({"_chain"}),
    "_external_oidc": frozenset({"_chain", "_cluster"}),
    "_keycloak": frozenset({"_chain", "_cluster", "_secrets"}),
    "_mcp": frozenset({"_chain", "_cluster"}),
    "_secrets": frozenset({"_chain", "_cluster"}),
    "_evidence": frozenset({"_chain", "_cluster", "_external_oidc", "_keycloak", "_mcp", "_secrets"}),
}

# The only files that name a third-party library.
MAY_IMPORT: dict[str, frozenset[str]] = {
    "_cluster/client.py": frozenset({"jmespath", "kubernetes", "openshift", "urllib3"}),
    "_external_oidc/reader.py": frozenset({"yaml"}),
    "_keycloak/session.py": frozenset({"cryptography", "keycloak", "requests", "urllib3"}),
    "_mcp/toml.py": frozenset({"tomlkit"}),
    "_secrets/x509.py": frozenset({"cryptography"}),
}

# The model does no input or output: these would be a way to it.
IMPURE = frozenset(
    (
        "asyncio",
        "http",
        "io",
        "os",
        "pathlib",
        "shutil",
        "socket",
        "ssl",
        "subprocess",
        "sys",
        "tempfile",
        "threading",
        "time",
    )
)
IMPURE_PARTS = ("urllib.request",)
IMPURE_CALLS = frozenset({"open", "print", "input", "exec", "eval", "__import__"})

POINTS_INTO_TESTS = re.compile(r"(?<![\w/.-])(?:\.\./)*tests/(?:\w|\.)")
PUBLIC = ("meta", "playbooks", "plugins", "roles")


@dataclass(frozen=True)
class Import:
    """One imported name, with where and how."""

    line: int
    target: tuple[str, ...]
    guarded: bool


class Finder(ast.NodeVisitor):
    """Collects imports; one is guarded below `try: ... except ImportError` or `if TYPE_CHECKING`."""

    def __init__(self, package: tuple[str, ...]) -> None:
        self.package = package
        self.guarded = False
        self.found: list[Import] = []

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.found.append(Import(node.lineno, tuple(alias.name.split(".")), self.guarded))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        base: tuple[str, ...] = tuple(node.module.split(".")) if node.module else ()
        if node.level:
            base = self.package[: len(self.package) - node.level + 1] + base
        for alias in node.names:
            self.found.append(Import(node.lineno, (*base, alias.name), self.guarded))

    def visit_Try(self, node: ast.Try) -> None:
        names = {
            item.id
            for handler in node.handlers
            if handler.type
            for item in ast.walk(handler.type)
            if isinstance(item, ast.Name)
        }
        self.inside(node.body, bool(names & {"ImportError", "ModuleNotFoundError", "Exception"}))
        for part in (*node.handlers, *node.orelse, *node.finalbody):
            self.visit(part)

    def visit_If(self, node: ast.If) -> None:
        self.inside(node.body, "TYPE_CHECKING" in ast.unparse(node.test))
        for part in node.orelse:
            self.visit(part)

    def inside(self, body: list[ast.stmt], guarded: bool) -> None:
        before, self.guarded = self.guarded, self.guarded or guarded
        for part in body:
            self.visit(part)
        self.guarded = before


def imports_of(path: Path, package: tuple[str, ...]) -> list[Import]:
    """The imports of a file that lies in that package."""
    finder = Finder(package)
    finder.visit(ast.parse(path.read_text(encoding="utf-8"), str(path)))
    return finder.found


def check(root: Path) -> list[str]:
    """Every arrow that points the wrong way."""
    return [*check_plugins(root), *check_public_text(root)]


def check_plugins(root: Path) -> Iterator[str]:
    """The imports of the plugins."""
    for path in files(root, "plugins", suffixes=(".py",)):
        place = path.relative_to(root).parts
        for item in imports_of(path, (*OURS, *place[:-1])):
            message = wrong(place, item)
            if message:
                yield problem(root, path, item.line, message)
        if place[:3] == (*UTILS, "_chain"):
            yield from impure_calls(root, path)


def wrong(place: tuple[str, ...], item: Import) -> str:
    """What is wrong with one import of the file at that place; empty when nothing is."""
    util = place[2] if place[:2] == UTILS else ""
    top = item.target[0]
    if item.target[:3] == OURS:
        if place[:2] == ("plugins", "action") and item.target[3:5] == ("plugins", "plugin_utils"):
            return ""
        return wrong_inside(util, item.target[3:])
    if top == "ansible_collections":
        return f"{'.'.join(item.target)}: another collection; this one depends on none"
    if top in ("tests", "quality", "runkit", "labkit"):
        return f"{'.'.join(item.target)}: nothing public points into tests/"
    if util == "_chain":
        name = ".".join(item.target)
        if top not in sys.stdlib_module_names or top in IMPURE or name.startswith(IMPURE_PARTS):
            return f"{name}: the model is pure and does no input or output"
        return ""
    if top in sys.stdlib_module_names or top == "ansible":
        return ""
    allowed = MAY_IMPORT.get("/".join(place[2:]), frozenset()) if util else frozenset()
    if top not in allowed:
        return f"{top}: third-party names live only in {', '.join(sorted(MAY_IMPORT))}"
    if not item.guarded:
        return f"{top}: imported without a guard; ansible-test and ansible-doc have no third-party library"
    return ""


def wrong_inside(util: str, target: tuple[str, ...]) -> str:
    """What is wrong with an import of something of ours."""
    name = ".".join(target)
    if target[:2] != UTILS:
        return f"{name}: only module_utils may be imported"
    if not util:
        return ""
    if util not in MAY_KNOW:
        return f"{util}: a new part of module_utils needs a row in tests/quality/imports.py"
    other = target[2] if len(target) > 2 else ""
    if other != util and other not in MAY_KNOW[util]:
        return f"{name}: {util} may know only {', '.join(sorted(MAY_KNOW[util])) or 'itself'}"
    return ""


def impure_calls(root: Path, path: Path) -> Iterator[str]:
    """Calls in the model that reach outside it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE_CALLS:
            yield problem(root, path, node.lineno, f"{node.func.id}(): the model is pure and does no input or output")


def check_public_text(root: Path) -> Iterator[str]:
    """Public files that point into tests/, and roles that reach for a playbook."""
    for path in files(root, *(top for top in PUBLIC if (root / top).is_dir())):
        for number, line in enumerate(text_of(path).splitlines(), 1):
            if POINTS_INTO_TESTS.search(line):
                yield problem(root, path, number, "nothing public points into tests/")
            if (
                path.relative_to(root).parts[0] == "roles"
                and path.suffix in (".yml", ".yaml")
                and "import_playbook" in line
            ):
                yield problem(root, path, number, "a role knows no playbook")


def cycles() -> list[str]:
    """Parts of module_utils that would know each other; the table itself is checked."""
    return [f"{one} and {other}" for one, known in MAY_KNOW.items() for other in known if one in MAY_KNOW[other]]
