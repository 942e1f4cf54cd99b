# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo: a local cluster with the whole chain on it, verified. What `make demo` runs.

It uses the collection as a user does: built, installed into an empty folder, and called from examples/project.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

if sys.version_info < (3, 11):
    sys.exit("The demo needs Python 3.11 or newer; this is " + sys.version.split()[0] + ".")

from labkit import child, cluster, engine, program, pyenv
from labkit.settings import Settings, command_prefix, from_environment
from labkit.store import remove_tree, write_atomic
from labkit.ui import LabError, run, say, step

FIELD_MANAGER = "mcp-auth-openshift"
# Every kind that the roles make, as kubectl names it.
KINDS = (
    "namespaces secrets configmaps services serviceaccounts deployments.apps statefulsets.apps "
    "networkpolicies.networking.k8s.io poddisruptionbudgets.policy clusterrolebindings rolebindings"
).split()


@dataclass
class Demo:
    """The demo's places, and what other programs (the bench) want of a lab that is up."""

    settings: Settings
    python: Path

    @classmethod
    def of_environment(cls) -> Demo:
        settings = from_environment(HERE, os.environ)
        return cls(settings, pyenv.ensure(settings))

    @property
    def cache(self) -> Path:
        return self.settings.cache.parent

    @property
    def collections(self) -> Path:
        return self.settings.state / "collections"

    @property
    def kubeconfig(self) -> Path:
        return self.settings.kubeconfig

    @property
    def vars_file(self) -> Path:
        return self.settings.vars_file

    @property
    def reports(self) -> Path:
        return self.settings.state / "report"

    # -- the cluster ---------------------------------------------------------------------------------------------------
    def is_up(self) -> bool:
        return cluster.node_state(self.settings, engine.find(self.settings)) == "running" and self.vars_file.exists()

    def kubectl(self, *words: str) -> str:
        """The node's kubectl as the cluster's administrator."""
        found = engine.running(self.settings)
        node = f"{self.settings.name}-control-plane"
        argv = ["docker", "exec", node, "kubectl", "--kubeconfig=/etc/kubernetes/admin.conf", *words]
        return run(argv, what="kubectl", env=found.env()).stdout

    def kube(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.kubectl("get", kind, name, "-n", namespace, "-o", "json"))
        return found

    def managed_objects(self) -> list[dict[str, Any]]:
        """Every object that a role of ours made: those whose fields our field manager owns."""
        listed = json.loads(self.kubectl("get", ",".join(KINDS), "-A", "-o", "json", "--show-managed-fields"))["items"]
        return [
            item
            for item in listed
            if any(entry.get("manager") == FIELD_MANAGER for entry in item["metadata"].get("managedFields", []))
        ]

    def password(self, username: str) -> str:
        people = self.kube("secret", "redhat-keycloak", "mcp-auth-people")["data"]
        return base64.b64decode(people[username]).decode()

    # -- the run -------------------------------------------------------------------------------------------------------
    def install(self) -> None:
        """Build the collection and install the result into an empty folder, without Galaxy."""
        work = self.settings.state / "build"
        remove_tree(work)
        work.mkdir(parents=True)
        galaxy = [str(self.python.parent / "ansible-galaxy"), "collection"]
        env = pyenv.environment(self.python)
        run(
            [*galaxy, "build", str(self.settings.repo), "--output-path", str(work)],
            what="building the collection",
            env=env,
        )
        (tarball,) = work.glob("*.tar.gz")
        # Without force it does nothing where the same version lies in another folder that Ansible knows.
        fresh = work / "collections"
        install = [*galaxy, "install", str(tarball), "-p", str(fresh), "--offline", "--no-deps", "--force"]
        run(install, what="installing the collection", env=env)
        remove_tree(self.collections)
        fresh.rename(self.collections)

    def site(self, words: Sequence[str]) -> None:
        """Run site.yml as a user does, its output in full: what it prints is what a user sees."""
        env = {
            **os.environ,
            **pyenv.environment(self.python),
            "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        }
        self.reports.mkdir(parents=True, exist_ok=True)
        argv = [
            str(self.python.parent / "ansible-playbook"),
            "site.yml",
            "-i",
            "localhost,",
            "-e",
            f"@{self.vars_file}",
        ]
        argv += ["-e", json.dumps({"verify_report_dir": str(self.reports)}), *words]
        if child.run(argv, env=env, cwd=self.settings.repo / "examples" / "project"):
            raise LabError(
                "site.yml did not end well: its last lines say why",
                "Nothing is lost. Mend it and run make demo again: it goes on from here.",
            )

    def timings(self) -> dict[str, float]:
        """Seconds of the last runs that ended well, by kind: cold (nothing in the cache), warm (no cluster), again (a demo
        that had ended well)."""
        try:
            taken: dict[str, float] = json.loads((self.cache / "demo-timings.json").read_text())
        except (OSError, ValueError):
            return {}
        return taken

    def remember(self, kind: str, seconds: float) -> None:
        write_atomic(self.cache / "demo-timings.json", json.dumps({**self.timings(), kind: seconds}))

    def where_to_look(self) -> str:
        urls = cluster.read_facts(self.settings)["urls"]
        report = self.reports / "chain.html"
        chosen = command_prefix(os.environ)
        lab = f"{chosen}python3 tests/lab/lab.py kubectl"
        lines = [
            "",
            f"The chain is up and verified on the cluster {self.settings.name}.",
            "",
            f"  Keycloak     {urls['sso']}  (realm openshift; people sign in at /realms/openshift/account)",
            f"  MCP server   {urls['mcp']}/mcp",
            f"  Report       {report}",
            "  People       testadmin, testdeveloper, testnobody",
            f"  Passwords    {lab} get secret mcp-auth-people -n redhat-keycloak \\",
            "                 -o go-template='{{range $name, $value := .data}}{{$name}} {{base64decode $value}}{{\"\\n\"}}{{end}}'",
            f"  Cluster      KUBECONFIG={self.kubeconfig}",
            f"  Its CA       {lab} get configmap mcp-auth-ca -n redhat-keycloak -o jsonpath='{{.data.ca\\.crt}}'",
            "",
            f"Try next: {lab} auth can-i --list --as-group openshift_developers --as testdeveloper -n demo",
            f"Take it away: {chosen}make demo-down",
        ]
        return "\n".join(lines)


def bring_up(settings: Settings) -> None:
    """The cluster, the collection, the chain; one run at a time, from the first to the last."""
    began = time.monotonic()
    cluster.refuse_what_cannot_work(settings)
    with cluster.lock(settings):
        cold = not (settings.cache / "env").exists()
        done = settings.state / "demo-done"
        known = cluster.node_state(settings, engine.find(settings)) == "running" and done.exists()
        cluster.bring_up(settings)
        done.unlink(missing_ok=True)
        demo = Demo(settings, pyenv.ensure(settings))
        with step("building and installing the collection"):
            demo.install()
        say("running site.yml")
        demo.site(sys.argv[1:])
        write_atomic(done, "")
        demo.remember("cold" if cold else "again" if known else "warm", time.monotonic() - began)
        print(demo.where_to_look(), flush=True)


def main() -> int:
    """Bring everything up; an error that a person can act on comes without a traceback."""
    return program.main(HERE, "make demo", bring_up)


if __name__ == "__main__":
    sys.exit(main())
