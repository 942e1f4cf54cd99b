# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""PRIVATE: the files of the reports: tried before the run, because it takes minutes and people's logins, written after it."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from typing import Callable

from . import page, text
from .model import Evidence
from .target import Stop

MAKERS: Mapping[str, Callable[[Evidence], str]] = {"json": text.as_json, "junit": text.junit, "html": page.page}


class Reports:
    """The files that are asked for."""

    def __init__(self, wanted: Mapping[str, object]) -> None:
        self.paths = {kind: os.path.abspath(str(wanted[kind])) for kind in MAKERS if wanted.get(kind)}
        self.written: list[str] = []
        self.problems: list[str] = []
        self._mode = 0o600

    def prepare(self, set_mode: Callable[[str], object]) -> None:
        """Stop when a file could not be written, and remove older ones."""
        for path in self.paths.values():
            if os.path.exists(path) and not os.path.isfile(path):
                raise Stop(f"The report {path} cannot be written: what is there is no file.")
            try:
                handle, scratch = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".chain-verify-")
            except OSError as error:
                raise Stop(
                    f"The report {path} cannot be written: {error.strerror}. Its folder has to be there."
                ) from error
            try:
                os.close(handle)
                set_mode(scratch)
                self._mode = stat.S_IMODE(os.stat(scratch).st_mode)
            finally:
                os.unlink(scratch)
        for path in self.paths.values():
            # Should this run end early, an older report must not be taken for its own.
            try:
                if os.path.lexists(path):
                    os.unlink(path)
            except OSError as error:
                raise Stop(f"The older report {path} cannot be removed: {error.strerror}.") from error

    def write(self, evidence: Evidence) -> None:
        """Write them; one that fails leaves the others, and is told."""
        for kind, path in self.paths.items():
            try:
                self._place(path, MAKERS[kind](evidence))
            except OSError as error:
                self.problems.append(f"{path} ({error.strerror})")
            else:
                self.written.append(path)

    def _place(self, path: str, content: str) -> None:
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".chain-verify-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(content)
            os.chmod(temporary, self._mode)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
