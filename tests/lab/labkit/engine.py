# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The container engine: a docker that runs and can start a privileged container, else one of our own."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .child import unmarked
from .settings import Settings
from .store import locked, need_space, write_atomic
from .ui import LabError, disk_full, failure, run, run_long, say, step

PROBE_IMAGE = "mcp-auth-lab/probe:1"
START_SECONDS = 60
ENGINE_MB = 6000
ENGINE_TOOLS = {"dockerd": "docker.io", "runc": "runc", "iptables": "iptables"}
CHAINS = ("DOCKER-ISOLATION-STAGE-1", "DOCKER-ISOLATION-STAGE-2", "DOCKER-USER", "DOCKER")


@dataclass(frozen=True)
class Engine:
    """A reachable docker: its socket, and whether it is ours."""

    host: str
    own: bool

    def env(self) -> dict[str, str]:
        """What docker, kind and Ansible need to talk to it."""
        return {"DOCKER_HOST": self.host, "DOCKER_BUILDKIT": "0"}

    def docker(self, *argv: str, check: bool = True, stdin: bytes | None = None, timeout: float | None = None) -> str:
        """Run a short docker command; returns its output."""
        done = run(
            ["docker", *argv], what=f"docker {argv[0]}", env=self.env(), check=check, stdin=stdin, timeout=timeout
        )
        return done.stdout.strip()

    def ok(self, *argv: str) -> bool:
        """Whether a docker command succeeds."""
        return run(["docker", *argv], env=self.env(), check=False).returncode == 0

    def image_id(self, ref: str) -> str:
        """The id of an image, or nothing."""
        return run(["docker", "image", "inspect", "-f", "{{.Id}}", ref], env=self.env(), check=False).stdout.strip()


def tiny_program(machine: str) -> bytes:
    """A static ELF program of a few bytes that exits with 0: the smallest container that can be run."""
    codes = {
        "x86_64": (62, bytes.fromhex("31ff b83c000000 0f05")),  # exit(0)
        "aarch64": (183, bytes.fromhex("000080d2 a80b80d2 010000d4")),
    }
    if machine not in codes:
        raise LabError(f"the lab runs on x86_64 and aarch64, this machine is {machine}")
    number, code = codes[machine]
    base, head = 0x400000, 64 + 56
    size = head + len(code)
    elf = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    elf += struct.pack("<HHIQQQIHHHHHH", 2, number, 1, base + head, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    elf += struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x1000)
    return elf + code


def probe_tar() -> bytes:
    """The probe image's file system."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        program = tiny_program(os.uname().machine)
        info = tarfile.TarInfo("probe")
        info.size, info.mode = len(program), 0o755
        tar.addfile(info, io.BytesIO(program))
    return buffer.getvalue()


def usable(engine: Engine) -> str:
    """Nothing if the engine can start a privileged container, else why not."""
    if not shutil.which("docker"):
        return "no docker command"
    seen = run(["docker", "version", "-f", "{{.Server.Version}}"], env=engine.env(), check=False, timeout=20)
    if seen.returncode:
        return (seen.stderr.strip().splitlines() or ["no answer"])[-1]
    if not engine.image_id(PROBE_IMAGE):
        made = run(["docker", "import", "-", PROBE_IMAGE], env=engine.env(), check=False, stdin=probe_tar(), timeout=60)
        if made.returncode:
            if disk_full(made.stderr):
                raise failure("docker import", made.returncode, made.stderr)
            return made.stderr.strip()
    argv = ["docker", "run", "--rm", "--privileged", "--network", "none", PROBE_IMAGE, "/probe"]
    done = run(argv, env=engine.env(), check=False, timeout=60)
    if done.returncode:
        return "a privileged container does not start: " + (done.stderr.strip().splitlines() or ["?"])[-1]
    return ""


def folder(settings: Settings) -> Path:
    """Where our own engine lives."""
    return settings.cache / "engine"


def own(settings: Settings) -> Engine:
    """Our engine, running or not."""
    return Engine(f"unix://{folder(settings) / 'docker.sock'}", True)


def running_pid(settings: Settings) -> int:
    """The process of our dockerd, or 0; a pid file of another process is not believed."""
    try:
        pid = int((folder(settings) / "dockerd.pid").read_text(encoding="utf-8"))
        name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
        argv = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except (OSError, ValueError):
        return 0
    files = [Path(item.removeprefix("--pidfile=")) for item in argv if item.startswith("--pidfile=")]
    ours = folder(settings) / "dockerd.pid"
    return pid if name == "dockerd" and any(file.exists() and file.samefile(ours) for file in files) else 0


def given() -> Engine:
    """The docker that the docker command itself would talk to: DOCKER_HOST, else the chosen context's."""
    host = os.environ.get("DOCKER_HOST") or ""
    if not host and shutil.which("docker"):
        argv = ["docker", "context", "inspect", "-f", "{{.Endpoints.docker.Host}}"]
        host = run(argv, check=False, timeout=20).stdout.strip()
    return Engine(host or "unix:///var/run/docker.sock", False)


def look(settings: Settings) -> tuple[Engine | None, str]:
    """The engine that is there already, or why none can be used; nothing is started."""
    if running_pid(settings):
        return own(settings), ""
    if settings.engine == "own":
        return None, ""
    engine = given()
    why = usable(engine)
    if not why:
        return engine, ""
    if settings.engine == "running" or os.environ.get("DOCKER_HOST"):
        raise LabError(
            f"the docker at {engine.host} cannot be used: {why}", "Unset DOCKER_HOST, or set LAB_ENGINE=own."
        )
    return None, f"the docker at {engine.host} cannot be used: {why}"


def find(settings: Settings) -> Engine | None:
    """The engine that is there already, or None; nothing is started."""
    return look(settings)[0]


def running(settings: Settings) -> Engine:
    """The engine that is there already; without one there is no cluster."""
    engine, why = look(settings)
    if not engine:
        raise LabError(
            f"no container engine runs that could hold the cluster{f' ({why})' if why else ''}", "Run: make demo"
        )
    return engine


def refuse_hopeless(settings: Settings, why: str) -> None:
    """Say that no engine can be had here, before anything is installed for one."""
    because = f"{why}; " if why else ""
    if "permission denied" in why.lower():
        raise LabError(
            f"{because}it runs, and this user may not use it",
            "Let this user use it (as root: usermod -aG docker USER, then log in again), or run as root.",
        )
    if not settings.install:
        return  # nothing will be installed; what is there may still serve
    if other_dockers():
        raise LabError(
            f"{because}another dockerd runs on this machine, and a second one would flush its packet filter rules",
            "Make that docker usable for this user (DOCKER_HOST says where it listens), or stop it.",
        )
    if os.geteuid() != 0:
        raise LabError(
            f"{because}no usable docker, and only root can start one",
            "Install and start docker and let this user use it (group docker), or run as root on Debian.",
        )


def ensure(settings: Settings) -> Engine:
    """An engine that works: the one that runs, else ours, installed and started."""
    sweep_policy(settings)
    with locked(settings.cache / "locks" / "engine", "the container engine"):
        engine, why = look(settings)
        if engine:
            say(f"container engine: {'our own' if engine.own else 'running docker'} at {engine.host}")
            return engine
        refuse_hopeless(settings, why)
        purpose = f"a container engine{f' ({why})' if why else ''}"
        ensure_packages(settings, purpose, ENGINE_TOOLS)
        # newer Debian has the docker command in a package of its own
        ensure_packages(settings, purpose, {"docker": "docker-cli"})
        start(settings, why)
        engine = own(settings)
        why = usable(engine)
        if why:
            raise LabError(
                f"our dockerd runs, but is of no use: {why}", f"Its log is {folder(settings) / 'dockerd.log'}"
            )
        return engine


def is_debian() -> bool:
    """Whether packages can be had with apt here."""
    return Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None


def can_install(settings: Settings) -> bool:
    """Whether missing packages may and can be installed here."""
    return settings.install and os.geteuid() == 0 and is_debian()


def missing_packages(wanted: dict[str, str], paths: dict[str, str] | None = None) -> list[str]:
    """The packages of commands and files that are not there."""
    missing = {package for command, package in wanted.items() if not shutil.which(command)}
    missing |= {package for path, package in (paths or {}).items() if not Path(path).exists()}
    return sorted(missing)


def ensure_packages(
    settings: Settings, purpose: str, wanted: dict[str, str], *, paths: dict[str, str] | None = None
) -> None:
    """Install what is missing, after saying so; refuse when told not to, or where we cannot."""
    missing = missing_packages(wanted, paths)
    if not missing:
        return
    names = " ".join(missing)
    if not settings.install:
        raise LabError(
            f"{purpose}: missing {names}, and INSTALL=no forbids to install",
            f"Install them yourself: apt-get install {names}",
        )
    if not can_install(settings):
        raise LabError(
            f"{purpose}: missing {names}",
            "Start a docker that this user may use, or install these packages (Debian's names), or run as root on Debian.",
        )
    say(
        f"{purpose}: INSTALLING the Debian packages {names} on this machine (INSTALL=no refuses); they stay after demo-down"
    )
    env = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    with no_services(settings):
        run_long(["apt-get", "update", "-q"], what="apt-get update", log=settings.logs / "install.log", env=env)
        run_long(
            ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing],
            what=f"apt-get install {names}",
            log=settings.logs / "install.log",
            env=env,
        )


POLICY = Path("/usr/sbin/policy-rc.d")
POLICY_MARK = "# of mcp_auth.openshift's lab, for as long as it installs packages"


@contextmanager
def no_services(settings: Settings) -> Iterator[None]:
    """While it lasts, package scripts start no service: the daemon is ours to start, and to stop."""
    with locked(settings.cache / "locks" / "install", "installing packages"):
        made = not POLICY.exists() or policy_is_ours()
        if made:
            write_atomic(POLICY, f"#!/bin/sh\n{POLICY_MARK}\nexit 101\n", 0o755)
        try:
            yield
        finally:
            if made:
                POLICY.unlink(missing_ok=True)


def policy_is_ours() -> bool:
    """Whether the machine's policy for services is one that we wrote."""
    try:
        return POLICY_MARK in POLICY.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def sweep_policy(settings: Settings) -> None:
    """Take away what a killed run left behind; with it no package would ever start a service on this machine again."""
    if policy_is_ours() and os.access(POLICY.parent, os.W_OK):
        with locked(settings.cache / "locks" / "install", "installing packages"):
            POLICY.unlink(missing_ok=True)
        say(f"took away {POLICY}, which an interrupted run had left")


def runtime(settings: Settings) -> Path:
    """The runtime wrapper as one executable file, for an interpreter that stays."""
    python = next((p for p in ("/usr/bin/python3", sys.executable) if Path(p).exists()), sys.executable)
    source = (Path(__file__).with_name("bounded.py")).read_text(encoding="utf-8")
    path = folder(settings) / "runc-bounded"
    write_atomic(path, f"#!{python} -IS\n{source}", 0o755)
    return path


def start(settings: Settings, why: str = "") -> None:
    """Start our dockerd: own socket, own data, own pid file, no default bridge. `why` no other docker serves."""
    because = f"{why}; " if why else ""
    if os.geteuid() != 0:
        raise LabError(f"{because}only root can start a docker", "Start docker, or run as root.")
    root = folder(settings)
    root.mkdir(parents=True, exist_ok=True)
    need_space(root, ENGINE_MB, "the lab's docker")
    if other_dockers():
        raise LabError(
            f"{because}another dockerd runs on this machine and cannot be used; a second one would flush its packet filter rules",
            "Make that docker usable for this user (DOCKER_HOST says where it listens), or stop it.",
        )
    socket = root / "docker.sock"
    if len(str(socket)) > 100:
        raise LabError(f"{socket} is too long for a socket's name", "Choose a shorter LAB_CACHE.")
    for stale in ("dockerd.pid", "docker.sock"):
        (root / stale).unlink(missing_ok=True)
    remember_network(root / "before.json")
    argv = [
        "dockerd",
        f"--host=unix://{socket}",
        f"--data-root={root / 'data'}",
        f"--exec-root={root / 'run'}",
        f"--pidfile={root / 'dockerd.pid'}",
        f"--add-runtime=bounded={runtime(settings)}",
        "--default-runtime=bounded",
        "--bridge=none",
        "--log-level=warn",
    ]
    with step("starting a docker of our own"):
        with (root / "dockerd.log").open("ab") as log:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
                env=unmarked(),
            )
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if process.poll() is not None:
                break
            if socket.exists() and own(settings).ok("version"):
                return
            time.sleep(0.2)
        if process.poll() is None:
            process.terminate()
        text = (root / "dockerd.log").read_text(encoding="utf-8", errors="replace")
        raise failure("dockerd", process.returncode or 1, text)


def stop(settings: Settings) -> bool:
    """Stop our dockerd and undo what it did to the network; True if it ran."""
    pid = running_pid(settings)
    if not pid:
        return False
    with step("stopping the lab's docker"):
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + 40
        while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
            if is_zombie(Path(f"/proc/{pid}")):
                break  # over; its parent has not asked yet
            time.sleep(0.2)
        else:
            if Path(f"/proc/{pid}").exists():
                raise LabError(f"dockerd (process {pid}) does not stop", f"kill -9 {pid}")
        (folder(settings) / "docker.sock").unlink(missing_ok=True)
        if not other_dockers():
            remove_chains()
            restore_network(folder(settings) / "before.json")
    return True


IP_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")


def forward_policy() -> str:
    """The packet filter's word on what is only passed through."""
    rules = run(["iptables", "-S", "FORWARD"], check=False).stdout.split()
    return rules[2] if rules[:2] == ["-P", "FORWARD"] else ""


def remember_network(path: Path) -> None:
    """Note what dockerd is going to change for the whole machine; what a run that died noted is older and stays."""
    if not path.exists():
        state = {"forward_policy": forward_policy(), "ip_forward": IP_FORWARD.read_text(encoding="utf-8").strip()}
        write_atomic(path, json.dumps(state))


def restore_network(path: Path) -> None:
    """Put back what was noted."""
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if state["forward_policy"] in ("ACCEPT", "DROP"):
        run(["iptables", "-P", "FORWARD", state["forward_policy"]], check=False)
    if state["ip_forward"] == "0":
        IP_FORWARD.write_text("0", encoding="utf-8")
    path.unlink()


def is_zombie(process: Path) -> bool:
    """Whether a process is over and only waits for its parent to ask."""
    try:
        return (process / "stat").read_text(encoding="utf-8").rsplit(")", 1)[-1].split()[0] == "Z"
    except OSError:
        return True


def other_dockers() -> bool:
    """Whether some dockerd still runs on this machine, to which the filter chains may belong."""
    for comm in Path("/proc").glob("[0-9]*/comm"):
        try:
            if comm.read_text(encoding="utf-8").strip() == "dockerd" and not is_zombie(comm.parent):
                return True
        except OSError:
            continue
    return False


def remove_chains() -> None:
    """Take dockerd's packet filter chains out; it leaves them behind."""
    for table in ("filter", "nat"):
        rules = run(["iptables", "-t", table, "-S"], check=False).stdout.splitlines()
        for rule in rules:
            words = rule.split()
            if words[:1] == ["-A"] and "-j" in words and words[words.index("-j") + 1] in CHAINS:
                _iptables(table, ["-D", *words[1:]])
        for chain in CHAINS:
            if f"-N {chain}" in rules:
                _iptables(table, ["-F", chain])
        for chain in CHAINS:
            if f"-N {chain}" in rules:
                _iptables(table, ["-X", chain])


def _iptables(table: str, argv: Sequence[str]) -> None:
    run(["iptables", "-t", table, *argv], check=False)
