# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that are killed at a write, and parts that are taken away in the middle."""

from __future__ import annotations

import random
import re
import time
import uuid
from collections import Counter
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

from faults.kill import Point, Snapshot, differences, in_a_row, kill_marked, spread
from faults.ledger import Fault, Ledger

from .kube import wait_for
from .lab import Lab
from .plays import Done
from .report import Report, expect

# Everything but the proof: its fixtures come and go, and are tried on their own.
BUILD = ("--skip-tags", "verify")
# The bootstrap administrator's Secret goes once our service client works.
MAY_GO = ("redhat-keycloak/keycloak-initial-admin:",)
# These are made several at a time: a run that dies after one has made others.
TOGETHER = re.compile(r"POST keycloak:/admin/realms/[^/]+/(client-scopes|clients|groups|users)$")


def counted(
    lab: Lab, name: str, arguments: Sequence[str] = BUILD, faults: Sequence[Fault] = (), marker: str = "", **more: Any
) -> tuple[Done, Ledger]:
    """A run through the proxies."""
    ledger = Ledger(lab.out / f"{name}.requests.jsonl", faults)
    playbook = more.pop("playbook", "mcp_auth.openshift.site")
    values = more.pop("values", {})
    try:
        with lab.proxies(ledger) as through:
            done = lab.plays.run(name, playbook, {**through, **values}, arguments, marker=marker, **more)
    finally:
        ledger.end()
    return done, ledger


def killed_at(lab: Lab, name: str, point: Point) -> tuple[Done, Ledger]:
    """A run that dies at a write."""
    marker = uuid.uuid4().hex

    def kill() -> None:
        kill_marked(marker)

    fault = Fault(point.action, at=point.write, call=kill)
    return counted(lab, name, faults=[fault], marker=marker)


def compare(kept: Snapshot, lab: Lab) -> None:
    """The same secrets as those that the killed runs had made."""
    found = differences(kept, lab.kube.snapshot(lab.namespaces), MAY_GO)
    expect(not found, "secrets were made anew: " + "; ".join(found))


def added(kept: Snapshot, lab: Lab) -> dict[str, str]:
    """What has to stay from now on. What may go is no longer asked for once it is gone: a run that is killed right after
    it deleted the bootstrap Secret is followed by one that makes another, and deletes it."""
    return {
        **{key: value for key, value in kept.items() if not key.startswith(MAY_GO)},
        **lab.kube.snapshot(lab.namespaces),
    }


def in_one_row(lab: Lab, report: Report, total: int, count: int, seed: int) -> None:
    """From empty: each run goes on where the one before was killed, the last one finishes. Cheap enough for each test run."""
    points = spread(total, count, seed)
    report.say(f"kill points of {total} writes, seed {seed}: {', '.join(map(str, points))}")
    kept: dict[str, str] = {}
    deaths = 0
    for number, (point, step) in enumerate(zip(points, in_a_row(points), strict=True), 1):
        with report.check(f"killed at {point}"):
            done, ledger = killed_at(lab, f"kill-{number}", step)
            died = done.code == -9
            report.say(
                f"       {'died' if died else 'ended by itself'} after {ledger.writes} writes, at {last_write(ledger)}"
            )
            expect(
                died or (done.code == 0 and ledger.writes < step.write),
                f"it did not die, exit code {done.code}\n{done.tail}",
            )
            deaths += died
            compare(kept, lab)
            kept = added(kept, lab)
    with report.check("the kills happened"):
        expect(deaths >= max(1, count - 1), f"only {deaths} of {count} runs died")
    with report.check("the next run finishes", gate="kills"):
        counted(lab, "after-kills")[0].succeeded()
    report.need("kills")
    with report.check("with the same secrets"):
        compare(kept, lab)
    with report.check("and a run after it changes nothing"):
        counted(lab, "after-kills-again")[0].unchanged()


def write_by_write(lab: Lab, report: Report, wanted: Collection[str], total: int) -> None:
    """From empty, killed when its first write is done, and again, and again: every state that a killed run can leave is
    met once, and each next run gets further. The last one finishes. For `make test-long`.

    wanted are the writes of a run from empty that nobody killed: each of them has to be the last of some run."""
    kept: dict[str, str] = {}
    met: Counter[str] = Counter()
    ended = ""
    for number in range(1, 3 * total):
        # A run that begins by tidying up after the killed one meets the same write again: then it may go on further.
        step = Point(max(1, met[ended]), after=True)
        done, ledger = killed_at(lab, f"step-{number}", step)
        ended = last_write(ledger)
        if done.code == 0:
            break
        with report.check(f"killed after write {sum(met.values()) + 1}: {ended}"):
            expect(done.code == -9, f"it did not die, exit code {done.code}\n{done.tail}")
            compare(kept, lab)
        met[ended] += 1
        kept = added(kept, lab)
    with report.check("every write was met, then a run finished", gate="kills"):
        expect(done.code == 0, f"no run finished after {number} kills\n{done.tail}")
        missed = [write for write in sorted(set(wanted) - set(met)) if not TOGETHER.match(write)]
        expect(not missed, f"no run died after these: {missed}")
        expect(any(TOGETHER.match(write) for write in met), "no run died among the objects of the realm")
        compare(kept, lab)
    report.need("kills")
    with report.check("and a run after it changes nothing"):
        counted(lab, "steps-again")[0].unchanged()


def each_alone(lab: Lab, report: Report, total: int, count: int, seed: int) -> None:
    """Some writes, spread over the phases: from empty, killed at it, the next run finishes."""
    for point in spread(total, count, seed):
        with report.check(f"from empty, killed at {point}"):
            lab.empty()
            done, ledger = killed_at(lab, f"alone-{point.write}", point)
            expect(done.code == -9 or ledger.writes < point.write, f"it did not die\n{done.tail}")
            kept = lab.kube.snapshot(lab.namespaces)
            lab.plays.run(f"alone-{point.write}-next", arguments=BUILD).succeeded()
            compare(kept, lab)
            lab.plays.run(f"alone-{point.write}-again", arguments=BUILD).unchanged()


def last_write(ledger: Ledger) -> str:
    """The write at which a run was killed, else its last one."""
    writes = ledger.written()
    killed = [entry for entry in writes if entry.fault.startswith("kill")]
    return (killed or writes)[-1].what if writes else "none"


def taken_away(lab: Lab, report: Report, seed: int, full: bool) -> None:
    """Keycloak deleted in the middle of a run with nothing to do; Postgres too, in the middle only with full. Then
    nothing is lost."""
    keycloak = lab.keycloak()
    realm = lab.model()["realm"]["realm"]
    before = keycloak.identity(realm)
    pods = f"/api/v1/namespaces/{lab.namespaces[0]}/pods"
    dice = random.Random(seed)

    def remove(match: str) -> None:
        for pod in lab.kube.items(pods):
            if pod["metadata"]["name"].startswith(match):
                lab.kube.delete(f"{pods}/{pod['metadata']['name']}", now=True)

    parts = {"Keycloak": "keycloak", **({"Postgres": "postgres"} if full else {})}
    for part, match in parts.items():
        with report.check(f"{part} deleted in the middle of a run is waited out"):
            at, call = dice.randint(2, 6), partial(remove, match)
            fault = Fault("call", at=at, writes_only=False, proxy="keycloak", path="^/admin/", call=call)
            name, playbook = f"without-{match}", "mcp_auth.openshift.identity"
            done, _ledger = counted(lab, name, faults=[fault], playbook=playbook, arguments=[])
            expect(fault.done, "the run asked Keycloak for nothing, so nothing was deleted")
            done.unchanged()
            wait_for("Keycloak is back", lambda: keycloak.open(f"/realms/{realm}")[0] == 200, 180)
    if not full:
        with report.check("Postgres deleted and back"):
            remove("postgres")
            wait_for("Keycloak has its database back", lambda: ready(lab, pods) and keycloak.identity(realm), 180)
    with report.check("no user, client or signing key was lost"):
        after = keycloak.identity(realm)
        lost = [name for name, value in before.items() if after.get(name) != value]
        expect(not lost, f"lost or made anew: {lost}")
        expect(len(before) > 3, f"there was nearly nothing to lose: {sorted(before)}")


def ready(lab: Lab, pods: str) -> bool:
    """Whether every pod of Keycloak's namespace is ready and none is on its way out."""
    found = lab.kube.items(pods)
    conditions = [{one["type"]: one["status"] for one in pod["status"].get("conditions") or []} for pod in found]
    leaving = [pod for pod in found if pod["metadata"].get("deletionTimestamp")]
    return len(found) >= 2 and not leaving and all(one.get("Ready") == "True" for one in conditions)


def verifier_killed(lab: Lab, report: Report) -> None:
    """The verifier dies among its fixtures, its helper process too; the next run sweeps them."""
    keycloak = lab.keycloak()
    realm = lab.model()["realm"]["realm"]
    marker = uuid.uuid4().hex

    def kill() -> None:
        kill_marked(marker)

    def left() -> list[str]:
        names = [f"client {one['clientId']}" for one in keycloak.items(f"/{realm}/clients?max=1000")]
        names += [f"user {one['username']}" for one in keycloak.items(f"/{realm}/users?max=1000")]
        names += [f"scope {one['name']}" for one in keycloak.items(f"/{realm}/client-scopes")]
        names += [f"realm {one['realm']}" for one in keycloak.items("")]
        return [name for name in names if "chain-verify" in name]

    quick = {"verify_parts": ["matrix"], "verify_columns": ["kube_apiserver"], "verify_rows": ["no_token"]}
    fault = Fault("kill_after", at=5, proxy="keycloak", call=kill)
    with report.check("the verifier is killed among its fixtures"):
        done, _ledger = counted(
            lab,
            "verify-killed",
            faults=[fault],
            marker=marker,
            playbook="mcp_auth.openshift.verify",
            arguments=[],
            values=quick,
        )
        expect(done.code == -9, f"it did not die, exit code {done.code}\n{done.tail}")
        expect(left(), "it left nothing, so nothing is proven")
    with report.check("its next run sweeps what was left"):
        lab.plays.run("verify-after-kill", "mcp_auth.openshift.verify", quick).succeeded()
        expect(not left(), f"still there: {left()}")


def overloaded(lab: Lab, report: Report) -> None:
    """Answers that a busy server gives, and cut connections: waited out, and nothing is done twice."""
    cases = {
        "the API server says 429": Fault(
            "answer", at=3, times=2, writes_only=False, proxy="api", status=429, headers={"Retry-After": "1"}
        ),
        "the API server cuts a connection": Fault("reset", at=5, times=1, writes_only=False, proxy="api", method="GET"),
        "Keycloak says 503": Fault(
            "answer", at=3, times=2, writes_only=False, proxy="keycloak", method="GET", status=503
        ),
        "Keycloak cuts a connection": Fault("reset", at=4, writes_only=False, proxy="keycloak", method="GET"),
        "everything is slow": Fault("delay", at=1, times=40, writes_only=False, seconds=0.3),
    }
    began = time.monotonic()
    with report.check(f"waited out in one run: {'; '.join(cases)}"):
        done, _ledger = counted(
            lab, "disturbed", faults=list(cases.values()), playbook="mcp_auth.openshift.identity", arguments=[]
        )
        missing = [name for name, fault in cases.items() if not fault.done]
        expect(not missing, f"these did not happen: {missing}")
        done.unchanged()
    report.say(f"       in {time.monotonic() - began:.0f} s")
