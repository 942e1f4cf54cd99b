# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many checks a command made, from its JUnit file or its output."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CLOSING = re.compile(r"^(?:\S+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.MULTILINE)
SANITY_RUN = re.compile(r'^Running sanity test "?([\w-]+)"?(?: on Python \S+)?$', re.MULTILINE)
SANITY_FAILED = re.compile(r"^(?:FATAL|ERROR): The (\d+) sanity test\(s\) listed below", re.MULTILINE)
SANITY_SKIPPED = re.compile(
    r'^(?:WARNING: )?(?:Skipping sanity test "([\w-]+)"|Required program "([\w-]+)" not found)', re.MULTILINE
)


@dataclass(frozen=True)
class Count:
    """Passed and failed checks of one command, and what it left out without leave."""

    passed: int
    failed: int
    skipped: tuple[str, ...] = ()


def one(succeeded: bool) -> Count:
    """A command that does not count is one check."""
    return Count(1, 0) if succeeded else Count(0, 1)


def from_junit(path: Path, may_skip: Mapping[str, str]) -> Count:
    """Tests of a JUnit file; a skip that the table does not allow is told by name."""
    passed = failed = 0
    skipped = []
    for case in ET.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname', '')}.{case.get('name', '')}"
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is not None:
            if not any(part in name for part in may_skip):
                skipped.append(name)
        else:
            passed += 1
    return Count(passed, failed, tuple(skipped))


def failures(junit: Path) -> list[str]:
    """What failed in a JUnit file, one line each: name, and the beginning and the end of what was said."""
    found = []
    for case in ET.parse(junit).getroot().iter("testcase"):
        bad = next((bad for bad in (case.find("failure"), case.find("error")) if bad is not None), None)
        if bad is not None:
            lines = [line.strip() for line in (bad.text or bad.get("message") or "").splitlines() if line.strip()]
            ends = " ... ".join(line[:160] for line in dict.fromkeys([*lines[:1], *lines[-1:]]))
            found.append(f"{case.get('classname', '')}: {case.get('name', '')}: {ends}")
    return found


def from_sanity(output: str, may_skip: Mapping[str, str]) -> Count:
    """Sanity tests that ansible-test ran, failed and left out."""
    ran = len(SANITY_RUN.findall(output))
    failed = sum(int(number) for number in SANITY_FAILED.findall(output))
    skipped = tuple(test or program for test, program in SANITY_SKIPPED.findall(output))
    skipped = tuple(name for name in skipped if name not in may_skip)
    return Count(ran - failed, failed, skipped)


def from_closing_line(output: str) -> Count:
    """The last 'N passed, N failed' alone on a line."""
    found = CLOSING.findall(output)
    if not found:
        return Count(0, 0)
    passed, failed, skipped = found[-1]
    return Count(int(passed), int(failed), (f"{skipped} checks",) if int(skipped or 0) else ())


def judge(kind: str, code: int, output: str, junit: Path, may_skip: Mapping[str, str]) -> tuple[Count, str]:
    """The count of a finished command and what is wrong beside its own failures, if anything."""
    if kind == "one":
        return one(code == 0), ""
    if kind == "tests":
        if not junit.exists():
            return one(False), "it wrote no JUnit file"
        count = from_junit(junit, may_skip)
    elif kind == "ansible-test":
        count = from_sanity(output, may_skip)
    else:
        count = from_closing_line(output)
    if count.skipped:
        told = f"left out without leave: {', '.join(count.skipped)}"
        return Count(count.passed, count.failed + len(count.skipped)), told
    if code and not count.failed:
        return Count(count.passed, 1), f"exit code {code} without a failed check"
    if not count.passed and not count.failed:
        return one(False), "it ran no check"
    if count.failed and not code:
        return count, "it counts failures and ended with exit code 0"
    return count, ""
