# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interpreters, tool environments from locks, copies of the tree, and what ansible-test wants from the internet."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterable
from pathlib import Path

from labkit import images, needs
from labkit.settings import from_environment
from labkit.store import digest_file, key_of, locked, remove_tree
from labkit.ui import LabError

from .table import Environment

COLLECTION = Path("ansible_collections") / "mcp_auth" / "openshift"
DONE = ".complete"
# What pip is told by its configuration and its environment, and what a cleared environment would lose.
PIP_KEYS = ("cert", "index-url", "extra-index-url", "trusted-host", "proxy")


class ToolError(Exception):
    """A tool is missing or could not be made."""


def cache_root() -> Path:
    """Where tools and warm caches lie, outside the checkout."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("MCP_AUTH_CACHE") or Path(base) / "mcp-auth-openshift").absolute()


def interpreter(version: str) -> Path:
    """A real interpreter of that version; pyenv's shims are looked through, since ansible-test trips over them."""
    name = f"python{version}"
    shims = [Path(path) for path in os.environ.get("PATH", "").split(os.pathsep) if path]
    homes = [Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")]
    places = [path / name for path in shims if "shims" not in path.parts]
    places += sorted((path for home in homes for path in home.glob(f"versions/{version}.*/bin/{name}")), reverse=True)
    for place in places:
        if not place.is_file():
            continue
        real = answer([str(place), "-c", "import ensurepip, sys, venv; print(sys.base_prefix)"])
        if real:
            beside = Path(real) / "bin" / name
            return beside if beside.exists() else place
    raise ToolError(
        f"Python {version} with venv and ensurepip is missing: install it so that {name} is in PATH (python{version}-venv "
        f"where Debian has that package, else pyenv install {version} or uv python install {version})"
    )


def lacking(environments: Iterable[Environment], lab: Path | None = None) -> list[str]:
    """What this machine does not bring, all of it, looked at before anything is made or run."""
    found = []
    for version in sorted({environment.python for environment in environments}):
        try:
            interpreter(version)
        except ToolError as exc:
            found.append(str(exc))
    if not shutil.which("git"):
        found.append("git was not found; it tells which files belong to the checkout: install git")
    return found + (lab_lacks(lab) if lab else [])


def lab_lacks(lab: Path) -> list[str]:
    """What the local cluster wants of this machine and cannot make itself."""
    try:
        settings = from_environment(lab, os.environ)
    except LabError as exc:
        return [told(exc)]
    found = []
    for look in (lambda: needs.check_names(settings), lambda: images.choose(settings)):
        try:
            look()
        except LabError as exc:
            found.append(told(exc))
    return found


def told(error: LabError) -> str:
    """An error of the lab with its cure."""
    return f"the local cluster: {error}\n{error.hint}".strip().replace("\n", "\n    ")


def answer(argv: list[str]) -> str:
    """The output of a short command, or nothing when it fails."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    return done.stdout.strip() if done.returncode == 0 else ""


def environment_path(root: Path, environment: Environment) -> tuple[Path, Path]:
    """The folder of an environment, named by all that it is made from, and the interpreter for it."""
    python = interpreter(environment.python)
    full = answer([str(python), "-c", "import platform; print(platform.python_version(), platform.machine())"])
    key = key_of([digest_file(root / environment.lock), full, str(python)])
    return cache_root() / "tools" / f"{environment.name}-{key}", python


def make_environment(root: Path, environment: Environment) -> Path:
    """The environment's folder; made from the lock when it is not there, or not whole."""
    lock = root / environment.lock
    if not lock.is_file():
        raise ToolError(f"the lock file {environment.lock} is missing")
    path, python = environment_path(root, environment)
    if (path / DONE).exists():
        return path
    with locked(cache_root() / "locks" / path.name, f"the tool environment {environment.name}"):
        if (path / DONE).exists():
            return path
        remove_tree(path)
        command([str(python), "-m", "venv", str(path)])
        pip = [str(path / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
        command([*pip, "--no-deps", "--require-hashes", "--requirement", str(lock)])
        (path / DONE).write_text("", encoding="utf-8")
    return path


def command(argv: list[str]) -> None:
    """Run a command; its output is told when it fails."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise ToolError(f"{' '.join(argv)}\n{(done.stdout + done.stderr)[-4000:]}")


def tree_files(root: Path) -> Iterable[str]:
    """What belongs to the checkout: tracked files, and untracked ones that are not ignored."""
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        raise ToolError(f"git ls-files fails in {root}: {listed.stderr.strip()}")
    return sorted({name for name in listed.stdout.split("\0") if name and os.path.lexists(root / name)})


def copy_tree(root: Path, collections: Path) -> Path:
    """Copy the checkout to where Ansible finds it as a collection; ansible-test refuses a symlink."""
    target = collections / COLLECTION
    for name in tree_files(root):
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, place, follow_symlinks=False)
    return target


def clean_runs(runs: Path) -> None:
    """Remove the copies of runs that were killed."""
    for path in runs.glob("*-*"):
        process = path.name.rpartition("-")[2]
        if process.isdigit() and not Path("/proc", process).exists():
            shutil.rmtree(path, ignore_errors=True)


def prepare_ansible_test(environment: Path, home: Path) -> str:
    """Give ansible-test its pip bootstrap script where its download fails; else leave it alone."""
    (source,) = environment.glob("lib/python3*/site-packages/ansible_test/_util/target/setup/requirements.py")
    (internal,) = environment.glob("lib/python3*/site-packages/ansible_test/_internal/python_requirements.py")
    url = re.search(r"'(https://\S+/get-pip-%s\.py)'", source.read_text(encoding="utf-8"))
    # The first one is for every Python that we test with; the rest is for old ones.
    version = re.search(r"\bpip='([\d.]+)'", internal.read_text(encoding="utf-8"))
    if not url or not version:
        raise ToolError("ansible-test has changed: no pip bootstrap address or version in its sources")
    place = home / ".ansible" / "test" / "cache" / f"get_pip_{version[1].replace('.', '_')}.py"
    if place.exists():
        return ""
    place.parent.mkdir(parents=True, exist_ok=True)
    told = ""
    try:
        with urllib.request.urlopen(url[1] % version[1], timeout=10) as reply:
            text = reply.read()
        if b"pip" not in text or len(text) < 100_000:
            raise OSError("the answer is not the script")
    except OSError as exc:
        text = bootstrap_script().encode()
        told = f"pip comes from ensurepip, since its bootstrap script cannot be downloaded ({type(exc).__name__})"
    part = place.with_suffix(f".{os.getpid()}")
    part.write_bytes(text)
    part.replace(place)
    return told


def bootstrap_script() -> str:
    """A stand-in for get-pip: ensurepip, then pip itself, with the settings that pip has here."""
    settings = {}
    for line in answer([sys.executable, "-m", "pip", "config", "list"]).splitlines():
        key, dummy, value = line.partition("=")
        settings[key.rpartition(".")[2]] = value.strip("'\"")
    for key in PIP_KEYS:
        told = os.environ.get(f"PIP_{key.replace('-', '_').upper()}")
        if told:
            settings[key] = told
    if "cert" not in settings and os.environ.get("SSL_CERT_FILE"):
        settings["cert"] = os.environ["SSL_CERT_FILE"]
    lines = "".join(f"{key} = {settings[key]}\n" for key in PIP_KEYS if key in settings)
    return f'''"""Stands in for get-pip, whose download fails on this machine."""
import os
import subprocess
import sys

# ansible-test clears the environment, so what pip was told there goes into the configuration.
with open(os.path.join(sys.prefix, "pip.conf"), "w") as file:
    file.write({"[global]" + chr(10) + lines!r})
# In a process of its own: called in-process, ensurepip switches pip's configuration off.
subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"], stdout=subprocess.DEVNULL)
wanted = [item for item in sys.argv[1:] if item not in ("--no-setuptools", "--no-wheel")]
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install"] + wanted))
'''
