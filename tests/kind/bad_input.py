# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input that needs a cluster, or the machine: each refused with a clear error, and the audit log shows no write."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from faults.bad_input import INPUTS, PREFLIGHT, Case, server
from faults.ledger import Ledger
from faults.pki import Authority
from faults.proxy import Proxy, Upstream, server_tls

from .lab import ROOT, Lab, Tool
from .plays import Plays
from .report import Report, expect

NAMESPACE = "it-bad-input"
FOREIGN_REALM = "it-foreign"


def refused(
    lab: Lab,
    report: Report,
    name: str,
    words: tuple[str, ...],
    values: Mapping[str, Any],
    playbook: str = "mcp_auth.openshift.site",
    user: str = "",
) -> None:
    """A run that has to be refused without having written anything; user: who it is, if not the administrator."""
    with report.check(name):
        mark = lab.audit.mark()
        lab.plays.run(f"bad-{name.replace(' ', '-')}", playbook, values, ["--skip-tags", "verify"]).refused(*words)
        writes = [str(event) for event in lab.audit.writes_since(mark)]
        if user:
            asked = lab.audit.of(user, mark)
            expect(asked, f"the audit log shows no request of {user}: it proves nothing")
            # It may write nothing anyway, so that it tried is the finding.
            writes += [str(event) for event in asked if event.write]
        expect(not writes, "something was written before it was refused:\n" + "\n".join(writes))


def preflight(report: Report, collections: Path, out: Path) -> None:
    """What is refused without a cluster: one run, in which each case is a host of the inventory."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        hosts: dict[str, dict[str, Any]] = {}
        for case in PREFLIGHT:
            kubeconfig = "/nowhere/kubeconfig"
            if case.server:
                kubeconfig = str(stack.enter_context(server(case.server, folder / host_of(case))))
            hosts[host_of(case)] = {**INPUTS, "chain_kubeconfig": kubeconfig, **dict(case.values)}
        inventory = folder / "inventory.yml"
        inventory.write_text(json.dumps({"mcp_auth_clusters": {"hosts": hosts}}))
        plays = Plays(collections, out, folder / "private", Path("none"), folder)
        arguments = ["-i", str(inventory), "--forks", "4"]
        done = plays.run("preflight", "mcp_auth.openshift.preflight", arguments=arguments, with_lab=False)
    took = (time.monotonic() - began) / len(PREFLIGHT)
    for case in PREFLIGHT:
        found = re.findall(rf"^fatal: \[{re.escape(host_of(case))}\]: (.*)$", done.output, re.MULTILINE)
        missing = [word for word in case.words if not found or not re.search(word, found[0], re.IGNORECASE)]
        failure = f"the error does not say {missing}: {found or 'it was not refused'}\n(whole output: {done.log})"
        report.note(case.name, took, failure if missing else "")
    with report.check("clear errors, no traceback"):
        done.refused()


def host_of(case: Case) -> str:
    """A host's name for a case."""
    return re.sub("[^a-z]+", "-", case.name.lower())


def on_empty(lab: Lab, report: Report) -> None:
    """What is refused before anything is there."""
    lab.kube.make("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    token = lab.kube.token(NAMESPACE, "nobody")
    user = f"system:serviceaccount:{NAMESPACE}:nobody"
    with tempfile.TemporaryDirectory(dir=lab.private) as folder:
        kubeconfig = lab.kube.kubeconfig.as_token(token, Path(folder) / "kubeconfig")
        words = ("(may not|cannot|forbidden|missing|lacks)", "secrets", "namespaces")
        refused(lab, report, "a kubeconfig without rights", words, {"chain_kubeconfig": str(kubeconfig)}, user=user)
    known = ("chain_control_plane_hosts", "external_auth_managed_control_plane")
    refused(lab, report, "no control-plane host", known, {"external_auth_hosts": []})
    refused(lab, report, "an unknown version of the MCP server", ("9\\.9\\.9",), {"chain_mcp_server_version": "9.9.9"})
    refused(lab, report, "an unknown variable", ("chain_realmm", "chain_realm"), {"chain_realmm": "x"})
    lab.kube.delete(f"/api/v1/namespaces/{NAMESPACE}")


def with_chain(lab: Lab, report: Report) -> None:
    """What is refused when Keycloak is there."""
    lab.kube.make("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    wrong = {"metadata": {"name": "wrong"}, "stringData": {"client-secret": "not the secret \"'{{ x }}%s\n"}}
    lab.kube.make(f"/api/v1/namespaces/{NAMESPACE}/secrets", wrong)
    given = {"chain_keycloak_managed": False, "chain_postgres_managed": False}
    admin = {"kind": "Secret", "namespace": NAMESPACE, "name": "wrong", "key": "client-secret"}
    refused(
        lab,
        report,
        "a wrong Keycloak credential",
        ("(401|unauthorized|credential|not accepted|refused)", "mcp-auth-admin"),
        {**given, "chain_admin_secret": admin},
        "mcp_auth.openshift.identity",
    )
    keycloak = lab.keycloak()
    # An empty realm is adopted; this one is somebody's.
    foreign = {
        "realm": FOREIGN_REALM,
        "enabled": True,
        "clients": [{"clientId": "shop"}],
        "users": [{"username": "customer"}],
    }
    keycloak.ask("POST", "", foreign)
    keycloak.forget()
    before = keycloak.ask("GET", f"/{FOREIGN_REALM}")[1]
    words = (FOREIGN_REALM, "adopt")
    refused(
        lab,
        report,
        "a realm name taken by something foreign",
        words,
        {"chain_realm": FOREIGN_REALM},
        "mcp_auth.openshift.identity",
    )
    with report.check("the foreign realm is as it was"):
        expect(keycloak.ask("GET", f"/{FOREIGN_REALM}")[1] == before, "it was changed")
    keycloak.ask("DELETE", f"/{FOREIGN_REALM}")
    for name, said_words, url in bad_certificates(lab):
        values = {**given, "chain_keycloak_admin_url": url}
        refused(lab, report, name, said_words, values, "mcp_auth.openshift.identity")
    other = Authority(lab.private / "other-authority", "another authority").pem
    values = {**given, "chain_ca_source": "given", "chain_ca_certificate": other}
    refused(
        lab,
        report,
        "an authority that does not sign the issuer",
        ("certificate|authority|verify",),
        values,
        "mcp_auth.openshift.external_auth",
    )
    lab.kube.delete(f"/api/v1/namespaces/{NAMESPACE}")


def bad_certificates(lab: Lab) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Keycloak behind certificates that must not be taken."""
    model = lab.model()
    host = model["issuer"]["host"]
    with tempfile.TemporaryDirectory(dir=lab.private) as name:
        folder = Path(name)
        (folder / "ca.pem").write_text(lab.keycloak().ca)
        other = Authority(folder / "other")
        yield "a host that does not resolve", ("no-such-host\\.invalid",), "https://no-such-host.invalid:30443"
        pair = other.server(host)
        tls = server_tls(pair.certificate, pair.key)
        upstream = Upstream(model["issuer"]["keycloak_url"], folder / "ca.pem", address="127.0.0.1")
        with Proxy("keycloak", upstream, Ledger(), lambda: tls).running() as proxy:
            yield (
                "a Keycloak certificate of another authority",
                ("CA does not sign the certificate",),
                f"https://{host}:{proxy.port}",
            )
        shown = lab.kube.secret(lab.namespaces[0], "keycloak-tls")
        (folder / "c.pem").write_bytes(shown["tls.crt"])
        (folder / "k.pem").touch(mode=0o600)
        (folder / "k.pem").write_bytes(shown["tls.key"])
        right = server_tls(folder / "c.pem", folder / "k.pem")
        with Proxy("keycloak", upstream, Ledger(), lambda: right, ("127.0.0.2", 0)).running() as proxy:
            yield (
                "a Keycloak certificate for another name",
                ("certificate of 127.0.0.2:\\d+ is for another name",),
                f"https://127.0.0.2:{proxy.port}",
            )


# -- the machine ------------------------------------------------------------------------------------------------------
@contextmanager
def taken_port() -> Iterator[int]:
    """A node port that another program holds."""
    with socket.socket() as holder:
        for port in range(32700, 32760):
            try:
                holder.bind(("127.0.0.1", port))
            except OSError:
                continue
            holder.listen()
            yield port
            return
    raise RuntimeError("no free port")


def machine(report: Report, tool: Tool, refused_by: Callable[[int, str, tuple[str, ...]], None] | None = None) -> None:
    """What the lab and the image build refuse before they start anything."""
    check = refused_by or said
    # Ports that nobody has: a lab that is up holds the usual ones.
    other = {"LAB_NAME": "mcp-auth-bad-input"}
    other.update(
        {
            f"LAB_PORT_{part}": str(31990 + number)
            for number, part in enumerate(("SSO", "MCP", "PLAYGROUND", "INSPECTOR"))
        }
    )
    with report.check("a taken port is said before anything starts"), taken_port() as port:
        code, output = tool.call("up", env={**other, "LAB_PORT_SSO": str(port)}, timeout=300)
        check(code, output, (str(port), "taken|in use|another program"))
    with report.check("no container engine, and none may be installed"), tempfile.TemporaryDirectory() as empty:
        # A PATH with nothing in it, and a cache without an engine of ours.
        env = {
            **other,
            "INSTALL": "no",
            "PATH": empty,
            "LAB_CACHE": f"{empty}/cache",
            "DOCKER_HOST": "",
        }
        code, output = tool.call("engine", env=env, timeout=120)
        check(code, output, ("container engine|docker", "install|start"))
    with report.check("a full disk during the image build"), tempfile.TemporaryDirectory() as folder:
        build = ROOT / "roles" / "mcp_server" / "files" / "image" / "build.py"
        script = 'mount -t tmpfs -o size=2m full "$1" && exec "$2" "$3" --version 0.0.67 --cache "$1/cache" --output "$1/image.tar"'
        done = subprocess.run(
            [
                "unshare",
                "--mount",
                *([] if os.geteuid() == 0 else ["--map-root-user"]),
                "sh",
                "-c",
                script,
                "sh",
                folder,
                sys.executable,
                str(build),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        check(done.returncode, done.stdout + done.stderr, ("left|full|space", "needs|disk"))


def said(code: int, output: str, words: tuple[str, ...]) -> None:
    """A command that failed with a clear error."""

    expect(code != 0, f"it was not refused:\n{output[-2000:]}")
    missing = [word for word in words if not re.search(word, output, re.IGNORECASE)]
    expect(not missing, f"the error does not say {missing}:\n{output[-2000:]}")
    expect("Traceback (most recent call last)" not in output, f"a traceback instead of an error:\n{output[-2000:]}")
