# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The matrix is whole: every row has a cell in every column, and somebody who knows how to try it."""

from __future__ import annotations

import re

import pytest

from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence import bench, forge, matrix, model, run
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence.hops import Answer

# The list of the issue, written by hand.
WANTED = [
    "no_token",
    "garbage",
    "tampered",
    "empty_signature",
    "expired",
    "wrong_audience",
    "wrong_issuer",
    "unknown_key",
    "alg_none",
    "hs256_public_key",
    "embedded_jwk",
    "id_token",
    "refresh_token",
    "token_p",
    "token_m",
    "token_k",
    "exchange_by_stranger",
    "exchange_foreign_scope",
    "exchange_without_scope",
    "requester_client_credentials",
    "target_client_credentials",
    "requester_code_flow",
    "target_code_flow",
    "anonymous_registration",
    "disabled_person",
    "signed_out_person",
    "group_taken_away",
    "wrong_client_secret",
    "session_of_another",
    "impersonation_headers",
    "service_account_token",
    "foreign_origin",
    "outage",
]


def test_every_row_of_the_list_is_there():
    assert set(WANTED) <= set(matrix.BY_ID)


def test_names_are_given_once():
    assert len(matrix.BY_ID) == len(matrix.ROWS)


@pytest.mark.parametrize("row", matrix.ROWS, ids=lambda row: row.id)
def test_every_cell_says_what_is_expected_or_why_not(row):
    assert tuple(row.cells) == model.COLUMNS
    for rule in row.cells.values():
        if isinstance(rule, matrix.Skip):
            assert len(rule.why) > 15
        else:
            assert rule.says
            assert rule.status
            assert rule.reason, "a refusal is expected with a reason"
            re.compile(rule.reason)
    assert any(isinstance(rule, matrix.Expect) for rule in row.cells.values())


@pytest.mark.parametrize("row", matrix.ROWS, ids=lambda row: row.id)
def test_somebody_knows_how_to_try_it(row):
    assert row.id in run.ATTEMPTS


def test_nobody_tries_what_is_not_in_the_matrix():
    assert set(run.ATTEMPTS) == set(matrix.BY_ID)


def test_forgeries_are_rows():
    assert set(matrix.BY_ID) >= forge.Forger.rows()


def test_rows_of_a_group_stand_together():
    groups = [row.group for row in matrix.ROWS]
    assert groups == sorted(groups, key=groups.index)


def test_filters():
    assert [row.id for row in matrix.select(["garbage", "no_token"])] == ["no_token", "garbage"]
    assert "outage" in [row.id for row in matrix.select()]
    assert matrix.select_columns(["kube_apiserver", "keycloak"]) == ("keycloak", "kube_apiserver")


def test_the_plan_says_what_consent_lacks():
    found = {(item["row"], item["column"]): item["would"] for item in run.plan(run.Wishes(), {})}
    assert found["wrong_issuer", "mcp_server"] == "not tested: needs fixtures"
    assert found["token_k", "kube_apiserver"].startswith("n/a: ")
    assert found["no_token", "mcp_server"].startswith("would be tried")
    assert len(found) == len(matrix.select()) * 3
    all_given = dict.fromkeys((matrix.FIXTURES, matrix.REQUESTER, matrix.CLUSTER, matrix.CONSENT_OUTAGE), True)
    assert not [item for item in run.plan(run.Wishes(outage=True), all_given) if "not tested" in item["would"]]


EXPECT = matrix.Expect("401, expired", (401,), "expired")


@pytest.mark.parametrize(
    ("answer", "verdict", "checked"),
    [
        (Answer(401, "token is expired", False), model.REFUSED, True),
        (Answer(401, "bad audience", False), model.WRONG_REASON, False),
        (Answer(403, "token is expired", False), model.WRONG_REASON, False),
        (Answer(0, "connection refused", False), model.WRONG_REASON, False),
        (Answer(500, "oops", False), model.WRONG_REASON, False),
        (Answer(201, "taken as a", True), model.TAKEN, False),
        (Answer(401, "Unauthorized", False, reason_known=False), model.REFUSED, False),
    ],
)
def test_verdicts(answer, verdict, checked):
    cell = model.Cell("expired", "kube_apiserver")
    bench.judge(cell, EXPECT, bench.Trial(answer, model.Twin("K", 201, True), "d"))
    assert (cell.verdict, cell.reason_checked) == (verdict, checked)


def test_a_refusal_beside_a_refused_twin_is_a_failure():
    evidence = model.Evidence()
    cell = model.Cell("expired", "kube_apiserver")
    bench.judge(cell, EXPECT, bench.Trial(Answer(401, "expired", False), model.Twin("K", 401, False), "d"))
    evidence.cells.append(cell)
    assert evidence.summary()["verdict"] == "failed"
    assert "twin was refused" in evidence.failures()[0]


def test_what_was_not_tested_is_never_green():
    evidence = model.Evidence(cells=[model.Cell("expired", "keycloak", why="no consent")])
    assert evidence.summary()["verdict"] == "failed"
    assert evidence.column_state("keycloak") == model.NOT_TESTED
    assert evidence.hop_state("rbac") == model.NOT_TESTED
