# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An OCI runtime in front of runc: takes out of a container's spec what this machine itself does not hold.

`docker run --privileged` asks for every capability, and runc fails when one of them is not in the machine's own
bounding set; a resource limit above our own and a negative OOM score need CAP_SYS_RESOURCE and fail alike.
What is held is read from /proc/self/status each time, so on a complete machine nothing is taken out.
This file runs by itself (it is dockerd's runtime), so it imports nothing of ours.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
from collections.abc import Sequence
from typing import Any

# the kernel's numbers, in order (linux/capability.h)
# fmt: off
NAMES = (
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
    "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
    "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
    "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
    "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
    "CHECKPOINT_RESTORE",
)
# fmt: on


def held(status: str) -> set[str]:
    """The capabilities of a bounding set, from the text of /proc/<pid>/status."""
    for line in status.splitlines():
        if line.startswith("CapBnd:"):
            bits = int(line.split()[1], 16)
            return {f"CAP_{name}" for number, name in enumerate(NAMES) if bits >> number & 1}
    raise ValueError("no CapBnd line in the process status")


def hard_limit(kind: str) -> int:
    """Our own hard limit of an RLIMIT_*; an unknown kind has none."""
    number = getattr(resource, kind, None)
    if number is None:
        return -1
    return resource.getrlimit(number)[1]


def bound(process: dict[str, Any], have: set[str]) -> None:
    """Change a process of an OCI spec in place so that it asks for nothing that is not held."""
    for kind, names in (process.get("capabilities") or {}).items():
        process["capabilities"][kind] = [name for name in names or [] if name in have]
    if "CAP_SYS_RESOURCE" in have:
        return
    limits = []
    for limit in process.get("rlimits") or []:
        most = hard_limit(limit["type"])
        if most >= 0:
            limit["hard"] = min(limit["hard"], most)
            limit["soft"] = min(limit["soft"], limit["hard"])
        limits.append(limit)
    process["rlimits"] = limits
    if (process.get("oomScoreAdj") or 0) < 0:
        process["oomScoreAdj"] = 0


def option(argv: Sequence[str], *names: str) -> str:
    """The value of an option of runc's command line, or nothing."""
    for place, item in enumerate(argv):
        if item in names and place + 1 < len(argv):
            return argv[place + 1]
        for name in names:
            if item.startswith(name + "="):
                return item[len(name) + 1 :]
    return ""


def rewrite(argv: Sequence[str], have: set[str]) -> None:
    """Bound the spec that this call of runc is about."""
    if "create" in argv or "run" in argv:
        path = os.path.join(option(argv, "--bundle", "-b") or os.getcwd(), "config.json")
        whole = True
    elif "exec" in argv and option(argv, "--process", "-p"):
        path = option(argv, "--process", "-p")
        whole = False
    else:
        return
    with open(path, encoding="utf-8") as file:
        spec = json.load(file)
    bound(spec["process"] if whole else spec, have)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(spec, file)


def main(argv: Sequence[str]) -> None:
    """Bound the spec, then become runc."""
    with open("/proc/self/status", encoding="utf-8") as file:
        rewrite(argv, held(file.read()))
    runc = shutil.which("runc") or "/usr/sbin/runc"
    os.execv(runc, [runc, *argv])


if __name__ == "__main__":
    main(sys.argv[1:])
