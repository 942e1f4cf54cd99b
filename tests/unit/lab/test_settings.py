# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choices from the environment, and the file that pins versions."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from labkit import cluster
from labkit.settings import PORTS, from_environment, load_versions
from labkit.ui import LabError


def test_defaults_lie_outside_the_checkout(lab: Path) -> None:
    found = from_environment(lab, {"HOME": "/home/x"})
    assert str(found.cache) == "/home/x/.cache/mcp-auth-openshift/lab"
    assert str(found.state) == "/home/x/.local/state/mcp-auth-lab/mcp-auth"
    assert (found.images, found.install, found.ports) == ("auto", True, PORTS)


def test_everything_can_be_changed(lab: Path) -> None:
    env = {
        "HOME": "/home/x",
        "MCP_AUTH_CACHE": "/c",
        "LAB_STATE": "/s",
        "LAB_NAME": "two",
        "LAB_DOMAIN": "two.example",
        "LAB_PORT_SSO": "31000",
        "LAB_PORTS_EXTRA": "31001,31002",
        "INSTALL": "no",
        "IMAGES": "pull",
    }
    found = from_environment(lab, env)
    assert (str(found.cache), str(found.state), found.base_domain) == ("/c/lab", "/s/two", "two.example")
    assert found.ports["sso"] == 31000
    assert found.extra_ports == (31001, 31002)
    assert (found.install, found.images) == (False, "pull")


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("LAB_NAME", "a b", "lower case"),
        ("LAB_NAME", "../x", "lower case"),
        ("LAB_DOMAIN", "no_domain", "not a domain"),
        ("IMAGES", "maybe", "auto, pull or build"),
        ("INSTALL", "perhaps", "yes or no"),
        ("LAB_ENGINE", "podman", "auto, own or running"),
        ("LAB_PORT_SSO", "443", "between 30000 and 32767"),
        ("LAB_PORT_SSO", "x", "between 30000 and 32767"),
        ("LAB_PORT_SSO", "30444", "port 30444 is asked for twice"),
        ("LAB_PORTS_EXTRA", "30443", "port 30443 is asked for twice"),
    ],
)
def test_what_cannot_work_is_refused_at_once(lab: Path, variable: str, value: str, message: str) -> None:
    with pytest.raises(LabError, match=message):
        from_environment(lab, {"HOME": "/home/x", variable: value})


def test_the_versions_file_says_why(lab: Path) -> None:
    data = load_versions(lab / "versions.json")
    assert data["kubernetes"]["version"].startswith("v1.34.")
    assert data["keycloak"]["artifact"].split(":")[2] == data["keycloak"]["version"]
    assert f":{data['keycloak']['version']}" in data["pull"]["keycloak"]
    locked = re.search(r"^postgresql-15=([0-9.]+)-", (lab / "locks" / "postgres.lock").read_text(), flags=re.M)
    assert locked and data["pull"]["postgres"].endswith(f":{locked[1]}")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("keycloak"), "keycloak is missing"),
        (lambda d: d["kind"].pop("why"), "kind has a version and does not say why"),
        (lambda d: d["keycloak"].update(sha256="x"), "no sha256"),
    ],
)
def test_a_slip_in_the_versions_file_is_refused(lab: Path, tmp_path: Path, change, message: str) -> None:  # type: ignore[no-untyped-def]
    data = json.loads((lab / "versions.json").read_text())
    change(data)
    (tmp_path / "v.json").write_text(json.dumps(data))
    with pytest.raises(LabError, match=message):
        load_versions(tmp_path / "v.json")


def test_versions_agree_with_the_go_modules(lab: Path) -> None:
    data = load_versions(lab / "versions.json")
    for folder, module, part in (
        ("kube", "k8s.io/kubernetes", "kubernetes"),
        ("kind", "sigs.k8s.io/kind", "kind"),
        ("etcd", "go.etcd.io/etcd/server/v3", "etcd"),
        ("coredns", "github.com/coredns/coredns", "coredns"),
        ("localpath", "github.com/rancher/local-path-provisioner", "local_path_provisioner"),
    ):
        text = (lab / "go" / folder / "go.mod").read_text()
        found = re.search(rf"^\s*(?:require )?{re.escape(module)} (\S+)", text, flags=re.M)
        assert found and found[1] == data[part]["version"], folder
        assert (lab / "go" / folder / "go.sum").stat().st_size > 0


def test_the_role_and_the_lab_agree(lab: Path) -> None:
    defaults = yaml.safe_load((lab.parents[1] / "roles/local_cluster/defaults/main.yml").read_text())
    services = {item["name"]: item for item in defaults["local_cluster_services"]}
    assert {name: item["port"] for name, item in services.items()} == PORTS
    assert {name: (item["service"], item["namespace"]) for name, item in services.items()} == cluster.SERVICES
    specs = yaml.safe_load((lab.parents[1] / "roles/local_cluster/meta/argument_specs.yml").read_text())
    assert set(defaults) == set(specs["argument_specs"]["main"]["options"])
