# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""PRIVATE: one run of the verifier, from the first look to the last cell."""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Callable

from . import matrix, outage, posture, tries_clients, tries_people, tries_tokens
from .admin import Admin
from .bench import Attempt, Bench, Cluster, Trial, fill
from .fixtures import Fixtures, undertaker
from .forge import Forger
from .hops import ApiServer, Keycloak, McpServer
from .model import Evidence, Person, RowInfo
from .people import Account, SignIn
from .target import CannotTry, Stop, Target
from .walk import Walker

ATTEMPTS: dict[str, Attempt] = {
    **tries_tokens.ATTEMPTS,
    **tries_clients.ATTEMPTS,
    **tries_people.ATTEMPTS,
    **outage.ATTEMPTS,
}
PARTS = ("hops", "matrix", "posture")
# The way of a login to the cluster alone, for the time when there is no MCP server yet.
LOGIN = "login"
LOGIN_HOPS = ("keycloak-login", "exchange", "kube-apiserver")
# Rows that come last: they wait, or take something away.
LATE = ("expired", "outage")
# The pauses between the tries to clean up while Keycloak starts again.
PATIENT = (0.0, 1.0, 3.0, 5.0, 10.0, 15.0, 20.0, 30.0, 30.0, 30.0)


@dataclass
class Wishes:
    """What is asked of a run."""

    rows: Sequence[str] | None = None
    columns: Sequence[str] | None = None
    parts: Sequence[str] = PARTS
    outage: bool = False
    expiry_wait: float = 120.0
    signin_wait: float = 300.0


@dataclass
class Means:
    """What a run may use."""

    target: Target
    keycloak: Keycloak
    mcp: McpServer
    api: ApiServer | None
    accounts: list[Account]
    say: Callable[[str], None]
    fixtures: Fixtures | None = None
    cluster: Cluster | None = None
    admin: Admin | None = None
    keycloak_version: str = ""
    cluster_name: str = ""
    left: list[str] = field(default_factory=list)
    # Whether a person sees what is said.
    shown: bool = True


def plan(wishes: Wishes, consent: Mapping[str, bool]) -> list[dict[str, str]]:
    """Say what would be tried, and what could not be."""
    found: list[dict[str, str]] = []
    for row in matrix.select(wishes.rows):
        for column in matrix.select_columns(wishes.columns):
            lacking = sorted(need for need in matrix.needs_of(row, column) if not consent.get(need, False))
            rule = row.cells[column]
            if isinstance(rule, matrix.Skip):
                would = "n/a: " + rule.why
            elif lacking:
                would = "not tested: needs " + ", ".join(lacking)
            else:
                would = "would be tried, expecting " + rule.says
            found.append({"row": row.id, "column": column, "would": would})
    return found


def run(wishes: Wishes, means: Means) -> Evidence:
    """Make the evidence; whatever happens, what was made for it is removed."""
    started = time.monotonic()
    evidence = begin(wishes, means)
    calm: Callable[[], None] = nothing
    restore = restorer(wishes, means)
    try:
        restore()
        if means.fixtures is not None:
            swept = means.fixtures.sweep()
            if swept:
                evidence.notes.append("Left by a run that was killed, and removed: {}.".format(", ".join(swept)))
            fixtures = means.fixtures
            calm = undertaker(lambda: bury(restore, fixtures))
            fixtures.make(
                tries_people.member_of(means.target), means.accounts[0].wanted, whole="matrix" in wishes.parts
            )
        work(wishes, means, evidence)
    finally:
        try:
            restore()
        finally:
            if means.fixtures is not None:
                means.left = means.fixtures.remove()
                if not means.left:
                    calm()
    evidence.left = means.left
    if means.fixtures is not None and not means.left:
        evidence.fixtures = means.fixtures.sentence()
    evidence.finished = now()
    evidence.seconds = round(time.monotonic() - started, 1)
    return evidence


def bury(restore: Callable[[], object], fixtures: Fixtures) -> None:
    """Clean up after a run that was killed: Keycloak may have to come back first."""
    try:
        restore()
    finally:
        fixtures.remove(PATIENT)


def begin(wishes: Wishes, means: Means) -> Evidence:
    """Write down what this is about."""
    target = means.target
    evidence = Evidence(started=now())
    evidence.chain = {
        "name": target.name,
        "platform": target.platform,
        "cluster": means.cluster_name,
        "issuer": target.issuer,
        "mcp_server": target.mcp_url,
        "mcp_audience": target.mcp_audience,
        "cluster_audience": target.cluster_audience,
    }
    evidence.columns = list(matrix.select_columns(wishes.columns))
    evidence.people = [Person(item.username, item.wanted.persona, item.signin) for item in means.accounts]
    return evidence


def work(wishes: Wishes, means: Means, evidence: Evidence) -> None:
    """Walk, try and look."""
    signin = SignIn(means.target, means.keycloak, means.say, wait=wishes.signin_wait, shown=means.shown)
    bench = Bench(
        means.target,
        means.keycloak,
        means.mcp,
        means.api,
        signin,
        means.accounts,
        Forger(means.keycloak.jwks()),
        means.say,
        means.fixtures,
        means.cluster,
        means.admin,
    )
    evidence.versions = posture.versions(bench, means.keycloak_version)
    if "matrix" in wishes.parts:
        put_aside(wishes, bench)
    if "hops" in wishes.parts:
        walker = Walker(means.target, means.keycloak, means.mcp, means.api, signin)
        for account in means.accounts:
            means.say(f"Walking the chain as {account.username} ({account.wanted.persona})")
            evidence.hops += walker.walk(account)
    elif LOGIN in wishes.parts:
        walker = Walker(means.target, means.keycloak, means.mcp, means.api, signin)
        for account in means.accounts:
            means.say(f"Signing in to the cluster as {account.username}")
            evidence.hops += walker.walk(account, LOGIN_HOPS)
    if set(wishes.parts) - {LOGIN}:
        note_version(evidence, bench)
    if "matrix" in wishes.parts:
        attack(wishes, bench, evidence, early=True)
    if "posture" in wishes.parts:
        means.say("Looking at rights, tools and open paths")
        evidence.posture = posture.look(bench)
    if "matrix" in wishes.parts:
        attack(wishes, bench, evidence, early=False)


def put_aside(wishes: Wishes, bench: Bench) -> None:
    """Keep a good token of each kind, so that its end comes while other things are tried."""
    if wishes.rows and "expired" not in wishes.rows:
        return
    for column in matrix.select_columns(wishes.columns):
        try:
            tries_tokens.keep_early(bench, column)
        except CannotTry:
            continue


def attack(wishes: Wishes, bench: Bench, evidence: Evidence, early: bool) -> None:
    """Fill the matrix, first the rows that need no waiting."""
    chosen = matrix.select(wishes.rows)
    if early:
        evidence.rows = [RowInfo(row.id, row.title, row.group, row.what) for row in chosen]
    columns = matrix.select_columns(wishes.columns)
    for row in chosen:
        if (row.id in LATE) == early:
            continue
        bench.say(f"Trying: {row.title}")
        for column in columns:
            if row.id == "expired":
                wait_for_expiry(wishes, bench, column)
            refused = matrix.CONSENT_OUTAGE in row.needs and not wishes.outage
            evidence.cells.append(fill(bench, row, column, no_consent if refused else ATTEMPTS.get(row.id)))
    order = {row.id: index for index, row in enumerate(chosen)}
    evidence.cells.sort(key=lambda cell: order[cell.row])


def no_consent(bench: Bench, column: str) -> Trial:
    """Take nothing away from anybody who did not ask for it."""
    raise CannotTry("no consent to take Keycloak away (outage: true)")


def wait_for_expiry(wishes: Wishes, bench: Bench, column: str) -> None:
    """Wait until a token that was put aside has to be refused, unless that takes too long."""
    rest = tries_tokens.expiry(bench, column) - time.time()
    if rest > wishes.expiry_wait:
        return
    while rest > 0:
        bench.say("Waiting for a token to end at the %s: %d s" % (column.replace("_", " "), rest))
        time.sleep(min(rest + 0.2, 5.0))
        rest = tries_tokens.expiry(bench, column) - time.time()


def note_version(evidence: Evidence, bench: Bench) -> None:
    """Take the MCP server's version from its greeting."""
    for hop in evidence.hops:
        info = hop.received.get("server")
        if hop.id == "mcp-server" and isinstance(info, Mapping) and info.get("version"):
            evidence.versions["mcp_server"] = str(info["version"])
            return
    try:
        info = bench.mcp.present(bench.signin.m(bench.account).text).data.get("serverInfo")
    except (CannotTry, Stop):
        return
    if isinstance(info, Mapping) and info.get("version"):
        evidence.versions["mcp_server"] = str(info["version"])


def restorer(wishes: Wishes, means: Means) -> Callable[[], object]:
    """Return what gives Keycloak back when an outage was begun and not ended."""
    if means.cluster is None or not wishes.outage:
        return nothing
    return outage.restorer(means.cluster, means.target.keycloak_namespace)


def nothing() -> None:
    """Do nothing."""


def now() -> str:
    """Return the time, as a report writes it."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
