# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The search for secrets in everything that the stage has put out."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faults.canary import Canary

from .lab import Lab
from .report import Report, expect

# Quotes, percent signs, braces, angle brackets and characters beyond ASCII: what breaks templates and encoders.
NASTY = "'\"%(x)s{{ y }}é漢&<>"
LOG_SOCKET = Path("/dev/log")


def planted(lab: Lab) -> dict[str, str]:
    """A password per person, random and hard to quote."""
    return {name: f"{secrets.token_urlsafe(12)}{NASTY}{number}" for number, name in enumerate(people(lab))}


def people(lab: Lab) -> list[str]:
    """Who has a password in the lab."""
    return [person["username"] for person in lab.model().get("people", [])]


def plant(lab: Lab) -> None:
    """Put Secrets of our choosing where the run would make its own: it has to keep them, and tell them to nobody."""
    namespace = lab.namespaces[0]
    lab.kube.make("/api/v1/namespaces", {"metadata": {"name": namespace}})
    lab.kube.make(
        f"/api/v1/namespaces/{namespace}/secrets",
        {"metadata": {"name": "mcp-auth-people"}, "stringData": planted(lab)},
    )
    # Postgres and Keycloak get this one by a file or an environment variable; it must survive both.
    credentials = {"username": "keycloak", "password": f"{secrets.token_urlsafe(12)}{NASTY}", "database": "keycloak"}
    lab.kube.make(
        f"/api/v1/namespaces/{namespace}/secrets",
        {"metadata": {"name": lab.model()["database"]["credentials"]["name"]}, "stringData": credentials},
    )


def everything(lab: Lab) -> dict[str, bytes]:
    """All that must be nowhere: the content of every Secret of the chain, the administrator's key."""
    found = {
        f"Secret {name}": value for name, value in lab.kube.secrets(lab.namespaces).items() if is_secret(name, value)
    }
    found["the administrator's key"] = lab.kube.kubeconfig.key.encode()
    return found


def is_secret(name: str, value: bytes) -> bool:
    """User names, certificates and the like lie in Secrets too."""
    key = name.rpartition(":")[2]
    return key not in ("username", "database", "client-id", "ca.crt", "tls.crt", "certificate") and len(value) > 0


@dataclass
class SystemLog:
    """Where Ansible's modules write their invocation: what of it can be searched, or why it cannot."""

    file: Path
    began: float = field(default_factory=time.time)
    ours: bool = False
    why_not: str = ""

    def read(self) -> None:
        """Have it in the file: from the machine's journal, where we do not listen ourselves."""
        if self.ours or self.why_not:
            return
        argv = ["journalctl", f"--since=@{self.began:.0f}", "--output=json", "--all", "--quiet", "--no-pager"]
        try:
            done = subprocess.run(argv, capture_output=True, timeout=120, check=False)
        except (OSError, subprocess.TimeoutExpired) as exc:
            self.why_not = f"another log daemon listens, and its journal cannot be read ({type(exc).__name__})"
            return
        found = [message for message in map(of_ansible, done.stdout.splitlines()) if message]
        if found:
            self.file.write_text("\n".join(found) + "\n", encoding="utf-8")
        else:
            self.why_not = "another log daemon listens, and its journal shows nothing of Ansible"


def of_ansible(line: bytes) -> str:
    """The message of a journal's entry that a module has written."""
    try:
        entry = json.loads(line)
    except ValueError:
        return ""
    message = entry.get("MESSAGE") or ""
    # What is not plain text comes as a list of bytes.
    text = bytes(message).decode(errors="replace") if isinstance(message, list) else str(message)
    return text if f"{entry.get('SYSLOG_IDENTIFIER', '')}".startswith("ansible-") or text.startswith("ansible-") else ""


def somebody_listens() -> bool:
    """Whether the system log's socket belongs to a living process; one of a killed stage is taken away."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(str(LOG_SOCKET))
        except FileNotFoundError:
            return False
        except ConnectionRefusedError:
            with suppress(OSError):
                LOG_SOCKET.unlink()
            return False
        except OSError:
            return True  # a socket of another type, or one that is not for us
    return True


@contextmanager
def system_log(out: Path) -> Iterator[SystemLog]:
    """Where the machine has no log daemon, be one."""
    log = SystemLog(out / "syslog.txt")
    if somebody_listens():
        yield log
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        try:
            listening.bind(str(LOG_SOCKET))
        except OSError as exc:
            log.why_not = f"nobody listens, nor may we ({type(exc).__name__})"
            yield log
            return
        log.ours = True
        over = threading.Event()
        listening.settimeout(0.5)

        def listen() -> None:
            with log.file.open("ab") as file:
                while not over.is_set():
                    try:
                        file.write(listening.recv(65536) + b"\n")
                        file.flush()
                    except TimeoutError:
                        continue

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        try:
            yield log
        finally:
            over.set()
            thread.join()
            LOG_SOCKET.unlink(missing_ok=True)


def collect(lab: Lab) -> None:
    """What the cluster itself tells: events, ConfigMaps, descriptions of workloads, logs of our pods."""
    folder = lab.out / "cluster"
    folder.mkdir(exist_ok=True)
    for namespace in lab.namespaces:
        base = f"/api/v1/namespaces/{namespace}"
        apps = f"/apis/apps/v1/namespaces/{namespace}"
        for path in (
            f"{base}/events",
            f"{base}/configmaps",
            f"{base}/pods",
            f"{apps}/deployments",
            f"{apps}/statefulsets",
        ):
            name = f"{namespace}-{path.rpartition('/')[2]}.json"
            (folder / name).write_text(json.dumps(lab.kube.items(path), ensure_ascii=False, indent=1))
        for pod in lab.kube.items(f"{base}/pods"):
            for container in pod["spec"]["containers"]:
                path = f"{base}/pods/{pod['metadata']['name']}/log?container={container['name']}"
                found: dict[str, Any] = lab.kube.ask("GET", path)[1]
                log = folder / f"{namespace}-{pod['metadata']['name']}-{container['name']}.log"
                log.write_text(str(found.get("text") or json.dumps(found)))


def search(lab: Lab, report: Report, secret_values: dict[str, bytes], log: SystemLog) -> None:
    """Look in every file that the stage wrote, in the audit log and in the system log."""
    log.read()
    certificates = [
        value for value in lab.kube.secrets(lab.namespaces).values() if b"-----BEGIN CERTIFICATE-----" in value
    ]
    canary = Canary(secret_values, certificates)
    with report.check(f"{len(canary.needles)} shapes of {len(secret_values)} secrets are nowhere"):
        expect(
            len(secret_values) >= 5, f"there are only {len(secret_values)} secrets to look for: {sorted(secret_values)}"
        )
        looked = [lab.out, lab.state / "audit"]
        leaks = sorted({str(leak) for leak in canary.search(looked)})
        expect(not leaks, f"{len(leaks)} leaks:\n" + "\n".join(leaks[:40]))
    less = f", less the system log: {log.why_not}" if log.why_not else ""
    with report.check(f"the outputs that were searched are there{less}"):
        kinds = {
            "-vvv output": list(lab.out.glob("**/*.out")),
            "log file": list(lab.out.glob("**/*.ansible.log")),
            "JUnit": list(lab.out.glob("**/*.xml")),
            "command lines": list(lab.out.glob("**/*.argv")),
            "events": list((lab.out / "cluster").glob("*-events.json")),
        }
        if not log.why_not:
            kinds["system log"] = [file for file in (log.file,) if file.exists()]
        empty = [kind for kind, files in kinds.items() if not any(file.stat().st_size for file in files)]
        expect(not empty, f"nothing to search in: {empty}")
        verbose = [
            file
            for file in kinds["-vvv output"]
            if b'"module_args"' in file.read_bytes() or b"EXEC" in file.read_bytes()
        ]
        expect(verbose, "no run was made with -vvv")
