# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The import checker finds each kind of wrong arrow when one is planted, and only then."""

from __future__ import annotations

from pathlib import Path

import pytest
from quality import imports

PLANTED = {
    "the model knows somebody": ("_chain/x.py", "from .._cluster import client", "may know only itself"),
    "the model, by its full name": (
        "_chain/x.py",
        "import ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak.plan",
        "may know only itself",
    ),
    "the model does input": ("_chain/x.py", "import os", "pure"),
    "the model fetches": ("_chain/x.py", "import urllib.request", "pure"),
    "the model fetches, the other way to write it": ("_chain/x.py", "from urllib import request", "pure"),
    "the model opens a file": ("_chain/x.py", "text = open('x').read()", "pure"),
    "the model knows Ansible": ("_chain/x.py", "from ansible.module_utils.basic import AnsibleModule", "pure"),
    "a part knows one beside it": ("_keycloak/x.py", "from .._mcp import client", "may know only"),
    "the base knows a part": ("_cluster/x.py", "def f():\n    from .._keycloak import session", "may know only"),
    "a part without a row": ("_new/x.py", "from .._chain import build", "needs a row"),
    "a module_util knows a module": (
        "_cluster/x.py",
        "from ansible_collections.mcp_auth.openshift.plugins.modules import kube_objects",
        "only module_utils",
    ),
    "a library in the wrong file": (
        "_keycloak/x.py",
        "try:\n    import keycloak\nexcept ImportError:\n    pass",
        "live only in",
    ),
    "a library without a guard": ("_keycloak/session.py", "import keycloak", "without a guard"),
    "another collection": ("_cluster/x.py", "import ansible_collections.kubernetes.core.plugins", "depends on none"),
    "the tests": ("_cluster/x.py", "from quality import tree", "tests/"),
}

ALLOWED = {
    "the model knows itself": (
        "_chain/x.py",
        "from . import hops\nfrom .hops import Hop\nimport json\nfrom urllib.parse import urlsplit",
    ),
    "a part knows the model and the cluster": (
        "_keycloak/x.py",
        "from .._chain import build\nfrom .._cluster import client",
    ),
    "a guarded library": ("_mcp/toml.py", "try:\n    import tomlkit\nexcept ImportError:\n    tomlkit = None"),
    "a library for types": ("_mcp/toml.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import tomlkit"),
}


def plant(tmp_path: Path, place: str, text: str) -> Path:
    """A tree with one file in module_utils."""
    path = tmp_path / "plugins/module_utils" / place
    path.parent.mkdir(parents=True)
    path.write_text(text + "\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("name", PLANTED)
def test_planted(name: str, tmp_path: Path) -> None:
    place, text, message = PLANTED[name]
    found = imports.check(plant(tmp_path, place, text))
    assert len(found) == 1, found
    assert message in found[0]


@pytest.mark.parametrize("name", ALLOWED)
def test_allowed(name: str, tmp_path: Path) -> None:
    assert imports.check(plant(tmp_path, *ALLOWED[name])) == []


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("roles/x/tasks/main.yml", "- ansible.builtin.include_tasks: ../../../tests/lab/up.yml"),
        ("playbooks/x.yml", "# see tests/lab/README.md"),
        ("plugins/modules/x.py", "PATH = 'tests/unit'"),
        ("roles/x/tasks/main.yml", "- ansible.builtin.import_playbook: site.yml"),
    ],
)
def test_public_text(place: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_text(text + "\n", encoding="utf-8")
    assert len(imports.check(tmp_path)) == 1


@pytest.mark.parametrize("text", ["- contests/unit", "the latests/x", "https://example.com/tests/unit"])
def test_other_text(text: str, tmp_path: Path) -> None:
    path = tmp_path / "roles/x/README.md"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    assert imports.check(tmp_path) == []
