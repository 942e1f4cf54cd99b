# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The published servers themselves: what we render is started, and a tool is called through an exchange."""

from __future__ import annotations

import argparse
import base64
import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mcp_auth.openshift.plugins.module_utils._mcp import config, generations, toml
from ansible_collections.mcp_auth.openshift.plugins.module_utils._mcp.client import McpClient, McpError
from ansible_collections.mcp_auth.openshift.plugins.module_utils._secrets import templates

from . import builder
from .stand_ins import ApiServer, Issuer, certificate

SECRET = 's3 "quoted" \\ %41 {x} \n Zoë'
VERSIONS = generations.TRIED


@pytest.fixture(scope="session")
def binaries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The servers by version, from npm by the hashes of parts.json."""
    build = builder.load()
    folder = tmp_path_factory.mktemp("servers")
    builder.cache().mkdir(parents=True, exist_ok=True)
    found = {}
    for version in VERSIONS:
        arguments = build.arguments().parse_args(["--version", version, "--cache", str(builder.cache()), "--quiet"])
        assert isinstance(arguments, argparse.Namespace)
        found[version] = folder / version
        found[version].write_bytes(build.Builder(arguments, build.Progress(True)).server_binary())
        found[version].chmod(0o755)
    yield found
    shutil.rmtree(folder)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class Running:
    """A server with its issuer and its cluster."""

    def __init__(self, folder: Path, version: str, binary: Path, **changes: Any) -> None:
        self.issuer = Issuer(folder, "mcp-server", SECRET)
        self.api = ApiServer(folder, "openshift")
        certificate_file, key_file = certificate(folder, "client")
        authority = base64.b64encode(self.api.crt.read_bytes()).decode()
        kubeconfig = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": self.api.url, "certificate-authority-data": authority}}],
            "users": [{"name": "nobody", "user": {}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "nobody"}}],
            "current-context": "c",
        }
        (folder / "kubeconfig").write_text(json.dumps(kubeconfig))
        (folder / "conf.d").mkdir()
        self.port, self.folder = free_port(), folder
        method = changes.pop("method", "private_key_jwt" if version == "0.0.67" else "client_secret_basic")
        exchange = {
            "audience": "openshift",
            "scopes": ["mcp:openshift"],
            "client_id": "mcp-server",
            "method": method,
            "certificate_file": str(certificate_file),
            "private_key_file": str(key_file),
        }
        settings = {
            "issuer_url": self.issuer.url,
            "audience": "mcp-server",
            "server_url": "https://mcp.example:30444/mcp",
            "certificate_authority": str(self.issuer.crt),
            "port": str(self.port),
            "metrics_port": str(free_port()) if version == "0.0.67" else "",
            "kubeconfig": str(folder / "kubeconfig"),
            "list_output": "yaml",
            "exchange": exchange,
            **changes,
        }
        self.made = config.render(
            version, settings, config_path=str(folder / "config.toml"), dropin_dir=str(folder / "conf.d")
        )
        assert not self.made.errors, self.made.errors
        text = toml.dumps(self.made.config)
        for dropin in self.made.dropins:
            secret = templates.render(dropin["template"], {"client_secret": SECRET})
            if self.made.secret_delivery == "dropin":
                (folder / "conf.d" / dropin["name"]).write_text(secret, encoding="utf-8")
            else:
                text = secret + text
        (folder / "config.toml").write_text(text, encoding="utf-8")
        self.log = folder / "log"
        with self.log.open("w") as log:
            environment = {"PATH": "/bin:/usr/bin", "HOME": str(folder)}
            self.process = subprocess.Popen(
                [str(binary), *self.made.args], stdout=log, stderr=log, env=environment, cwd=folder
            )

    def client(self, token: str | None) -> McpClient:
        return McpClient(f"http://127.0.0.1:{self.port}/mcp", token, timeout=10)

    def wait(self) -> None:
        end = time.monotonic() + 20
        while time.monotonic() < end and self.process.poll() is None:
            try:
                if self.client(None).raw("GET", path="/healthz").status == 200:
                    return
            except McpError:
                time.sleep(0.1)
        raise AssertionError(f"the server did not start:\n{self.log.read_text()[:1500]}")

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        self.issuer.close()
        self.api.close()


@pytest.fixture(params=VERSIONS)
def running(request: pytest.FixtureRequest, tmp_path: Path, binaries: dict[str, Path]) -> Iterator[Running]:
    server = Running(tmp_path, request.param, binaries[request.param])
    try:
        server.wait()
        yield server
    finally:
        server.close()


def test_a_tool_call_goes_through_an_exchange(running: Running) -> None:
    client = running.client(running.issuer.token("alice", ["mcp-server"]))
    client.initialize()
    tools = {tool["name"]: tool for tool in client.list_tools()}
    assert all(tool["annotations"]["readOnlyHint"] for tool in tools.values())
    assert not {"pods_exec", "pods_run", "resources_create_or_update", "resources_delete"} & set(tools)
    answer = client.call_tool("namespaces_list")
    assert "seen-by-alice" in answer["content"][0]["text"]
    asked = running.issuer.forms[-1]
    assert (asked["audience"], asked["scope"]) == ("openshift", "mcp:openshift")
    assert not running.issuer.refused
    assert {person for person, path in running.api.calls if path.endswith("/namespaces")} == {"alice"}


def test_without_a_good_token_nothing_happens(running: Running) -> None:
    wrong = {
        "none": None,
        "garbage": "x.y.z",
        "for another audience": running.issuer.token("alice", ["other"]),
        "expired": running.issuer.token("alice", ["mcp-server"], lifetime=-60),
    }
    for name, token in wrong.items():
        with pytest.raises(McpError) as caught:
            running.client(token).initialize()
        assert caught.value.status == 401, name
        assert caught.value.www_authenticate[0]["scheme"] == "Bearer", name
    assert running.issuer.forms == []
    # At start the server asks what the cluster serves, with no credential at all.
    assert {person for person, _path in running.api.calls} <= {""}


def test_no_secret_in_the_log_nor_in_the_config(running: Running) -> None:
    client = running.client(running.issuer.token("alice", ["mcp-server"]))
    client.initialize()
    client.call_tool("namespaces_list")
    assert "quoted" not in running.log.read_text()
    if running.made.secret_delivery == "dropin":
        assert "quoted" not in (running.folder / "config.toml").read_text()


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_secret_works_with_the_newest_too(tmp_path: Path, binaries: dict[str, Path], method: str) -> None:
    server = Running(tmp_path, "0.0.67", binaries["0.0.67"], method=method)
    try:
        server.wait()
        client = server.client(server.issuer.token("bob", ["mcp-server"]))
        client.initialize()
        answer = client.call_tool("namespaces_list")
        assert "seen-by-bob" in answer["content"][0]["text"], server.issuer.refused
    finally:
        server.close()


def tags(binary: Path) -> set[str]:
    """The names of the struct tags in a Go program."""
    found = re.findall(rb'toml:"([a-zA-Z0-9_]+)[,"]', binary.read_bytes())
    return {name.decode() for name in found}


@pytest.mark.parametrize("version", VERSIONS)
def test_the_table_agrees_with_the_binary(version: str, binaries: dict[str, Path]) -> None:
    inside = tags(binaries[version])
    ours = {part for key in generations.table(version) for part in key.name.split(".")}
    assert ours <= inside
    gone = {key.name.split(".")[-1] for key in generations.KEYS.values() if not generations.knows(version, key.name)}
    # Generic words (audience, scopes, method ...) are also the names of fields of other tables.
    distinct = {name for name in gone if "_" in name and not name.startswith("client_")}
    still = {"certificate_file", "private_key_file", "token_file", "subject_token_type", "requested_token_type"}
    assert not (distinct - still - ours) & inside


def value(key: generations.Key, folder: Path, known: str) -> Any:
    """A value that the server can start with."""
    special = {
        "authorization_url": None,
        "bind_address": "127.0.0.1",
        "certificate_authority": None,
        "cluster_auth_mode": "passthrough",
        "cluster_provider_strategy": "kubeconfig",
        "confirmation_fallback": "deny",
        "confirmation_rules": [{"destructive": True, "message": "sure?"}],
        "denied_resources": [{"group": "", "version": "v1", "kind": "Secret"}],
        "http.read_header_timeout": "5s",
        "kubeconfig": None,
        "list_output": "yaml",
        "log_file": str(folder / "server.log"),
        "log_level": 1,
        "metrics_port": str(free_port()),
        "port": None,
        "prompts": [{"name": "p", "description": "d", "messages": [{"role": "user", "content": "c"}]}],
        "require_tls": False,
        "telemetry.endpoint": "http://127.0.0.1:9",
        "telemetry.protocol": "grpc",
        "telemetry.traces_sampler": "always_off",
        "tls_cert": None,
        "tls_cipher_suites": ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"],
        "tls_key": None,
        "tls_min_version": "VersionTLS12",
        "tool_overrides": {"pods_list": {"description": "d"}},
        "toolsets": ["core"],
        "validate_token": False,
        "telemetry.enabled": False,
    }
    if key.name in special:
        return special[key.name]
    kinds = {"bool": True, "int": 10, "float": 1.0, "str": "x", "list[str]": [], "list[table]": [], "table": {}}
    return kinds[key.type]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_key_of_the_table_is_taken(
    version: str, tmp_path: Path, binaries: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything at once that can be set together; what a server misreads as another type stops it at start."""
    # This is about the servers' keys, not about which of them a person may write.
    monkeypatch.setattr(config, "owner", lambda name: "")
    extra = {}
    for key in generations.table(version):
        if key.name.startswith(("token_exchange", "sts_")) or key.name in ("require_oauth", "skip_jwt_verification"):
            continue
        chosen = value(key, tmp_path, version)
        if chosen is not None:
            extra[key.name] = chosen
    server = Running(tmp_path, version, binaries[version], extra=extra)
    try:
        server.wait()
    finally:
        server.close()


# sse_base_url ended at the same time, but the server ignores it in silence: only our table refuses it.
REFUSED = [key.name for key in generations.KEYS.values() if key.last == "0.0.66" and key.name != "sse_base_url"]


@pytest.mark.parametrize("name", REFUSED)
def test_the_newest_stops_at_keys_that_were_replaced(name: str, tmp_path: Path, binaries: dict[str, Path]) -> None:
    text = '["x"]' if generations.KEYS[name].type == "list[str]" else '"x"'
    (tmp_path / "config.toml").write_text(f'{name} = {text}\nport = "{free_port()}"\n')
    (tmp_path / "kubeconfig").write_text("apiVersion: v1\nkind: Config\n")
    arguments = [str(binaries["0.0.67"]), "--config", str(tmp_path / "config.toml")]
    environment = {"PATH": "/bin", "HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "kubeconfig")}
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=20, env=environment, check=False)
    assert done.returncode != 0 and name in done.stdout + done.stderr
