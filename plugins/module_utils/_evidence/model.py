# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""PRIVATE: the evidence of one run, as plain data that never holds a token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

COLUMNS: tuple[str, ...] = ("keycloak", "mcp_server", "kube_apiserver")
COLUMN_TITLES: Mapping[str, str] = {
    "keycloak": "Keycloak",
    "mcp_server": "MCP server",
    "kube_apiserver": "API server",
}

REFUSED = "refused as expected"
TAKEN = "taken"
WRONG_REASON = "wrong reason"
UNPROVEN = "nothing proven"
NOT_APPLICABLE = "n/a"
NOT_TESTED = "not tested"
VERDICTS: tuple[str, ...] = (REFUSED, TAKEN, WRONG_REASON, UNPROVEN, NOT_APPLICABLE, NOT_TESTED)
BAD_VERDICTS: tuple[str, ...] = (TAKEN, WRONG_REASON, UNPROVEN)

RIGHT = "right"
WRONG = "wrong"
# A party or a person: right as far as it was tried, and not all of it was.
PARTLY = "right where tried"

OK = "ok"
NOTE = "note"
BAD = "bad"
UNKNOWN = "unknown"

HOP_ORDER: tuple[str, ...] = ("keycloak-login", "mcp-server", "exchange", "kube-apiserver", "rbac")
HOP_TITLES: Mapping[str, str] = {
    "keycloak-login": "Keycloak: login",
    "mcp-server": "MCP server",
    "exchange": "Keycloak: exchange",
    "kube-apiserver": "API server",
    "rbac": "RBAC",
}


@dataclass
class Check:
    """One comparison inside a hop."""

    name: str
    expected: str
    got: str
    ok: bool


@dataclass
class Hop:
    """One hop of the chain as one person took it."""

    id: str
    person: str
    persona: str
    sent: dict[str, object] = field(default_factory=dict)
    received: dict[str, object] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    verdict: str = NOT_TESTED
    why: str = ""
    seconds: float = 0.0

    def check(self, name: str, expected: object, got: object, ok: bool | None = None) -> bool:
        """Add a comparison; without an own verdict the two texts must be equal."""
        wanted, found = text_of(expected), text_of(got)
        passed = wanted == found if ok is None else ok
        self.checks.append(Check(name, wanted, found, passed))
        return passed

    def conclude(self) -> Hop:
        """Set the verdict from the comparisons; what broke off without a wrong one stays untested."""
        if not all(item.ok for item in self.checks):
            self.verdict = WRONG
        elif self.checks and not self.why:
            self.verdict = RIGHT
        return self


@dataclass
class Twin:
    """The good token that was sent beside the wrong one."""

    kind: str = ""
    status: int = 0
    accepted: bool = False


@dataclass
class Cell:
    """One wrong thing at one hop."""

    row: str
    column: str
    expected: str = ""
    reason_expected: str = ""
    got_status: int = 0
    got_reason: str = ""
    verdict: str = NOT_TESTED
    why: str = ""
    difference: str = ""
    reason_checked: bool = False
    twin: Twin | None = None
    seconds: float = 0.0

    @property
    def control_failed(self) -> bool:
        """True when the good twin was refused, so that the refusal beside it proves nothing."""
        return self.twin is not None and not self.twin.accepted


@dataclass
class Posture:
    """One fact about how the system stands, beside what was tried."""

    id: str
    title: str
    expected: str
    found: str
    verdict: str = UNKNOWN
    detail: list[str] = field(default_factory=list)


@dataclass
class Person:
    """Somebody whose way through the chain was walked."""

    username: str
    persona: str
    signin: str


@dataclass
class RowInfo:
    """What a reader has to know about a row."""

    id: str
    title: str
    group: str
    what: str


@dataclass
class Evidence:
    """Everything that one run found."""

    chain: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    started: str = ""
    finished: str = ""
    seconds: float = 0.0
    people: list[Person] = field(default_factory=list)
    hops: list[Hop] = field(default_factory=list)
    rows: list[RowInfo] = field(default_factory=list)
    columns: list[str] = field(default_factory=lambda: list(COLUMNS))
    cells: list[Cell] = field(default_factory=list)
    posture: list[Posture] = field(default_factory=list)
    fixtures: str = ""
    notes: list[str] = field(default_factory=list)
    # What was made for the run and could not be removed.
    left: list[str] = field(default_factory=list)

    def failures(self) -> list[str]:
        """Say in one line each what makes this run a failed one."""
        found: list[str] = []
        for hop in self.hops:
            if hop.verdict == WRONG:
                bad = [f"{item.name} (expected {item.expected}, came {item.got})" for item in hop.checks if not item.ok]
                found.append("hop {}, {}: {}".format(hop.id, hop.person, ", ".join(bad)))
        for cell in self.cells:
            if cell.verdict == UNPROVEN:
                found.append(f"{cell.row} at {cell.column}: its good twin was refused, so nothing is proven")
            elif cell.verdict in BAD_VERDICTS:
                found.append(f"{cell.row} at {cell.column}: {cell.verdict} ({answer_of(cell)})")
        for item in self.posture:
            if item.verdict == BAD:
                found.append(f"posture {item.id}: {item.found}")
        if not found and self._nothing_done():
            found.append("nothing of what was asked for could be tried, so nothing is proven")
        found += [f"left in Keycloak: {item}" for item in self.left]
        return found

    def _nothing_done(self) -> bool:
        """Say whether a run that had something to try found out nothing at all."""
        verdicts = [hop.verdict for hop in self.hops] + [cell.verdict for cell in self.cells]
        if not verdicts:
            verdicts = [NOT_TESTED if item.verdict == UNKNOWN else RIGHT for item in self.posture]
        return NOT_TESTED in verdicts and not {RIGHT, REFUSED} & set(verdicts)

    def summary(self) -> dict[str, object]:
        """Count what a reader asks for first."""
        counts = {verdict: sum(1 for cell in self.cells if cell.verdict == verdict) for verdict in VERDICTS}
        checks = [item for hop in self.hops for item in hop.checks]
        failures = self.failures()
        unseen = sum(1 for cell in self.cells if cell.verdict == REFUSED and not cell.reason_checked)
        not_tested = counts[NOT_TESTED] + sum(1 for hop in self.hops if hop.verdict == NOT_TESTED)
        not_tested += sum(1 for item in self.posture if item.verdict == UNKNOWN)
        return {
            "verdict": "failed" if failures else ("passed with gaps" if not_tested or unseen else "passed"),
            "tried": counts[REFUSED] + sum(counts[verdict] for verdict in BAD_VERDICTS),
            "refused": counts[REFUSED],
            "taken": counts[TAKEN],
            "wrong_reason": counts[WRONG_REASON],
            "unproven": counts[UNPROVEN],
            "not_applicable": counts[NOT_APPLICABLE],
            "not_tested": not_tested,
            "controls_failed": sum(1 for cell in self.cells if cell.control_failed),
            "reasons_checked": sum(1 for cell in self.cells if cell.verdict == REFUSED and cell.reason_checked),
            "hops": len(self.hops),
            "hops_right": sum(1 for hop in self.hops if hop.verdict == RIGHT),
            "hops_wrong": sum(1 for hop in self.hops if hop.verdict == WRONG),
            "claims_compared": len(checks),
            "posture_bad": sum(1 for item in self.posture if item.verdict == BAD),
            "people": len(self.people),
            "seconds": round(self.seconds, 1),
            "failures": failures,
        }

    def to_dict(self) -> dict[str, object]:
        """Return the whole as plain data, the summary first."""
        data: dict[str, object] = {"format": 1, "summary": self.summary()}
        data.update(asdict(self))
        return data

    def cell(self, row: str, column: str) -> Cell | None:
        """Find one cell."""
        for cell in self.cells:
            if cell.row == row and cell.column == column:
                return cell
        return None

    def hop_state(self, hop_id: str) -> str:
        """Judge one hop over all people."""
        return joined([hop.verdict for hop in self.hops if hop.id == hop_id])

    def person_state(self, username: str) -> str:
        """Judge one person's way."""
        return joined([hop.verdict for hop in self.hops if hop.person == username])

    def column_state(self, column: str) -> str:
        """Judge one column of the matrix."""
        states = {REFUSED: RIGHT, NOT_TESTED: NOT_TESTED, **dict.fromkeys(BAD_VERDICTS, WRONG)}
        return joined([states[cell.verdict] for cell in self.cells if cell.column == column and cell.verdict in states])


def joined(states: Sequence[str]) -> str:
    """Join verdicts: one wrong makes it wrong, and it is right only when nothing was left untested."""
    if WRONG in states:
        return WRONG
    if NOT_TESTED in states or PARTLY in states:
        return PARTLY if RIGHT in states or PARTLY in states else NOT_TESTED
    return RIGHT if RIGHT in states else NOT_TESTED


def answer_of(cell: Cell) -> str:
    """Say what a hop answered, in a few words."""
    if not cell.got_status and not cell.got_reason:
        return "-"
    return " ".join(part for part in (str(cell.got_status or "no answer"), cell.got_reason) if part)


def text_of(value: object) -> str:
    """Write a value so that two of them can be compared and read."""
    if value is None:
        return "absent"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={text_of(value[key])}" for key in sorted(value))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(sorted(text_of(item) for item in value)) or "none"
    return str(value)
