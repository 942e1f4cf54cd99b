# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this machine has to bring: looked at before anything is installed or built, and said in one message."""

from __future__ import annotations

import os
import shutil
import socket

from . import engine as engines
from . import golang
from .settings import Settings
from .trees import HOOK
from .ui import LabError

LISTEN = "127.0.0.1"
BUILD_TOOLS = {"mmdebstrap": "mmdebstrap", "dpkg-deb": "dpkg", "mvn": "maven", "tar": "tar"}
BUILD_PATHS = {str(HOOK): "mmdebstrap"}


def check(settings: Settings, way: str) -> None:
    """Refuse a machine that lacks something that we may not or cannot install, everything at once."""
    found = [exc for exc in (_engine(settings), _go(), _npm(), _packages(settings, way)) if exc]
    if found:
        lacks = "".join(f"\n  - {exc}" for exc in found)
        cures = " ".join(dict.fromkeys(exc.hint for exc in found if exc.hint))
        raise LabError(f"this machine lacks something, and nothing has been changed on it:{lacks}", cures)


def _engine(settings: Settings) -> LabError | None:
    try:
        engine, why = engines.look(settings)
        if engine:
            return None
        engines.refuse_hopeless(settings, why)
    except LabError as exc:
        return exc
    missing = [] if engines.can_install(settings) else engines.missing_packages(engines.ENGINE_TOOLS)
    return _not_installed(settings, "a container engine", missing, "or start a docker that this user may use")


def _not_installed(settings: Settings, purpose: str, missing: list[str], way_out: str) -> LabError | None:
    if not missing:
        return None
    why = "only root on Debian can install" if settings.install else "INSTALL=no forbids to install"
    names = " ".join(missing)
    return LabError(f"{purpose}: missing {names}, which {why}", f"Install {names} (Debian's names), {way_out}.")


def _go() -> LabError | None:
    try:
        golang.go_version()
    except LabError as exc:
        return exc
    return None


def _npm() -> LabError | None:
    if shutil.which("npm"):
        return None
    return LabError(
        "npm was not found; the MCP server's image is made from its npm package", "Install npm (Debian's package: npm)."
    )


def _packages(settings: Settings, way: str) -> LabError | None:
    if way != "build" or engines.can_install(settings):
        return None
    missing = engines.missing_packages(BUILD_TOOLS, BUILD_PATHS)
    way_out = "or use IMAGES=pull where a container registry can be reached"
    return _not_installed(settings, "building the images", missing, way_out)


def check_names(settings: Settings) -> None:
    """Without root the role cannot write the hosts file, and without the names nothing here reaches the services."""
    if os.geteuid() == 0:
        return
    names = [f"{part}.{settings.base_domain}" for part in settings.ports]
    unknown = next((name for name in names if LISTEN not in _addresses(name)), None)
    if unknown:
        raise LabError(
            f"{unknown} does not lead to {LISTEN} here, and only root can add it to /etc/hosts",
            f"Add this line to /etc/hosts, and take it out after the demo: {LISTEN} {' '.join(names)}",
        )


def _addresses(name: str) -> set[str]:
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(name, None, socket.AF_INET)}
    except OSError:
        return set()
