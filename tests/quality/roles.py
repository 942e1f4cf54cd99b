# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles: argument specs, defaults and README say the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .tree import load_yaml, problem, text_of

NEEDED = ("README.md", "defaults/main.yml", "meta/argument_specs.yml", "meta/main.yml", "tasks/main.yml")
# The model needs a cluster to look at, and local_cluster makes one.
WITHOUT_CHAIN = ("chain", "local_cluster")
TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "path": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "list": (list,),
    "dict": (dict,),
}


def roles(root: Path) -> list[Path]:
    """The folders of the roles."""
    return sorted(path for path in (root / "roles").glob("*") if path.is_dir())


def check(root: Path) -> list[str]:
    """Everything on which the files of a role disagree."""
    found: list[str] = []
    for role in roles(root):
        missing = [name for name in NEEDED if not (role / name).is_file()]
        found += [problem(root, role / name, 1, "is missing") for name in missing]
        if not missing:
            found += check_role(root, role)
    return found


def check_role(root: Path, role: Path) -> Iterator[str]:
    """One role's specs against its defaults and its README."""
    specs_file, defaults_file, readme = role / "meta/argument_specs.yml", role / "defaults/main.yml", role / "README.md"
    specs = load_yaml(specs_file)["argument_specs"]
    defaults: dict[str, Any] = load_yaml(defaults_file) or {}
    told = text_of(readme)
    options: dict[str, Any] = {}
    for spec in specs.values():
        options.update(spec.get("options") or {})
        for name in ("short_description", "version_added"):
            if not spec.get(name):
                yield problem(root, specs_file, 1, f"an entry point without {name}")
    if role.name not in WITHOUT_CHAIN:
        if f"{role.name}_state" not in options and role.name not in ("verify",):
            yield problem(root, specs_file, 1, f"no {role.name}_state: a role can be taken away again")
        if "mcp_auth.openshift.chain" not in str(load_yaml(role / "meta/main.yml").get("dependencies")):
            yield problem(root, role / "meta/main.yml", 1, "does not depend on the role chain")
    for name in sorted(set(defaults) - set(options)):
        if not name.startswith("__"):
            yield problem(root, defaults_file, line_of(defaults_file, name), f"{name} is in no argument spec")
    for name, option in options.items():
        line = line_of(specs_file, name)
        if not name.startswith((f"{role.name}_", f"__{role.name}_")):
            yield problem(root, specs_file, line, f"{name} does not begin with the role's name")
        if "description" not in option or "type" not in option:
            yield problem(root, specs_file, line, f"{name} lacks its description or its type")
        if name not in told and f"ansible-doc -t role mcp_auth.openshift.{role.name}" not in told:
            yield problem(root, readme, 1, f"neither names the variable {name} nor says how to list all by ansible-doc")
        yield from check_default(root, specs_file, line, name, option, defaults)


def check_default(
    root: Path, path: Path, line: int, name: str, option: dict[str, Any], defaults: dict[str, Any]
) -> Iterator[str]:
    """The default in the spec is the one in defaults/main.yml; an expression there is described in words."""
    if name not in defaults:
        if "default" in option:
            yield problem(root, path, line, f"{name} has a default that defaults/main.yml does not have")
        return
    value = defaults[name]
    if option.get("required"):
        yield problem(root, path, line, f"{name} is required and has a default")
    if isinstance(value, str) and "{{" in value:
        return
    if value is not None and not isinstance(value, TYPES.get(option.get("type", ""), (object,))):
        yield problem(root, path, line, f"{name}: the default {value!r} is not of type {option.get('type')}")
    if isinstance(value, (dict, list)) and "{{" in str(value):
        return
    if value is not None and option.get("default") != value:
        yield problem(root, path, line, f"{name}: the spec says {option.get('default')!r}, defaults/main.yml {value!r}")


def line_of(path: Path, name: str) -> int:
    """The line where a name stands as a key."""
    for number, line in enumerate(text_of(path).splitlines(), 1):
        if line.strip().startswith(f"{name}:"):
            return number
    return 1
