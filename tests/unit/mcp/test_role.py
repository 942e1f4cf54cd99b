# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role mcp_server would apply, rendered by Ansible for several set-ups in one play; no cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
ROLE = ROOT / "roles" / "mcp_server"
MODEL: dict[str, Any] = {
    "name": 'a "name" {{ 1 }} %',
    "platform": "kubernetes",
    "node_ports": True,
    "namespaces": {"keycloak": "redhat-keycloak", "agents": "llama-stack"},
    "ca": {"source": "managed", "certificate": "", "config_map": {"name": "mcp-auth-ca", "key": "ca.crt"}},
    "issuer": {"url": "https://sso.example.com:30443/realms/openshift", "port": 30443},
    "mcp_server": {
        "version": "0.0.67",
        "url": "https://mcp.example.com:30444/mcp",
        "origin": "https://mcp.example.com:30444",
        "host": "mcp.example.com",
        "port": 30444,
        "audience": "mcp-server",
        "client_id": "mcp-server",
        "authentication": "private_key_jwt",
        "key_secret": {"namespace": "llama-stack", "name": "mcp-server-client"},
        "exchange": {"audience": "openshift", "scopes": ["mcp:openshift"]},
        "read_only": True,
        "toolsets": ["core"],
        "allowed_origins": [],
    },
}


def model(**server: Any) -> dict[str, Any]:
    return {**MODEL, "name": "lab", "mcp_server": {**MODEL["mcp_server"], **server}}


CASES: dict[str, dict[str, Any]] = {
    "default": {"chain_model": model()},
    "longer_wait": {"chain_model": model(), "mcp_server_wait_timeout": 999, "mcp_server_probe": False},
    "log_level": {"chain_model": model(), "mcp_server_log_level": 2},
    "odd_name": {"chain_model": MODEL},
    "replicas": {"chain_model": model(), "mcp_server_replicas": 3},
    "openshift": {"chain_model": {**model(), "platform": "openshift", "node_ports": False}},
    "system_ca": {"chain_model": {**model(), "ca": {**MODEL["ca"], "source": "system"}}},
    "secret": {"chain_model": model(authentication="client_secret")},
    "whole_file": {"chain_model": model(authentication="client_secret", version="0.0.54")},
    "origins": {
        "chain_model": model(allowed_origins=["https://inspector.example.com"]),
        "mcp_server_metrics_namespaces": ["monitoring"],
        "mcp_server_image_pull_secrets": ["registry"],
    },
    "write": {"chain_model": model(read_only=False), "mcp_server_network_policy": False},
    "next": {"chain_model": model(version="next"), "mcp_server_generation": "g4"},
    "patched": {"chain_model": model(version="v0.0.68"), "mcp_server_generation": "g3"},
    "branch": {"chain_model": model(version="main"), "mcp_server_generation": "g3"},
    "renumbered": {
        "chain_model": model(version="1.0.0", authentication="client_secret"),
        "mcp_server_generation": "g2",
    },
}
PLAY = [
    {
        "hosts": "all",
        "connection": "local",
        "gather_facts": False,
        "vars_files": [str(ROLE / "vars" / "main.yml")],
        "vars": {
            "__mcp_server_checksums": {"key": "0123"},
            "__mcp_server_proxy": "{{ lookup('ansible.builtin.template', '%s') | from_yaml }}"
            % (ROLE / "templates" / "proxy.yml.j2"),
        },
        "tasks": [
            {"ansible.builtin.import_tasks": str(ROLE / "tasks" / "validate.yml")},
            {
                "ansible.builtin.copy": {
                    "content": "{{ lookup('ansible.builtin.template', '%s') | from_yaml_all | select | list | to_json }}"
                    % (ROLE / "templates" / "objects.yml.j2"),
                    "dest": "{{ out }}/{{ inventory_hostname }}.json",
                    "mode": "0600",
                }
            },
        ],
    }
]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("role")
    common = {"ansible_python_interpreter": sys.executable, "out": str(folder)}

    def unsafe(value: Any) -> Any:
        """Braces in a value are text, as they are when a module returned it."""
        if isinstance(value, dict):
            return {key: unsafe(item) for key, item in value.items()}
        if isinstance(value, list):
            return [unsafe(item) for item in value]
        return {"__ansible_unsafe": value} if isinstance(value, str) and "{{" in value else value

    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    hosts = {name: {**common, **unsafe(values)} for name, values in CASES.items()}
    (folder / "hosts.json").write_text(
        json.dumps({"_meta": {"hostvars": hosts}, "all": {"hosts": list(hosts), "vars": defaults}})
    )
    script = folder / "hosts.sh"
    script.write_text(f"#!/bin/sh\ncat {folder}/hosts.json\n")
    script.chmod(0o700)
    (folder / "play.yml").write_text(json.dumps(PLAY))
    program = Path(sys.executable).with_name("ansible-playbook")
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "0", "HOME": str(folder)}
    if "ANSIBLE_COLLECTIONS_PATH" not in environment:
        place = next(path for path in sys.path if (Path(path) / "ansible_collections" / "mcp_auth").is_dir())
        environment["ANSIBLE_COLLECTIONS_PATH"] = place
    done = subprocess.run(
        [str(program), "-i", str(script), str(folder / "play.yml")],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    return {name: json.loads((folder / f"{name}.json").read_text()) for name in CASES}


def find(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    return next(item for item in objects if item["kind"] == kind)


def pod(objects: list[dict[str, Any]]) -> dict[str, Any]:
    return find(objects, "Deployment")["spec"]["template"]


def data(objects: list[dict[str, Any]]) -> dict[str, str]:
    return find(objects, "ConfigMap")["data"]


Rendered = dict[str, list[dict[str, Any]]]


def test_what_is_made(rendered: Rendered) -> None:
    kinds = ["ServiceAccount", "ConfigMap", "Deployment", "Service", "NetworkPolicy"]
    assert [item["kind"] for item in rendered["default"]] == kinds
    assert [item["kind"] for item in rendered["replicas"]] == [*kinds, "PodDisruptionBudget"]
    assert [item["kind"] for item in rendered["write"]] == kinds[:-1]


@pytest.mark.parametrize("case", CASES)
def test_the_account_has_no_token_and_the_pod_is_restricted(rendered: Rendered, case: str) -> None:
    assert find(rendered[case], "ServiceAccount")["automountServiceAccountToken"] is False
    spec = pod(rendered[case])["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert ("runAsUser" in spec["securityContext"]) == (case != "openshift")
    for container in spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "memory" in container["resources"]["limits"]
        names = {mount["name"] for mount in container["volumeMounts"]}
        assert names <= {volume["name"] for volume in spec["volumes"]}


@pytest.mark.parametrize("case", CASES)
def test_the_server_is_on_loopback_and_holds_no_credential(rendered: Rendered, case: str) -> None:
    kubeconfig = json.loads(data(rendered[case])["kubeconfig"])
    assert kubeconfig["users"] == [{"name": "nobody", "user": {}}]
    assert kubeconfig["current-context"] == CASES[case]["chain_model"]["name"]
    proxy = json.loads(data(rendered[case])["proxy.json"])
    text = json.dumps(proxy)
    for server in proxy["apps"]["http"]["servers"].values():
        assert server["routes"][-1]["handle"][0]["status_code"] == 404
    assert proxy["admin"]["disabled"] is True
    assert '"dial": "127.0.0.1:8080"' in text
    if case != "whole_file":
        assert 'bind_address = "127.0.0.1"' in data(rendered[case])["config.toml"]


@pytest.mark.parametrize("case", CASES)
def test_no_secret_is_in_a_config_map(rendered: Rendered, case: str) -> None:
    assert "client_secret =" not in json.dumps(data(rendered[case])).replace("client_secret_basic", "")
    volumes = {item["name"]: item for item in pod(rendered[case])["spec"]["volumes"]}
    for name in ("tls", "key", "secret"):
        if name in volumes:
            assert volumes[name]["secret"]["defaultMode"] == 0o400


def test_how_the_credential_is_mounted(rendered: Rendered) -> None:
    volumes = {name: [item["name"] for item in pod(rendered[name])["spec"]["volumes"]] for name in CASES}
    assert "key" in volumes["default"] and "secret" not in volumes["default"]
    assert "secret" in volumes["secret"] and "key" not in volumes["secret"]
    assert not {"key", "secret"} & set(volumes["whole_file"])
    config = next(item for item in pod(rendered["whole_file"])["spec"]["volumes"] if item["name"] == "config")
    assert config["projected"]["sources"][0]["secret"]["name"] == "mcp-server-client"
    assert "config.toml" not in data(rendered["whole_file"])
    arguments = pod(rendered["secret"])["spec"]["containers"][0]["args"]
    assert arguments[-2:] == ["--config-dir", "/etc/mcp-server-secret"]


def test_only_what_the_pods_depend_on_rolls_them(rendered: Rendered) -> None:
    default = pod(rendered["default"])
    assert pod(rendered["longer_wait"]) == default
    changed = pod(rendered["log_level"])
    assert changed["metadata"]["annotations"] != default["metadata"]["annotations"]
    assert changed["spec"] == default["spec"]
    more = pod(rendered["replicas"])
    assert more["metadata"] == default["metadata"]


def test_the_system_ca_is_not_mounted(rendered: Rendered) -> None:
    assert "certificate_authority" not in data(rendered["system_ca"])["config.toml"]
    assert "issuer-ca" not in json.dumps(pod(rendered["system_ca"]))
    assert "issuer-ca" in json.dumps(pod(rendered["default"]))


def test_origins_metrics_and_pull_secrets(rendered: Rendered) -> None:
    routes = json.loads(data(rendered["origins"])["proxy.json"])["apps"]["http"]["servers"]["mcp"]["routes"]
    allowed = routes[0]["match"][0]["not"][0]["header"]["Origin"]
    assert allowed == ["https://mcp.example.com:30444", "https://inspector.example.com"]
    assert "Access-Control-Allow-Origin" in json.dumps(routes)
    assert "Access-Control" not in data(rendered["default"])["proxy.json"]
    ports = [rule["ports"][0]["port"] for rule in find(rendered["origins"], "NetworkPolicy")["spec"]["ingress"]]
    assert ports == [8443, 9090]
    assert pod(rendered["origins"])["spec"]["imagePullSecrets"] == [{"name": "registry"}]


def test_the_service_has_the_public_port(rendered: Rendered) -> None:
    port = find(rendered["default"], "Service")["spec"]["ports"][0]
    assert (port["port"], port["nodePort"]) == (30444, 30444)
    assert "nodePort" not in find(rendered["openshift"], "Service")["spec"]["ports"][0]
    assert len(find(rendered["default"], "Service")["spec"]["ports"]) == 1


def test_the_write_preset(rendered: Rendered) -> None:
    text = data(rendered["write"])["config.toml"]
    assert "read_only = false" in text and 'disabled_tools = ["pods_exec", "pods_run"]' in text
    assert "read_only = true" in data(rendered["default"])["config.toml"]


@pytest.mark.parametrize("case", ["next", "patched", "branch"])
def test_a_version_that_is_told_its_generation_is_served_like_it(rendered: Rendered, case: str) -> None:
    text = data(rendered[case])["config.toml"].split("\n", 1)[1]
    if case != "next":
        assert text == data(rendered["default"])["config.toml"].split("\n", 1)[1]
    assert 'metrics_port = "9091"' in text
    assert data(rendered[case])["proxy.json"] == data(rendered["default"])["proxy.json"]


def test_what_a_generation_lacks_is_not_read_from_the_name_of_its_version(rendered: Rendered) -> None:
    assert "metrics_port" not in data(rendered["renumbered"])["config.toml"]
    servers = json.loads(data(rendered["renumbered"])["proxy.json"])["apps"]["http"]["servers"]
    assert '"127.0.0.1:8080"' in json.dumps(servers["metrics"]) and "9091" not in json.dumps(servers)


def test_old_servers_are_probed_where_they_answer(rendered: Rendered) -> None:
    assert '"uri": "/healthz"' in data(rendered["whole_file"])["proxy.json"]
    assert '"uri": "/.well-known/oauth-protected-resource"' in data(rendered["default"])["proxy.json"]
    assert (
        "metrics_port" not in data(rendered["secret"])["config.toml"]
        or "9091" in data(rendered["secret"])["config.toml"]
    )
