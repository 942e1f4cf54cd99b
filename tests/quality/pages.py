# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages: the README has the certified shape and full addresses, links lead somewhere, every role is named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from .tree import files, problem, text_of

SECTIONS = ("Requirements", "Installation", "Use cases", "Testing", "Support", "Release notes", "License")
COMMANDS = ("make demo", "make test")
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+\s+(.*?)\s*$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def check(root: Path) -> list[str]:
    """Every page that lacks something or leads nowhere."""
    return [*check_readme(root), *check_links(root), *check_roles(root)]


def check_readme(root: Path) -> Iterator[str]:
    """The collection's own page, which Galaxy and the automation hub show."""
    path = root / "README.md"
    text = text_of(path)
    headings = [heading.lower() for heading in HEADING.findall(FENCE.sub("", text))]
    for section in SECTIONS:
        if section.lower() not in headings:
            yield problem(root, path, 1, f"has no section {section!r}")
    for command in COMMANDS:
        if command not in text:
            yield problem(root, path, 1, f"does not say {command!r}")
    for target in LINK.findall(text):
        if not target.startswith(("https://", "#")):
            yield problem(
                root, path, 1, f"{target}: links here are full addresses, since the page is shown elsewhere too"
            )


def check_links(root: Path) -> Iterator[str]:
    """Links between pages lead to a file, and to a heading of it."""
    for path in files(root, suffixes=(".md",)):
        text = FENCE.sub(lambda found: "\n" * found[0].count("\n"), text_of(path))
        for number, line in enumerate(text.splitlines(), 1):
            for target in LINK.findall(line):
                place, dummy, anchor = target.partition("#")
                if "://" in target or target.startswith("mailto:"):
                    continue
                other = (path.parent / place).resolve() if place else path
                if not other.exists():
                    yield problem(root, path, number, f"{target} leads nowhere")
                elif anchor and other.suffix == ".md" and anchor not in anchors(other):
                    yield problem(root, path, number, f"{target}: no such heading")


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in HEADING.findall(FENCE.sub("", text_of(path)))
    }


def check_roles(root: Path) -> Iterator[str]:
    """A reader of the two pages at the top hears of every role."""
    told = text_of(root / "README.md") + text_of(root / "CONTRIBUTING.md")
    for role in sorted(path.name for path in (root / "roles").glob("*") if path.is_dir()):
        if not re.search(rf"\b{role}\b", told):
            yield problem(root, root / "CONTRIBUTING.md", 1, f"neither this page nor README.md names the role {role}")
