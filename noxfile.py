# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions of antsibull-nox.toml; tests/checks.toml runs them in its locked tools with --no-venv."""

from __future__ import annotations

import antsibull_nox

antsibull_nox.load_antsibull_nox_toml()
