# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the tree, and how a problem in one is written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

SKIPPED = {
    ".git",
    ".ansible",
    ".hypothesis",
    ".mypy_cache",
    ".nox",
    ".pytest_cache",
    ".ruff_cache",
    "__pycache__",
    "build",
    "output",
}


class Loader(yaml.SafeLoader):
    """YAML with Ansible's own tags taken as plain values."""


def plain(loader: Loader, _suffix: str, node: yaml.Node) -> Any:
    """The value below an unknown tag."""
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]  # the third kind of node is a mapping


Loader.add_multi_constructor("!", plain)


def files(root: Path, *tops: str, suffixes: tuple[str, ...] = ()) -> Iterator[Path]:
    """Files below some folders of the tree, without what tools leave behind."""
    for top in tops or (".",):
        for folder, folders, names in os.walk(root / top):
            folders[:] = sorted(set(folders) - SKIPPED)
            for name in sorted(names):
                path = Path(folder, name)
                if not path.is_symlink() and (not suffixes or path.suffix in suffixes):
                    yield path


def load_yaml(path: Path) -> Any:
    """The document in a YAML file."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader)


def text_of(path: Path) -> str:
    """The text of a file; nothing when it is no text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def problem(root: Path, path: Path, line: int, message: str) -> str:
    """One finding in the form that editors jump to."""
    return f"{path.relative_to(root)}:{line}: {message}"
