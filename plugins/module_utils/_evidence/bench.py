# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""PRIVATE: what every attempt works with, and how the answer to it is judged."""

from __future__ import annotations

import builtins
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Callable, Protocol

from . import jose
from .admin import Admin
from .fixtures import Fixtures
from .forge import Forger
from .hops import Answer, ApiServer, Keycloak, McpServer
from .matrix import Expect, Row, Skip
from .model import NOT_APPLICABLE, NOT_TESTED, REFUSED, TAKEN, UNPROVEN, WRONG_REASON, Cell, Twin
from .people import Account, SignIn, attacker
from .target import CannotTry, Stop, Target


class Cluster(Protocol):
    """As much of a cluster client as the verifier needs."""

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> dict[str, object] | None:
        """Read an object."""

    def list(self, api_version: str, kind: str, namespace: str | None = None) -> builtins.list[dict[str, object]]:
        """Read all objects of a kind."""

    def request(
        self,
        method: str,
        path: str,
        body: object | None = None,
        headers: dict[str, str] | None = None,
        token: str | None = None,
    ) -> tuple[int, dict[str, object]]:
        """Send a raw request."""


@dataclass
class Trial:
    """One attempt: what was answered, how the good twin fared, and what differed."""

    answer: Answer
    twin: Twin | None
    difference: str


@dataclass
class Bench:
    """Everything that an attempt may use."""

    target: Target
    keycloak: Keycloak
    mcp: McpServer
    api: ApiServer | None
    signin: SignIn
    accounts: list[Account]
    forger: Forger
    say: Callable[[str], None]
    fixtures: Fixtures | None = None
    cluster: Cluster | None = None
    admin: Admin | None = None
    early: dict[str, tuple[jose.Token, Twin]] = field(default_factory=dict)
    kept: dict[str, Mapping[str, Trial]] = field(default_factory=dict)

    @property
    def account(self) -> Account:
        """Return the person whose tokens are misused."""
        return attacker(self.accounts)

    def made(self) -> Fixtures:
        """Return the fixtures, for which there has to be consent."""
        if self.fixtures is None:
            raise CannotTry("no consent to make fixtures (fixtures: true)")
        return self.fixtures

    def asked(self) -> Cluster:
        """Return the cluster, for which there has to be a credential."""
        if self.cluster is None:
            raise CannotTry("no credential for the cluster")
        return self.cluster

    def good(self, column: str) -> tuple[str, jose.Token]:
        """Return the kind of token that a hop takes, and one that is fresh."""
        if column == "kube_apiserver":
            return "K", self.signin.kk(self.account)
        return "M", self.signin.m(self.account)

    def present(self, column: str, token: str | None, headers: Mapping[str, str] | None = None) -> Answer:
        """Present a token to a hop."""
        if column == "keycloak":
            return self.keycloak.present(token, headers)
        if column == "mcp_server":
            return self.mcp.present(token, headers)
        return self.served().present(token, headers)

    def served(self) -> ApiServer:
        """Return the API server, whose address has to be known."""
        if self.api is None:
            raise CannotTry("the address of the API server is not known: give the cluster options")
        return self.api

    def twin(self, column: str) -> Twin:
        """Present the good token, so that a refusal beside it means something."""
        kind, token = self.good(column)
        answer = self.present(column, token.text)
        return Twin(kind, answer.status, answer.taken)

    def against(self, column: str, wrong: str | None, difference: str) -> Trial:
        """Present the good token, then the wrong one."""
        twin = self.twin(column)
        return Trial(self.present(column, wrong), twin, difference)

    def pair(self) -> tuple[Account, Account, int]:
        """Find one person who may do what another may not: both, and which thing."""
        for one in self.accounts:
            for other in self.accounts:
                for index, probe in enumerate(one.wanted.can):
                    if probe in other.wanted.cannot:
                        return one, other, index
        raise CannotTry("it takes two people, one of whom may do what the other may not")


Attempt = Callable[[Bench, str], Trial]


def judge(cell: Cell, rule: Expect, trial: Trial) -> None:
    """Compare an answer with the refusal that was expected."""
    answer = trial.answer
    cell.got_status, cell.got_reason = answer.status, answer.reason
    cell.twin, cell.difference = trial.twin, trial.difference
    if answer.taken:
        cell.verdict = TAKEN
    elif cell.control_failed:
        # A hop that refuses the good one too says nothing by refusing the wrong one.
        cell.verdict = UNPROVEN
    elif (
        answer.status not in rule.status
        or answer.reason_known
        and rule.reason
        and not re.search(rule.reason, answer.reason)
    ):
        cell.verdict = WRONG_REASON
    else:
        cell.verdict = REFUSED
        cell.reason_checked = answer.reason_known


def fill(bench: Bench, row: Row, column: str, attempt: Attempt | None) -> Cell:
    """Make one cell of the matrix."""
    cell = Cell(row.id, column)
    rule = row.cells[column]
    if isinstance(rule, Skip):
        cell.verdict, cell.why = NOT_APPLICABLE, rule.why
        return cell
    cell.expected, cell.reason_expected = rule.says, rule.reason
    started = time.monotonic()
    try:
        if attempt is None:
            raise CannotTry("nobody knows how to try this")
        judge(cell, rule, attempt(bench, column))
    except (CannotTry, Stop) as why:
        cell.verdict, cell.why = NOT_TESTED, str(why)
    cell.seconds = round(time.monotonic() - started, 3)
    return cell


def together(row: str, act: Callable[[Bench], Mapping[str, Trial]]) -> Attempt:
    """Turn an act that is seen at several hops at once into an attempt for each of them; the act is done once."""

    def attempt(bench: Bench, column: str) -> Trial:
        if row not in bench.kept:
            bench.kept[row] = {}
            bench.kept[row] = act(bench)
        if column not in bench.kept[row]:
            raise CannotTry("the hop was not reached")
        return bench.kept[row][column]

    return attempt
