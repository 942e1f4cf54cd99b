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
