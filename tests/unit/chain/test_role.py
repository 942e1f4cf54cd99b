# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role chain: whoever is called works on the model of the inputs at hand, which is built once for the same ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import ansible_collections.mcp_auth.openshift as ours

BUILD = "Build the model and refuse what cannot work"


def role(realm: str) -> dict[str, Any]:
    """A role that depends on chain, called for a realm, as far as it needs no cluster."""
    include = {"name": "mcp_auth.openshift.mcp_server", "tasks_from": "validate"}
    return {"name": realm, "ansible.builtin.include_role": include, "vars": {"chain_realm": realm}}


def say(realm: str) -> dict[str, Any]:
    """A task that shows the model's issuer."""
    return {"name": f"After {realm}", "ansible.builtin.debug": {"msg": "issuer {{ chain_model.issuer.url }}"}}


def run(folder: Path, *plays: list[dict[str, Any]]) -> tuple[list[str], int]:
    """The issuers that were shown, and how often a model was built."""
    common = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "chain_base_domain": "example.com",
            "chain_platform": "kubernetes",
        },
    }
    book = folder / "play.yml"
    book.write_text(json.dumps([{"name": f"Play {number}", **common, "tasks": it} for number, it in enumerate(plays)]))
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", str(book)],
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(Path(ours.__path__[0]).parents[2]),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_HOME": str(folder / "home"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    shown = [line.split()[-1].strip('"') for line in done.stdout.splitlines() if '"msg": "issuer ' in line]
    return [url.rpartition("/")[2] for url in shown], done.stdout.count(f"TASK [mcp_auth.openshift.chain : {BUILD}")


def test_each_call_has_the_model_of_its_inputs(tmp_path: Path) -> None:
    issuers, built = run(tmp_path, [role("one"), say("one"), role("two"), say("two"), role("two"), say("two")])
    assert (issuers, built) == (["one", "two", "two"], 2)


def test_a_later_play_has_it_too(tmp_path: Path) -> None:
    issuers, built = run(tmp_path, [role("one"), say("one")], [role("one"), say("one")], [role("two"), say("two")])
    assert (issuers, built) == (["one", "one", "two"], 2)
