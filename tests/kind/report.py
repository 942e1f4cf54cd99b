# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One line a check while it goes, and a JUnit file at the end."""

from __future__ import annotations

import time
import traceback
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TEXT_LIMIT = 12000


class CheckFailed(Exception):
    """What a check expected and what came."""


class NotRun(Exception):
    """A check could not begin because an earlier one failed."""


@dataclass
class Outcome:
    """How a check ended."""

    part: str
    name: str
    seconds: float
    failure: str = ""


class Report:
    """All checks of a run."""

    def __init__(self, junit: Path | None, say: Callable[[str], None] | None = None) -> None:
        self.junit = junit
        self.outcomes: list[Outcome] = []
        self.began = time.monotonic()
        self.part = ""
        self.say = say or (lambda text: print(f"[{time.monotonic() - self.began:7.1f} s] {text}", flush=True))
        self.broken: set[str] = set()

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """A part of the stage; what breaks it outside a check is a failed check of its own."""
        self.part = name
        began = time.monotonic()
        self.say(f"== {name}")
        try:
            yield
        except NotRun as exc:
            self.note("can begin", 0.0, str(exc))
        except Exception:
            self.note("runs", time.monotonic() - began, traceback.format_exc())
        self.say(f"== {name}: {time.monotonic() - began:.1f} s")
        self.write()

    @contextmanager
    def check(self, name: str, gate: str = "") -> Iterator[None]:
        """One check. With a gate, later sections that need() it do not begin when this one fails."""
        began = time.monotonic()
        failure = ""
        try:
            yield
        except CheckFailed as exc:
            failure = str(exc)
        except NotRun:
            raise
        except Exception:
            failure = traceback.format_exc()
        self.note(name, time.monotonic() - began, failure)
        if failure and gate:
            self.broken.add(gate)

    def note(self, name: str, seconds: float, failure: str = "") -> None:
        """Keep and print an outcome."""
        self.outcomes.append(Outcome(self.part, name, seconds, failure))
        mark = "FAILED" if failure else "ok    "
        self.say(f"{mark} {self.part}: {name} ({seconds:.1f} s)")
        for line in failure.splitlines()[-60:]:
            self.say(f"       | {line}")

    def need(self, *gates: str) -> None:
        """Go on only when these worked."""
        missing = sorted(self.broken & set(gates))
        if missing:
            raise NotRun(f"not run, because this failed before: {', '.join(missing)}")

    @property
    def failed(self) -> int:
        """How many checks failed."""
        return sum(bool(outcome.failure) for outcome in self.outcomes)

    def write(self) -> None:
        """The JUnit file, also while the stage is not over: a killed run leaves what it had."""
        if not self.junit:
            return
        suite = ET.Element("testsuite", name="kind", tests=str(len(self.outcomes)), failures=str(self.failed))
        for outcome in self.outcomes:
            case = ET.SubElement(
                suite, "testcase", classname=f"kind.{outcome.part}", name=outcome.name, time=f"{outcome.seconds:.2f}"
            )
            if outcome.failure:
                ET.SubElement(case, "failure", message=clean(outcome.failure.strip().splitlines()[-1])).text = clean(
                    outcome.failure[-TEXT_LIMIT:]
                )
        self.junit.parent.mkdir(parents=True, exist_ok=True)
        ET.ElementTree(suite).write(self.junit, encoding="utf-8", xml_declaration=True)

    def table(self) -> None:
        """Where the time went."""
        parts: dict[str, list[Outcome]] = {}
        for outcome in self.outcomes:
            parts.setdefault(outcome.part, []).append(outcome)
        print(f"\n{'part':<24} {'passed':>6} {'failed':>6} {'seconds':>8}")
        for name, outcomes in parts.items():
            bad = sum(bool(outcome.failure) for outcome in outcomes)
            print(f"{name:<24} {len(outcomes) - bad:>6} {bad:>6} {sum(outcome.seconds for outcome in outcomes):>8.1f}")
        print(f"\nThe stage took {time.monotonic() - self.began:.0f} s.")
        print(f"{len(self.outcomes) - self.failed} passed, {self.failed} failed", flush=True)


def clean(text: str) -> str:
    """Text that XML can hold."""
    return "".join(char if char in "\n\t" or ord(char) >= 32 else "?" for char in text)


def expect(condition: object, message: str) -> None:
    """Fail the check unless the condition holds."""
    if not condition:
        raise CheckFailed(message)
