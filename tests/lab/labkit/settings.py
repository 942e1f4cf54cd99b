# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things lie and what a person chose, from the environment; nothing here touches the disk."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .store import Store
from .ui import LabError

NAME = re.compile(r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$")
DOMAIN = re.compile(r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]*[a-z0-9])?$")
PORTS = {"sso": 30443, "mcp": 30444, "playground": 30445, "inspector": 30446}
# the choices that say which cluster is meant, and where its engine and files are
IDENTITY = ("LAB_NAME", "MCP_AUTH_CACHE", "LAB_CACHE", "LAB_STATE", "LAB_ENGINE", "DOCKER_HOST")
NODE_PORTS = range(30000, 32768)


@dataclass(frozen=True)
class Settings:
    """The choices of one run."""

    lab: Path
    cache: Path
    state: Path
    name: str = "mcp-auth"
    base_domain: str = "mcp-auth.localhost"
    ports: Mapping[str, int] = field(default_factory=lambda: dict(PORTS))
    extra_ports: tuple[int, ...] = ()
    images: str = "auto"
    install: bool = True
    engine: str = "auto"

    @property
    def repo(self) -> Path:
        """The checkout that this lab belongs to."""
        return self.lab.parent.parent

    @property
    def store(self) -> Store:
        """The cache as a store of entries."""
        return Store(self.cache)

    @property
    def logs(self) -> Path:
        """Where whole outputs go."""
        return self.cache / "logs"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig of the cluster."""
        return self.state / "kubeconfig"

    @property
    def vars_file(self) -> Path:
        """The variables for site.yml."""
        return self.state / "lab-vars.json"

    def versions(self) -> dict[str, Any]:
        """The file that pins everything."""
        return load_versions(self.lab / "versions.json")


def from_environment(lab: Path, env: Mapping[str, str]) -> Settings:
    """The settings of this run; a value that cannot work is refused here, before anything starts."""
    home = Path(env.get("HOME") or "/root")
    shared = Path(
        env.get("MCP_AUTH_CACHE") or Path(env.get("XDG_CACHE_HOME") or home / ".cache") / "mcp-auth-openshift"
    )
    cache = Path(env.get("LAB_CACHE") or shared / "lab")
    name = env.get("LAB_NAME") or "mcp-auth"
    if not NAME.match(name):
        raise LabError(f"LAB_NAME={name}: use lower case letters, digits and dashes, 40 at most")
    base = Path(env.get("LAB_STATE") or Path(env.get("XDG_STATE_HOME") or home / ".local" / "state") / "mcp-auth-lab")
    domain = env.get("LAB_DOMAIN") or "mcp-auth.localhost"
    if not DOMAIN.match(domain):
        raise LabError(f"LAB_DOMAIN={domain} is not a domain name")
    images = env.get("IMAGES") or "auto"
    if images not in ("auto", "pull", "build"):
        raise LabError(f"IMAGES={images}: use auto, pull or build")
    install = (env.get("INSTALL") or "yes").lower()
    if install not in ("yes", "no"):
        raise LabError(f"INSTALL={install}: use yes or no")
    engine = env.get("LAB_ENGINE") or "auto"
    if engine not in ("auto", "own", "running"):
        raise LabError(f"LAB_ENGINE={engine}: use auto, own or running")
    ports = {part: port_of(env, f"LAB_PORT_{part.upper()}", default) for part, default in PORTS.items()}
    extra = tuple(parse_port("LAB_PORTS_EXTRA", item) for item in (env.get("LAB_PORTS_EXTRA") or "").split(",") if item)
    every = [*ports.values(), *extra]
    twice = sorted({port for port in every if every.count(port) > 1})
    if twice:
        raise LabError(f"port {twice[0]} is asked for twice", "Give each part a port of its own.")
    return Settings(
        lab=lab,
        cache=cache.absolute(),
        state=(base / name).absolute(),
        name=name,
        base_domain=domain,
        ports=ports,
        extra_ports=extra,
        images=images,
        install=install == "yes",
        engine=engine,
    )


def command_prefix(env: Mapping[str, str]) -> str:
    """What a printed command begins with, so that it means this cluster in another shell too."""
    return "".join(f"{name}={shlex.quote(env[name])} " for name in IDENTITY if env.get(name))


def port_of(env: Mapping[str, str], variable: str, default: int) -> int:
    """A port from the environment, or its default."""
    return parse_port(variable, env[variable]) if env.get(variable) else default


def parse_port(variable: str, text: str) -> int:
    """A NodePort: the same number is used on the host, the node and the Service."""
    if not text.isdigit() or int(text) not in NODE_PORTS:
        raise LabError(
            f"{variable}={text}: the port has to lie between {NODE_PORTS.start} and {NODE_PORTS.stop - 1}",
            "The same number serves on the host, on the node and in the cluster, so it has to be a NodePort.",
        )
    return int(text)


def load_versions(path: Path) -> dict[str, Any]:
    """Read the versions file and check its shape, so that a slip shows here and not in a build."""
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise LabError(f"cannot read {path}: {exc}") from exc
    for part in ("kubernetes", "keycloak", "debian", "pull"):
        if part not in data:
            raise LabError(f"{path}: the part {part} is missing")
    for name, item in data.items():
        if isinstance(item, dict) and "version" in item and not item.get("why"):
            raise LabError(f"{path}: {name} has a version and does not say why it is that one")
    sha = data["keycloak"].get("sha256", "")
    if not re.fullmatch(r"[0-9a-f]{64}", sha):
        raise LabError(f"{path}: keycloak has no sha256")
    return data
