# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab's programs share: how they end, so that an error that a person can act on comes without a traceback."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from .settings import Settings, from_environment
from .store import full
from .ui import LabError, say


def end_by_signals() -> None:
    """A stop from outside, or a terminal that closes, ends us as an exception, so that what is half done is undone."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup
            signal.signal(number, lambda got, _frame: sys.exit(128 + got))


def main(lab: Path, what: str, body: Callable[[Settings], None]) -> int:
    """Run a program's body with the settings of the environment; returns its exit code."""
    end_by_signals()
    settings: Settings | None = None
    try:
        settings = from_environment(lab, os.environ)
        body(settings)
    except LabError as exc:
        return _say(exc)
    except PermissionError as exc:
        hint = "If that is the lab's, an earlier run was another user's (sudo?): give it back with chown, or set LAB_CACHE and LAB_STATE."
        return _say(LabError(str(exc), hint))
    except OSError as exc:
        return _say(full(exc, what, settings.cache if settings else lab))
    except KeyboardInterrupt:
        say("interrupted; nothing half made is kept, and the same command goes on from here")
        return 130
    return 0


def _say(exc: Exception) -> int:
    say(f"ERROR: {exc}")
    if isinstance(exc, LabError) and exc.hint:
        say(exc.hint)
    return 1
