# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checker of play headers finds each line that is left out or changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from quality import plays

GOOD = """---
- name: Do something on the controller
  hosts: "{{ groups['mcp_auth_clusters'] | default(['localhost']) }}"
  connection: local
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  roles:
    - mcp_auth.openshift.keycloak
"""
CONTROL_PLANES = """---
- name: Do something on the control planes
  hosts: "{{ chain_control_plane_group | default('control_plane') }}"
  serial: 1
  gather_facts: false
  roles: []
"""
FAULTS = {
    "hosts: all": (GOOD, "\"{{ groups['mcp_auth_clusters'] | default(['localhost']) }}\"", "all", "hosts has to be"),
    "no connection": (GOOD, "  connection: local\n", "", "connection has to be local"),
    "another connection": (GOOD, "connection: local", "connection: ssh", "connection has to be local"),
    "facts by default": (GOOD, "  gather_facts: false\n", "", "gather_facts has to be false"),
    "facts": (GOOD, "gather_facts: false", "gather_facts: true", "gather_facts has to be false"),
    "no interpreter": (
        GOOD,
        '    ansible_python_interpreter: "{{ ansible_playbook_python }}"\n',
        "    x: 1\n",
        "ansible_python_interpreter",
    ),
    "another interpreter": (GOOD, '"{{ ansible_playbook_python }}"', "/usr/bin/python3", "ansible_python_interpreter"),
    "no name": (GOOD, "- name: Do something on the controller\n  hosts", "- hosts", "needs a name"),
    "all control planes at a time": (CONTROL_PLANES, "  serial: 1\n", "", "one at a time"),
}


def tree(tmp_path: Path, text: str, place: str = "playbooks/x.yml") -> Path:
    """A tree with one playbook."""
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("place", ["playbooks/x.yml", "examples/project/x.yml"])
def test_planted(name: str, place: str, tmp_path: Path) -> None:
    text, old, new, message = FAULTS[name]
    assert old in text
    found = plays.check(tree(tmp_path, text.replace(old, new, 1), place))
    assert len(found) == 1, found
    assert message in found[0]


@pytest.mark.parametrize(
    "text",
    [GOOD, CONTROL_PLANES, "---\n- name: All\n  import_playbook: mcp_auth.openshift.site\n", "---\nkey: value\n"],
)
def test_good(text: str, tmp_path: Path) -> None:
    assert plays.check(tree(tmp_path, text)) == []


def test_the_second_play_counts_too(tmp_path: Path) -> None:
    found = plays.check(tree(tmp_path, GOOD + "- name: Second\n  hosts: localhost\n  tasks: []\n"))
    assert {item.split(":")[1] for item in found} == {"10"}
    assert len(found) == 4


def test_the_tree_has_plays(root: Path) -> None:
    assert plays.playbooks(root)
