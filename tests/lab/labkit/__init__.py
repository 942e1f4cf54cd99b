# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab: builds and starts a local cluster. PRIVATE to this repository's tests and demo.

Only the standard library is used, because this runs before any environment exists.
"""
