# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
#
# PRIVATE: for the modules of this collection only; may change without notice.
"""The file on a control-plane host, and the agreement with that host to put the old one back.

The other side of the agreement is roles/external_auth/files/mcp-auth-revert.sh, started by a timer of the host. Both
sides do nothing but renames of whole files, so that either may be killed at any moment:

1. FILE.previous  := what is confirmed today
2. FILE.revert-at := the deadline, the hash of what comes, and the deadline by the clock that nobody sets
3. FILE           := the new content
4. confirmation: FILE.revert-at is removed; whoever removes or renames it first has decided

Only this side holds the lock of the folder. The host never waits for it: a deadline may pass between any two lines here,
so what was read before must be looked at again once the new deadline stands.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from .kubernetes import sha256

TEMPORARY = ".mcp-auth-authentication-"
BOOT_ID = "/proc/sys/kernel/random/boot_id"
#: A host syncs its disk on the way back, which takes long where etcd writes to the same one.
REVERT_SECONDS = 180.0


class HostFileError(Exception):
    """Something on the host that needs a person; ``fix`` says what to do."""

    def __init__(self, message: str, reason: str, fix: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.fix = fix


@dataclass(frozen=True)
class Pending:
    """A change that the host takes back at ``deadline``."""

    deadline: int
    sha256: str

    @property
    def seconds_left(self) -> int:
        return max(0, self.deadline - int(time.time()))


@dataclass(frozen=True)
class Reverted:
    """What the host took back last."""

    at: int
    sha256: str
    why: str


class HostFile:
    """FILE and its neighbours."""

    def __init__(self, path: str) -> None:
        self.path = os.path.realpath(path) if os.path.islink(path) else os.path.abspath(path)
        self.folder = os.path.dirname(self.path)
        if not os.path.isdir(self.folder):
            raise HostFileError(
                f"the folder {self.folder} does not exist on this host.",
                "folder_missing",
                "set --authentication-config on the API server first and mount the folder of that file (not the file "
                "itself: a rename would not be seen) into its pod",
            )

    def beside(self, suffix: str) -> str:
        return f"{self.path}.{suffix}"

    @contextmanager
    def lock(self, timeout: float = 30.0) -> Iterator[None]:
        """Keeps two runs apart. The folder itself is locked: nothing is left behind."""
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            until = time.monotonic() + timeout
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError as exc:
                    if exc.errno not in (errno.EAGAIN, errno.EACCES):
                        raise
                    if time.monotonic() > until:
                        raise HostFileError(
                            f"another run has held {self.folder} for {timeout:.0f} s.",
                            "locked",
                            "wait until it has ended",
                        ) from exc
                    time.sleep(0.2)
            yield
        finally:
            os.close(handle)

    # -- reading ---------------------------------------------------------------------------------------------------

    def read(self) -> bytes | None:
        return _read(self.path)

    def pending(self) -> Pending | None:
        content = _read(self.beside("revert-at"))
        if content is None:
            return None
        lines = content.decode("ascii", "replace").split("\n") + [""]
        return Pending(int(lines[0]) if lines[0].isdigit() else 0, lines[1])

    def reverted(self) -> Reverted | None:
        content = _read(self.beside("reverted"))
        if content is None:
            return None
        lines = content.decode("ascii", "replace").split("\n") + ["", "", ""]
        return Reverted(int(lines[0]) if lines[0].isdigit() else 0, lines[1], lines[2])

    def modified(self) -> float:
        """Since when the file is what it is, 0 without one. The host puts an older file back with its older time."""
        found, back = _stat(self.path), self.reverted()
        if found is None:
            return 0.0
        # The host writes the time down after it has put the file back.
        return max(found.st_mtime, back.at - 2.0 if back else 0.0)

    # -- the host's side -------------------------------------------------------------------------------------------

    def watched(self, timeout: float) -> bool:
        """Whether the host's timer answers for this very file."""
        _unlink(self.beside("revert-pong"))
        self._write(self.beside("revert-ping"), f"{int(time.time())}\n".encode())
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            if os.path.exists(self.beside("revert-pong")):
                _unlink(self.beside("revert-pong"))
                return True
            time.sleep(0.25)
        _unlink(self.beside("revert-ping"))
        return False

    def reverting(self) -> bool:
        """Whether a way back has begun and is not done."""
        return os.path.exists(self.beside("reverting"))

    def wait_for_revert(self, timeout: float = REVERT_SECONDS) -> None:
        """A way back that has begun is the host's alone until it is done."""
        until = time.monotonic() + timeout
        while self.reverting():
            if time.monotonic() > until:
                raise HostFileError(
                    f"the host began to put the previous file back ({self.beside('reverting')}) and does not finish.",
                    "revert_stuck",
                    "look at the journal of mcp-auth-revert.service on that host",
                )
            time.sleep(0.25)

    # -- writing ---------------------------------------------------------------------------------------------------

    def write(self, content: bytes, confirm_within: int, empty: bytes, planned_on: str | None = None) -> Pending | None:
        """``content`` into the file; with ``confirm_within`` seconds the host takes it back unless it is confirmed.

        ``empty`` is what a file that did not exist counts as. ``planned_on`` is the hash of what the content was made
        from: another file by now is refused.
        """
        self._sweep()
        waiting = self.pending()
        if self.reverting():
            raise self._moved()
        # Read last: only now is a file without a deadline sure to be a confirmed one.
        current = self.read()
        if planned_on is not None and _digest(current) != planned_on:
            raise self._moved()
        if waiting is None:
            # While a change is pending, .previous is the last confirmed content, and .path is not.
            self._write(self.beside("previous"), empty if current is None else current)
        if not confirm_within:
            self._write(self.path, content)
            _unlink(self.beside("revert-at"))
            return None
        pending = self.extend(confirm_within, sha256(content), _digest(current))
        try:
            self._write(self.path, content)
        except HostFileError:
            if waiting is None and self.read() == current:
                _unlink(self.beside("revert-at"))
            raise
        return pending

    def extend(self, confirm_within: int, digest: str, standing: str) -> Pending:
        """A deadline, the first or a later one, for the content ``digest``, while the file has the hash ``standing``."""
        pending = Pending(int(time.time()) + confirm_within, digest)
        lines = [str(pending.deadline), pending.sha256, _uptime_deadline(confirm_within)]
        self._write(self.beside("revert-at"), "".join(f"{line}\n" for line in lines if line).encode())
        # The old deadline may have passed at the last moment; from here on the new one holds.
        self.wait_for_revert()
        if _digest(self.read()) != standing:
            _unlink(self.beside("revert-at"))
            raise self._moved()
        return pending

    def confirm(self, digest: str | None) -> bool:
        """Keeps the file. True when it was pending; refused when the host was first, or when it is another file."""
        while True:
            self.wait_for_revert()
            waiting = self.pending() is not None
            if self.reverting() or (self.pending() is not None) != waiting:
                continue
            # Read after both: what is neither pending nor on its way back stays.
            actual = _digest(self.read())
            if digest and actual != digest:
                raise self._other(digest, actual)
            if not waiting:
                return False
            try:
                os.unlink(self.beside("revert-at"))
            except FileNotFoundError:
                continue
            _sync_folder(self.folder)
            return True

    def revert(self, digest: str | None = None) -> bool:
        """The way back at once, by the same steps as the host's script. With ``digest`` also from a file with that
        hash for which nothing is pending: one that was confirmed, or written without a deadline."""
        if self.reverting():
            with suppress(HostFileError):
                # The host is at it. One that does not finish is helped.
                self.wait_for_revert(10)
                return True
        elif not self._claim(digest):
            return False
        previous = _read(self.beside("previous"))
        if previous is None:
            raise HostFileError(
                f"{self.beside('previous')} is missing, so there is nothing to put back.",
                "no_previous",
                f"put the file that you want into {self.path} by hand",
            )
        claimed = (_read(self.beside("reverting")) or b"").decode("ascii", "replace").split("\n") + [""]
        current = self.read()
        if current != previous:
            if current is not None:
                with suppress(HostFileError):
                    # Kept for a person; a full disk must not stop the way back.
                    self._write(self.beside("rejected"), current)
            self._write(self.path, previous)
        with suppress(HostFileError):
            self._write(self.beside("reverted"), f"{int(time.time())}\n{claimed[1]}\nasked\n".encode())
        _unlink(self.beside("reverting"))
        return True

    def _claim(self, digest: str | None) -> bool:
        """Begins the way back, as the host would."""
        try:
            os.rename(self.beside("revert-at"), self.beside("reverting"))
        except FileNotFoundError:
            if self.reverting():
                return True
            if not digest or _digest(self.read()) != digest or not os.path.exists(self.beside("previous")):
                return False
            self._write(self.beside("reverting"), f"0\n{digest}\n".encode())
        return True

    def _moved(self) -> HostFileError:
        return HostFileError(
            f"{self.path} changed while this run was about to write it (the host put the previous file back, or somebody "
            "wrote it).",
            "changed",
            "run again: the next run plans from what is there now",
        )

    def _other(self, digest: str, actual: str) -> HostFileError:
        """Why the file is not the one to confirm."""
        back = self.reverted()
        if back is not None and back.sha256 == digest:
            return HostFileError(
                f"too late: this host has put the previous file back ({_when(back.at)}).",
                "reverted",
                "see why the confirmation came late, then run again; what was taken away is kept as "
                + self.beside("rejected"),
            )
        return HostFileError(
            f"{self.path} has the sha256 {actual or '(no file)'}, not {digest}.",
            "changed",
            "somebody else wrote it meanwhile: run again",
        )

    def _sweep(self) -> None:
        """What a killed run left half written. Only the holder of the lock comes here."""
        for name in os.listdir(self.folder):
            if name.startswith(TEMPORARY):
                _unlink(os.path.join(self.folder, name))

    def _write(self, target: str, content: bytes) -> None:
        """Whole or not at all, also when the power goes: a file beside it, fsync, rename, fsync of the folder."""
        like = _stat(self.path)
        try:
            handle, temporary = tempfile.mkstemp(prefix=TEMPORARY, dir=self.folder)
            try:
                with os.fdopen(handle, "wb") as stream:
                    stream.write(content)
                    stream.flush()
                    os.fchmod(stream.fileno(), stat.S_IMODE(like.st_mode) if like else 0o600)
                    if like and (like.st_uid, like.st_gid) != (os.geteuid(), os.getegid()):
                        os.fchown(stream.fileno(), like.st_uid, like.st_gid)
                    os.fsync(stream.fileno())
                _copy_label(self.path, temporary)
                os.replace(temporary, target)
            except BaseException:
                _unlink(temporary)
                raise
            _sync_folder(self.folder)
        except OSError as exc:
            raise HostFileError(
                f"cannot write {target}: {exc.strerror or exc}.",
                errno.errorcode.get(exc.errno or 0, "os_error").lower(),
                "the file itself is a mount, which cannot be replaced: mount its folder instead"
                if exc.errno == errno.EBUSY
                else "the module needs root on the host (become), a writable folder and free space",
            ) from exc


def _digest(content: bytes | None) -> str:
    return "" if content is None else sha256(content)


def _uptime_deadline(seconds: int) -> str:
    """The deadline in seconds since this boot, and which boot that is: a clock that is set does not move it."""
    try:
        with open("/proc/uptime", encoding="ascii") as uptime, open(BOOT_ID, encoding="ascii") as boot:
            return f"{int(float(uptime.read().split()[0])) + seconds} {boot.read().strip()}"
    except (OSError, ValueError, IndexError):
        return ""


def _when(epoch: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise HostFileError(
            f"cannot read {path}: {exc.strerror or exc}.", "unreadable", "the module needs root on the host (become)"
        ) from exc


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _unlink(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


def _copy_label(source: str, target: str) -> None:
    """SELinux: the new file gets the old one's label, else the API server's pod could not read it."""
    # Without SELinux, or without a file yet, the folder's default applies.
    with suppress(AttributeError, OSError):
        os.setxattr(target, "security.selinux", os.getxattr(source, "security.selinux"))


def _sync_folder(folder: str) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
