# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The other checkers find planted faults too."""

from __future__ import annotations

from pathlib import Path

import pytest
from quality import budget, modules, pages, roles, text

LICENCE = f"# Copyright (c) 2026, x\n# {text.LICENCE}\n"


def put(tmp_path: Path, place: str, content: str) -> Path:
    """A tree with one more file."""
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("place", "content", "message"),
    [
        ("tests/x.py", "x = 1\n", "SPDX"),
        ("tests/x", "#!/usr/bin/env bash\ntrue\n", "SPDX"),
        ("plugins/module_utils/_x/y.py", LICENCE + "x = 1\n", "PRIVATE"),
        ("plugins/module_utils/_x/__init__.py", LICENCE, "empty"),
        ("plugins/module_utils/x/y.py", LICENCE + text.PRIVATE + "\n", "underscore"),
        ("plugins/modules/x.py", LICENCE + "x = 1\n" * 300, "the limit is 300"),
        ("plugins/module_utils/_x/y.py", LICENCE + text.PRIVATE + "\n" + "x = 1\n" * 500, "the limit is 500"),
        (
            "plugins/modules/x.py",
            LICENCE + "class A:\n" + "".join(f"    def f{n}(self): ...\n" for n in range(26)),
            "26 methods",
        ),
        ("README.md", "see https://" + text.REGISTRIES[0] + "/x", "package registry"),
        ("README.md", "see /" + "work/main", "one machine"),
        ("roles/x/tasks/main.yml", "# TO" + "DO: later", "unfinished"),
    ],
)
def test_text(place: str, content: str, message: str, tmp_path: Path) -> None:
    found = text.check(put(tmp_path, place, content))
    assert len(found) == 1, found
    assert message in found[0]


@pytest.mark.parametrize(
    ("place", "content"),
    [
        ("plugins/modules/x.py", LICENCE + 'DOCUMENTATION = r"""\n' + "x: 1\n" * 400 + '"""\n'),
        ("go.sum", "https://" + text.REGISTRIES[3]),
        ("docs/x.md", "the workplace /worker/x and " + "/".join((".", "work", "x"))),
    ],
)
def test_text_that_may_be(place: str, content: str, tmp_path: Path) -> None:
    assert text.check(put(tmp_path, place, content)) == []


@pytest.mark.parametrize(
    ("place", "content"),
    [
        ("x.py", "import x  # no" + "qa: F401\n"),
        ("x.py", "import x  # no" + "qa\n"),
        ("x.py", "class A(B):  # type: " + "ignore[misc]\n    pass\n"),
        ("x.yml", "- name: X\n  fail: {}\n  ignore_" + "errors: true\n"),
        ("x.yml", "- name: X\n  fail: {}\n  failed_when: " + "false\n"),
        ("x.sh", "true\n# shellcheck dis" + "able=SC2086\n"),
        ("_chain/x.py", "from typing import Any\nx: Any = 1\n"),
    ],
)
def test_exceptions_without_a_reason(place: str, content: str, tmp_path: Path) -> None:
    found = budget.check(put(tmp_path, place, content))
    assert any("without a reason" in item for item in found), found


@pytest.mark.parametrize(
    ("place", "content"),
    [
        ("x.py", "import x  # no" + "qa: F401 (registers itself)\n"),
        ("x.py", "# AnsibleModule has no types.\nclass A(B):  # type: " + "ignore[misc]\n    pass\n"),
        ("x.py", "class A(B):  # type: " + "ignore[misc]  # ansible-core has no types\n    pass\n"),
        ("x.yml", "- name: X\n  fail: {}\n  failed_when: " + "false  # the next task judges\n"),
    ],
)
def test_exceptions_with_a_reason(place: str, content: str, tmp_path: Path) -> None:
    put(tmp_path, place, content)
    assert budget.check(tmp_path) == []
    assert len(budget.gather(tmp_path)) == 1


def test_more_than_the_budget(tmp_path: Path) -> None:
    put(tmp_path, "x.py", "x = 1  # no" + "sec B101 (a reason)\n")
    assert budget.check(tmp_path) == ["1 of the kind 'nosec', the budget is 0"]


SPEC = """---
argument_specs:
  main:
    short_description: X
    version_added: 0.1.0
    options:
      x_state: {type: str, default: present, description: State.}
      x_size: {type: int, default: 1, description: Size.}
"""
ROLE = {
    "README.md": "x_state x_size",
    "defaults/main.yml": "---\nx_state: present\nx_size: 1\n",
    "meta/argument_specs.yml": SPEC,
    "meta/main.yml": "---\ndependencies:\n  - role: mcp_auth.openshift.chain\n",
    "tasks/main.yml": "---\n[]\n",
}


def role(tmp_path: Path, **changed: str) -> Path:
    """A tree with one role."""
    for name, content in {**ROLE, **changed}.items():
        put(tmp_path, f"roles/x/{name}", content)
    return tmp_path


def test_role_that_agrees(tmp_path: Path) -> None:
    assert roles.check(role(tmp_path)) == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("defaults/main.yml", "---\nx_state: present\nx_size: 2\n", "the spec says 1"),
        ("defaults/main.yml", "---\nx_state: present\n", "does not have"),
        ("defaults/main.yml", "---\nx_state: present\nx_size: 1\nx_sizee: 1\n", "in no argument spec"),
        ("defaults/main.yml", "---\nx_state: present\nx_size: one\n", "not of type int"),
        ("README.md", "x_state", "x_size"),
        ("meta/main.yml", "---\ndependencies: []\n", "role chain"),
        ("meta/argument_specs.yml", SPEC + "      y_size: {type: int, description: x_size.}\n", "role's name"),
        ("meta/argument_specs.yml", SPEC.replace("type: int, ", ""), "lacks"),
    ],
)
def test_role_that_disagrees(name: str, content: str, message: str, tmp_path: Path) -> None:
    found = roles.check(role(tmp_path, **{name: content}))
    assert any(message in item for item in found), found


def test_groups(tmp_path: Path) -> None:
    put(tmp_path, "meta/runtime.yml", "---\naction_groups:\n  cluster:\n    - a\n    - b\n  keycloak: []\n")
    fragment = "DOCUMENTATION = 'extends_documentation_fragment: mcp_auth.openshift.{}'\n"
    put(tmp_path, "plugins/modules/a.py", fragment.format("cluster"))
    put(tmp_path, "plugins/modules/b.py", "DOCUMENTATION = 'options: {}'\n")
    put(tmp_path, "plugins/modules/c.py", fragment.format("keycloak"))
    found = modules.check_groups(tmp_path)
    assert any("b is listed in cluster and does not have" in item for item in found)
    assert any("c has the options of keycloak and is not listed" in item for item in found)
    assert len(found) == 2


def test_differences() -> None:
    spec = {
        "a": {"type": "int"},
        "b": {"fallback": (print, ["X_B"])},
        "c": {"type": "dict", "options": {"d": {"required": True}}},
    }
    told = {"a": {"type": "str"}, "b": {"description": "B."}, "c": {"type": "dict", "suboptions": {"d": {}}}, "e": {}}
    found = "\n".join(modules.differences(told, spec))
    for message in ("a: type", "b: the documentation does not name", "c.d: required", "e is only in the documentation"):
        assert message in found


PAGE = "# X\n" + "".join(f"## {section}\n" for section in pages.SECTIONS) + " ".join(pages.COMMANDS)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("[a](CONTRIBUTING.md)", "full addresses"),
        ("[a](https://mcp-auth.example/x)", ""),
        ("[a](#testing)", ""),
        ("[a](#tests)", "no such heading"),
    ],
)
def test_readme(more: str, message: str, tmp_path: Path) -> None:
    put(tmp_path, "CONTRIBUTING.md", "# House\n")
    found = pages.check(put(tmp_path, "README.md", f"{PAGE}\n{more}\n"))
    assert [item for item in found if message and message in item] == found
    assert len(found) == bool(message)


def test_pages_that_lack_something(tmp_path: Path) -> None:
    put(tmp_path, "README.md", PAGE.replace("## Support\n", ""))
    put(tmp_path, "CONTRIBUTING.md", "[a](roles/none.md) [b](roles/x/README.md#y)\n```\n[c](gone.md)\n```\n")
    put(tmp_path, "roles/x/README.md", "# Not y\n")
    put(tmp_path, "roles/hidden/README.md", "# Hidden\n")
    found = "\n".join(pages.check(tmp_path))
    for message in ("no section 'Support'", "none.md leads nowhere", "#y: no such heading", "names the role hidden"):
        assert message in found
    assert len(found.splitlines()) == 4
