# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input that needs no cluster: a clear error, no traceback. One run, in which each case is a host of the inventory."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
from contextlib import ExitStack

import pytest
from faults.bad_input import INPUTS, PREFLIGHT, Case, server

TRACES = ("Traceback (most recent call last)", "MODULE FAILURE", "Unexpected Exception")


def ansible_playbook() -> str:
    beside = pathlib.Path(sys.executable).parent / "ansible-playbook"
    return str(beside) if beside.exists() else shutil.which("ansible-playbook") or "ansible-playbook"


def host(case: Case) -> str:
    return re.sub("[^a-z]+", "-", case.name.lower())


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("bad-input")
    hosts: dict[str, dict[str, object]] = {}
    with ExitStack() as stack:
        for case in PREFLIGHT:
            kubeconfig = "/nowhere/kubeconfig"
            if case.server:
                kubeconfig = str(stack.enter_context(server(case.server, folder / host(case))))
            hosts[host(case)] = {**INPUTS, "chain_kubeconfig": kubeconfig, **dict(case.values)}
        inventory = folder / "inventory.json"
        inventory.write_text(json.dumps({"mcp_auth_clusters": {"hosts": hosts}}))
        inventory = inventory.rename(folder / "inventory.yml")
        done = subprocess.run(
            [ansible_playbook(), "mcp_auth.openshift.preflight", "-i", str(inventory), "--forks", "4"],
            cwd=folder,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": str(folder / "home")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
    return f"{done.stdout}\n{done.stderr}\nexit code {done.returncode}"


@pytest.mark.parametrize("case", PREFLIGHT, ids=lambda case: case.name)
def test_bad_input_is_refused_with_a_clear_error(case: Case, output: str) -> None:
    found = re.findall(rf"^fatal: \[{re.escape(host(case))}\]: (.*)$", output, re.MULTILINE)
    assert found, f"it was not refused:\n{output}"
    missing = [word for word in case.words if not re.search(word, found[0], re.IGNORECASE)]
    assert not missing, f"the error does not say {missing}:\n{found[0]}"


def test_no_traceback_and_the_run_failed(output: str) -> None:
    assert not [trace for trace in TRACES if trace in output], output
    assert output.splitlines()[-1] not in ("exit code 0", "exit code 250"), output
