# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak import canonical

GROUPS = {"name": "groups", "protocolMapper": "oidc-group-membership-mapper", "config": {"claim.name": "groups"}}


def test_what_the_server_adds_to_a_group_mapper_is_no_difference() -> None:
    """Keycloak 26.4 writes multivalued into it, and writes it again after it was taken away."""
    served = {**GROUPS, "config": {**GROUPS["config"], "multivalued": "true"}}  # type: ignore[dict-item]
    assert canonical.mapper(GROUPS) == canonical.mapper(served)


def test_another_claim_name_is_a_difference() -> None:
    other = {**GROUPS, "config": {"claim.name": "teams"}}
    assert canonical.mapper(GROUPS) != canonical.mapper(other)


def test_an_audience_is_in_the_access_token_only_when_the_mapper_says_so() -> None:
    """Keycloak includes a mapper where access.token.claim is the text true; nothing said is no."""

    def given(config: dict[str, object]) -> set[str]:
        item = {"name": "a", "protocolMapper": canonical.AUDIENCE_MAPPER, "config": config}
        return canonical.audiences(canonical.client_scope({"name": "s", "protocolMappers": [item]}))

    named = {"included.client.audience": "openshift"}
    assert given(named) == set()
    assert given({**named, "access.token.claim": "false"}) == set()
    assert given({**named, "access.token.claim": True}) == {"openshift"}
