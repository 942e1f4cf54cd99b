# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports, the hosts file and what is told about a cluster."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from labkit import cluster, images
from labkit.engine import Engine
from labkit.settings import Settings
from labkit.ui import LabError

HOSTS = "127.0.0.1 localhost\n"
BLOCK = "# BEGIN mcp_auth.openshift one\n127.0.0.1 sso.one\n# END mcp_auth.openshift one\n"
OTHER = BLOCK.replace("one", "two")


@pytest.fixture
def busy_port() -> Iterator[int]:
    """A NodePort on which somebody listens."""
    with socket.socket() as listener:
        for port in range(32000, 32767):
            try:
                listener.bind(("127.0.0.1", port))
                break
            except OSError:
                continue
        listener.listen()
        yield listener.getsockname()[1]


def test_a_taken_port_is_seen(busy_port: int) -> None:
    assert cluster.taken([busy_port]) == [busy_port]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    assert cluster.taken([number]) == []


def test_up_says_a_taken_port_before_anything_starts(lab: Path, tmp_path: Path, busy_port: int) -> None:
    env = {
        "PATH": str(tmp_path),
        "HOME": str(tmp_path),
        "LAB_CACHE": str(tmp_path / "cache"),
        "LAB_STATE": str(tmp_path / "state"),
        "LAB_NAME": "port-test",
        "LAB_PORT_SSO": str(busy_port),
    }
    done = subprocess.run(
        [sys.executable, str(lab / "lab.py"), "up"], env=env, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert re.search(rf"ports? {busy_port}(, \d+)* on 127.0.0.1 (is|are) taken", done.stderr)
    assert "LAB_PORT_SSO" in done.stderr
    assert not (tmp_path / "cache").exists()
    assert not (tmp_path / "state").exists()


def test_each_taken_port_is_named_with_a_free_one(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = {30443, 30446, 30000, 30080}
    monkeypatch.setattr(cluster, "taken", lambda ports: [port for port in ports if port in busy])
    monkeypatch.setattr(cluster.engines, "find", lambda settings: None)
    monkeypatch.setattr(cluster.needs, "check_names", lambda settings: None)
    settings = replace(settings, extra_ports=(30001, 30080))
    with pytest.raises(LabError) as refused:
        cluster.refuse_what_cannot_work(settings)
    assert "ports 30443, 30446, 30080 on 127.0.0.1 are taken" in str(refused.value)
    assert "LAB_PORT_SSO=30002 LAB_PORT_INSPECTOR=30003 LAB_PORTS_EXTRA=30001,30004" in refused.value.hint
    assert "LAB_PORT_MCP" not in refused.value.hint


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (HOSTS, HOSTS),
        (HOSTS + BLOCK, HOSTS),
        (BLOCK + HOSTS, HOSTS),
        (HOSTS + BLOCK + OTHER, HOSTS + OTHER),
        (HOSTS + OTHER, HOSTS + OTHER),
        ("", ""),
    ],
)
def test_our_block_alone_leaves_the_hosts_file(text: str, wanted: str) -> None:
    assert cluster.without_block(text, "one") == wanted


def test_a_block_without_an_end_takes_no_foreign_line_along() -> None:
    torn = "# BEGIN mcp_auth.openshift one\n" + HOSTS
    assert cluster.without_block(torn, "one") == HOSTS


def test_the_hosts_file_is_written_only_when_it_changes(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text(HOSTS)
    os.utime(path, (1, 1))
    cluster.remove_hosts_block(settings, path)
    assert path.stat().st_mtime == 1
    path.write_text(HOSTS + BLOCK.replace("one", settings.name))
    cluster.remove_hosts_block(settings, path)
    assert path.read_text() == HOSTS


def test_what_site_is_told(settings: Settings) -> None:
    made = images.Images("n", True, "p", "k", True, "m", "/kind")
    told = cluster.site_vars(settings, Engine("unix:///x", True), made)
    assert told["chain_kubeconfig"] == str(settings.state / "kubeconfig")
    assert (told["chain_keycloak_port"], told["chain_mcp_port"]) == (30443, 30444)
    assert (told["keycloak_image"], told["postgres_image"], told["mcp_server_image"]) == ("k", "p", "m")
    assert told["external_auth_file"] == str(settings.state / "auth" / "authentication.json")
    json.dumps(told)
    role = cluster.role_vars(settings, Engine("unix:///x", True), made)
    assert role["local_cluster_images"] == ["p", "k", "m"]
    assert {name for name in role if not name.startswith("local_cluster_")} == set()


def test_down_without_a_cluster_starts_nothing(lab: Path, tmp_path: Path) -> None:
    env = {
        "PATH": str(tmp_path),
        "HOME": str(tmp_path),
        "LAB_CACHE": str(tmp_path / "cache"),
        "LAB_STATE": str(tmp_path / "state"),
        "LAB_NAME": "never-made",
    }
    argv = [sys.executable, str(lab / "lab.py")]
    done = subprocess.run([*argv, "down"], env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "there is no cluster never-made" in done.stderr
    done = subprocess.run([*argv, "vars"], env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "Run: lab.py up" in done.stderr


@pytest.mark.parametrize("keep", [False, True])
def test_our_docker_stops_with_the_last_cluster_unless_it_is_wanted(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, keep: bool
) -> None:
    stopped = []
    monkeypatch.setattr(cluster.engines, "sweep_policy", lambda _settings: None)
    monkeypatch.setattr(cluster.engines, "find", lambda _settings: Engine("unix:///x", True))
    monkeypatch.setattr(cluster.engines, "stop", stopped.append)
    monkeypatch.setattr(cluster, "node_state", lambda *_: "")
    monkeypatch.setattr(cluster, "remove_hosts_block", lambda *_: None)
    monkeypatch.setattr(Engine, "docker", lambda *_args, **_options: "")
    cluster.down(settings, keep)
    assert stopped == ([] if keep else [settings])
