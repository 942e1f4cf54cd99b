# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The chain on a real kind cluster, from nothing to nothing: what `tests/run --kind` calls.

One cluster for everything; molecule's scenario `kind` runs on it. With MCP_AUTH_LAB=<state folder> it is taken as it is,
and stays up. One line a check, JUnit at the end. A stage that is stopped ends what it has started and takes its lab down.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import yaml

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "lab")]

from faults.kill import differences
from faults.ledger import Ledger
from faults.pki import write_private
from labkit import child, cluster, engine
from labkit.store import locked
from labkit.ui import LabError

from kind import bad_input, canary, kills, leftovers, runner, sabotage, targets
from kind.kube import wait_for
from kind.lab import OWN, ROOT, Lab, Tool, install
from kind.report import CheckFailed, Report, expect

KILL_POINTS = 5
# Of the whole matrix, and five hops for each of three people: fewer would be a proof of less.
CELLS = 73
HOPS = 15
# How our own client names itself to the API server.
AGENT = "mcp-auth-openshift-ansible"
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class Stage:
    """What the parts share."""

    asked: argparse.Namespace
    report: Report
    out: Path
    private: Path
    tool: Tool
    seed: int
    own: bool
    collections: Path
    system_log: canary.SystemLog
    lab: Lab | None = None
    # Whether this stage has brought the lab up, and so has to take it down.
    brought_up: bool = False
    # What lay about in the engine, and in the packet filter, before.
    before: set[str] | None = None
    rules: set[str] = field(default_factory=set)
    writes: int = 0
    # What they were.
    written: frozenset[str] = frozenset()
    secrets: dict[str, bytes] = field(default_factory=dict)

    @property
    def up(self) -> Lab:
        """The lab that is up."""
        self.report.need("lab")
        if self.lab is None:
            self.lab = Lab.at(self.vars_file(), self.collections, self.project(), self.out, self.private)
        return self.lab

    def vars_file(self) -> Path:
        """The variables of the lab."""
        if os.environ.get("MCP_AUTH_LAB_VARS"):
            return Path(os.environ["MCP_AUTH_LAB_VARS"])
        if not self.own:
            return Path(os.environ["MCP_AUTH_LAB"]) / "lab-vars.json"
        return Path(self.tool.must("vars"))

    def project(self) -> Path:
        """A folder of a user's own, with the example project's settings."""
        project = self.private / "project"
        if not project.exists():
            shutil.copytree(ROOT / "examples" / "project", project)
            # The lab is given by its variables; the example's inventory names a cluster in production.
            shutil.rmtree(project / "inventory")
            (project / "inventory").mkdir()
            (project / "inventory" / "hosts.yml").write_text(
                "---\nlocal:\n  hosts:\n    localhost:\n      ansible_connection: local\n"
            )
        return project

    def molecule(self, action: str, values: Path, *more: str) -> subprocess.CompletedProcess[str]:
        """A step of molecule's scenario, on this lab."""
        lab = self.up
        log = self.out / f"molecule-{action}.out"
        results = self.out / f"molecule-{action}"
        results.mkdir(exist_ok=True)
        env = lab.plays.environment(f"molecule-{action}")
        env.pop("ANSIBLE_CONFIG")
        env.update(
            MCP_AUTH_LAB=str(lab.state),
            MCP_AUTH_LAB_VARS=str(values),
            MCP_AUTH_RESULTS=str(results),
            MCP_AUTH_COLLECTIONS=str(self.collections),
            MCP_AUTH_MOLECULE_PRERUN="false",
            MCP_AUTH_SABOTAGE="--long" if self.asked.long else "",
            MOLECULE_EPHEMERAL_DIRECTORY=str(self.private / "molecule"),
            MOLECULE_GLOB=str(ROOT / "extensions/molecule/*/molecule.yml"),
            NO_COLOR="1",
        )
        beside = Path(sys.executable).parent / "molecule"
        with log.open("wb") as file:
            code = child.run(
                [str(beside) if beside.exists() else "molecule", action, "-s", "kind", *more],
                timeout=2400,
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return subprocess.CompletedProcess(action, code, log.read_text(encoding="utf-8", errors="replace"))

    def step(self, action: str, values: Path | None = None, *more: str) -> str:
        """The same, and it has to work."""
        done = self.molecule(action, values or self.up.vars_file, *more)
        if done.returncode:
            lines = [line.strip("│ ").rstrip() for line in done.stdout.splitlines()]
            bad = next(
                (number for number, line in enumerate(lines) if "fatal:" in line or "[ERROR]" in line), len(lines) - 40
            )
            raise CheckFailed(
                f"molecule {action} ended with exit code {done.returncode}\n"
                + "\n".join(lines[max(0, bad - 3) : bad + 40])
            )
        return done.stdout

    def take_down(self) -> None:
        """Leave no lab behind, however the stage ends."""
        if not self.brought_up:
            return
        command = f"{self.tool.prefix}python3 tests/lab/lab.py down"
        if self.asked.keep:
            self.report.say(f"the lab stays up; this takes it away: {command}")
            return
        self.report.say("taking the lab down")
        code, output = self.tool.call("down")
        if code:
            self.report.say(f"the lab did not go down:\n{output[-2000:]}\nThis takes it away: {command}")


# -- the parts, in their order ----------------------------------------------------------------------------------------
def bring_up(stage: Stage) -> None:
    """The cluster with its images."""
    report = stage.report
    with report.check("the cluster is up", gate="lab"):
        if stage.own:
            clear_the_way(stage)
            stage.tool.must("engine")
            settings = stage.tool.settings
            stage.before = leftovers.in_engine(engine.running(settings), settings.name)
            stage.rules = leftovers.bridge_rules()
            stage.brought_up = True
            stage.tool.must("up")
        lab = stage.up
        wait_for("the API server answers", lambda: lab.kube.ask("GET", "/readyz")[0] == 200)
        expect(lab.audit.path.exists(), f"there is no audit log at {lab.audit.path}")
    report.need("lab")


def clear_the_way(stage: Stage) -> None:
    """A run that was killed leaves its lab up. One of another name than ours may be somebody's."""
    settings = stage.tool.settings
    if not settings.state.exists() and not cluster.node_state(settings, engine.find(settings)):
        return
    command = f"{stage.tool.prefix}python3 tests/lab/lab.py down"
    expect(settings.name == OWN["LAB_NAME"], f"a lab {settings.name} is there already; this takes it away: {command}")
    stage.report.say(
        f"       a lab {settings.name} is there, left by a run that was killed or kept: taking it down first"
    )
    stage.tool.must("down")


def machine(stage: Stage) -> None:
    """Bad input that concerns this machine, or needs no cluster."""
    stage.report.need("lab")
    bad_input.preflight(stage.report, stage.collections, stage.out)
    bad_input.machine(stage.report, stage.tool)


def empty(stage: Stage) -> None:
    """The empty cluster: check mode shows the whole plan and writes nothing; bad input is refused."""
    lab, report = stage.up, stage.report
    with report.check("the cluster is empty"):
        there = [name for name in lab.namespaces if lab.kube.get(f"/api/v1/namespaces/{name}")]
        expect(not there, f"these namespaces are there: {there}")
    with report.check("check mode shows the whole plan"):
        mark = lab.audit.mark()
        login = (lab.state / "auth" / "authentication.json").read_bytes()
        done = lab.plays.run("check-mode", arguments=["--check", "--diff"]).succeeded()
        for word in ("postgresql", "keycloak", "mcp-auth-ca", "ocp-mcp-server", "openshift_admins", "mcp:openshift"):
            expect(word in done.output, f"the plan does not show {word}\n{done.tail}")
        expect(done.changed >= 8, f"only {done.changed} tasks would change something")
    with report.check("and it writes nothing (audit log)"):
        writes = [str(event) for event in lab.audit.writes_since(mark)]
        expect(not writes, "\n".join(writes))
        reads = [event for event in lab.audit.since(mark) if event.ours]
        expect(reads, "the audit log shows no request of ours at all: it proves nothing")
        expect(
            (lab.state / "auth" / "authentication.json").read_bytes() == login, "the authentication file was changed"
        )
    bad_input.on_empty(lab, report)


def converge(stage: Stage) -> None:
    """molecule: create, prepare, converge (through the counting proxies), idempotence."""
    lab, report = stage.up, stage.report
    canary.plant(lab)
    kept = lab.kube.snapshot(lab.namespaces)
    with report.check("molecule create and prepare", gate="chain"):
        stage.step("create")
    report.need("chain")
    ledger = Ledger(lab.out / "converge.requests.jsonl")
    mark = lab.audit.mark()
    with (
        report.check("molecule converge: site.yml from empty, -vvv --diff", gate="chain"),
        lab.proxies(ledger) as through,
    ):
        values = write_private(stage.private / "converge-vars.json", json.dumps({**lab.values, **through}))
        stage.step("converge", values, "--", "-vvv")
    with report.check("preflight asks for every right that the run used (audit log)"):
        used = {(event.group, event.resource, event.verb) for event in lab.audit.since(mark) if event.agent == AGENT}
        expect(len(used) > 30, f"the audit log shows only {sorted(used)}: it proves nothing")
        left = sorted(one for one in used - asked_by_preflight() if one[1] and not one[1].startswith("selfsubject"))
        expect(not left, f"it does not ask for {left}")
    stage.writes = ledger.writes
    stage.written = frozenset(entry.what for entry in ledger.written())
    report.say(f"       {ledger.requests} requests, {ledger.writes} writes")
    report.need("chain")
    with report.check("planted secrets were kept"):
        found = differences(kept, lab.kube.snapshot(lab.namespaces))
        expect(not found, "; ".join(found))
    with report.check("molecule idempotence: the second run changes nothing", gate="idempotent"):
        stage.step("idempotence")
    with report.check("check mode announces nothing any more"):
        lab.plays.run("check-mode-again", arguments=["--check", "--skip-tags", "verify"]).unchanged()
    temporary = stage.private / "tmp"
    temporary.mkdir()
    with report.check("one phase of site.yml, chosen by its tag"):
        lab.plays.run("by-tag", arguments=["--tags", "agents"], env={"TMPDIR": str(temporary)}).unchanged()
    with report.check("it leaves no file behind, such as the key of a credential"):
        files = [str(path.relative_to(temporary)) for path in temporary.rglob("*")]
        expect(not files, ", ".join(files))


def asked_by_preflight() -> set[tuple[str, str, str]]:
    """Group, resource and verb of each right that the playbook asks for."""
    (play,) = yaml.safe_load((ROOT / "playbooks" / "preflight.yml").read_text(encoding="utf-8"))
    kinds = play["vars"]["__preflight_kinds"]
    return {
        (group, resource, verb)
        for group, resources in kinds.items()
        for resource, verbs in resources.items()
        for verb in verbs
    }


def verify(stage: Stage) -> None:
    """molecule: verify, with the whole matrix."""
    stage.report.need("lab", "chain")
    with stage.report.check("molecule verify: the whole matrix", gate="verified"):
        values = {**stage.up.values, "verify_report_dir": str(stage.out / "evidence"), "verify_outage": True}
        stage.step("verify", write_private(stage.private / "verify-vars.json", json.dumps(values)))
    with stage.report.check("every cell was tried, and the reason of each refusal was read"):
        told = json.loads((stage.out / "evidence" / "chain.json").read_text(encoding="utf-8"))["summary"]
        expect(told["verdict"] == "passed" and not told["not_tested"], json.dumps(told))
        expect(told["tried"] == told["refused"] == told["reasons_checked"] >= CELLS, json.dumps(told))
        expect(told["hops_right"] == told["hops"] == HOPS, json.dumps(told))
    with stage.report.check("the reports are there"):
        for name in ("chain.html", "chain.json", "chain.xml"):
            file = stage.out / "evidence" / name
            expect(file.exists() and file.stat().st_size > 500, f"{file} is missing or empty")


def integration(stage: Stage) -> None:
    """The integration targets of the modules."""
    stage.report.need("lab", "chain")
    targets.run_all(stage.up, stage.report, stage.asked.targets, stage.asked.long)


def wrong_with_chain(stage: Stage) -> None:
    """Bad input that needs Keycloak."""
    stage.report.need("lab", "chain")
    bad_input.with_chain(stage.up, stage.report)


def ansible_runner(stage: Stage) -> None:
    """site.yml as an automation platform runs it."""
    stage.report.need("lab", "chain")
    runner.both(stage.up, stage.report, stage.seed)


def resilience(stage: Stage) -> None:
    """Busy servers, cut connections, parts that are taken away."""
    stage.report.need("lab", "chain")
    kills.overloaded(stage.up, stage.report)
    kills.verifier_killed(stage.up, stage.report)
    kills.taken_away(stage.up, stage.report, stage.seed, stage.asked.long)


def side_effect(stage: Stage) -> None:
    """molecule: side_effect, which is the sabotage; its checks become ours."""
    stage.report.need("lab", "chain")
    junit = stage.out / "molecule-side-effect" / "sabotage.xml"
    junit.unlink(missing_ok=True)
    done = stage.molecule("side-effect", stage.up.vars_file)
    cases = list(ET.parse(junit).getroot().iter("testcase")) if junit.exists() else []
    cases = [case for case in cases if case.get("classname") == "kind.sabotage"]
    with stage.report.check("molecule side-effect ran every sabotage"):
        # Each of them, and the look at the mended system.
        wanted = len(sabotage.SABOTAGES) + 1
        expect(len(cases) == wanted, f"{len(cases)} of {wanted} results\n{done.stdout[-4000:]}")
    for case in cases:
        failure = case.find("failure")
        text = "" if failure is None else failure.text or "failed"
        stage.report.note(str(case.get("name")), float(case.get("time") or 0), text)


def only_sabotage(stage: Stage) -> None:
    """The sabotages themselves (what molecule's side_effect.yml calls)."""
    sabotage.run_all(stage.up, stage.report, stage.asked.long)


def secrets(stage: Stage) -> None:
    """Planted and generated secrets are nowhere in what was put out so far."""
    stage.report.need("lab", "chain")
    lab = stage.up
    canary.collect(lab)
    with stage.report.check("a run with -vvv, --diff and all callbacks"):
        arguments = ["-vvv", "--diff", "--skip-tags", "verify"]
        lab.plays.run("loud", arguments=arguments, watch_arguments=True).unchanged()
    canary.search(lab, stage.report, {**stage.secrets, **canary.everything(lab)}, stage.system_log)


def teardown(stage: Stage) -> None:
    """teardown.yml leaves nothing of the chain, and refuses without consent."""
    lab, report = stage.up, stage.report
    with contextlib.suppress(Exception):
        stage.secrets.update(canary.everything(lab))
    with report.check("teardown.yml refuses without consent"):
        lab.plays.run("teardown-refused", "mcp_auth.openshift.teardown").refused("consent")
    with report.check("teardown.yml takes the chain away", gate="torn down"):
        lab.tear_down()
        kinds = ("apis/apps/v1/{}statefulsets", "apis/apps/v1/{}deployments", "api/v1/{}services", "api/v1/{}pods")
        left = [
            f"{kind.rpartition('}')[2]} {one['metadata']['name']}"
            for name in lab.namespaces
            for kind in kinds
            for one in lab.kube.items("/" + kind.format(f"namespaces/{name}/"))
            if not one["metadata"].get("deletionTimestamp")
        ]
        expect(not left, f"these are left: {left}")
        login = (lab.state / "auth" / "authentication.json").read_text()
        expect("realms/" not in login, "the API server trusts the issuer still")
        bindings = lab.kube.items("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings")
        ours = [one["metadata"]["name"] for one in bindings if "openshift_" in json.dumps(one.get("subjects") or [])]
        expect(not ours, f"these bindings are left: {ours}")
    with report.check("a second teardown changes nothing"):
        consent = {"teardown_consent": lab.values.get("chain_cluster_name", "local")}
        lab.plays.run("teardown-again", "mcp_auth.openshift.teardown", consent).unchanged()
    with report.check("data and credentials stay until a person deletes them", gate="torn down"):
        kept = lab.kube.snapshot(lab.namespaces)
        claims = lab.kube.items(f"/api/v1/namespaces/{lab.namespaces[0]}/persistentvolumeclaims")
        expect(
            any("postgresql-credentials" in name for name in kept) and claims,
            f"gone: {sorted(kept)}, {len(claims)} claims",
        )
        lab.delete_namespaces()


def kill_points(stage: Stage) -> None:
    """From empty, killed again and again."""
    stage.report.need("lab", "chain", "torn down")
    total = stage.writes or 60
    if stage.asked.long:
        kills.write_by_write(stage.up, stage.report, stage.written, total)
        kills.each_alone(stage.up, stage.report, total, KILL_POINTS, stage.seed)
    else:
        kills.in_one_row(stage.up, stage.report, total, KILL_POINTS, stage.seed)


def leave_nothing(stage: Stage) -> None:
    """The lab goes, and nothing of it stays."""
    if not stage.own:
        return
    report, settings = stage.report, stage.tool.settings
    found = engine.find(settings)
    left: list[str] = []
    with report.check("the lab goes down"):
        if found and stage.before is None:
            stage.before = leftovers.in_engine(found, settings.name)
        # The engine has to answer still: with the last lab it would stop.
        stage.tool.must("down", "--keep-engine")
        left = leftovers.since(stage.before, leftovers.in_engine(found, settings.name)) if found else []
    noted = leftovers.noted_network(settings) if found and found.own else {}
    if found:
        with report.check("a network and a volume that it forgot would be seen"):
            shown = forgotten(found, settings.name)
            expect(len(shown) == 2, f"seen: {shown}")
    with report.check("its docker stops"):
        stage.tool.must("down")
        stage.brought_up = False
    with report.check(
        "nothing of it is left: containers, networks, volumes, hosts lines, state, processes, packet filter"
    ):
        every = [*left, *leftovers.on_machine(settings)]
        every += leftovers.in_network(noted, stage.rules) if found and found.own else []
        expect(not every, "\n".join(every))


def forgotten(found: engine.Engine, name: str) -> list[str]:
    """What the search sees of a network and a volume that are left on purpose."""
    before = leftovers.in_engine(found, name)
    planted = f"{name}-forgotten"
    try:
        found.docker("network", "create", planted)
        found.docker("volume", "create", planted)
        return leftovers.since(before, leftovers.in_engine(found, name))
    finally:
        found.docker("network", "rm", planted, check=False)
        found.docker("volume", "rm", planted, check=False)


PARTS: dict[str, Callable[[Stage], None]] = {
    "up": bring_up,
    "machine": machine,
    "empty": empty,
    "converge": converge,
    "verify": verify,
    "integration": integration,
    "bad-input": wrong_with_chain,
    "runner": ansible_runner,
    "resilience": resilience,
    "side-effect": side_effect,
    "secrets": secrets,
    "teardown": teardown,
    "kills": kill_points,
    "down": leave_nothing,
}
# Called by one of the parts, or by hand.
EXTRA: dict[str, Callable[[Stage], None]] = {"sabotage": only_sabotage}


def arguments() -> argparse.Namespace:
    """What the caller asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--junit", type=Path, help="the JUnit file to write")
    parser.add_argument(
        "--output", type=Path, default=ROOT / "tests" / "output" / "kind", help="folder for logs and evidence"
    )
    parser.add_argument("--only", default="", help=f"these parts, by commas: {', '.join([*PARTS, *EXTRA])}")
    parser.add_argument("--targets", nargs="+", help="these integration targets")
    parser.add_argument("--long", action="store_true", help="every kill point, the whole of the sabotage")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="seed of the kill points")
    parser.add_argument("--keep", action="store_true", help="leave the lab up, however the stage ends")
    return parser.parse_args()


def default_parts(asked: argparse.Namespace) -> list[str]:
    """All parts but those that are not for this run."""
    return [part for part in PARTS if not (asked.keep and part == "down")]


def end_by_signals() -> None:
    """The first stop ends us as an exception; later ones are ignored, so that what is up can go down."""

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        for each in STOPS:
            signal.signal(each, signal.SIG_IGN)
        child.ask_all()
        sys.exit(128 + number)

    for number in STOPS:
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup
            signal.signal(number, end)


@contextlib.contextmanager
def alone(tool: Tool) -> Iterator[None]:
    """One stage at a time on a lab: it begins from nothing, and so would take the other's lab down."""
    settings = tool.settings
    with contextlib.ExitStack() as stack:
        lock = settings.cache / "locks" / f"stage-{settings.name}"
        try:
            stack.enter_context(locked(lock, f"the lab {settings.name}", wait=False))
        except LabError as exc:
            raise CheckFailed(f"{exc}. {exc.hint} Or give a lab of your own with LAB_NAME and LAB_PORT_*.") from exc
        yield


def main() -> int:
    """Run the parts; the exit code says whether all passed."""
    asked = arguments()
    chosen = asked.only.split(",") if asked.only else default_parts(asked)
    every = {**PARTS, **EXTRA}
    unknown = [part for part in chosen if part not in every]
    if unknown:
        print(f"there is no part {', '.join(unknown)}; there are: {', '.join(every)}\n0 passed, 1 failed")
        return 2
    end_by_signals()
    marker = os.environ[child.MARKER] = child.new_marker()
    report = Report(asked.junit.absolute() if asked.junit else None)
    out = asked.output.absolute()
    tool = Tool(out)
    own = not os.environ.get("MCP_AUTH_LAB")
    with contextlib.ExitStack() as stack:
        if own:
            with report.section("alone"), report.check("no other run uses the lab"):
                stack.enter_context(alone(tool))
            if report.failed:
                report.table()
                return 1
        leftovers.sweep_private()
        out.mkdir(parents=True, exist_ok=True)
        if not asked.only:
            shutil.rmtree(out)
            out.mkdir()
        prefix = f"{leftovers.PRIVATE}{os.getpid()}-"
        private = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=prefix)))
        system_log = stack.enter_context(canary.system_log(out))
        given: Any = os.environ.get("MCP_AUTH_COLLECTIONS")
        stage = Stage(asked, report, out, private, tool, asked.seed, own, Path(given or "none"), system_log)
        try:
            with (
                report.section("package"),
                report.check("the tarball is built and installed into an empty path", gate="lab"),
            ):
                stage.collections = stage.collections if given else install(out, private)
            report.say(f"seed {asked.seed}; output in {out}")
            for part in chosen:
                with report.section(part):
                    every[part](stage)
        except BaseException as exc:
            report.note("goes to its end", 0.0, f"stopped: {exc!r}")
            report.write()
            raise
        finally:
            child.kill_marked(marker)
            leftovers.sweep_private()
            stage.take_down()
    report.write()
    more = ("every kill point alone", "the whole matrix at each sabotage", "Postgres gone in the middle of a run")
    waiting = [] if asked.long else [*more]
    waiting += (
        [] if asked.long else [f"target {name}" for name in targets.names(full=True) if name not in targets.names()]
    )
    if waiting and not asked.only:
        print(f"\nIn make test-long: {', '.join(waiting)}")
    report.table()
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
