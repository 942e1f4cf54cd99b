# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the integration targets (tests/integration/targets) against the lab, two at a time where they let us.

A target is a role, as ansible-test has it. ansible-test would clear the environment and copy the tree for each call;
a play of our own is the same and quicker. With an integration_config.yml made from the template beside the targets,
`ansible-test integration --local` runs them too.
"""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .lab import ROOT, Lab
from .plays import Done
from .report import Report

TARGETS = ROOT / "tests" / "integration" / "targets"
TOGETHER = 2


def names(wanted: list[str] | None = None, full: bool = False) -> list[str]:
    """The targets that there are; those marked long only in a long run, or by name."""
    found = sorted(path.parent.parent.name for path in TARGETS.glob("*/tasks/main.yml"))
    return [name for name in found if (name in wanted if wanted else full or not has_alias(name, "long"))]


def has_alias(name: str, word: str) -> bool:
    """Whether a target says a word in its aliases: exclusive (it wants the lab for itself), long (for `make test-long`)."""
    aliases = TARGETS / name / "aliases"
    return aliases.exists() and word in aliases.read_text().split()


def own(name: str) -> str:
    """The name of a target's own namespace and realm."""
    return "it-" + re.sub("[^a-z0-9]+", "-", name)


def variables(lab: Lab, name: str) -> dict[str, Any]:
    """What a target gets; the same as in integration_config.yml.template."""
    return {
        "lab_kubeconfig": str(lab.kubeconfig),
        "lab_state": str(lab.state),
        "lab_keycloak_url": lab.model()["issuer"]["keycloak_url"],
        "lab_ca_file": str(lab.private / "lab-ca.pem"),
        "lab_namespace": own(name),
        "lab_realm": own(name),
    }


def run(lab: Lab, name: str) -> Done:
    """Run a target."""
    admin = lab.model()["admin"]
    keycloak = {
        "kubeconfig": "{{ lab_kubeconfig }}",
        "auth_keycloak_url": "{{ lab_keycloak_url }}",
        "auth_realm": admin["realm"],
        "auth_client_id": admin["client_id"],
        "auth_client_secret_from": admin["secret_from"],
        "auth_ca_cert": "{{ lab_ca_file }}",
    }
    play = {
        "name": f"Integration target {name}",
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        "module_defaults": {
            "group/mcp_auth.openshift.cluster": {"kubeconfig": "{{ lab_kubeconfig }}"},
            # own-login: the target takes its connection from the model, as a role does.
            **({} if has_alias(name, "own-login") else {"group/mcp_auth.openshift.keycloak": keycloak}),
        },
        "roles": [name],
    }
    book = lab.private / f"target-{name}.yml"
    book.write_text(json.dumps([play]))
    env = {"ANSIBLE_ROLES_PATH": str(TARGETS)}
    return lab.plays.run(f"target-{name}", str(book), variables(lab, name), ["--diff"], env)


def sweep(lab: Lab, name: str) -> None:
    """Remove what a target may have left."""
    lab.kube.delete(f"/api/v1/namespaces/{own(name)}")
    lab.keycloak().ask("DELETE", f"/{own(name)}")


def one(lab: Lab, report: Report, name: str) -> None:
    """Run a target and note how it ended."""
    began = time.monotonic()
    failure = ""
    try:
        done = run(lab, name)
        failure = "" if done.code == 0 else done.tail
        sweep(lab, name)
    except Exception as exc:
        failure = failure or f"{type(exc).__name__}: {exc}"
    report.note(name, time.monotonic() - began, failure)


def run_all(lab: Lab, report: Report, wanted: list[str] | None = None, full: bool = False) -> None:
    """All targets: those that share first, two at a time, then those that want to be alone."""
    lab.ca_file()
    every = names(wanted, full)
    with ThreadPoolExecutor(TOGETHER) as pool:
        list(
            pool.map(lambda name: one(lab, report, name), [name for name in every if not has_alias(name, "exclusive")])
        )
    for name in every:
        if has_alias(name, "exclusive"):
            one(lab, report, name)


def main_config(lab: Lab) -> str:
    """An integration_config.yml for ansible-test, from the template."""
    text = (Path(__file__).parents[1] / "integration" / "integration_config.yml.template").read_text()
    values = {**variables(lab, "ansible-test"), "lab_vars_file": str(lab.vars_file)}
    for key, value in values.items():
        text = text.replace("${" + key + "}", value)
    return text
