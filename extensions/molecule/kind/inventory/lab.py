#!/usr/bin/env python
# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventory: one host, the lab's cluster, with the variables that the lab wrote; none before it is up."""

from __future__ import annotations

import json
import os
import pathlib

HOME = pathlib.Path(os.environ.get("XDG_STATE_HOME") or pathlib.Path.home() / ".local" / "state")
BASE = pathlib.Path(os.environ.get("LAB_STATE") or HOME / "mcp-auth-lab")
STATE = pathlib.Path(os.environ.get("MCP_AUTH_LAB") or BASE / os.environ.get("LAB_NAME", "mcp-auth-test"))
VARS = pathlib.Path(os.environ.get("MCP_AUTH_LAB_VARS") or STATE / "lab-vars.json")

found = json.loads(VARS.read_text(encoding="utf-8")) if VARS.exists() else {}
values = {"ansible_connection": "local", **found}
print(json.dumps({"mcp_auth_clusters": {"hosts": ["lab"]}, "_meta": {"hostvars": {"lab": values}}}))
