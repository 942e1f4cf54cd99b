# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree keeps the rules of the house; each checker is also tried on planted faults in the other files here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from quality import budget, imports, modules, pages, plays, roles, text

CHECKERS: dict[str, Callable[[Path], list[str]]] = {
    "arrows go one way": imports.check,
    "every play has the header": plays.check,
    "licences, notices, sizes, forbidden text": text.check,
    "exceptions have reasons and stay in their budget": budget.check,
    "roles: specs, defaults and README agree": roles.check,
    "action groups have the modules with their options": modules.check_groups,
    "modules: documentation is whole and examples use it": modules.check_documentation,
    "pages: certified shape, links, every role named": pages.check,
    "fragments describe their argument specs": modules.check_fragments,
}


@pytest.mark.parametrize("name", CHECKERS)
def test_tree(name: str, root: Path) -> None:
    found = CHECKERS[name](root)
    assert not found, "\n".join(["", *found])


def test_no_sanity_ignores(root: Path) -> None:
    assert not list((root / "tests/sanity").glob("ignore*")), "sanity runs without ignores"


def test_budget_is_printed(root: Path) -> None:
    print(budget.report(root))


def test_nobody_knows_each_other() -> None:
    assert not imports.cycles()
