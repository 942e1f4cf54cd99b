# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
#
# PRIVATE: for the modules of this collection only; may change without notice.
"""The API servers of a cluster, each asked at its own address: version, flags, and what it loaded."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from .problems import Problem, problem

PREFIX = "apiserver_authentication_config_controller_"
_METRIC = re.compile(rf"^{PREFIX}(\w+)\{{(.*?)\}}\s+(\S+)")
_STARTED = "process_start_time_seconds "
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

Server = dict[str, Any]


class Client(Protocol):
    """The part of _cluster.client.Client that is used here."""

    @property
    def server_url(self) -> str:
        """The usual address."""
        raise NotImplementedError

    def list(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
    ) -> list[dict[str, Any]]:
        """All objects of a kind."""
        raise NotImplementedError

    def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, token: str | None = None
    ) -> tuple[int, dict[str, Any]]:
        """A raw request: status and body."""
        raise NotImplementedError


#: Makes a client with the same credential for another address of the same cluster (url, TLS name).
At = Callable[[str, str], Client]


class NotLoaded(Exception):
    """An API server did not take the file, or not in time."""

    def __init__(self, message: str, hint: str, servers: list[Server]) -> None:
        super().__init__(message)
        self.hint = hint
        self.servers = servers


def addresses(client: Client) -> list[tuple[str, int]]:
    """Where each API server listens, from EndpointSlice default/kubernetes."""
    found = []
    for part in client.list(
        "discovery.k8s.io/v1", "EndpointSlice", "default", label_selector="kubernetes.io/service-name=kubernetes"
    ):
        ports = [entry.get("port") for entry in part.get("ports") or [] if entry.get("name") in ("https", "", None)]
        for endpoint in part.get("endpoints") or []:
            for address in endpoint.get("addresses") or []:
                found.append((str(address), int((ports or [6443])[0] or 6443)))
    return sorted(set(found))


def parse_metrics(text: str) -> dict[str, Any]:
    """What the metrics tell about the AuthenticationConfiguration."""
    found: dict[str, Any] = {"config_hash": "", "reloads": {}, "last": {}, "started": 0.0}
    for line in text.splitlines():
        if line.startswith(_STARTED):
            found["started"] = float(line[len(_STARTED) :])
        match = _METRIC.match(line)
        if not match:
            continue
        name, labels, value = match.group(1), dict(_LABEL.findall(match.group(2))), match.group(3)
        if name == "last_config_info":
            found["config_hash"] = labels.get("hash", "").partition(":")[2]
        elif name == "automatic_reloads_total":
            found["reloads"][labels.get("status", "")] = int(float(value))
        elif name == "automatic_reload_last_timestamp_seconds":
            found["last"][labels.get("status", "")] = float(value)
    return found


def flags_of(pod: dict[str, Any]) -> dict[str, list[str]]:
    """The flags of a kube-apiserver's static pod, as kubeadm writes them."""
    containers = (pod.get("spec") or {}).get("containers") or []
    words: list[str] = []
    for container in containers[:1]:
        words = [str(word) for word in (container.get("command") or []) + (container.get("args") or [])]
    flags: dict[str, list[str]] = {}
    for word in words:
        if word.startswith("--"):
            name, _equals, value = word[2:].partition("=")
            flags.setdefault(name, []).append(value)
    return flags


def pods(client: Client) -> list[dict[str, Any]]:
    """The static pods of the API servers, where they can be seen."""
    return client.list("v1", "Pod", "kube-system", label_selector="component=kube-apiserver")


def read_all(client: Client, at: At) -> tuple[list[Server], list[Problem]]:
    """Each API server once."""
    where = addresses(client)
    by_address = {}
    for pod in pods(client):
        status = pod.get("status") or {}
        for address in (status.get("hostIP"), status.get("podIP")):
            by_address[address] = pod
    servers, problems = [], []
    for address, port in where:
        server, wrong = _read_one(client, at, address, port, alone=len(where) == 1)
        if address in by_address:
            server["node"] = by_address[address].get("spec", {}).get("nodeName", "")
            server["flags"] = _interesting(by_address[address])
        servers.append(server)
        problems.extend(wrong)
    if not servers:
        problems.append(
            problem(
                "api-servers", "default/kubernetes", "names no API server.", "look at EndpointSlice default/kubernetes"
            )
        )
    return servers, problems


def _interesting(pod: dict[str, Any]) -> dict[str, Any]:
    flags = flags_of(pod)
    path = (flags.get("authentication-config") or [""])[-1]
    mounts = (((pod.get("spec") or {}).get("containers") or [{}])[0]).get("volumeMounts") or []
    return {
        "authentication_config": path,
        "oidc": sorted(f"--{name}" for name in flags if name.startswith("oidc-")),
        "mounted_as_file": bool(path) and any(mount.get("mountPath") == path for mount in mounts),
        "service_account_issuers": flags.get("service-account-issuer") or [],
        "feature_gates": (flags.get("feature-gates") or [""])[-1],
    }


def _read_one(client: Client, at: At, address: str, port: int, alone: bool) -> tuple[Server, list[Problem]]:
    host = f"[{address}]" if ":" in address else address
    server: Server = {
        "address": address,
        "port": port,
        "reachable": False,
        "version": "",
        "minor": 0,
        "node": "",
        "loaded": None,
    }
    server.update({"flags": None, "asked_at": f"https://{host}:{port}"}, **parse_metrics(""))
    url = f"https://{host}:{port}"
    # By its address, then by the name that every API server's certificate has, and where there is only one, whoever
    # answers at the usual address is that one.
    tries: list[tuple[str, Callable[[], Client]]] = [(url, lambda: at(url, ""))]
    tries.append((url, lambda: at(url, "kubernetes.default.svc")))
    if alone:
        tries.append((client.server_url, lambda: client))
    said, reason = "", ""
    for asked, make in tries:
        if asked == url and said and reason != "TLSFailed":
            continue
        try:
            one = make()
            status, version = one.request("GET", "/version")
            if status != 200:
                said = f"/version answers {status}"
                continue
            server.update(reachable=True, asked_at=asked, version=str(version.get("gitVersion") or ""))
            server["minor"] = int(re.sub(r"\D.*", "", str(version.get("minor") or "0")) or 0)
            refresh(one, server)
            server["client"] = one
            return server, []
        except Exception as exc:
            if not hasattr(exc, "reason"):  # ours all have one; anything else is a fault of the program
                raise
            said, reason = str(exc), str(getattr(exc, "reason", ""))
    return server, [
        problem(
            "api-server-unreachable",
            f"{address}:{port}",
            f"this API server does not answer at its own address: {said}",
            "run from a place that reaches every control-plane host directly (not only the load balancer), because "
            "what one of them has loaded says nothing about the others",
        )
    ]


def refresh(client: Client, server: Server) -> None:
    """Reads the metrics again."""
    status, body = client.request("GET", "/metrics", headers={"Accept": "text/plain"})
    if status == 403:
        server["metrics"] = "forbidden"
        return
    server["metrics"] = "read" if status == 200 else f"answers {status}"
    if status == 200:
        server.update(parse_metrics(str(body.get("text") or "")))


def problems_of(servers: Iterable[Server], path: str = "") -> list[Problem]:
    """Why a file on the control-plane hosts would not (yet) become the cluster's login."""
    found = []
    for server in servers:
        if not server["reachable"]:
            continue
        where = f"{server['node'] or server['address']}:{server['port']}"
        if server["minor"] < 30:
            text = f"Kubernetes {server['version']} has no AuthenticationConfiguration that is on by default."
            found.append(problem("version", where, text, "use Kubernetes 1.30 or newer"))
        if server.get("metrics") != "read":
            text = f"/metrics is not readable for us ({server.get('metrics')})."
            found.append(problem("metrics", where, text, "give this run's user the right to get the URL /metrics"))
        found.extend(_flag_problems(server, where, path))
    return found


def _flag_problems(server: Server, where: str, path: str) -> list[Problem]:
    found = []
    flags = server.get("flags")
    how = (
        "set it on every control-plane host: kubeadm's ClusterConfiguration, apiServer.extraArgs "
        f"authentication-config: {path or '/etc/kubernetes/auth/authentication.json'}, and apiServer.extraVolumes that "
        "mount the folder of that file (hostPath, pathType Directory); start with a file that has 'jwt: []'. A managed "
        "control plane has its own setting for that: then set external_auth_managed_control_plane"
    )
    if flags is None:
        if not server["config_hash"] and not server["reloads"]:
            text = "whether it reads an AuthenticationConfiguration cannot be seen (no static pod, no metric)."
            found.append(problem("not-configured", where, text, how))
        return found
    if flags["oidc"]:
        text = f"it runs with {', '.join(flags['oidc'])}, which excludes --authentication-config."
        fix = "take these flags out and put the same issuer into an AuthenticationConfiguration; " + how
        found.append(problem("oidc-flags", where, text, fix))
    elif not flags["authentication_config"]:
        found.append(problem("not-configured", where, "it runs without --authentication-config.", how))
    elif path and flags["authentication_config"] != path:
        text = f"it reads {flags['authentication_config']}, not {path}."
        found.append(problem("path", where, text, "set external_auth_api_server_path to the path that the flag names"))
    if flags["mounted_as_file"]:
        text = "the file itself is mounted into the pod: a renamed file would never be seen."
        found.append(problem("mount", where, text, "mount its folder instead"))
    return found


def wait_loaded(
    servers: list[Server],
    digests: Sequence[str],
    before: dict[str, dict[str, Any]],
    at_least: int,
    timeout: float,
    say: Callable[[str], None],
    pause: float = 1.0,
    only: Sequence[str] = (),
    standing: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Until so many API servers have one of these files. ``before``: what was read before the first write, by address.

    ``only``: the addresses of those that are looked at; without, all of them. ``standing``: files that nobody writes now,
    since when they stand, and the addresses whose they are (none: anybody's).
    """
    servers = [server for server in servers if not only or server["address"] in only]
    if not servers:
        raise NotLoaded(f"no API server listens at {', '.join(only)}.", "look at EndpointSlice default/kubernetes", [])
    until = time.monotonic() + timeout
    wanted = min(at_least, len(servers)) if at_least else len(servers)
    while True:
        missing = []
        for server in servers:
            refresh(server["client"], server)
            old = before.get(server["address"])
            server["loaded"] = _has(server, digests, old or {}, _since(server, standing))
            if server["loaded"]:
                continue
            if old is not None and _count(server, "failure") > _count(old, "failure"):
                raise NotLoaded(
                    f"the API server at {server['address']} refused the file (it keeps the one that it had).",
                    "its log says why: kubectl -n kube-system logs with the name of its pod, lines with "
                    "'authentication config'; any issuer of the file that it cannot reach, ours or another, is a failure "
                    "after a minute",
                    servers,
                )
            missing.append(server["address"])
        if len(servers) - len(missing) >= wanted:
            return
        if time.monotonic() > until:
            raise NotLoaded(
                f"not loaded after {timeout:.0f} s at {', '.join(missing)}.",
                "see that the path of --authentication-config is the file that was written, that its folder (not the "
                "file) is mounted into the pod, and what the API server's log says",
                servers,
            )
        say(f"waiting until the file is loaded at {', '.join(missing)}")
        time.sleep(pause)


def _has(server: Server, digests: Sequence[str], old: dict[str, Any], since: float | None) -> bool:
    if server["config_hash"]:
        return server["config_hash"] in digests
    # 1.33 and older tell no hash: a success after the write, and no failure. A file that an earlier run wrote may be
    # loaded already, or be what the API server started with.
    success = float((server["last"] or {}).get("success") or 0)
    newer = success > float((old.get("last") or {}).get("success") or 0)
    stands = since is not None and max(success, float(server.get("started") or 0)) > since
    return (newer or stands) and _count(server, "failure") == _count(old, "failure")


def _since(server: Server, standing: Sequence[Mapping[str, Any]]) -> float | None:
    """Since when the file of this API server stands; None where it is written now, or where it is not known whose it is."""
    own = [float(one["since"]) for one in standing if server["address"] in one["addresses"]]
    anybody = [float(one["since"]) for one in standing if not one["addresses"]]
    return min(own or anybody, default=None)


def _count(server: dict[str, Any], status: str) -> int:
    return int((server.get("reloads") or {}).get(status) or 0)


def as_result(server: Server) -> dict[str, Any]:
    """A server without what is not for the result."""
    return {key: value for key, value in server.items() if key != "client"}
