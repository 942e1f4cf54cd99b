# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the machine has to bring is looked at first and said at once; a cluster that differs from what is wanted is refused."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from labkit import cluster, golang, images, needs
from labkit.engine import Engine
from labkit.settings import Settings
from labkit.ui import LabError

ENGINE = Engine("unix:///x", False)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine with a docker and nothing else, where nothing can be installed."""
    monkeypatch.setattr(needs.engines, "look", lambda _settings: (ENGINE, ""))
    monkeypatch.setattr(needs.engines, "is_debian", lambda: False)
    monkeypatch.setattr(needs.shutil, "which", lambda _name: None)
    return monkeypatch


def test_everything_that_is_missing_is_said_at_once(settings: Settings, bare: pytest.MonkeyPatch) -> None:
    with pytest.raises(LabError) as caught:
        needs.check(settings, "pull")
    assert "Go was not found" in str(caught.value)
    assert "npm was not found" in str(caught.value)
    assert "mmdebstrap" not in str(caught.value)
    assert "IMAGES=pull" not in caught.value.hint
    with pytest.raises(LabError) as caught:
        needs.check(settings, "build")
    assert "dpkg maven mmdebstrap" in str(caught.value)
    assert "IMAGES=pull" in caught.value.hint


def test_the_engine_is_in_the_same_message(settings: Settings, bare: pytest.MonkeyPatch) -> None:
    bare.setattr(needs.engines, "look", lambda _settings: (None, "no docker command"))
    bare.setattr(needs.engines, "other_dockers", lambda: False)
    bare.setattr(needs.engines.os, "geteuid", lambda: 1000)
    with pytest.raises(LabError, match=r"(?s)no docker command; no usable docker.*Go was not found.*npm was not found"):
        needs.check(settings, "pull")
    bare.setattr(needs.engines.os, "geteuid", lambda: 0)
    with pytest.raises(LabError, match=r"(?s)missing docker.io iptables runc.*Go was not found"):
        needs.check(settings, "pull")


def test_nothing_is_made_before_the_needs_are_met(settings: Settings, bare: pytest.MonkeyPatch) -> None:
    bare.setattr(images, "way", lambda _settings: "pull")
    for module in (cluster.pyenv, cluster.engines):
        bare.setattr(module, "ensure", lambda *_: pytest.fail("something was made"))
    with pytest.raises(LabError, match="nothing has been changed"):
        cluster.bring_up(settings)


def test_a_whole_machine_is_content(settings: Settings, bare: pytest.MonkeyPatch) -> None:
    bare.setattr(needs.shutil, "which", lambda name: f"/usr/bin/{name}")
    bare.setattr(golang, "go_version", lambda: "go1.26.8")
    bare.setattr(needs, "BUILD_PATHS", {"/": "base-files"})
    needs.check(settings, "pull")
    needs.check(settings, "build")


@pytest.mark.parametrize(("said", "taken"), [("kind v0.30.0 go1.24.6 linux/amd64", True), ("kind v0.29.0 go1", False)])
def test_the_kind_in_path_is_taken_when_it_is_the_pinned_one(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, taken: bool
) -> None:
    kind = tmp_path / "kind"
    kind.write_text(f"#!/bin/sh\necho '{said}'\n")
    kind.chmod(0o755)
    monkeypatch.setattr(images.shutil, "which", lambda _name: str(kind))
    monkeypatch.setattr(images.golang, "build", lambda *_: Path("/ours/kind"))
    assert images.kind_program(settings, "pull") == (str(kind) if taken else "/ours/kind")
    assert images.kind_program(settings, "build") == "/ours/kind"


def test_a_floating_tag_is_not_pulled(settings: Settings) -> None:
    images.refuse_floating(settings.versions()["pull"])
    images.refuse_floating({"x": f"reg.example:5000/a@sha256:{'0' * 64}"})
    for ref in ("docker.io/library/postgres:15", "reg.example:5000/a", "a/b:latest"):
        with pytest.raises(LabError, match="floating tag"):
            images.refuse_floating({"x": ref})


def test_without_root_the_line_for_the_hosts_file_is_said_before_anything_starts(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    known: set[str] = set()

    def answer(name: str, *_more: object) -> list[tuple[object, ...]]:
        if name not in known:
            raise socket.gaierror
        return [(0, 0, 0, "", ("127.0.0.1", 0))]

    monkeypatch.setattr(needs.socket, "getaddrinfo", answer)
    needs.check_names(settings) if needs.os.geteuid() == 0 else None
    monkeypatch.setattr(needs.os, "geteuid", lambda: 1000)
    with pytest.raises(LabError, match="sso.mcp-auth.localhost does not lead to 127.0.0.1") as caught:
        cluster.refuse_what_cannot_work(settings)
    assert "127.0.0.1 sso.mcp-auth.localhost mcp.mcp-auth.localhost" in caught.value.hint
    known |= {f"{part}.mcp-auth.localhost" for part in settings.ports}
    needs.check_names(settings)


def bindings(*ports: int) -> str:
    """What docker says of a node's ports."""
    return json.dumps({f"{port}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}] for port in (6443, *ports)})


def test_other_ports_need_another_cluster(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"ports": bindings(30443, 30444, 30445, 30446)}
    monkeypatch.setattr(Engine, "docker", lambda *_args, **_options: answers["ports"])
    cluster.refuse_other_ports(settings, ENGINE)
    answers["ports"] = bindings(30444, 30445, 30446)
    with pytest.raises(LabError, match="made without the port 30443") as caught:
        cluster.refuse_other_ports(settings, ENGINE)
    assert "demo-down" in caught.value.hint
    answers["ports"] = ""
    cluster.refuse_other_ports(settings, ENGINE)


def test_another_node_image_needs_another_cluster(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"node": "lab/node:1 sha256:1"}
    monkeypatch.setattr(Engine, "docker", lambda *_args, **_options: answers["node"])
    monkeypatch.setattr(Engine, "image_id", lambda _self, ref: {"lab/same:1": "sha256:1"}.get(ref, "sha256:2"))
    cluster.refuse_other_image(settings, ENGINE, "lab/node:1")
    cluster.refuse_other_image(settings, ENGINE, "lab/same:1")
    with pytest.raises(LabError, match=r"was made from the image lab/node:1, now lab/node:2 is wanted"):
        cluster.refuse_other_image(settings, ENGINE, "lab/node:2")
    answers["node"] = ""
    cluster.refuse_other_image(settings, ENGINE, "lab/node:2")
