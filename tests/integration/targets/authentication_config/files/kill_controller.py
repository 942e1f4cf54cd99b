# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills the controller between the write and the confirmation, and lets nothing run after it: the node must put the
previous file back by itself, in time, and the API server must be back at it.

A file of its own and no Ansible module, because what is tested is that no module runs any more.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  tasks:
    - mcp_auth.openshift.authentication_config:
        path: "{{ auth_file }}"
        jwt: "{{ entries }}"
        confirm_within: "{{ confirm_within }}"
    # The proofs would come here; the controller dies in them.
    - ansible.builtin.pause:
        minutes: 5
"""


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def loaded(kubeconfig: str, kubectl: str) -> str:
    """The hash that the API server tells, or nothing without kubectl."""
    if not kubectl:
        return ""
    text = subprocess.run(
        [kubectl, "--kubeconfig", kubeconfig, "get", "--raw", "/metrics"], capture_output=True, text=True, check=True
    ).stdout
    for line in text.splitlines():
        if line.startswith("apiserver_authentication_config_controller_last_config_info"):
            # apiserver_id_hash comes first and is a sha256 too
            return line.split(',hash="sha256:')[1].split('"')[0]
    return ""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--file", required=True, type=Path)
    parser.add_argument("--entry", required=True, help="a jwt entry as JSON")
    parser.add_argument("--confirm-within", type=int, default=20)
    parser.add_argument("--kubeconfig", default="")
    parser.add_argument("--kubectl", default="")
    options = parser.parse_args()
    before = digest(options.file)
    with tempfile.TemporaryDirectory() as folder:
        play = Path(folder) / "play.yml"
        play.write_text(PLAY)
        values = {
            "auth_file": str(options.file),
            "entries": [json.loads(options.entry)],
            "confirm_within": options.confirm_within,
        }
        run = subprocess.Popen(
            [str(Path(sys.executable).with_name("ansible-playbook")), str(play), "-e", json.dumps(values)],
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )
        until = time.monotonic() + 90
        while digest(options.file) == before:
            if run.poll() is not None or time.monotonic() > until:
                print("the play did not write the file", file=sys.stderr)
                return 1
            time.sleep(0.05)
        written, at = digest(options.file), time.monotonic()
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    print(f"written {written[:12]} over {before[:12]}, controller killed (SIGKILL, the whole process group)")
    # The deadline, one tick of the timer, and what a busy machine adds.
    until = at + options.confirm_within + 20
    while digest(options.file) != before:
        if time.monotonic() > until:
            print("the host did not put the previous file back in time", file=sys.stderr)
            return 1
        time.sleep(0.2)
    back = time.monotonic() - at
    print(f"the host put {before[:12]} back by itself after {back:.1f} s (deadline {options.confirm_within} s)")
    if back < options.confirm_within - 2:
        print("that was before the deadline", file=sys.stderr)
        return 1
    until = time.monotonic() + 90
    while options.kubectl and loaded(options.kubeconfig, options.kubectl) != before:
        if time.monotonic() > until:
            print("the API server did not go back", file=sys.stderr)
            return 1
        time.sleep(1)
    print("the API server has the previous configuration")
    # The file is back before the host has tidied up (it syncs the disk first).
    until = time.monotonic() + 180
    while True:
        leftovers = [suffix for suffix in ("revert-at", "reverting") if Path(f"{options.file}.{suffix}").exists()]
        if not leftovers or time.monotonic() > until:
            break
        time.sleep(0.5)
    if leftovers or not Path(f"{options.file}.reverted").exists():
        print(f"the host left its work half done: {leftovers}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
