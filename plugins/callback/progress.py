# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: progress
type: aggregate
short_description: Show what the modules of this collection wait for while they wait
version_added: 0.1.0
description:
  - A module that waits - for a rollout, for Keycloak to answer, for a certificate to be loaded - says nothing until it ends.
    This callback gives the modules of this collection a private file to write lines to, and prints them as they come.
  - It works with any output callback, beside others, and under ansible-runner. It only sees modules that run on the controller.
  - It never fails a run. Lines hold no secrets.
requirements:
  - enable in configuration, C(callbacks_enabled = mcp_auth.openshift.progress)
options:
  interval:
    description: Seconds between two looks at the file.
    type: float
    default: 0.5
    env:
      - name: MCP_AUTH_PROGRESS_INTERVAL
    ini:
      - section: callback_mcp_auth_progress
        key: interval
author:
  - mcp_auth.openshift contributors (@mcp-auth)
"""

import atexit
import os
import shutil
import tempfile
import threading
import typing as t

from ansible.plugins.callback import CallbackBase

from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.progress import ENV

PREFIX = "    ... "


class CallbackModule(CallbackBase):  # type: ignore[misc]  # ansible-core has no types
    """Prints the lines that modules append to a private file."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "mcp_auth.openshift.progress"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._folder = ""
        self._path = ""
        self._offset = 0
        self._rest = b""
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread: threading.Thread | None = None
        self._owner = 0

    def v2_playbook_on_start(self, playbook: t.Any) -> None:
        try:
            self._folder = tempfile.mkdtemp(prefix="mcp-auth-progress-")
            self._path = os.path.join(self._folder, "lines")
            os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except OSError as exc:
            self._display.vvv("progress: no file for the lines: %s" % exc)
            return
        self._owner = os.getpid()
        # Modules that run here inherit the environment.
        os.environ[ENV] = self._path
        atexit.register(self._close)
        self._thread = threading.Thread(target=self._follow, name="mcp-auth-progress", daemon=True)
        self._thread.start()

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        self._close()

    def v2_runner_on_ok(self, result: t.Any) -> None:
        # What a task said comes before its result.
        self._print_new()

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        self._print_new()

    def _follow(self) -> None:
        try:
            interval = max(0.05, float(self.get_option("interval")))
        except (KeyError, TypeError, ValueError):
            interval = 0.5
        while not self._end.wait(interval):
            self._print_new()

    def _print_new(self) -> None:
        try:
            with self._lock:
                with open(self._path, "rb") as handle:
                    handle.seek(self._offset)
                    data = handle.read()
                self._offset += len(data)
                lines = (self._rest + data).split(b"\n")
                self._rest = lines.pop()
            for line in lines:
                text = "".join(char if char.isprintable() else " " for char in line.decode("utf-8", "replace"))
                self._display.display(PREFIX + text, color="blue")
        except (OSError, ValueError):
            self._end.set()

    def _close(self) -> None:
        # A forked worker inherits the atexit hook, not the file.
        if not self._folder or os.getpid() != self._owner:
            return
        self._end.set()
        if self._thread is not None:
            self._thread.join(timeout=2)
        self._print_new()
        os.environ.pop(ENV, None)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = ""
