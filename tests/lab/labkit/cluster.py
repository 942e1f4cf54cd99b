# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Up, down, status: the role local_cluster does the work, with what the lab has built."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from . import engine as engines
from . import images, needs, pyenv
from .engine import Engine
from .needs import LISTEN
from .node import BOX_LABEL
from .settings import NODE_PORTS, Settings
from .store import digest_tree, key_of, locked, write_atomic
from .ui import LabError, run, run_long, say, step

SERVICES = {
    "sso": ("keycloak", "redhat-keycloak"),
    "mcp": ("ocp-mcp-server", "llama-stack"),
    "playground": ("playground", "llama-stack"),
    "inspector": ("mcp-inspector", "llama-stack"),
}


def taken(ports: Iterable[int], address: str = LISTEN) -> list[int]:
    """The ports on which somebody listens already."""
    busy = []
    for port in ports:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError as exc:
                if exc.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
                busy.append(port)
    return busy


def refuse_what_cannot_work(settings: Settings) -> None:
    """Say a taken port, or a name that leads nowhere, before anything is installed, built or started."""
    needs.check_names(settings)
    engine = engines.find(settings)
    if engine and node_state(settings, engine):
        refuse_other_ports(settings, engine)
        return  # the ports are our own cluster's
    busy = taken([*settings.ports.values(), *settings.extra_ports])
    if busy:
        raise LabError(
            f"port{'s' if busy[1:] else ''} {', '.join(map(str, busy))} on {LISTEN} {'are' if busy[1:] else 'is'} taken",
            f"Stop what listens there, or put this before the command: {other_ports(settings, busy)}",
        )


def other_ports(settings: Settings, busy: Sequence[int]) -> str:
    """The variables that give each part whose port is taken a free one."""
    asked = {*settings.ports.values(), *settings.extra_ports}
    free = (port for port in NODE_PORTS if port not in asked and not taken([port]))
    instead = dict(zip(busy, free, strict=False))
    words = [f"LAB_PORT_{part.upper()}={instead[port]}" for part, port in settings.ports.items() if port in instead]
    if instead.keys() & set(settings.extra_ports):
        extra = [str(instead.get(port, port)) for port in settings.extra_ports]
        words.append(f"LAB_PORTS_EXTRA={','.join(extra)}")
    return " ".join(words)


def refuse_other_ports(settings: Settings, engine: Engine) -> None:
    """A node's ports are those that it was made with; a cluster that is half made is made again anyway."""
    if (settings.state / "creating").exists():
        return
    text = engine.docker(
        "inspect", "-f", "{{json .HostConfig.PortBindings}}", f"{settings.name}-control-plane", check=False
    )
    bindings = json.loads(text or "null") or {}
    bound = {int(one["HostPort"]) for rows in bindings.values() for one in rows or [] if one["HostPort"].isdigit()}
    lacks = sorted({*settings.ports.values(), *settings.extra_ports} - bound)
    if bound and lacks:
        raise LabError(
            f"the cluster {settings.name} was made without the port{'s' if lacks[1:] else ''} {', '.join(map(str, lacks))}, "
            "and a node's ports cannot be changed",
            "Run make demo-down first, or use the ports that it was made with.",
        )


def refuse_other_image(settings: Settings, engine: Engine, wanted: str) -> None:
    """A node runs the image that it was made from."""
    if (settings.state / "creating").exists():
        return
    node = f"{settings.name}-control-plane"
    name, _blank, number = engine.docker("inspect", "-f", "{{.Config.Image}} {{.Image}}", node, check=False).partition(
        " "
    )
    if name and name != wanted and number != engine.image_id(wanted):
        raise LabError(
            f"the cluster {settings.name} was made from the image {name}, now {wanted} is wanted",
            "Run make demo-down first.",
        )


def node_state(settings: Settings, engine: Engine | None) -> str:
    """The state of the cluster's node: running, exited, or nothing when there is none."""
    if engine is None or not shutil.which("docker"):
        return ""
    label = f"label=io.x-k8s.kind.cluster={settings.name}"
    return engine.docker("ps", "-a", "--filter", label, "--format", "{{.State}}", check=False)


def role_vars(settings: Settings, engine: Engine, made: images.Images | None) -> dict[str, Any]:
    """The role's inputs."""
    values: dict[str, Any] = {
        "local_cluster_name": settings.name,
        "local_cluster_state_dir": str(settings.state),
        "local_cluster_docker_host": engine.host,
        "local_cluster_base_domain": settings.base_domain,
        "local_cluster_extra_ports": list(settings.extra_ports),
        "local_cluster_services": [
            {"name": part, "port": port, "service": SERVICES[part][0], "namespace": SERVICES[part][1]}
            for part, port in settings.ports.items()
        ],
    }
    if made:
        values |= {
            "local_cluster_kind": made.kind,
            "local_cluster_node_image": made.node,
            "local_cluster_node_brings_network": made.node_brings_network,
            "local_cluster_images": made.loaded(),
        }
    return values


def site_vars(settings: Settings, engine: Engine, made: images.Images) -> dict[str, Any]:
    """What site.yml is told about this cluster."""
    return {
        "chain_lab": True,
        "chain_cluster_name": settings.name,
        "chain_platform": "kubernetes",
        "chain_kubeconfig": str(settings.kubeconfig),
        "chain_base_domain": settings.base_domain,
        "chain_node_ports": True,
        "chain_keycloak_port": settings.ports["sso"],
        "chain_mcp_port": settings.ports["mcp"],
        "keycloak_image": made.keycloak,
        "keycloak_image_optimized": made.keycloak_optimized,
        "postgres_image": made.postgres,
        "mcp_server_image": made.mcp_server,
        # the node's folder lies on this machine, and the node has the units of the commit-confirm already
        "external_auth_hosts": ["localhost"],
        "external_auth_file": str(settings.state / "auth" / "authentication.json"),
        "external_auth_api_server_path": "/etc/kubernetes/auth/authentication.json",
        "external_auth_revert_units": False,
    }


def lab_facts(settings: Settings, engine: Engine, made: images.Images) -> dict[str, Any]:
    """What tests and people want to know of the lab; not for Ansible."""
    return {
        "name": settings.name,
        "state": str(settings.state),
        "kubeconfig": str(settings.kubeconfig),
        "site_vars": str(settings.vars_file),
        "authentication_file": str(settings.state / "auth" / "authentication.json"),
        "authentication_file_in_node": "/etc/kubernetes/auth/authentication.json",
        "audit_log": str(settings.state / "audit" / "audit.log"),
        "docker_host": engine.host,
        "engine_is_ours": engine.own,
        "node": f"{settings.name}-control-plane",
        "network": settings.name,
        "urls": {part: f"https://{part}.{settings.base_domain}:{port}" for part, port in settings.ports.items()},
        "images": made.as_dict(),
    }


def collections_path(settings: Settings) -> Path:
    """Where Ansible finds the collection: what LAB_COLLECTIONS names, else this checkout under a link."""
    given = os.environ.get("LAB_COLLECTIONS")
    if given:
        return Path(given)
    root = settings.cache / "checkouts" / key_of([str(settings.repo)])
    link = root / "ansible_collections" / "mcp_auth" / "openshift"
    if not link.is_symlink() or Path(os.readlink(link)) != settings.repo:
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(settings.repo)
    return root


def play(settings: Settings, engine: Engine, python: Path, playbook: str, values: dict[str, Any]) -> None:
    """Run a playbook of ours, showing each task and what went wrong."""
    root = collections_path(settings)
    collection = root / "ansible_collections" / "mcp_auth" / "openshift"
    given = settings.cache / "work" / f"{settings.name}-{playbook}.json"
    write_atomic(given, json.dumps(values, indent=1), 0o600)
    # a configuration of ours, so that one in the folder we are called from changes nothing
    config = settings.cache / "work" / "ansible.cfg"
    write_atomic(config, "[defaults]\n")

    def show(line: str) -> None:
        if line.startswith("TASK ["):
            say("  " + line[6:].split("]")[0].split(" : ")[-1])
        elif line.startswith(("fatal:", "[ERROR]", "FAILED -")):
            say("  " + line[:300])

    env = (
        pyenv.environment(python)
        | engine.env()
        | {
            "ANSIBLE_COLLECTIONS_PATH": str(root),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_FORCE_COLOR": "0",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_CONFIG": str(config),
            "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false",
        }
    )
    run_long(
        [str(python.parent / "ansible-playbook"), str(collection / "playbooks" / f"{playbook}.yml"), "-e", f"@{given}"],
        what=playbook,
        log=settings.logs / f"{settings.name}-{playbook}.log",
        env=env,
        each_line=show,
    )


def lock(settings: Settings) -> AbstractContextManager[None]:
    """One run at a time on a cluster; a second one waits."""
    return locked(settings.cache / "locks" / f"cluster-{settings.name}", f"the cluster {settings.name}")


def up(settings: Settings) -> dict[str, Any]:
    """A running cluster with every image in it; again, it changes nothing."""
    refuse_what_cannot_work(settings)
    with lock(settings):
        return bring_up(settings)


def bring_up(settings: Settings) -> dict[str, Any]:
    """What `up` does; its caller holds the cluster's lock."""
    chosen = images.choose(settings)
    python = pyenv.ensure(settings)
    engine = engines.ensure(settings)
    refuse_other_ports(settings, engine)  # an engine that was stopped knew no node before
    made = images.ensure(settings, engine, chosen)
    refuse_other_image(settings, engine, made.node)
    values = role_vars(settings, engine, made)
    if read_facts(settings).get("fingerprint") == fingerprint(settings, engine, values):
        say(f"cluster {settings.name}: is as it was left, ready")
    else:
        with step(f"cluster {settings.name}"):
            play(settings, engine, python, "local_up", values)
    facts = lab_facts(settings, engine, made) | {
        "digests": images.digests(engine, made),
        "fingerprint": fingerprint(settings, engine, values),
    }
    write_atomic(settings.vars_file, json.dumps(site_vars(settings, engine, made), indent=1) + "\n", 0o600)
    write_atomic(settings.state / "lab.json", json.dumps(facts, indent=1) + "\n", 0o600)
    return facts


def fingerprint(settings: Settings, engine: Engine, values: dict[str, Any]) -> str:
    """What the cluster depends on and how it stands; when it is the same as after the last play, a play has nothing to do.

    Empty when the cluster does not run, does not answer, or lacks something that can be seen from here.
    """
    node = f"{settings.name}-control-plane"
    seen = engine.docker("inspect", "-f", "{{.Id}} {{.State.StartedAt}} {{.State.Running}}", node, check=False)
    argv = ["exec", node, "kubectl", "--kubeconfig=/etc/kubernetes/admin.conf", "get", "--raw", "/readyz"]
    hosts = Path("/etc/hosts").read_text(encoding="utf-8")
    block = hosts != without_block(hosts, settings.name) or os.geteuid() != 0
    if not seen.endswith(" true") or not settings.kubeconfig.exists() or not block or not engine.ok(*argv):
        return ""
    roles = collections_path(settings) / "ansible_collections" / "mcp_auth" / "openshift" / "roles"
    sources = [digest_tree(roles / "local_cluster"), digest_tree(roles / "external_auth" / "files")]
    return key_of([seen, values, sources])


def down(settings: Settings, keep_engine: bool = False) -> None:
    """Leave nothing of the cluster; the engine of ours stops with the last one. Builds stay in the cache."""
    engines.sweep_policy(settings)
    with lock(settings):
        engine = engines.find(settings)
        if settings.state.exists() or node_state(settings, engine):
            if engine is None:
                engine = engines.ensure(settings)
            values = role_vars(settings, engine, None)
            facts = read_facts(settings)
            kind = facts.get("images", {}).get("kind") or ""
            values["local_cluster_kind"] = kind if Path(kind).is_file() else images.kind_program(settings)
            with step(f"removing the cluster {settings.name}"):
                play(settings, engine, pyenv.ensure(settings), "local_down", values)
        else:
            say(f"there is no cluster {settings.name}")
        remove_hosts_block(settings, Path("/etc/hosts"))
        if engine and not engine.own:
            engine.docker("rmi", engines.PROBE_IMAGE, check=False)
        if engine and engine.own:
            sweep(engine)
            left = engine.docker("ps", "-aq")
            if left:
                say("the lab's docker goes on: another cluster of ours uses it")
            elif keep_engine:
                say("the lab's docker goes on, as asked")
            else:
                engines.stop(settings)


def sweep(engine: Engine) -> None:
    """Remove containers that an interrupted image build left in our engine."""
    for box in engine.docker("ps", "-aq", "--filter", f"label={BOX_LABEL}").split():
        engine.docker("rm", "-fv", box, check=False)


def without_block(text: str, name: str) -> str:
    """A hosts file's text less our marked block, also one whose end is missing."""
    begin, end = f"# BEGIN mcp_auth.openshift {name}", f"# END mcp_auth.openshift {name}"
    kept: list[str] = []
    inside = False
    lines = text.splitlines(keepends=True)
    closed = any(line.strip() == end for line in lines)
    for line in lines:
        if line.strip() == begin:
            inside = closed
            continue
        if line.strip() == end:
            inside = False
            continue
        if not inside:
            kept.append(line)
    return "".join(kept)


def remove_hosts_block(settings: Settings, path: Path) -> None:
    """Take our block out even when the role did not get to it."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return
    wanted = without_block(text, settings.name)
    if wanted != text and os.access(path, os.W_OK):
        path.write_text(wanted, encoding="utf-8")
        say(f"took our lines out of {path}")


def read_facts(settings: Settings) -> dict[str, Any]:
    """What the last `up` wrote, or nothing."""
    try:
        facts: dict[str, Any] = json.loads((settings.state / "lab.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts


def status(settings: Settings) -> dict[str, Any]:
    """What there is, without starting anything."""
    engine = engines.find(settings)
    answer: dict[str, Any] = {"name": settings.name, "engine": engine.host if engine else None, "node": None}
    answer["node"] = node_state(settings, engine) or None
    if engine and answer["node"] == "running":
        argv = [
            "docker",
            "exec",
            f"{settings.name}-control-plane",
            "kubectl",
            "--kubeconfig=/etc/kubernetes/admin.conf",
        ]
        pods = run([*argv, "get", "pods", "-A", "--no-headers"], env=engine.env(), check=False).stdout
        answer["pods"] = [" ".join(line.split()[:4]) for line in pods.splitlines()]
    answer["facts"] = read_facts(settings)
    return answer
