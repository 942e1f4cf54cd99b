# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the lab importable, and gives a test settings of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

LAB = Path(__file__).resolve().parents[2] / "lab"
sys.path.insert(0, str(LAB))

from labkit.settings import Settings, from_environment


@pytest.fixture
def lab() -> Path:
    """The lab's folder in this checkout."""
    return LAB


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose cache and state are the test's own."""
    return from_environment(
        LAB, {"HOME": str(tmp_path), "LAB_CACHE": str(tmp_path / "cache"), "LAB_STATE": str(tmp_path / "state")}
    )
