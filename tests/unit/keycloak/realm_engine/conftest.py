# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak import engine


@pytest.fixture(autouse=True, scope="session")
def no_pauses() -> None:
    """The pause before planning again."""
    engine.sleep = lambda seconds: None
