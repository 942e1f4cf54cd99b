# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the tests' own tools importable."""

from __future__ import annotations

import pathlib
import sys

TESTS = pathlib.Path(__file__).parents[2]
sys.path[:0] = [str(TESTS), str(TESTS / "lab")]
