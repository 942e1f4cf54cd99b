# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  wait:
    description:
      - Whether to wait until the objects are ready, or gone. Check mode never waits.
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds that all waiting of this task may take together.
      - The message of a time-out shows the last conditions, recent events and the state of the pods.
    type: int
    default: 300
"""
