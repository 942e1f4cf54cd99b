# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the checks of tests/checks.toml; `make test` and `make test-long` call it as tests/run."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from labkit.store import locked
from labkit.ui import LabError

from . import counts, tools
from .engine import Result, Run
from .table import STAGES, Check, Table, TableError, load

TESTS = Path(__file__).resolve().parent.parent
BEGAN = time.monotonic()
PRINTING = threading.Lock()


def say(text: str) -> None:
    """Print progress with the time since the start."""
    with PRINTING:
        print(f"[{time.monotonic() - BEGAN:7.1f} s] {text}", flush=True)


def arguments() -> argparse.Namespace:
    """What the caller asks for."""
    parser = argparse.ArgumentParser(
        prog="tests/run", description=__doc__, epilog="Without a stage: static, units and kind."
    )
    for stage in STAGES:
        parser.add_argument(f"--{stage}", action="store_true", help=f"the checks of the stage {stage}")
    parser.add_argument("--only", metavar="NAME", nargs="+", default=[], help="these checks and what they need")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="checks at a time (default: one a core)")
    parser.add_argument("--list", action="store_true", help="print the table of checks and stop")
    parser.add_argument("--results", type=Path, help="folder for logs and JUnit files (default: tests/output/checks)")
    return parser.parse_args()


def chosen(table: Table, asked: argparse.Namespace) -> tuple[Check, ...]:
    """The checks to run."""
    if asked.only:
        return table.closure(set(asked.only))
    stages = {stage for stage in STAGES if getattr(asked, stage)} or {"static", "units", "kind"}
    return table.closure({check.name for check in table.checks if check.stage in stages})


def listing(checks: Sequence[Check]) -> None:
    """Print rows of the table of checks."""
    for check in checks:
        print(f"{check.stage:<7} {check.name:<28} {check.about}")


def summary(results: Sequence[Result], table: Table, logs: Path) -> None:
    """Print what ran, how many checks, how long, and what was not asked for."""
    wide = max(len(result.check.name) for result in results)
    print(f"\n{'stage':<7} {'check':<{wide}}  passed  failed  seconds      cpu", flush=True)
    for result in results:
        check, count = result.check, result.count
        mark = "" if result.good else f"  {result.problem or 'FAILED'}".splitlines()[0]
        print(
            f"{check.stage:<7} {check.name:<{wide}}  {count.passed:>6}  {count.failed:>6}  {result.seconds:>7.1f}  {result.cpu:>7.1f}{mark}"
        )
    for result in results:
        log = logs / f"{result.check.name}.log"
        if result.check.show and log.exists():
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
            print("\n".join(["", *(line for line in lines if line.startswith(result.check.show))]))
    names = {result.check.name for result in results}
    for stage in STAGES:
        left = [check for check in table.checks if check.stage == stage and check.name not in names]
        if left:
            command = "make test-long" if stage == "long" else f"tests/run --{stage}"
            print(f"\nNot in this run, waits in {command}:")
            for check in left:
                print(f"  {check.name:<{wide}}  {check.about}")


def failures(results: Sequence[Result], logs: Path) -> list[str]:
    """What failed, at the end of the output, where somebody who sees only the end finds it."""
    found = []
    for result in results:
        if result.good:
            continue
        junit, log = logs / f"{result.check.name}.xml", logs / f"{result.check.name}.log"
        lines = counts.failures(junit) if junit.exists() else []
        if not lines and log.exists():
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-3:]
        found += [f"FAILED {result.check.name}: {line}" for line in lines or [result.problem]]
    return found


def main() -> int:
    """Run what is asked for; the exit code says whether all passed."""
    asked = arguments()
    try:
        table = load(TESTS / "checks.toml")
        checks = chosen(table, asked)
    except TableError as exc:
        print(f"tests/checks.toml: {exc}\n0 passed, 1 failed")
        return 2
    if asked.list:
        listing(table.checks)
        return 0
    environments = [table.environments[check.environment] for check in checks if check.environment]
    lacks = tools.lacking(environments, TESTS / "lab" if any(check.stage == "kind" for check in checks) else None)
    if lacks:
        print("This machine lacks something that these checks need. None has been run, and nothing changed:")
        print("\n".join([*(f"  - {item}" for item in lacks), "0 passed, 1 failed"]))
        return 2
    results_path = (asked.results or TESTS / "output" / "checks").absolute()
    results_path.mkdir(parents=True, exist_ok=True)
    try:
        with locked(results_path / ".lock", f"the results in {results_path}", wait=False):
            return run_all(asked, table, checks, results_path)
    except LabError as exc:
        print(f"{exc}. {exc.hint} Or give another folder with --results.\n0 passed, 1 failed")
        return 2


def run_all(asked: argparse.Namespace, table: Table, checks: Sequence[Check], results_path: Path) -> int:
    """Run the checks, with their logs in a folder that is ours alone."""
    for check in checks:
        for old in (results_path / f"{check.name}.log", results_path / f"{check.name}.xml"):
            old.unlink(missing_ok=True)
    say(f"{len(checks)} checks, {asked.jobs} at a time; logs in {results_path}")
    run = Run(TESTS.parent, table, results_path, max(1, asked.jobs), say)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda got, _frame: run.stop(f"stopped by {signal.Signals(got).name}"))
    results = run.all(checks)
    summary(results, table, results_path)
    passed = sum(result.count.passed for result in results)
    failed = sum(result.count.failed for result in results)
    print("\n".join(["", *failures(results, results_path)]))
    print(f"\nThis run took {time.monotonic() - BEGAN:.0f} s.")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
