# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module of the group shows of its options, above all when it fails while it reads them."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest

from ansible_collections.mcp_auth.openshift.plugins.module_utils import _cluster

COLLECTIONS = pathlib.Path(str(_cluster.__file__)).absolute().parents[6]
# Newer cores show the invocation only where they are told to.
LOUD = {"ANSIBLE_INJECT_INVOCATION": "true"}
SECRETS = ("canary-token-1234567", "canary-value-1234567", "Y2FuYXJ5LWRhdGE=", "canary-password-123")
KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "u", "user": {"token": SECRETS[0], "password": SECRETS[3]}}],
    "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
    "current-context": "x",
}
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "n", "namespace": "x"},
    "stringData": {"a": SECRETS[1]},
    "data": {"b": SECRETS[2]},
}


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"wait_timeout": "soon"}, id="wrong type"),
        pytest.param({"wait_timout": 5}, id="unknown option"),
        pytest.param({"state": "gone"}, id="wrong choice"),
        pytest.param({"request_timeout": 1}, id="nothing listens"),
    ],
)
def test_a_failure_shows_no_secret_however_loud(tmp_path: pathlib.Path, options: dict[str, object]) -> None:
    task = {"mcp_auth.openshift.kube_objects": {"kubeconfig": KUBECONFIG, "objects": [SECRET], **options}}
    variables = {"ansible_python_interpreter": sys.executable}
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": variables, "tasks": [task]}
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    env = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "K8S_AUTH_"))}
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-vvv", str(tmp_path / "play.yml")],
        env={
            **env,
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            "ANSIBLE_HOME": str(tmp_path),
            "LC_ALL": "C.UTF-8",
            **LOUD,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "invocation" in done.stdout
    assert [secret for secret in SECRETS if secret in done.stdout + done.stderr] == []
