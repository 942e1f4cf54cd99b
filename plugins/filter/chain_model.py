# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters over the model of the chain."""

from __future__ import annotations

from typing import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.mcp_auth.openshift.plugins.module_utils._chain import build
from ansible_collections.mcp_auth.openshift.plugins.module_utils._chain.shapes import Json, Obj


def chain_model(inputs: Obj, observed: Obj | None = None, lint: bool = True) -> dict[str, Json]:
    """The model of the chain from ``chain_*`` variables; refuses what cannot work."""
    if not isinstance(inputs, dict):
        raise AnsibleFilterError("chain_model: the input is no mapping of chain_* variables.")
    model = build.build(inputs, observed)
    problems = model["problems"]
    if lint and isinstance(problems, list) and problems:
        raise AnsibleFilterError("The chain cannot work as described:\n%s" % build.problems_text(problems))
    return model


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., dict[str, Json]]]:
        return {"chain_model": chain_model}
