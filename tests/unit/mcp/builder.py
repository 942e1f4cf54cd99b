# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image builder, which is a script and no part of a package."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

IMAGE = Path(__file__).resolve().parents[3] / "roles" / "mcp_server" / "files" / "image"


def cache() -> Path:
    """Where downloaded parts are kept between runs."""
    given = os.environ.get("MCP_AUTH_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(given or f"{base}/mcp-auth-openshift").expanduser() / "image"


def load() -> Any:
    spec = importlib.util.spec_from_file_location("mcp_image_build", IMAGE / "build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
