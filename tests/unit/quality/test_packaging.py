# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tarball: what is in it, and that it works from where Ansible installs it, without Galaxy."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

# What a user needs; everything else has to be named in galaxy.yml's build_ignore.
ALLOWED = re.compile(
    r"(CHANGELOG\.rst|CONTRIBUTING\.md|FILES\.json|LICENSE|MANIFEST\.json|README\.md"
    r"|changelogs(/changelog\.yaml|/config\.yaml)?"
    r"|docs(/docsite(/.*)?)?"
    r"|meta(/(runtime|execution-environment)\.yml|/ee-requirements\.txt|/ee-bindep\.txt)?"
    r"|playbooks(/.*)?"
    r"|plugins(/(action|callback|doc_fragments|filter|module_utils|modules|plugin_utils)(/.*)?)?"
    r"|roles(/.*)?"
    r"|tests(/config\.yml)?)$"
)
# What tools and runs leave in a checkout, from which a user builds.
LEFT_BEHIND = (
    ".mypy_cache/x.db",
    "plugins/modules/__pycache__/x.pyc",
    "plugins/module_utils/_chain/.ruff_cache/x",
    "roles/chain/.ansible/x.retry",
    "roles/chain/.hypothesis/x",
    "tests/output/x.log",
    "tests/unit/.pytest_cache/x",
)
NEVER = re.compile(r"__pycache__|\.py[co]$|_cache|\.ansible(/|$)|\.env$|\.log$|\.retry$|\.kubeconfig$|\.pem$|\.key$")
SERVER = "http://127.0.0.1:9"


def call(argv: list[str], cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """Run one of Ansible's programs beside this Python."""
    program = Path(sys.executable).parent / argv[0]
    settings = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    settings.update(LC_ALL="C.UTF-8", HOME=str(cwd), ANSIBLE_NOCOLOR="1", **(env or {}))
    done = subprocess.run([str(program), *argv[1:]], cwd=cwd, env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_one_address_for_faults(root: Path) -> None:
    (address,) = re.findall(r"^issues: (\S+)$", (root / "galaxy.yml").read_text(encoding="utf-8"), re.MULTILINE)
    for page in ("README.md", "docs/docsite/links.yml"):
        assert re.search(rf"{re.escape(address)}(>|$)", (root / page).read_text(encoding="utf-8"), re.MULTILINE), page


@pytest.fixture(scope="session")
def tarball(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection as it is built from a checkout that was worked in."""
    place, checkout = tmp_path_factory.mktemp("build"), tmp_path_factory.mktemp("checkout") / "main"
    shutil.copytree(root, checkout, ignore=shutil.ignore_patterns(".git", "output"), symlinks=True)
    for name in LEFT_BEHIND:
        path = checkout / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x", encoding="utf-8")
    call(["ansible-galaxy", "collection", "build", "--output-path", str(place), str(checkout)], place)
    (path,) = place.glob("*.tar.gz")
    return path


@pytest.fixture(scope="session")
def installed(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection in an empty path, installed with a Galaxy that does not answer."""
    place = tmp_path_factory.mktemp("install")
    call(["ansible-galaxy", "collection", "install", str(tarball), "-p", "collections", "-s", SERVER], place)
    return place


def ansible_doc(installed: Path, *argv: str) -> dict[str, object]:
    """What ansible-doc says, read from the installed collection only."""
    text = call(
        ["ansible-doc", "--json", *argv], installed, {"ANSIBLE_COLLECTIONS_PATH": str(installed / "collections")}
    )
    content: dict[str, object] = json.loads(text)
    return content


def names(root: Path, kind: str) -> list[str]:
    """Full names of the plugins of a kind in the tree."""
    suffix = ".yml" if kind == "filter" else ".py"
    return sorted(
        f"mcp_auth.openshift.{path.stem}"
        for path in (root / "plugins" / kind).glob(f"*{suffix}")
        if path.stem != "__init__"
    )


def test_name(tarball: Path) -> None:
    assert re.fullmatch(r"mcp_auth-openshift-\d+\.\d+\.\d+\.tar\.gz", tarball.name)


def test_contents(tarball: Path) -> None:
    with tarfile.open(tarball) as tar:
        members = {member.name.rstrip("/") for member in tar.getmembers()}
    assert [name for name in sorted(members) if not ALLOWED.match(name)] == []
    assert [name for name in sorted(members) if NEVER.search(name)] == []
    for name in ("LICENSE", "README.md", "meta/runtime.yml", "plugins/modules/keycloak_realm.py", "playbooks/site.yml"):
        assert name in members


def test_size(tarball: Path) -> None:
    assert tarball.stat().st_size < 1_000_000


def test_no_dependencies(installed: Path) -> None:
    manifest = json.loads((installed / "collections/ansible_collections/mcp_auth/openshift/MANIFEST.json").read_text())
    assert manifest["collection_info"]["dependencies"] == {}
    folders = {
        path.name for path in (installed / "collections/ansible_collections").iterdir() if path.suffix != ".info"
    }
    assert folders == {"mcp_auth"}


@pytest.mark.parametrize(("kind", "folder"), [("module", "modules"), ("filter", "filter"), ("callback", "callback")])
def test_ansible_doc_shows_plugins(kind: str, folder: str, root: Path, installed: Path) -> None:
    wanted = names(root, folder)
    assert wanted, f"the collection has a {kind}"
    shown = ansible_doc(installed, "--type", kind, *wanted)
    for name in wanted:
        entry = shown[name]
        assert isinstance(entry, dict)
        assert entry["doc"]["short_description"], name
        assert kind == "callback" or entry["examples"], name


def test_ansible_doc_lists_no_more_and_no_less(root: Path, installed: Path) -> None:
    assert sorted(ansible_doc(installed, "--list", "--type", "module", "mcp_auth.openshift")) == names(root, "modules")


def test_ansible_doc_shows_roles(root: Path, installed: Path) -> None:
    wanted = sorted(f"mcp_auth.openshift.{path.name}" for path in (root / "roles").iterdir() if path.is_dir())
    shown = ansible_doc(installed, "--type", "role", *wanted)
    for name in wanted:
        entry = shown[name]
        assert isinstance(entry, dict)
        assert entry["entry_points"]["main"]["short_description"], name


def test_playbooks_are_found_by_name(root: Path, installed: Path) -> None:
    env = {"ANSIBLE_COLLECTIONS_PATH": str(installed / "collections")}
    for path in sorted((root / "playbooks").glob("*.yml")):
        call(["ansible-playbook", "--syntax-check", f"mcp_auth.openshift.{path.stem}"], installed, env)
