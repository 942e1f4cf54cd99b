# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""PRIVATE: the evidence for a terminal, and for the tools that read JUnit."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping
from dataclasses import asdict
from xml.etree import ElementTree

from .model import (
    BAD,
    BAD_VERDICTS,
    COLUMN_TITLES,
    NOT_APPLICABLE,
    NOT_TESTED,
    REFUSED,
    RIGHT,
    TAKEN,
    UNKNOWN,
    UNPROVEN,
    WRONG,
    WRONG_REASON,
    Cell,
    Evidence,
    answer_of,
)

SHORT: Mapping[str, str] = {
    REFUSED: "refused",
    TAKEN: "TAKEN",
    WRONG_REASON: "WRONG REASON",
    UNPROVEN: "NOT PROVEN",
    NOT_APPLICABLE: "n/a",
    NOT_TESTED: "not tested",
}
HOP_SHORT: Mapping[str, str] = {
    "keycloak-login": "login",
    "mcp-server": "MCP server",
    "exchange": "exchange",
    "kube-apiserver": "API server",
    "rbac": "RBAC",
}
LOUD: Mapping[str, str] = {WRONG: "WRONG"}
# XML 1.0 has no way to write these, and UTF-8 none for half of a surrogate pair.
FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def headline(evidence: Evidence) -> str:
    """Write the verdict and what it rests on, in one line."""
    summary = evidence.summary()
    said = []
    if evidence.cells:
        counts = "{tried} wrong things tried, {refused} refused as expected, {not_tested} not tested"
        said.append(counts.format(**summary))
    if evidence.hops:
        said.append("hops right {hops_right} of {hops}".format(**summary))
    return "{}: {}".format(summary["verdict"], "; ".join(said) or "nothing was asked for")


def excerpt(evidence: Evidence) -> dict[str, object]:
    """Return what a failed run has to show: all of it would bury its message."""
    bad = [cell for cell in evidence.cells if cell.verdict in BAD_VERDICTS]
    return {
        "summary": evidence.summary(),
        "versions": evidence.versions,
        "hops": [asdict(hop) for hop in evidence.hops if hop.verdict == WRONG],
        "cells": [asdict(cell) for cell in bad],
        "posture": [asdict(item) for item in evidence.posture if item.verdict == BAD],
    }


def terminal(evidence: Evidence) -> str:
    """Write the tables of a terminal, at most 100 wide."""
    summary = evidence.summary()
    lines = ["Proof of the chain {}: {}".format(evidence.chain.get("name", ""), str(summary["verdict"]).upper())]
    for key in ("cluster", "issuer", "mcp_server"):
        if evidence.chain.get(key):
            lines.append("  %-11s %s" % (key.replace("_", " "), evidence.chain[key]))
    lines += people(evidence)
    lines += matrix(evidence)
    if evidence.posture:
        lines.append("")
        for item in evidence.posture:
            lines.append("%-8s %-34s %s" % (item.verdict, item.title[:34], textwrap.shorten(item.found, 56)))
    if evidence.cells:
        counts = (
            "{tried} tried: {refused} refused as expected, {taken} taken, {wrong_reason} for a wrong reason, "
            "{unproven} prove nothing; {not_applicable} n/a, {not_tested} not tested."
        )
        lines += ["", counts.format(**summary)]
    lines += ["", "Hops right: {hops_right} of {hops}. {seconds} s.".format(**summary)]
    found = evidence.failures()
    if found:
        lines += ["", "What failed:"] + ["  - " + item for item in found]
    return "\n".join(lines)


def people(evidence: Evidence) -> list[str]:
    """Write each person's way, a hop a column."""
    seen = [hop_id for hop_id in HOP_SHORT if any(hop.id == hop_id for hop in evidence.hops)]
    head = "%-24s %-11s" % ("person", "persona") + "".join("%-12s" % HOP_SHORT[hop_id] for hop_id in seen)
    lines = ["", head.rstrip(), "-" * len(head)]
    for person in evidence.people:
        own = {hop.id: hop.verdict for hop in evidence.hops if hop.person == person.username}
        words = "".join("%-12s" % LOUD.get(own.get(hop_id, ""), own.get(hop_id, "")) for hop_id in seen)
        lines.append(("%-24s %-11s" % (person.username[:24], person.persona) + words).rstrip())
    return lines


def matrix(evidence: Evidence) -> list[str]:
    """Write the matrix."""
    if not evidence.rows:
        return []
    head = "%-42s" % "tried" + "".join(" %-14s" % COLUMN_TITLES.get(name, name) for name in evidence.columns)
    lines = ["", head, "-" * len(head)]
    for info in evidence.rows:
        words = []
        for name in evidence.columns:
            cell = evidence.cell(info.id, name)
            unseen = cell is not None and cell.verdict == REFUSED and not cell.reason_checked
            words.append(" %-14s" % ("refused, why?" if unseen else SHORT[cell.verdict] if cell else ""))
        lines.append(("%-42s" % info.title[:42] + "".join(words)).rstrip())
    return lines


def as_json(evidence: Evidence) -> str:
    """Write everything for machines."""
    return json.dumps(evidence.to_dict(), indent=2, sort_keys=False) + "\n"


def junit(evidence: Evidence) -> str:
    """Write a test case for each hop, cell and fact; what was not tried is skipped, never passed."""
    root = ElementTree.Element("testsuites", name="chain_verify")
    hops = ElementTree.SubElement(root, "testsuite", name="hops")
    for hop in evidence.hops:
        case = add_case(hops, "hops." + hop.id, hop.person, hop.seconds)
        if hop.verdict == WRONG:
            bad = [f"{item.name}: expected {item.expected}, came {item.got}" for item in hop.checks if not item.ok]
            add(case, "failure", "hop is wrong", "\n".join(bad))
        elif hop.verdict != RIGHT:
            add(case, "skipped", hop.why or NOT_TESTED)
    for name in evidence.columns:
        suite = ElementTree.SubElement(root, "testsuite", name=name)
        for cell in evidence.cells:
            if cell.column == name:
                add_cell(suite, cell)
    posture = ElementTree.SubElement(root, "testsuite", name="posture")
    for item in evidence.posture:
        case = add_case(posture, "posture", item.id, 0.0)
        if item.verdict == BAD:
            add(case, "failure", item.found, "expected: {}\n{}".format(item.expected, "\n".join(item.detail)))
        elif item.verdict == UNKNOWN:
            add(case, "skipped", item.found)
    for suite in root:
        suite.set("tests", str(len(suite)))
        suite.set("failures", str(len(suite.findall("testcase/failure"))))
        suite.set("skipped", str(len(suite.findall("testcase/skipped"))))
        suite.set("errors", "0")
        suite.set("timestamp", evidence.started.replace(" UTC", "").replace(" ", "T"))
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def add_cell(suite: ElementTree.Element, cell: Cell) -> None:
    """Write a cell as a test case."""
    case = add_case(suite, "matrix." + cell.column, cell.row, cell.seconds)
    if cell.verdict == UNPROVEN:
        add(case, "failure", "the good twin was refused", "so the refusal proves nothing")
    elif cell.verdict in BAD_VERDICTS:
        add(case, "failure", cell.verdict, f"expected: {cell.expected}\ncame: {answer_of(cell)}")
    elif cell.verdict != REFUSED:
        add(case, "skipped", f"{cell.verdict}: {cell.why}")


def add_case(suite: ElementTree.Element, group: str, name: str, seconds: float) -> ElementTree.Element:
    """Add a test case."""
    return ElementTree.SubElement(suite, "testcase", classname=clean(group), name=clean(name), time=f"{seconds:.3f}")


def add(case: ElementTree.Element, kind: str, message: str, text: str = "") -> None:
    """Add an outcome to a test case."""
    ElementTree.SubElement(case, kind, message=clean(message)).text = clean(text) or None


def clean(text: str) -> str:
    """Leave out what XML cannot hold."""
    return FORBIDDEN.sub("?", text)
