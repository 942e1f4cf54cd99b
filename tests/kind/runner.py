# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""site.yml as an automation platform runs it: ansible-runner, no terminal, a random user id, nothing in a home folder."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

from labkit import child

from .lab import ROOT, Lab
from .plays import RECAP, Done, changed_tasks
from .report import Report, expect


def prepare(lab: Lab, folder: Path) -> Path:
    """A private data folder of ansible-runner: the example project, an inventory, the lab's variables."""
    private = folder / "runner"
    shutil.rmtree(private, ignore_errors=True)
    shutil.copytree(ROOT / "examples" / "project", private / "project")
    shutil.copytree(lab.plays.collections, private / "project" / "collections", dirs_exist_ok=True)
    for name in ("inventory", "env"):
        (private / name).mkdir(exist_ok=True)
    host = {"ansible_connection": "local"}
    inventory = {"mcp_auth_clusters": {"hosts": {"lab": host}}}
    (private / "inventory" / "hosts.json").write_text(json.dumps(inventory))
    shutil.rmtree(private / "project" / "inventory", ignore_errors=True)
    # The whole proof was made before: here nobody waits for a token to end.
    (private / "env" / "extravars").write_text(json.dumps({**lab.values, "verify_expiry_wait": 0}))
    (private / "env" / "settings").write_text(json.dumps({"suppress_ansible_output": False, "pexpect_timeout": 60}))
    return private


def as_random_user(command: list[str], number: int) -> list[str]:
    """A user id that no file names. In a user namespace it is still the owner of its files, as in a container."""
    test = subprocess.run(["unshare", "--user", "true"], capture_output=True, check=False)
    if test.returncode:
        raise RuntimeError(f"unshare --user does not work here: {test.stderr.decode().strip()}")
    return ["unshare", "--user", f"--map-user={number}", f"--map-group={number}", *command]


def run(lab: Lab, private: Path, number: int, name: str, *more: str) -> Done:
    """One run."""
    runner = Path(sys.executable).parent / "ansible-runner"
    command = [str(runner) if runner.exists() else "ansible-runner", "run", str(private), "-p", "site.yml"]
    command += ["--inventory", str(private / "inventory" / "hosts.json"), "--ident", name, *more]
    # Nothing of the caller's environment: no HOME, no USER, no TERM.
    env = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin:/bin"]),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_CONFIG": str(private / "project" / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(private / "project" / "collections"),
        "ANSIBLE_HOME": str(private / "home"),
    }
    log = lab.out / f"{name}.out"
    began = time.monotonic()
    with log.open("wb") as file:
        code = child.run(
            as_random_user(command, number),
            timeout=1200,
            cwd=private,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    output = log.read_text(encoding="utf-8", errors="replace")
    plain = "".join(part.partition("m")[2] if number else part for number, part in enumerate(output.split("\x1b[")))
    return Done(name, code, time.monotonic() - began, plain, log, changed_tasks(plain))


def both(lab: Lab, report: Report, seed: int) -> None:
    """Twice, for the second run has to change nothing; the artifacts stay for the search for secrets."""
    number = random.Random(seed).randint(100_000, 2_000_000_000)
    private = prepare(lab, lab.private)
    with report.check(f"site.yml through ansible-runner, no terminal, user id {number}, no home", gate="runner"):
        done = run(lab, private, number, "runner-1").succeeded()
        expect(RECAP.search(done.output), "no recap")
    report.need("runner")
    with report.check("its second run changes nothing"):
        # The proof makes and removes fixtures and was shown above; it costs a minute and a half of waiting.
        run(lab, private, number, "runner-2", "--cmdline", "--skip-tags verify").unchanged()
    with report.check("it left artifacts"):
        events = list((private / "artifacts").glob("*/job_events/*.json"))
        expect(len(events) > 20, f"only {len(events)} events")
    shutil.copytree(private / "artifacts", lab.out / "runner-artifacts", dirs_exist_ok=True)
