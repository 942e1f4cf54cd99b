# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shell scripts pass shellcheck; ansible-test looks only at those that end in .sh."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from quality import tree


def scripts(root: Path) -> list[Path]:
    """Files that a shell runs, by suffix or by first line."""
    found = []
    for path in tree.files(root):
        first = tree.text_of(path).split("\n", 1)[0]
        if path.suffix == ".sh" or (
            first.startswith("#!") and first.rstrip(" -eux").endswith(("/sh", "/bash", " bash", " sh"))
        ):
            found.append(path)
    return found


def test_shellcheck(root: Path) -> None:
    program = shutil.which("shellcheck")
    assert program, "shellcheck is missing; it comes with tests/requirements/lint.lock"
    paths = scripts(root)
    assert root / "tests/run" in paths
    done = subprocess.run(
        [program, "--external-sources", *map(str, paths)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
