# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules: documentation, fragments, argument specs and action groups say the same."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from .tree import Loader, load_yaml, problem

NAME = "mcp_auth.openshift"
PACKAGE = "ansible_collections.mcp_auth.openshift.plugins"
# A documentation fragment and the argument spec that it describes.
FRAGMENTS = {
    "cluster": ("module_utils._cluster.args", "CLUSTER_ARGS"),
    "keycloak": ("module_utils._keycloak.args", "KEYCLOAK_ARGS"),
    "wait": ("module_utils._cluster.args", "WAIT_ARGS"),
}
# What a module in no group has to do without.
GROUPS = ("cluster", "keycloak")
KEYS = ("type", "elements", "choices", "required", "default", "aliases")


def modules(root: Path) -> list[Path]:
    """The files of the modules."""
    return sorted(path for path in (root / "plugins/modules").glob("*.py") if path.name != "__init__.py")


def block(path: Path, name: str) -> Any:
    """A documentation block of a plugin, as data."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            return yaml.load(ast.literal_eval(node.value), Loader)
    return None


def fragments_of(path: Path) -> list[str]:
    """The fragments of ours that a module's documentation extends, by short name."""
    named = (block(path, "DOCUMENTATION") or {}).get("extends_documentation_fragment") or []
    named = [named] if isinstance(named, str) else named
    return [name.removeprefix(f"{NAME}.") for name in named]


def check_groups(root: Path) -> list[str]:
    """meta/runtime.yml has in each group exactly the modules whose documentation has that group's options."""
    path = root / "meta/runtime.yml"
    groups = load_yaml(path)["action_groups"]
    found = []
    if tuple(sorted(groups)) != GROUPS:
        found.append(problem(root, path, 1, f"the action groups have to be {', '.join(GROUPS)}"))
    documented: dict[str, set[str]] = {group: set() for group in GROUPS}
    for module in modules(root):
        fragments = fragments_of(module)
        # Keycloak's options contain the cluster's, so a module is in one group only.
        if "keycloak" in fragments:
            documented["keycloak"].add(module.stem)
        elif "cluster" in fragments:
            documented["cluster"].add(module.stem)
    for group in GROUPS:
        listed = set(groups.get(group) or [])
        for name in sorted(listed - documented[group]):
            found.append(problem(root, path, 1, f"{name} is listed in {group} and does not have its options"))
        for name in sorted(documented[group] - listed):
            found.append(problem(root, path, 1, f"{name} has the options of {group} and is not listed in it"))
        if list(groups.get(group) or []) != sorted(listed):
            found.append(problem(root, path, 1, f"{group} is not sorted"))
    return found


def check_documentation(root: Path) -> list[str]:
    """Each module's blocks are whole, and its examples use what is documented."""
    found: list[str] = []
    for path in modules(root):
        found += check_module(root, path)
    return found


def check_module(root: Path, path: Path) -> Iterator[str]:
    """One module's documentation blocks."""
    documentation, examples, returned = (block(path, name) for name in ("DOCUMENTATION", "EXAMPLES", "RETURN"))
    for name, content in (("DOCUMENTATION", documentation), ("EXAMPLES", examples), ("RETURN", returned)):
        if not content:
            yield problem(root, path, 1, f"no {name}")
    if not (documentation and examples and returned):
        return
    if documentation.get("version_added") != "0.1.0":
        yield problem(root, path, 1, "version_added has to be 0.1.0")
    if not documentation.get("author"):
        yield problem(root, path, 1, "no author")
    fragments, attributes = fragments_of(path), documentation.get("attributes") or {}
    for name in ("check_mode", "diff_mode", "idempotent"):
        if "support" not in attributes.get(name, {}) and "attributes.info_module" not in fragments:
            yield problem(root, path, 1, f"attributes.{name} does not say its support")
    options = set(documentation.get("options") or {})
    for fragment in fragments:
        if fragment in FRAGMENTS or (root / f"plugins/doc_fragments/{fragment}.py").exists():
            options |= set(fragment_options(root, fragment))
    for task in tasks_of(examples):
        if "name" not in task:
            yield problem(root, path, 1, "an example without a name")
        used = task.get(f"{NAME}.{path.stem}")
        for option in sorted(set(used if isinstance(used, dict) else {}) - options):
            yield problem(root, path, 1, f"an example uses the option {option}, which is not documented")
    if not any(f"{NAME}.{path.stem}" in task for task in tasks_of(examples)):
        yield problem(root, path, 1, f"no example uses {NAME}.{path.stem}")


def tasks_of(content: Any) -> Iterator[dict[str, Any]]:
    """The tasks in an example: a list of tasks, of plays, or of blocks."""
    for item in content if isinstance(content, list) else []:
        inner = [item[key] for key in ("tasks", "pre_tasks", "block", "rescue", "always") if key in item]
        if inner:
            for part in inner:
                yield from tasks_of(part)
        else:
            yield item


def fragment_options(root: Path, name: str) -> dict[str, Any]:
    """The options that a documentation fragment describes, with those of fragments that it builds on."""
    path = root / f"plugins/doc_fragments/{name}.py"
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id == "DOCUMENTATION"
        ):
            content = yaml.load(ast.literal_eval(node.value), Loader)
            return dict(content.get("options") or {})
    return {}


def check_fragments(root: Path) -> list[str]:
    """Each fragment describes exactly the options of its argument spec."""
    found: list[str] = []
    for name, (module, attribute) in FRAGMENTS.items():
        path = root / f"plugins/doc_fragments/{name}.py"
        if not path.exists():
            found.append(problem(root, path, 1, "is missing"))
            continue
        documented = fragment_options(root, name)
        spec: Mapping[str, Any] = getattr(importlib.import_module(f"{PACKAGE}.{module}"), attribute)
        if name == "keycloak":
            # Its modules extend the fragment "cluster" too.
            documented = {**fragment_options(root, "cluster"), **documented}
        found += [problem(root, path, 1, message) for message in differences(documented, spec)]
    return found


def differences(documented: Mapping[str, Any], spec: Mapping[str, Any], where: str = "") -> Iterator[str]:
    """Where documented options and an argument spec disagree."""
    for name in sorted(set(documented) ^ set(spec)):
        yield f"{where}{name} is only in {'the documentation' if name in documented else 'the argument spec'}"
    for name in sorted(set(documented) & set(spec)):
        told, real = documented[name], spec[name]
        for key in KEYS:
            one, other = told.get(key), real.get(key)
            if key == "required":
                one, other = bool(one), bool(other)
            if key == "type":
                one, other = one or "str", other or "str"
            if one != other:
                yield f"{where}{name}: {key} is {one!r} in the documentation and {other!r} in the argument spec"
        fallback = real.get("fallback")
        for variable in fallback[1] if fallback else []:
            if variable not in str(told.get("description")):
                yield f"{where}{name}: the documentation does not name its environment variable {variable}"
        yield from differences(told.get("suboptions") or {}, real.get("options") or {}, f"{where}{name}.")
