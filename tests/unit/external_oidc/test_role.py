# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role external_auth works out: the rights that it asks for, and whose file was there already."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

ROLE = Path(__file__).resolve().parents[3] / "roles" / "external_auth"
AGENTS, KEYCLOAK = {"namespace": "agents", "name": "client"}, {"namespace": "sso", "name": "admin", "key": "secret"}
PLAN = {"host": "cp1", "sha256": "1", "pending": False, "content": "{}", "changed": True}
SERVERS = [{"address": "10.0.0.1", "config_hash": "1", "minor": 34, "node": "cp1"}]
COMMON: dict[str, Any] = {
    "ansible_python_interpreter": sys.executable,
    "chain_keycloak_connection": {
        "kubeconfig": "/k",
        "auth_client_id": "c",
        "auth_client_secret_from": KEYCLOAK,
        "auth_ca_cert_from": {"kind": "ConfigMap", "namespace": "sso", "name": "ca", "key": "ca.crt"},
    },
    "chain_model": {
        "lab": True,
        "issuer": {"url": "https://sso.example.com/realms/r"},
        "people": [{"username": "alice"}],
        "ca": {"source": "managed", "certificate": "", "from": {"namespace": "sso", "name": "ca", "key": "ca.crt"}},
        "mcp_server": {"authentication": "private_key_jwt", "key_secret": AGENTS},
        "login": {"kubernetes": {"issuer": {"url": "https://sso.example.com/realms/r"}}},
    },
    "__external_auth_before": {"api_servers": SERVERS, "ca": "PEM"},
    "__external_auth_plans": [PLAN],
    "external_auth_hosts": ["cp1", "cp2"],
    "__external_auth_host": "cp1",
    "__external_auth_index": 0,
    "__external_auth_write": {"changes": []},
}
OWN = {**COMMON["chain_model"], "lab": False}
CASES: dict[str, dict[str, Any]] = {
    "lab": {},
    "absent": {"external_auth_state": "absent"},
    "provider": {"external_auth_managed_control_plane": True, "chain_model": OWN},
    "nobody": {"chain_model": OWN, "external_auth_trial": "never"},
    "token": {
        "chain_model": {**OWN, "ca": {"source": "system"}},
        "external_auth_proof_token_from": {"namespace": "n", "name": "t", "key": "k"},
        "external_auth_trial_namespace": "trial",
    },
    "pending": {"__external_auth_plans": [{**PLAN, "changed": False, "pending": True}], "__external_auth_host": "cp9"},
    "unknown": {"__external_auth_host": "cp9"},
    "written": {"__external_auth_write": {"changes": [{"path": ""}]}},
    "secret": {
        "chain_model": {**OWN, "mcp_server": {"authentication": "client_secret", "key_secret": AGENTS}},
        "external_auth_proof_people": [
            {"username": "bob", "password_from": {"namespace": "mine", "name": "bob", "key": "password"}}
        ],
        "external_auth_trial": "never",
    },
}
LOOK = ["list endpointslices.discovery.k8s.io default", "list pods kube-system"]
TRIAL = [f"{verb} pods kube-system" for verb in ("list", "create", "get", "delete")]
CLIENT, ADMIN = "get secrets agents/client", ["get secrets sso/admin", "get configmaps sso/ca"]
EXPECTED: dict[str, tuple[list[str], list[str]]] = {
    "lab": ([*LOOK, "get secrets sso/ca"], [*TRIAL, CLIENT, *ADMIN]),
    "absent": (LOOK, []),
    "provider": (["get secrets sso/ca"], TRIAL),
    "nobody": ([*LOOK, "get secrets sso/ca"], []),
    "token": (LOOK, [*(one.replace("kube-system", "trial") for one in TRIAL), "get secrets n/t"]),
    "unknown": ([*LOOK, "get secrets sso/ca"], [*TRIAL, CLIENT, *ADMIN]),
    "written": ([*LOOK, "get secrets sso/ca"], [*TRIAL, CLIENT, *ADMIN]),
    "pending": ([*LOOK, "get secrets sso/ca"], [CLIENT, *ADMIN]),
    "secret": ([*LOOK, "get secrets sso/ca"], [CLIENT, *ADMIN, "get secrets mine/bob"]),
}


def playbook(folder: Path, *tasks: dict[str, Any], **more: Any) -> subprocess.CompletedProcess[str]:
    """A play with the role's variables on the hosts of hosts.json."""
    play = {"hosts": "all", "connection": "local", "gather_facts": False, "tasks": list(tasks), **more}
    play["vars_files"] = [str(ROLE / "vars" / "main.yml")]
    (folder / "play.yml").write_text(json.dumps([play]))
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "HOME": str(folder)}
    if "ANSIBLE_COLLECTIONS_PATH" not in environment:
        place = next(path for path in sys.path if (Path(path) / "ansible_collections" / "mcp_auth").is_dir())
        environment["ANSIBLE_COLLECTIONS_PATH"] = place
    program = Path(sys.executable).with_name("ansible-playbook")
    return subprocess.run(
        [str(program), "-i", str(folder / "hosts.json"), str(folder / "play.yml")],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        timeout=300,
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("role")
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    hosts = {name: {**COMMON, **values} for name, values in CASES.items()}
    (folder / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts, "vars": defaults}}))
    content = (
        "{{ {'look': __external_auth_rights_to_look, 'change': __external_auth_rights_to_change,"
        " 'stands': __external_auth_stands | bool, 'servers': __external_auth_host_servers} | to_json }}"
    )
    play = {
        "hosts": "all",
        "connection": "local",
        "gather_facts": False,
        "vars_files": [str(ROLE / "vars" / "main.yml")],
        "tasks": [
            {
                "ansible.builtin.copy": {
                    "content": content,
                    "dest": f"{folder}/{{{{ inventory_hostname }}}}",
                    "mode": "0600",
                }
            }
        ],
    }
    (folder / "play.yml").write_text(json.dumps([play]))
    program = Path(sys.executable).with_name("ansible-playbook")
    done = subprocess.run(
        [str(program), "-i", str(folder / "hosts.json"), str(folder / "play.yml")],
        capture_output=True,
        text=True,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "HOME": str(folder)},
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]

    def words(right: dict[str, str]) -> str:
        kind = right["resource"] + (f".{right['group']}" if right.get("group") else "")
        return f"{right['verb']} {kind} {'/'.join(filter(None, (right['namespace'], right.get('name'))))}"

    found = {name: json.loads((folder / name).read_text()) for name in CASES}
    for one in found.values():
        one.update({key: list(map(words, one[key])) for key in ("look", "change")})
    return found


@pytest.mark.parametrize("case", CASES)
def test_the_rights_that_are_asked_for_are_those_that_are_used(told: dict[str, dict[str, Any]], case: str) -> None:
    look, change = EXPECTED[case]
    assert (told[case]["look"], told[case]["change"]) == (look, change)


def test_whose_file_was_there_already(told: dict[str, dict[str, Any]]) -> None:
    """Where others are written, it has to be known which API server reads the one that stands."""
    found = {name: (one["stands"], one["servers"]) for name, one in told.items()}
    assert found["lab"] == (True, ["10.0.0.1"])
    assert found["pending"] == (True, [])
    assert found["unknown"] == (False, [])
    assert found["written"] == (False, ["10.0.0.1"])


class Provider(BaseHTTPRequestHandler):
    """An API server of somebody else's: old, and its provider has taken the issuer when ``knows`` is set."""

    knows = False

    def do_GET(self) -> None:
        token = base64.b64encode(b"of-a-person").decode()
        pages = {"/version": {"gitVersion": "v1.33.5-eks-1"}, "/apis": {"groups": []}}
        pages["/api/v1/namespaces/n/secrets/t"] = {"kind": "Secret", "apiVersion": "v1", "data": {"k": token}}
        self.answer(200 if self.path in pages else 404, pages.get(self.path, {}))

    def do_POST(self) -> None:
        known = self.knows and self.headers.get("Authorization") == "Bearer of-a-person"
        self.answer(201 if known else 401, {"status": {"userInfo": {"username": "alice"}}} if known else {})

    def answer(self, status: int, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.mark.parametrize("knows", [True, False])
def test_a_provider_is_given_its_version_and_is_proven(tmp_path: Path, knows: bool) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("One", (Provider,), {"knows": knows}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    values = {
        **COMMON,
        "chain_model": OWN,
        "external_auth_proof_token_from": {"namespace": "n", "name": "t", "key": "k"},
    }
    values["external_auth_proof_expect"] = {"username": "alice"}
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": {"own": values}, "vars": defaults}}))
    connection = {"host": f"http://127.0.0.1:{server.server_port}", "api_key": "of-the-run"}
    try:
        done = playbook(
            tmp_path,
            {"ansible.builtin.import_tasks": str(ROLE / "tasks" / "provider.yml")},
            module_defaults={"group/mcp_auth.openshift.cluster": connection},
        )
    finally:
        server.shutdown()
        server.server_close()
    assert "apiserver.config.k8s.io/v1beta1" in done.stdout, done.stdout[-2000:] + done.stderr[-2000:]
    assert (done.returncode == 0) == knows and ("does not take the person" in done.stdout) != knows, done.stdout[-2000:]


def test_nobody_is_signed_in_outside_a_lab(tmp_path: Path) -> None:
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    values = {**COMMON, "chain_model": OWN, "external_auth_proof_people": [{"username": "bob"}]}
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": {"own": values}, "vars": defaults}}))
    done = playbook(tmp_path, {"ansible.builtin.import_tasks": str(ROLE / "tasks" / "hosts.yml")})
    assert done.returncode != 0 and "external_auth_proof_token_from" in done.stdout
    assert "fixtures" not in done.stdout
