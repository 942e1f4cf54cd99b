# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every play has the header that makes it run on the controller, with an inventory and without one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .tree import files, load_yaml, problem, text_of

HOSTS = "{{ groups['mcp_auth_clusters'] | default(['localhost']) }}"
INTERPRETER = "{{ ansible_playbook_python }}"
PLACES = ("playbooks", "examples/project")


def check(root: Path) -> list[str]:
    """Every play without the header."""
    found = []
    for path in playbooks(root):
        for number, play in enumerate(load_yaml(path)):
            if "hosts" in play or "import_playbook" not in play:
                found += [problem(root, path, line_of(path, number), message) for message in wrong(play)]
    return found


def playbooks(root: Path) -> list[Path]:
    """Files that hold plays; example projects hold variables and inventories too."""
    found = []
    for path in files(root, *(place for place in PLACES if (root / place).is_dir()), suffixes=(".yml", ".yaml")):
        content = load_yaml(path)
        if isinstance(content, list) and any(
            isinstance(item, dict) and {"hosts", "import_playbook"} & set(item) for item in content
        ):
            found.append(path)
    return found


def wrong(play: dict[str, Any]) -> list[str]:
    """What the header of one play lacks."""
    name = play.get("name", "a play without a name")
    found = []
    if is_for_control_planes(play):
        if play.get("serial") != 1:
            found.append(f"{name}: control-plane hosts are changed one at a time (serial: 1)")
    else:
        if play.get("hosts") != HOSTS:
            found.append(f"{name}: hosts has to be {HOSTS!r}")
        if play.get("connection") != "local":
            found.append(f"{name}: connection has to be local")
        if (play.get("vars") or {}).get("ansible_python_interpreter") != INTERPRETER:
            found.append(f"{name}: vars needs ansible_python_interpreter: {INTERPRETER!r}")
    if play.get("gather_facts") is not False:
        found.append(f"{name}: gather_facts has to be false")
    if "name" not in play:
        found.append("a play needs a name")
    return found


def is_for_control_planes(play: dict[str, Any]) -> bool:
    """Only authentication_config runs on other hosts."""
    return "control_plane" in str(play.get("hosts"))


def line_of(path: Path, number: int) -> int:
    """The line where the n-th play begins."""
    starts = [line for line, text in enumerate(text_of(path).splitlines(), 1) if text.startswith("- ")]
    return starts[number] if number < len(starts) else 1
