# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kind stage's own bookkeeping: what it reads from runs, and what it reports."""

from __future__ import annotations

import json
import pathlib
import xml.etree.ElementTree as ET
from types import SimpleNamespace

import pytest
from faults.audit import AuditLog
from kind import bad_input
from kind.plays import Done, changed_tasks
from kind.report import CheckFailed, Report, expect
from kind.sabotage import SABOTAGES, red_of

OUTPUT = """
PLAY [Bring up the identity] ***

TASK [mcp_auth.openshift.postgres : Objects] ***
changed: [localhost]

TASK [Quiet] ***
ok: [localhost]

TASK [Wrong] ***
fatal: [localhost]: FAILED! => {"msg": "The realm 'x' was not made by us: say chain_realm_adopt."}

PLAY RECAP ***
localhost                  : ok=2    changed=1    unreachable=0    failed=1    skipped=0    rescued=0    ignored=0
"""


def done(code: int, output: str = OUTPUT) -> Done:
    return Done("01-site", code, 1.0, output, pathlib.Path("site.out"), changed_tasks(output))


def test_reads_a_run() -> None:
    run = done(2)
    assert (run.changed, run.changed_tasks) == (1, ["mcp_auth.openshift.postgres : Objects"])
    assert run.tail.startswith("\nTASK [Wrong]") or "FAILED!" in run.tail
    run.refused("chain_realm_adopt", "'x'")
    with pytest.raises(CheckFailed, match="does not say"):
        run.refused("some other words")
    with pytest.raises(CheckFailed, match="exit code 2"):
        run.succeeded()
    with pytest.raises(CheckFailed, match="Objects"):
        done(0).unchanged()
    with pytest.raises(CheckFailed, match="was not refused"):
        done(0).refused()
    with pytest.raises(CheckFailed, match="traceback"):
        done(1, OUTPUT + "Traceback (most recent call last)").refused()


def test_reports_each_check_and_goes_on(tmp_path: pathlib.Path) -> None:
    said: list[str] = []
    report = Report(tmp_path / "junit.xml", said.append)
    with report.section("one"):
        with report.check("good"):
            expect(True, "never")
        with report.check("bad", gate="cluster"):
            expect(False, "came \x1b[31mother")
    with report.section("two"):
        report.need("cluster")
    with report.section("three"):
        raise ValueError("outside a check")
    assert report.failed == 3
    cases = {
        f"{case.get('classname')}.{case.get('name')}": case
        for case in ET.parse(tmp_path / "junit.xml").iter("testcase")
    }
    assert set(cases) == {"kind.one.good", "kind.one.bad", "kind.two.can begin", "kind.three.runs"}
    assert cases["kind.one.good"].find("failure") is None
    assert any("not run, because this failed before: cluster" in line for line in said)


@pytest.mark.parametrize(
    ("verb", "failure"),
    [("get", ""), ("patch", "was written before"), ("", "it proves nothing")],
    ids=["only asked", "tried to write", "never asked"],
)
def test_a_refused_run_of_a_service_account_is_looked_for(verb: str, failure: str, tmp_path: pathlib.Path) -> None:
    account = "system:serviceaccount:it:nobody"
    log = tmp_path / "audit.log"
    log.write_text("")
    event = {"stage": "ResponseComplete", "verb": verb, "requestURI": "/api", "user": {"username": account}}
    answer = {**event, "responseStatus": {"code": 403}}

    def run(*_arguments: object) -> Done:
        log.write_text(json.dumps(answer) + "\n" if verb else "")
        return done(2)

    lab = SimpleNamespace(audit=AuditLog(log), plays=SimpleNamespace(run=run))
    said: list[str] = []
    report = Report(tmp_path / "junit.xml", said.append)
    with report.section("one"):
        bad_input.refused(lab, report, "no rights", ("made by us",), {}, user=account)  # type: ignore[arg-type]
    assert bool(report.failed) == bool(failure)
    assert failure in "\n".join(said)


def test_red_is_read_from_evidence() -> None:
    evidence = {
        "cells": [
            {"row": "no_token", "column": "mcp_server", "verdict": "taken"},
            {"row": "garbage", "column": "mcp_server", "verdict": "refused as expected"},
            {"row": "expired", "column": "kube_apiserver", "verdict": "wrong reason"},
            {"row": "token_p", "column": "keycloak", "verdict": "not tested"},
        ],
        "posture": [{"id": "tools", "verdict": "bad"}, {"id": "network_policy", "verdict": "note"}],
        "hops": [{"id": "exchange", "person": "jdoe", "verdict": "wrong"}],
    }
    assert red_of(evidence) == {
        "cell:no_token@mcp_server",
        "cell:expired@kube_apiserver",
        "posture:tools",
        "hop:exchange:jdoe",
    }


def test_every_sabotage_has_something_to_find() -> None:
    assert len({sabotage.name for sabotage in SABOTAGES}) == len(SABOTAGES) >= 6
    for sabotage in SABOTAGES:
        assert sabotage.red
        assert all(red.startswith(("cell:", "posture:")) for red in sabotage.red)
