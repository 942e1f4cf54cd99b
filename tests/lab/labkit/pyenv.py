# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python environment of the controller: made from a lock file with hashes, once per content."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .engine import ensure_packages, is_debian
from .settings import Settings
from .store import digest_file, key_of, need_space
from .ui import LabError, disk_full, failure, run, run_long, say, step

OLDEST = (3, 11)
NAMES = ("python3.11", "python3.12", "python3.13", "python3")
# asked of each candidate: a shim on PATH may name a version that is not there, a Debian python may lack ensurepip
QUESTION = (
    "import json, ssl, sys, sysconfig\n"
    "try:\n    import ensurepip, venv; whole = True\n"
    "except ImportError:\n    whole = False\n"
    "print(json.dumps([sys.version_info[:3], sys.executable, sys.base_prefix, whole, sysconfig.get_platform()]))"
)


@dataclass(frozen=True)
class Python:
    """An interpreter that really runs."""

    path: str
    version: tuple[int, int, int]
    prefix: str
    whole: bool  # has venv and ensurepip
    platform: str


def ask(path: str) -> Python | None:
    """What an interpreter says of itself, or None if it does not run or is too old."""
    try:
        done = run([path, "-I", "-c", QUESTION], check=False, timeout=20)
        version, real, prefix, whole, platform = json.loads(done.stdout)
    except (LabError, ValueError):
        return None
    found = Python(real, (version[0], version[1], version[2]), prefix, whole, platform)
    return found if found.version[:2] >= OLDEST else None


def candidates() -> Iterator[str]:
    """Interpreters to try, in the order of preference; not the one of a virtual environment."""
    if sys.prefix == sys.base_prefix:
        yield sys.executable
    for name in NAMES:
        found = shutil.which(name)
        if found:
            yield found
    for name in NAMES:
        yield f"/usr/bin/{name}"
    yield str(Path(sys.base_prefix) / "bin" / "python3")


def find(settings: Settings) -> Python:
    """The interpreter that the environment is made with."""
    seen = [python for path in candidates() if (python := ask(path))]
    for python in seen:
        if python.whole:
            return python
    oldest = ".".join(map(str, OLDEST))
    if not seen:
        raise LabError(f"no Python {oldest} or newer that runs was found", "Install one (Debian's package: python3).")
    if not is_debian():
        raise LabError(
            f"{seen[0].path} lacks the modules venv and ensurepip", "Install them (often a package named python3-venv)."
        )
    # one test of a path that the package brings
    version = ".".join(map(str, seen[0].version[:2]))
    marker = f"{seen[0].prefix}/lib/python{version}/ensurepip/__init__.py"
    ensure_packages(settings, "the Python environment", {}, paths={marker: "python3-venv"})
    again = ask(seen[0].path)
    if not again or not again.whole:
        raise LabError(f"{seen[0].path} still lacks the modules venv and ensurepip")
    return again


def ensure(settings: Settings, lock: Path | None = None) -> Path:
    """The environment's python."""
    path = lock or settings.lab / "requirements" / "controller.lock"
    check_lock(path)
    python = find(settings)
    key = key_of([digest_file(path), python.version, python.platform, python.prefix])

    def make(folder: Path) -> None:
        need_space(settings.cache, 400, "the Python environment")
        say(f"Python {'.'.join(map(str, python.version))} at {python.path}")
        run([python.path, "-m", "venv", str(folder)], what="python -m venv")
        argv = [
            str(folder / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "--require-hashes",
            "--no-deps",
            "--only-binary=:all:",
        ]
        log = settings.logs / f"env-{path.stem}.log"
        with step(f"installing the locked packages of {path.name}"):
            try:
                run_long([*argv, "-r", str(path)], what="pip", log=log)
            except LabError:
                text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
                if disk_full(text) or "no matching distribution" not in text.lower():
                    raise
                # some package has no wheel for this machine and is built from its source, also hashed
                say("a package has no wheel here, building it from its source")
                run_long(
                    [a for a in [*argv, "-r", str(path)] if not a.startswith("--only-binary")], what="pip", log=log
                )
        done = run([str(folder / "bin" / "python"), "-m", "pip", "check"], check=False)
        if done.returncode:
            raise failure("pip check", done.returncode, done.stdout + done.stderr)

    return settings.store.entry_in_place("env", path.stem, key, make) / "bin" / "python"


def check_lock(path: Path) -> int:
    """Refuse a lock with an unpinned or unhashed package or a registry's address; returns how many packages it has."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as exc:
        raise LabError(f"cannot read {path}: {exc.strerror}") from exc
    count = 0
    for entry in text.replace("\\\n", " ").splitlines():
        line = entry.split(" #", 1)[0].strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("-") or "://" in line:
            raise LabError(f"{path.name}: {line.split()[0]} has no place in a lock: it names where packages come from")
        if "==" not in line.split()[0] or "--hash=sha256:" not in line:
            raise LabError(f"{path.name}: {line.split()[0]} is not pinned with a hash")
        count += 1
    if not count:
        raise LabError(f"{path.name} is empty")
    return count


def environment(python: Path) -> dict[str, str]:
    """What programs of the environment need in theirs."""
    return {
        "PATH": f"{python.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "VIRTUAL_ENV": str(python.parent.parent),
    }
