# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cache: entries keyed by the content that they are made from, made whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .ui import LabError, say

KEY_LENGTH = 16
DONE = ".complete"


def digest_file(path: Path) -> str:
    """The sha256 of a file."""
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            sha.update(block)
    return sha.hexdigest()


def digest_tree(root: Path) -> str:
    """The sha256 of a folder: names, kinds, execute bits and contents, in a fixed order."""
    sha = hashlib.sha256()
    for path in sorted(root.rglob("*"), key=lambda item: item.relative_to(root).as_posix()):
        name = path.relative_to(root).as_posix()
        if "__pycache__" in path.parts:
            continue
        if path.is_symlink():
            sha.update(f"l {name} {os.readlink(path)}\n".encode())
        elif path.is_file():
            mode = "x" if path.stat().st_mode & 0o100 else "-"
            sha.update(f"f {name} {mode} {digest_file(path)}\n".encode())
        else:
            sha.update(f"d {name}\n".encode())
    return sha.hexdigest()


def key_of(parts: Iterable[object]) -> str:
    """A short key of anything that JSON can write; the same parts always give the same key."""
    text = json.dumps(list(parts), sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]


def write_atomic(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file so that a reader sees the old or the new content and never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


@contextmanager
def locked(path: Path, what: str, wait: bool = True) -> Iterator[None]:
    """Hold a lock file; a second run waits and says for what, or gives up. The kernel frees it when a holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            if exc.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            file.seek(0)
            busy = f"another run ({file.read().strip() or 'unknown process'}) is busy with {what}"
            if not wait:
                raise LabError(busy, "Wait for its end.") from exc
            say(f"{busy}; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        file.truncate()
        file.write(f"process {os.getpid()}\n")
        file.flush()
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)


class Store:
    """Folders under one root, each named by a kind, a name and the key of its inputs."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, kind: str, name: str, key: str) -> Path:
        """Where an entry lies or would lie."""
        return self.root / kind / f"{name}-{key}"

    def has(self, kind: str, name: str, key: str) -> bool:
        """Whether the entry was made completely."""
        return (self.path(kind, name, key) / DONE).exists()

    def entry(self, kind: str, name: str, key: str, build: Callable[[Path], None]) -> Path:
        """The folder of an entry; `build` fills a scratch folder, which is renamed only when it is whole."""
        final = self.path(kind, name, key)
        if (final / DONE).exists():
            return final
        with locked(self.root / "locks" / f"{kind}-{name}-{key}", f"{kind} {name}"):
            if (final / DONE).exists():
                return final
            scratch = final.with_name(f".{final.name}.part")
            remove_tree(scratch)
            remove_tree(final)
            try:
                scratch.mkdir(parents=True)
                build(scratch)
                (scratch / DONE).write_text("", encoding="utf-8")
                os.rename(scratch, final)
            except OSError as exc:
                remove_tree(scratch)
                raise full(exc, f"{kind} {name}", self.root) from exc
            except BaseException:
                remove_tree(scratch)
                raise
        return final

    def entry_in_place(self, kind: str, name: str, key: str, build: Callable[[Path], None]) -> Path:
        """Like `entry`, for what cannot be renamed afterwards (a Python environment holds its own path)."""
        final = self.path(kind, name, key)
        if (final / DONE).exists():
            return final
        with locked(self.root / "locks" / f"{kind}-{name}-{key}", f"{kind} {name}"):
            if (final / DONE).exists():
                return final
            remove_tree(final)
            try:
                final.parent.mkdir(parents=True, exist_ok=True)
                build(final)
                (final / DONE).write_text("", encoding="utf-8")
            except OSError as exc:
                remove_tree(final)
                raise full(exc, f"{kind} {name}", self.root) from exc
            except BaseException:
                remove_tree(final)
                raise
        return final


def full(exc: OSError, what: str, where: Path) -> Exception:
    """The error to show for an OSError: a full disk is said as such."""
    if exc.errno not in (errno.ENOSPC, errno.EDQUOT):
        return exc
    return LabError(
        f"{what}: the disk is full ({where})",
        "Free some space, or put the cache on another disk with LAB_CACHE=<folder>.",
    )


def mounts_below(folder: Path, table: Path = Path("/proc/self/mounts")) -> list[str]:
    """What is mounted at or below a folder, the innermost first."""
    found = []
    for line in table.read_text(encoding="utf-8", errors="replace").splitlines():
        # the kernel writes a blank as \\040
        mount = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), line.split()[1])
        if Path(mount).is_relative_to(folder):
            found.append(mount)
    return sorted(found, reverse=True)


def remove_tree(path: Path) -> None:
    """Remove a folder if it is there, and never anything that is mounted in it.

    A build that was killed may have left the machine's own /proc or /dev/shm mounted in its tree.
    """
    if path.is_symlink():
        path.unlink()
        return
    if not path.exists():
        return
    real = path.resolve()
    for mount in mounts_below(real):
        subprocess.run(["umount", "-l", mount], capture_output=True, check=False)
    left = mounts_below(real)
    if left:
        raise LabError(f"{left[0]} is mounted inside a folder that has to go", f"Run as root: umount -l {left[0]}")
    # A build that outlived its parent may mount while we are at it, so each folder's device is looked at as it is emptied.
    device = real.stat().st_dev
    for root, folders, files, here in os.fwalk(real, topdown=False):
        if os.fstat(here).st_dev != device:
            raise LabError(
                f"{root} has just been mounted inside a folder that has to go", "Run the same command again."
            )
        for name in files:
            os.unlink(name, dir_fd=here)
        for name in folders:
            try:
                os.rmdir(name, dir_fd=here)
            except NotADirectoryError:  # a link to a folder
                os.unlink(name, dir_fd=here)
    real.rmdir()


def need_space(path: Path, megabytes: int, what: str) -> None:
    """Refuse to start something big on a disk that cannot hold it."""
    path.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(path).free // 1_000_000
    if free < megabytes:
        raise LabError(
            f"{what} needs about {megabytes} MB, and {path} has {free} MB left: the disk is full",
            "Free some space, or put the cache on another disk with LAB_CACHE=<folder>.",
        )
