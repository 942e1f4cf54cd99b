# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What preflight.yml refuses and says of a cluster of one's own before it asks the cluster anything."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
GONE = "no-such-domain.invalid"
# Which an inventory of one's own has at least; the cluster is asked last, and is not there.
OWN: dict[str, Any] = {
    "chain_platform": "kubernetes",
    "chain_base_domain": GONE,
    "chain_kubeconfig": "/nowhere/kubeconfig",
    "ansible_python_interpreter": sys.executable,
}
GIVEN = {**OWN, "chain_keycloak_managed": False, "chain_ca_source": "system"}
CASES: dict[str, dict[str, Any]] = {
    "no_hosts": {**OWN, "external_auth_control_plane_group": "nobody"},
    "group": OWN,
    "provider": {**OWN, "external_auth_control_plane_group": "nobody", "external_auth_managed_control_plane": True},
    "openshift": {**GIVEN, "chain_platform": "openshift", "external_auth_control_plane_group": "nobody"},
    "no_way_back": {**OWN, "external_auth_confirm_within": 0},
    "given_keycloak": GIVEN,
    "given_here": {**GIVEN, "chain_keycloak_host": "localhost"},
    "lab": {**OWN, "chain_lab": True, "chain_keycloak_managed": False},
}
REFUSED = {
    "no_hosts": "inventory group nobody",
    "no_way_back": "external_auth_confirm_within is 0",
    "given_keycloak": rf"sso\.{GONE}.*does not resolve",
    "openshift": rf"sso\.{GONE}.*does not resolve",
}


def preflight(folder: Path, *arguments: str) -> str:
    """Run it once, each case a host of the inventory."""
    inventory = folder / "inventory.yml"
    inventory.write_text(
        json.dumps({"mcp_auth_clusters": {"hosts": CASES}, "chain_control_plane_hosts": {"hosts": {"cp1": {}}}})
    )
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "HOME": str(folder)}
    if "ANSIBLE_COLLECTIONS_PATH" not in environment:
        place = next(path for path in sys.path if (Path(path) / "ansible_collections" / "mcp_auth").is_dir())
        environment["ANSIBLE_COLLECTIONS_PATH"] = place
    program = Path(sys.executable).with_name("ansible-playbook")
    playbook = ROOT / "playbooks" / "preflight.yml"
    done = subprocess.run(
        [str(program), "-i", str(inventory), "--forks", "4", str(playbook), *arguments],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        timeout=300,
    )
    assert "PLAY RECAP" in done.stdout, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> str:
    return preflight(tmp_path_factory.mktemp("preflight"))


def fatal(output: str, host: str) -> str:
    """The error of a case; each has one, and only one."""
    (found,) = re.findall(rf"^fatal: \[{host}\]: (.*)$", output, re.MULTILINE)
    return str(found)


def warned(output: str, host: str) -> str:
    """The warning of a case about names, or nothing."""
    found = re.search(rf"^ok: \[{host}\] => \{{\s*\"msg\": \"(Warning: .*)\"", output, re.MULTILINE)
    return found[1] if found else ""


@pytest.mark.parametrize("host", CASES)
def test_refused_before_the_cluster_is_asked(applied: str, host: str) -> None:
    assert re.search(REFUSED.get(host, "/nowhere/kubeconfig"), fatal(applied, host))


def test_names_of_servers_that_this_run_makes_are_a_warning(applied: str) -> None:
    assert f"sso.{GONE} and mcp.{GONE} do not resolve" in warned(applied, "group")
    assert f"mcp.{GONE} does not resolve" in warned(applied, "given_here")
    assert "sso" not in warned(applied, "given_here")
    assert not warned(applied, "lab")


def test_check_mode_refuses_no_name(tmp_path: Path) -> None:
    output = preflight(tmp_path, "--check", "--limit", "given_keycloak,no_hosts")
    assert "/nowhere/kubeconfig" in fatal(output, "given_keycloak")
    assert f"sso.{GONE}" in warned(output, "given_keycloak")
    assert re.search(REFUSED["no_hosts"], fatal(output, "no_hosts"))
