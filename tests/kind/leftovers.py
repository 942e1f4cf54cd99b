# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab that went down, or a stage that was killed, may have forgotten."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from labkit import engine as engines
from labkit.engine import Engine
from labkit.settings import Settings

PRIVATE = "mcp-auth-kind-"


def in_engine(engine: Engine, name: str) -> set[str]:
    """The cluster's containers, and networks and volumes that no container uses; to be asked while the engine runs."""
    used = {
        network for line in lines(engine, "ps", "-a", "--format", "{{.Networks}}") for network in line.split(",")
    } | {"bridge", "host", "none"}
    nodes = lines(engine, "ps", "-a", "--filter", f"label=io.x-k8s.kind.cluster={name}", "--format", "{{.Names}}")
    networks = set(lines(engine, "network", "ls", "--format", "{{.Name}}")) - used
    volumes = lines(engine, "volume", "ls", "--quiet", "--filter", "dangling=true")
    return {
        *(f"container {node}" for node in nodes),
        *(f"network {network}" for network in networks),
        *(f"volume {volume}" for volume in volumes),
    }


def since(before: set[str] | None, now: set[str]) -> list[str]:
    """What was not there before; of the cluster's own containers none may be there at all."""
    return sorted(item for item in now if item.startswith("container ") or item not in (before or ()))


def lines(engine: Engine, *words: str) -> list[str]:
    """The lines of docker's answer."""
    return engine.docker(*words).splitlines()


def on_machine(settings: Settings) -> list[str]:
    """Hosts lines, files and processes of the lab."""
    name = settings.name
    found = [
        f"/etc/hosts: {line}"
        for line in Path("/etc/hosts").read_text().splitlines()
        if name in line.split() or f" {name}" in line
    ]
    if settings.state.exists():
        found.append(f"state: {sorted(map(str, settings.state.rglob('*')))[:10]}")
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError, UnicodeDecodeError):
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode() if process.name.isdigit() else ""
            if f"{name}-control-plane" in line or f"/mcp-auth-lab/{name}/" in line:
                found.append(f"process {process.name}: {line[:150]}")
    return found


def bridge_rules() -> set[str]:
    """The packet filter's rules for docker's bridges and chains; nothing where they cannot be read."""
    found: set[str] = set()
    for command in ("iptables-save", "ip6tables-save"):
        if shutil.which(command):
            done = subprocess.run([command], capture_output=True, text=True, check=False)
            found |= {
                line.partition(" [")[0] for line in done.stdout.splitlines() if "DOCKER" in line or " br-" in line
            }
    return found


def noted_network(settings: Settings) -> dict[str, str]:
    """How the machine's network was before our engine started."""
    try:
        noted: dict[str, str] = json.loads((engines.folder(settings) / "before.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return noted


def in_network(noted: dict[str, str], rules: set[str]) -> list[str]:
    """What our engine has not put back, when it is gone; rules are those that others had for bridges of their own."""
    if engines.other_dockers():
        return []
    found = [f"packet filter: {rule}" for rule in sorted(bridge_rules()) if "DOCKER" in rule or rule not in rules]
    if noted:
        now = {"forward_policy": engines.forward_policy(), "ip_forward": engines.IP_FORWARD.read_text().strip()}
        found += [f"{key}: {now[key]}, was {was}" for key, was in noted.items() if now[key] != was]
    return found


def sweep_private() -> None:
    """Remove the folders of stages that were killed: they hold an administrator's key."""
    for path in Path(tempfile.gettempdir()).glob(f"{PRIVATE}*-*"):
        process = path.name.removeprefix(PRIVATE).partition("-")[0]
        if process.isdigit() and engines.is_zombie(Path("/proc", process)):
            shutil.rmtree(path, ignore_errors=True)
