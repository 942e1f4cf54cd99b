# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures: ours against the modules that people use today, both sides in one run, medians of pairs.

Needs a cluster that ``make demo`` brought up. Prints a table and writes it as JSON; nothing fails on a slow machine, a figure
out of reach is marked.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lab"), str(HERE.parent)]

import sides
from demo import Demo
from faults.ledger import Ledger
from faults.proxy import Proxy, Upstream, server_tls


@dataclass(frozen=True)
class Figure:
    """A ratio that was measured, and what it should reach. Seconds are medians, the ping play taken off where said."""

    name: str
    ours: float
    theirs: float
    reach: float
    unit: str = "s"

    @property
    def ratio(self) -> float:
        return self.theirs / self.ours if self.ours > 0 else float("inf")

    def line(self) -> str:
        mark = "reached" if self.ratio >= self.reach else "NOT reached"
        return (
            f"| {self.name} | {self.ours:.2f} {self.unit} | {self.theirs:.2f} {self.unit} "
            f"| {self.ratio:.1f} | {self.reach:g} | {mark} |"
        )


@dataclass(frozen=True)
class Count:
    """Requests that were counted, those that write apart, and how many ours may make."""

    name: str
    ours: tuple[int, int]
    theirs: tuple[int, int]
    limit: int

    @property
    def ratio(self) -> float:
        return self.theirs[0] / self.ours[0]

    def line(self) -> str:
        mark = "reached" if self.ours[0] <= self.limit and not self.ours[1] else "NOT reached"
        ours, theirs = ("%d, %d writes" % side for side in (self.ours, self.theirs))
        return f"| {self.name} | {ours} | {theirs} | {self.ratio:.1f} | at most {self.limit}, no write | {mark} |"


@dataclass(frozen=True)
class Took:
    """Seconds that something took, and how many it may."""

    name: str
    ours: float
    limit: float

    @property
    def ratio(self) -> float:
        return self.limit / self.ours

    def line(self) -> str:
        mark = "reached" if self.ours <= self.limit else "NOT reached"
        return f"| {self.name} | {self.ours:.0f} s | - | - | at most {self.limit:.0f} s | {mark} |"


# What `make demo` may take, in seconds: with nothing in the cache, without a cluster, and once more.
DEMO = {"cold": 1200, "warm": 240, "again": 60}


class RealmPlays(NamedTuple):
    """The plays of both sides, and the variable with their secret."""

    ours: list[dict[str, Any]]
    theirs: list[dict[str, Any]]
    secret: dict[str, str]


def hosts_that_changed(output: str) -> str:
    """The hosts of a recap that say something changed."""
    recap = output.rpartition("PLAY RECAP")[2]
    if "ok=" not in recap:
        return "no recap"
    return ", ".join(line.strip() for line in recap.splitlines() if "changed=" in line and "changed=0 " not in line)


class Bench:
    """Runs plays of both sides in turn against one lab."""

    def __init__(self, demo: Demo, pairs: int) -> None:
        self.demo = demo
        self.pairs = pairs
        self.work = demo.cache / "bench"
        self.work.mkdir(parents=True, exist_ok=True)
        self.theirs = self._their_collections()
        self.model = self._model()

    def _their_collections(self) -> Path:
        """The PyPI package ``ansible``, by hash, without its dependencies: only its collections are wanted."""
        target = self.work / "ansible-collections"
        if not (target / "ansible_collections" / "community" / "general").is_dir():
            print("bench: installing the other side's collections ...", file=sys.stderr)
            lock = HERE / "requirements.lock"
            pip = [self.demo.python, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
            subprocess.run([*pip, "--target", str(target), "-r", str(lock)], check=True)
        return target

    def _model(self) -> dict[str, Any]:
        """The model of the lab's chain, from the very module."""
        task = {
            "name": "Write the model",
            "ansible.builtin.copy": {
                "content": "{{ chain_model | to_json }}",
                "dest": "{{ bench_model }}",
                "mode": "0600",
            },
        }
        path = self.work / "model.json"
        book = sides.play("Model", [task], roles=["mcp_auth.openshift.chain"])
        self.play(book, "model", ours=True, more={"bench_model": str(path)}, may_change=True)
        model: dict[str, Any] = json.loads(path.read_text())
        return model

    def play(
        self,
        book: list[dict[str, Any]],
        name: str,
        ours: bool,
        more: dict[str, Any] | None = None,
        may_change: bool = False,
    ) -> str:
        """One run of a playbook; its output."""
        path = self.work / f"{name}.yml"
        path.write_text(json.dumps(book))
        extra = self.work / f"{name}-vars.json"
        extra.write_text(json.dumps(more or {}))
        extra.chmod(0o600)
        return self.command(["ansible-playbook", str(path), "-e", f"@{extra}"], ours, may_change=may_change)

    def command(self, argv: Sequence[str], ours: bool, cwd: Path | None = None, may_change: bool = False) -> str:
        """One run; its output. Of a failed one, and of one of ours that changes something, the time would be of something
        else. The other side may say "changed" at each run (that is one of the figures)."""
        env = {
            **os.environ,
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        }
        env["ANSIBLE_COLLECTIONS_PATH"] = str(self.demo.collections if ours else self.theirs)
        env["SSL_CERT_FILE"] = str(self.ca_file())
        program = str(Path(self.demo.python).parent / argv[0])
        vars_file = ["-e", f"@{self.demo.vars_file}"] if ours else []
        done = subprocess.run(
            [program, *argv[1:], *vars_file], env=env, cwd=cwd or self.work, capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"bench: {' '.join(argv)} failed\n{done.stdout[-3000:]}\n{done.stderr[-2000:]}")
        changed = "" if may_change or not ours else hosts_that_changed(done.stdout)
        if changed:
            sys.exit(f"bench: {' '.join(argv)} had something to do: {changed}")
        return done.stdout

    def ca_file(self) -> Path:
        path = self.work / "ca.crt"
        path.write_text(self.demo.kube("ConfigMap", "redhat-keycloak", "mcp-auth-ca")["data"]["ca.crt"])
        return path

    def their_keycloak(self, url: str) -> tuple[dict[str, str], dict[str, Any], dict[str, str]]:
        """How both sides reach Keycloak: the options, as defaults of the other side's modules, and the secret apart."""
        secret = self.demo.kube("Secret", "redhat-keycloak", "mcp-auth-admin")["data"]["client-secret"]
        connection = {
            "auth_keycloak_url": url,
            "auth_realm": "master",
            "auth_client_id": self.model["admin"]["client_id"],
            "auth_client_secret": "{{ bench_secret }}",
        }
        modules = ("keycloak_realm", "keycloak_clientscope", "keycloak_client", "keycloak_group", "keycloak_user")
        defaults = {f"community.general.{name}": connection for name in modules}
        return connection, defaults, {"bench_secret": base64.b64decode(secret).decode()}

    def seconds(self, *sides_to_run: Callable[[], object]) -> list[float]:
        """Median seconds of each side, run in turn so that the machine's moods hit all alike."""
        taken: list[list[float]] = [[] for _side in sides_to_run]
        for _pair in range(self.pairs):
            for times, side in zip(taken, sides_to_run, strict=True):
                began = time.monotonic()
                side()
                times.append(time.monotonic() - began)
        return [statistics.median(times) for times in taken]

    def requests(self, side: Callable[[str], object]) -> tuple[int, int]:
        """Requests and writes that Keycloak gets while a side runs, by a proxy that shows Keycloak's own certificate."""
        url = urlsplit(self.model["issuer"]["keycloak_url"])
        with tempfile.TemporaryDirectory(dir=self.work) as folder:
            certificate, key = Path(folder) / "tls.crt", Path(folder) / "tls.key"
            for name, text in self.demo.kube("Secret", "redhat-keycloak", "keycloak-tls")["data"].items():
                (Path(folder) / name).write_bytes(base64.b64decode(text))
            ledger = Ledger()
            upstream = Upstream(url.geturl(), self.ca_file(), address="127.0.0.1")
            context = server_tls(certificate, key)
            with Proxy("keycloak", upstream, ledger, lambda: context).running() as proxy:
                side(f"https://{url.hostname}:{proxy.port}")
        return ledger.requests, ledger.writes

    def realm_plays(self, url: str) -> RealmPlays:
        """The realm with nothing to do, by both sides, at a URL of Keycloak."""
        connection, defaults, secret = self.their_keycloak(url)
        ours_defaults = {
            "group/mcp_auth.openshift.keycloak": {
                **connection,
                "auth_ca_cert": str(self.ca_file()),
                "kubeconfig": str(self.demo.kubeconfig),
            }
        }
        tasks = [{"name": "Realm", "mcp_auth.openshift.keycloak_realm": self.model["realm"]}]
        tasks += [
            {"name": "Exchange", "mcp_auth.openshift.keycloak_token_exchange_client": entry}
            for entry in self.model["requesters"]
        ]
        return RealmPlays(
            sides.play("Realm", tasks, module_defaults=ours_defaults),
            sides.play("Realm", sides.realm_tasks(self.model["realm"]), module_defaults=defaults),
            secret,
        )

    # -- figures -----------------------------------------------------------------------------------------------------
    def realm(self) -> list[Figure | Count]:
        """Nothing to do in the realm: one list-taking module against one task an object."""
        books = self.realm_plays(self.model["issuer"]["keycloak_url"])
        role = sides.play("Role", [], roles=["mcp_auth.openshift.realm"])
        # The first run of each may change what the modules disagree about.
        self.play(books.theirs, "theirs-realm", ours=False, more=books.secret)
        self.play(books.ours, "ours-realm", ours=True, more=books.secret, may_change=True)
        ping, a_ours, a_role, a_theirs = self.seconds(
            lambda: self.play(sides.ping(), "ping", ours=False),
            lambda: self.play(books.ours, "ours-realm", ours=True, more=books.secret),
            lambda: self.play(role, "role-realm", ours=True),
            lambda: self.play(books.theirs, "theirs-realm", ours=False, more=books.secret),
        )
        counted = [
            self.requests(lambda url: self.play(self.realm_plays(url).theirs, "theirs-count", False, books.secret)),
            self.requests(lambda url: self.play(self.realm_plays(url).ours, "ours-count", True, books.secret)),
        ]
        # One login and ten reads, a page for each kind that has pages (clients, users, groups), one for each group.
        limit = 10 + 3 + len(self.model["realm"]["groups"])
        return [
            Figure("nothing to do in the realm, less a ping play", a_ours - ping, a_theirs - ping, 12),
            Figure("the whole role realm, less a ping play", a_role - ping, a_theirs - ping, 4),
            Count("HTTP requests of it", counted[1], counted[0], limit),
        ]

    def site(self) -> list[Figure | Count]:
        """Nothing to do on the whole cluster: site.yml without verify against one task an object."""
        objects = [
            {"apiVersion": item["apiVersion"], "kind": item["kind"], **item} for item in self.demo.managed_objects()
        ]
        _connection, defaults, more = self.their_keycloak(self.model["issuer"]["keycloak_url"])
        tasks = sides.object_tasks(objects, str(self.demo.kubeconfig)) + sides.realm_tasks(self.model["realm"])
        theirs = sides.play("Objects", tasks, module_defaults=defaults)
        print(
            f"bench: site has {len(objects)} objects in the cluster and {len(sides.realm_tasks(self.model['realm']))} in the realm",
            file=sys.stderr,
        )
        a_ours, a_theirs = self.seconds(
            lambda: self.command(
                ["ansible-playbook", "site.yml", "--skip-tags", "verify"], ours=True, cwd=ROOT / "examples" / "project"
            ),
            lambda: self.play(theirs, "theirs-site", ours=False, more=more),
        )
        return [Figure("site.yml with nothing to do, without verify", a_ours, a_theirs, 5)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=7, help="runs of each side (default: 7)")
    parser.add_argument("--only", choices=("realm", "site"), help="one group of figures")
    chosen = parser.parse_args()
    demo = Demo.of_environment()
    if not demo.is_up():
        sys.exit("bench: no lab is up. Run make demo first.")
    bench = Bench(demo, chosen.pairs)
    figures: list[Figure | Count | Took] = []
    for name in ("realm", "site"):
        if chosen.only in (None, name):
            figures += getattr(bench, name)()
    took = demo.timings()
    figures += [Took(f"make demo, {kind}, when it last ran", took[kind], DEMO[kind]) for kind in DEMO if kind in took]
    print("| figure | ours | theirs | times | reach | |\n|---|---|---|---|---|---|")
    for figure in figures:
        print(figure.line())
    file = bench.work / "figures.json"
    kept = json.loads(file.read_text()) if file.exists() and chosen.only else []
    measured = [{**asdict(figure), "ratio": figure.ratio} for figure in figures]
    names = {figure["name"] for figure in measured}
    file.write_text(json.dumps([*(one for one in kept if one["name"] not in names), *measured], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
