# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""Tells what a module waits for while it waits. The callback mcp_auth.openshift.progress makes the file and prints it."""

from __future__ import annotations

import os
import time

from .redact import redact_text

ENV = "MCP_AUTH_PROGRESS_FILE"


class Progress:
    """Appends lines to the file that the callback made; says nothing when there is none; never fails a run."""

    def __init__(self, prefix: str = "", every: float = 10.0) -> None:
        self._path = os.environ.get(ENV, "")
        self._prefix = prefix
        self._every = every
        self._last = ""
        self._when = 0.0

    def say(self, text: str) -> None:
        """Writes a line; the same line again only after a while."""
        line = " ".join(redact_text(self._prefix + text).split())[:400]
        now = time.monotonic()
        if not self._path or (line == self._last and now - self._when < self._every):
            return
        self._last, self._when = line, now
        try:
            # No O_CREAT: without the callback there is no file. O_NOFOLLOW: not somebody else's either.
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0))
            try:
                os.write(handle, (line + "\n").encode("utf-8", "replace"))
            finally:
                os.close(handle)
        except OSError:
            self._path = ""
