# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Go programs: each is a module of its own under tests/lab/go with its go.sum, built once per content."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from .settings import Settings
from .store import digest_tree, key_of, need_space
from .ui import LabError, run, run_long, step

NEEDED = (1, 26)  # what the MCP server's image asks for; the other programs are content with less


@dataclass(frozen=True)
class Program:
    """One program: its module folder, the package to build and the linker's stamps."""

    name: str
    module: str
    package: str = "."
    stamps: tuple[tuple[str, str], ...] = ()


def kube_stamps(version: str) -> tuple[tuple[str, str], ...]:
    """What kubeadm and the API server report as their version; without these they believe v0.0.0."""
    major, minor = version.lstrip("v").split(".")[:2]
    values = {
        "gitVersion": version,
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
        "gitCommit": "0" * 40,
        "buildDate": "1970-01-01T00:00:00Z",
    }
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return tuple((f"{package}.{name}", value) for package in packages for name, value in values.items())


def programs(kubernetes: str) -> dict[str, Program]:
    """Every program that the lab builds."""
    return {
        "kube": Program("kube", "kube", stamps=kube_stamps(kubernetes)),
        "etcd": Program("etcd", "etcd"),
        "coredns": Program("coredns", "coredns"),
        "local-path-provisioner": Program(
            "local-path-provisioner", "localpath", "github.com/rancher/local-path-provisioner"
        ),
        "pause": Program("pause", "pause"),
        "kind": Program("kind", "kind", "sigs.k8s.io/kind"),
    }


def go_version() -> str:
    """The Go that builds; too old or missing is said with what to do."""
    needed = ".".join(map(str, NEEDED))
    cure = f"Install Go {needed} or newer and put it into PATH; distributions often have an older one."
    if not shutil.which("go"):
        raise LabError(
            f"Go was not found; the MCP server's image is built with it, pulled images or not ({needed} or newer)", cure
        )
    text = run(["go", "env", "GOVERSION"], what="go", cwd=Path("/")).stdout.strip()
    match = re.match(r"go(\d+)\.(\d+)", text)
    if not match:
        raise LabError(f"cannot tell the version of go: {text}", cure)
    found = (int(match[1]), int(match[2]))
    if found < NEEDED:
        raise LabError(f"Go {found[0]}.{found[1]} is too old, {needed} or newer is needed", cure)
    return text


def key(settings: Settings, program: Program, compiler: str) -> str:
    """What a binary depends on: its module's files, the stamps and the compiler."""
    return key_of([digest_tree(settings.lab / "go" / program.module), program.package, program.stamps, compiler])


def build(settings: Settings, program: Program) -> Path:
    """The path of the built program."""
    module = settings.lab / "go" / program.module
    compiler = go_version()

    def make(scratch: Path) -> None:
        flags = " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in program.stamps)])
        target = scratch / program.name
        need_space(settings.cache, 500, f"go build {program.name}")
        with step(f"go build {program.name}"):
            run_long(
                ["go", "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", str(target), program.package],
                what=f"go build {program.name}",
                log=settings.logs / f"go-{program.name}.log",
                cwd=module,
                env={"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off"},
            )
        parts = run(["go", "version", "-m", str(target)], what="go version").stdout
        (scratch / "modules.txt").write_text(parts, encoding="utf-8")
        os.chmod(target, 0o755)

    return settings.store.entry("go", program.name, key(settings, program, compiler), make) / program.name


def modules(binary: Path) -> list[tuple[str, str, str]]:
    """The modules inside a binary, as (path, version, h1 hash), from what `go version -m` said."""
    found = []
    for line in (binary.parent / "modules.txt").read_text(encoding="utf-8").splitlines():
        fields = line.split()
        if fields[:1] in (["dep"], ["=>"]) and len(fields) >= 3:
            found.append((fields[1], fields[2], fields[3] if len(fields) > 3 else ""))
    return found
