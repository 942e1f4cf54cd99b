# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the targets of the MCP modules need of the lab: people's tokens, and a published MCP server on this machine.

Secrets go from the cluster to the cluster, or into files of mode 0600, never through Ansible.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import importlib.util
import json
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

from kubernetes import client, config

IMAGE = Path(__file__).resolve().parents[5] / "roles" / "mcp_server" / "files" / "image" / "build.py"


def core(args: argparse.Namespace) -> client.CoreV1Api:
    return client.CoreV1Api(config.new_client_from_config(args.kubeconfig))


def read(api: client.CoreV1Api, place: str) -> dict[str, bytes]:
    namespace, name = place.split("/")
    return {key: base64.b64decode(value) for key, value in api.read_namespaced_secret(name, namespace).data.items()}


def write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(data)


def tokens(args: argparse.Namespace) -> None:
    """Signs people in with their lab passwords and keeps their tokens in a Secret of the target's namespace."""
    api = core(args)
    passwords = read(api, args.passwords)
    context = ssl.create_default_context(cafile=args.ca)
    found = {}
    for person in args.people:
        form = {
            "grant_type": "password",
            "client_id": args.client,
            "username": person,
            "password": passwords[person].decode(),
        }
        request = urllib.request.Request(f"{args.token_url}", urllib.parse.urlencode(form).encode())
        with urllib.request.urlopen(request, context=context, timeout=30) as answer:
            found[person] = base64.b64encode(json.load(answer)["access_token"].encode()).decode()
    body = client.V1Secret(metadata=client.V1ObjectMeta(name="tokens"), data=found)
    try:
        api.replace_namespaced_secret("tokens", args.namespace, body)
    except client.ApiException as exc:
        if exc.status != 404:
            raise
        api.create_namespaced_secret(args.namespace, body)


def start(args: argparse.Namespace) -> None:
    """Starts the published server of a version with the configuration in a folder, and waits until it is there."""
    folder = Path(args.folder)
    spec = importlib.util.spec_from_file_location("mcp_image_build", IMAGE)
    assert spec is not None and spec.loader is not None
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    base = os.environ.get("MCP_AUTH_CACHE") or f"{os.environ.get('XDG_CACHE_HOME') or '~/.cache'}/mcp-auth-openshift"
    cache = Path(base).expanduser() / "image"
    cache.mkdir(parents=True, exist_ok=True)
    wanted = build.arguments().parse_args(["--version", args.version, "--cache", str(cache), "--quiet"])
    binary = folder / "server"
    if not binary.exists():
        binary.write_bytes(build.Builder(wanted, build.Progress(True)).server_binary())
        binary.chmod(0o700)
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [str(binary), *json.loads(args.arguments)],
            cwd=folder,
            env={"PATH": "/bin:/usr/bin", "HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (folder / "pid").write_text(str(process.pid))
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if process.poll() is not None:
            sys.exit((folder / "log").read_text()[:2000])
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{args.port}/healthz", timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    sys.exit(f"no answer on port {args.port}")


def stop(args: argparse.Namespace) -> None:
    pid = Path(args.folder) / "pid"
    if pid.exists():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid.read_text()), signal.SIGTERM)
        pid.unlink()


def files(args: argparse.Namespace) -> None:
    """A kubeconfig without a credential, and the client's key or secret as the server wants it."""
    folder, api = Path(args.folder), core(args)
    settings = api.api_client.configuration
    authority = base64.b64encode(Path(settings.ssl_ca_cert).read_bytes()).decode()
    made = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "lab", "cluster": {"server": settings.host, "certificate-authority-data": authority}}],
        "users": [{"name": "nobody", "user": {}}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "nobody"}}],
        "current-context": "lab",
    }
    write(folder / "kubeconfig", json.dumps(made).encode())
    for key, data in read(api, args.secret).items():
        write(folder / key, data)
    for item in json.loads(args.place):
        target = folder / item["path"]
        target.parent.mkdir(mode=0o700, exist_ok=True)
        (folder / item["key"]).replace(target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kubeconfig")
    parser.add_argument("--folder")
    parts = parser.add_subparsers(required=True)
    one = parts.add_parser("tokens")
    for name in ("--namespace", "--passwords", "--ca", "--token-url", "--client"):
        one.add_argument(name, required=True)
    one.add_argument("people", nargs="+")
    one.set_defaults(call=tokens)
    one = parts.add_parser("files")
    one.add_argument("--secret", required=True)
    one.add_argument("--place", default="[]")
    one.set_defaults(call=files)
    one = parts.add_parser("start")
    for name in ("--version", "--port", "--arguments"):
        one.add_argument(name, required=True)
    one.set_defaults(call=start)
    parts.add_parser("stop").set_defaults(call=stop)
    args = parser.parse_args()
    args.call(args)


if __name__ == "__main__":
    main()
