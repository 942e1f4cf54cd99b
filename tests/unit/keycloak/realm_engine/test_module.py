# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules make of a Keycloak that is not there, in check mode."""

from __future__ import annotations

import pytest

from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak.errors import KeycloakError
from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak.module import KeycloakModule
from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak.redact import Redactor


def module(check_mode: bool, plan_against_empty: bool) -> tuple[KeycloakModule, list[str]]:
    found = KeycloakModule.__new__(KeycloakModule)
    said: list[str] = []
    found.check_mode = check_mode
    found.params = {"plan_against_empty": plan_against_empty}
    found.redactor = Redactor()
    found.warn = said.append
    return found, said


@pytest.mark.parametrize(
    "reason", ["reference_notfound", "connection_refused", "connection_lost", "name_resolution", "absent"]
)
def test_a_keycloak_that_is_to_come_is_planned_as_empty_with_a_warning(reason: str) -> None:
    found, said = module(check_mode=True, plan_against_empty=True)
    assert found.empty_instead(KeycloakError("Nothing there", reason))
    assert len(said) == 1
    assert "Nothing there" in said[0]


@pytest.mark.parametrize(
    "reason",
    [
        "wrong_credential", "login", "timeout", "server_error", "url", "unauthorized", "forbidden", "certificate_ca",
        "certificate_expired", "tls", "bad_request", "reference_forbidden", "reference_unauthorized", "broken_answer",
    ],
)  # fmt: skip
def test_whoever_answers_is_there(reason: str) -> None:
    found, said = module(check_mode=True, plan_against_empty=True)
    assert not found.empty_instead(KeycloakError("No", reason))
    assert said == []


@pytest.mark.parametrize(("check_mode", "plan_against_empty"), [(False, True), (True, False)])
def test_only_check_mode_of_a_run_that_would_make_it(check_mode: bool, plan_against_empty: bool) -> None:
    found, said = module(check_mode, plan_against_empty)
    assert not found.empty_instead(KeycloakError("Nothing there", "connection_refused"))
    assert said == []
