# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module of the same name. All files here are the same; they are no links, which antsibull-docs takes for redirects."""

from __future__ import annotations

from ..plugin_utils.in_process import action_for

ActionModule = action_for(__name__)
