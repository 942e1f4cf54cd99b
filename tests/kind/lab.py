# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab of the stage: a cluster of its own, or one that is there already (MCP_AUTH_LAB=<its state folder>)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from faults.audit import AuditLog
from faults.ledger import Ledger
from faults.pki import Authority
from faults.proxy import Proxy, Upstream, server_tls
from labkit import child
from labkit.settings import Settings, command_prefix, from_environment
from labkit.ui import END_SECONDS

from .kube import Keycloak, Kube, wait_for
from .plays import Plays
from .report import CheckFailed

ROOT = Path(__file__).resolve().parents[2]
# Beside a demo that is up: other names, other ports. The same for molecule.
OWN = json.loads((ROOT / "extensions" / "molecule" / "kind" / "lab.json").read_text(encoding="utf-8"))


class Tool:
    """tests/lab/lab.py, the same that `make demo` calls."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.env = {**OWN, **{key: value for key, value in os.environ.items() if key.startswith("LAB_")}}

    @property
    def settings(self) -> Settings:
        """The same choices, as the lab reads them."""
        return from_environment(ROOT / "tests" / "lab", {**os.environ, **self.env})

    @property
    def prefix(self) -> str:
        """What a command begins with that means this lab."""
        return command_prefix({**os.environ, **self.env})

    def call(self, *words: str, env: Mapping[str, str] | None = None, timeout: float = 3600) -> tuple[int, str]:
        """Run a command of the lab, its output in a log; the exit code and the output."""
        log = self.out / f"lab-{words[0]}.out"
        with log.open("ab") as file:
            start = file.tell()
            code = child.run(
                [sys.executable, str(ROOT / "tests" / "lab" / "lab.py"), *words],
                timeout=timeout,
                grace=END_SECONDS + child.GRACE_SECONDS,
                env={**os.environ, **self.env, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                # A second Ctrl-C does not reach a lab that goes down.
                start_new_session=True,
            )
        return code, log.read_bytes()[start:].decode(errors="replace")

    def must(self, *words: str) -> str:
        """The same, and it has to work; its last line."""
        code, output = self.call(*words)
        if code:
            raise CheckFailed(f"lab.py {' '.join(words)} ended with exit code {code}\n{output[-4000:]}")
        lines = output.strip().splitlines()
        return lines[-1] if lines else ""


@dataclass
class Lab:
    """A cluster that is up."""

    vars_file: Path
    values: Mapping[str, Any]
    out: Path
    private: Path
    plays: Plays
    kube: Kube

    @classmethod
    def at(cls, vars_file: Path, collections: Path, project: Path, out: Path, private: Path) -> Lab:
        """A lab by the variables that belong to it."""
        values = json.loads(vars_file.read_text(encoding="utf-8"))
        plays = Plays(collections, out, private, vars_file, project)
        return cls(vars_file, values, out, private, plays, Kube(Path(values["chain_kubeconfig"]), private / "admin"))

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return Path(self.values["chain_kubeconfig"])

    @property
    def state(self) -> Path:
        """The lab's folder."""
        return self.kubeconfig.parent

    @property
    def audit(self) -> AuditLog:
        """The API server's audit log."""
        return AuditLog(self.state / "audit" / "audit.log")

    @property
    def namespaces(self) -> tuple[str, str]:
        """The namespaces of the chain."""
        return (
            self.values.get("chain_keycloak_namespace", "redhat-keycloak"),
            self.values.get("chain_agents_namespace", "llama-stack"),
        )

    def model(self) -> dict[str, Any]:
        """The model of the chain, asked of the collection by a play."""
        file = self.private / "model.json"
        if not file.exists():
            book = self.private / "model.yml"
            task = {
                "name": "Keep the model",
                "ansible.builtin.copy": {"content": "{{ chain_model | to_json }}", "dest": str(file), "mode": "0600"},
            }
            play = {
                "name": "Ask for the model",
                "hosts": "localhost",
                "connection": "local",
                "gather_facts": False,
                "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
                "roles": ["mcp_auth.openshift.chain"],
                "tasks": [task],
            }
            book.write_text(json.dumps([play]))
            self.plays.run("model", str(book)).succeeded()
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return found

    def keycloak(self) -> Keycloak:
        """Keycloak's administrator."""
        model = self.model()
        return Keycloak(model["issuer"]["keycloak_url"], self.kube, model)

    def ca_file(self) -> Path:
        """The lab's authority as a file."""
        file = self.private / "lab-ca.pem"
        file.write_text(self.keycloak().ca)
        return file

    def tear_down(self) -> None:
        """Take the chain away, by the collection's own playbook. Data and credentials stay: only a person deletes those."""
        consent = {"teardown_consent": self.values.get("chain_cluster_name", "local")}
        self.plays.run("teardown", "mcp_auth.openshift.teardown", consent).succeeded()

    def empty(self) -> None:
        """The same, and then data and credentials, with their namespaces."""
        self.tear_down()
        self.delete_namespaces()

    def delete_namespaces(self) -> None:
        """What teardown.yml leaves on purpose."""
        for name in self.namespaces:
            self.kube.delete(f"/api/v1/namespaces/{name}")
        gone = [f"/api/v1/namespaces/{name}" for name in self.namespaces]
        wait_for("the namespaces are gone", lambda: not any(self.kube.get(path) for path in gone), 180)

    @contextmanager
    def proxies(self, ledger: Ledger) -> Iterator[dict[str, Any]]:
        """Put proxies before the API server and Keycloak; gives the variables by which a run goes through them."""
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=self.private)))
            authority = Authority(folder)
            front = authority.server("127.0.0.1", "localhost")
            # Taken from a client only if the cluster's authority signed it, and shown upstream only then.
            api_tls = server_tls(front.certificate, front.key, self.kube.ca)
            admin = self.kube.kubeconfig
            upstream = Upstream(admin.server, self.kube.ca, self.kube.pair.certificate, self.kube.pair.key)
            api = stack.enter_context(Proxy("api", upstream, ledger, lambda: api_tls).running())
            model = self.model()
            keycloak_tls = Changing(self, folder)
            parts = urlsplit(model["issuer"]["keycloak_url"])
            there = Upstream(model["issuer"]["keycloak_url"], folder / "keycloak-ca.pem", address="127.0.0.1")
            keycloak = stack.enter_context(Proxy("keycloak", there, ledger, keycloak_tls).running())
            kubeconfig = admin.pointing_to(f"https://127.0.0.1:{api.port}", authority.pem, folder / "kubeconfig")
            yield {
                "chain_kubeconfig": str(kubeconfig),
                "chain_keycloak_admin_url": f"https://{parts.hostname}:{keycloak.port}",
            }


class Changing:
    """Keycloak's own certificate for the proxy before it: read when a client comes, because it is made by the run."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        self.folder = folder
        self.shown = b""
        self.context: Any = None

    def __call__(self) -> Any:
        """What to show to the client that just came."""
        found = self.lab.kube.secret(self.lab.namespaces[0], "keycloak-tls")
        if not found:
            raise ConnectionError("Keycloak has no certificate yet")
        if found["tls.crt"] != self.shown:
            certificate, key = self.folder / "keycloak.pem", self.folder / "keycloak.key"
            certificate.write_bytes(found["tls.crt"])
            key.touch(mode=0o600)
            key.write_bytes(found["tls.key"])
            (self.folder / "keycloak-ca.pem").write_bytes(found["ca.crt"])
            self.context = server_tls(certificate, key)
            self.shown = found["tls.crt"]
        return self.context


def install(out: Path, work: Path) -> Path:
    """Build the collection and install the tarball into an empty path, without Galaxy; gives that path."""
    collections = work / "collections"
    galaxy = str(Path(sys.executable).parent / "ansible-galaxy")
    galaxy = galaxy if Path(galaxy).exists() else shutil.which("ansible-galaxy") or "ansible-galaxy"
    source = work / "source"
    names = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, source / name)
    with (out / "collection.out").open("wb") as log:
        for command in (
            [galaxy, "collection", "build", str(source), "--output-path", str(work), "--force"],
            [galaxy, "collection", "install", "--offline", "--no-deps", "--force", "-p", str(collections), "{tarball}"],
        ):
            tarball = next(iter(sorted(work.glob("mcp_auth-openshift-*.tar.gz"))), Path("none"))
            done = subprocess.run(
                [part.replace("{tarball}", str(tarball)) for part in command],
                env={
                    **os.environ,
                    "ANSIBLE_HOME": str(work / "ansible-home"),
                    "ANSIBLE_COLLECTIONS_PATH": str(collections),
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            )
            if done.returncode:
                raise CheckFailed(f"{' '.join(command[:3])} failed:\n{(out / 'collection.out').read_text()[-3000:]}")
    return collections
