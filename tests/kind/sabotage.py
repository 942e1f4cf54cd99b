# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real system, broken on purpose: each time exactly the expected cells of the verifier turn red, and no other."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from .kube import wait_for
from .lab import Lab
from .report import Report, expect

OTHER_REALM = "chain-verify-other"
MANAGER = "mcp-auth-openshift"
SERVER = "ocp-mcp-server"
# Rows that wait for time to pass or take parts away; no sabotage here is about them.
SLOW = ("expired", "outage", "disabled_person", "signed_out_person", "group_taken_away")
BAD = ("taken", "wrong reason", "nothing proven", "wrong", "bad")


@dataclass(frozen=True)
class Sabotage:
    """A break, where to look, and what has to turn red there: cell:row@column, posture:id."""

    name: str
    breaks: Callable[[Lab], AbstractContextManager[None]]
    red: frozenset[str]
    parts: tuple[str, ...] = ("matrix",)
    columns: tuple[str, ...] = ()
    # Patterns of what may turn red too, by details of the versions.
    maybe: frozenset[str] = frozenset()
    # What turns red as well where all of it is looked at (`make test-long`).
    whole: frozenset[str] = frozenset()


# -- the MCP server ---------------------------------------------------------------------------------------------------
def pods(lab: Lab, served: bool) -> dict[str, bool]:
    """The MCP server's pods, and whether each is ready (or at least runs)."""
    found = {}
    for pod in lab.kube.items(f"/api/v1/namespaces/{lab.namespaces[1]}/pods"):
        if pod["metadata"]["name"].startswith(SERVER) and not pod["metadata"].get("deletionTimestamp"):
            status = pod.get("status", {})
            ready = any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions") or [])
            runs = [one for one in status.get("containerStatuses") or [] if "running" in one["state"]]
            found[pod["metadata"]["name"]] = ready if served else len(runs) == len(pod["spec"]["containers"])
    return found


def restart(lab: Lab, served: bool = True) -> None:
    """New pods in place of the old ones."""
    old = set(pods(lab, served))
    for name in old:
        lab.kube.delete(f"/api/v1/namespaces/{lab.namespaces[1]}/pods/{name}", now=True)

    def back() -> bool:
        now = pods(lab, served)
        return bool(now) and not old & set(now) and all(now.values())

    wait_for("the MCP server is back", back, 120)
    if not served:
        # It runs and is never ready: a moment for its listener.
        time.sleep(5)


def apply(lab: Lab, path: str, body: Mapping[str, Any]) -> None:
    """Server-side apply in the collection's own name, so that the way back leaves no trace of another owner."""
    plain = {
        **body,
        "metadata": {key: body["metadata"][key] for key in ("name", "namespace", "labels") if key in body["metadata"]},
    }
    status, found = lab.kube.ask(
        "PATCH", f"{path}?fieldManager={MANAGER}&force=true", plain, "application/apply-patch+yaml"
    )
    if status not in (200, 201):
        raise RuntimeError(f"apply {path}: {status} {found.get('message')}")


@contextmanager
def server_config(lab: Lab, change: Callable[[str], str], served: bool = True) -> Iterator[None]:
    """The MCP server with another config.toml."""
    path = f"/api/v1/namespaces/{lab.namespaces[1]}/configmaps/{SERVER}-config"
    before = lab.kube.get(path)
    assert before
    text = change(before["data"]["config.toml"])
    if text == before["data"]["config.toml"]:
        raise RuntimeError("the sabotage did not change config.toml")
    apply(lab, path, {**before, "data": {**before["data"], "config.toml": text}})
    try:
        restart(lab, served)
        yield
    finally:
        apply(lab, path, before)
        restart(lab)


def swapped(old: str, new: str) -> Callable[[Lab], AbstractContextManager[None]]:
    """A setting of the MCP server turned over."""
    return lambda lab: server_config(lab, lambda text: text.replace(old, new))


@contextmanager
def open_to_all(lab: Lab) -> Iterator[None]:
    """The MCP server without a login. It refuses to start unless the other settings about tokens go too, and our proxy
    never calls such a server ready, so that it is not served: to see it at all, the Service is told to serve it."""

    def change(text: str) -> str:
        kept = []
        section = ""
        for line in text.splitlines():
            if line.startswith("["):
                section = line
            key = line.partition("=")[0].strip()
            gone = ("oauth_audience", "authorization_url", "server_url", "certificate_authority", "oauth_scopes")
            if section.startswith("[token_exchange") or (not section and key in gone):
                continue
            kept.append("require_oauth = false" if key == "require_oauth" and not section else line)
        return "\n".join(kept) + "\n"

    service = f"/api/v1/namespaces/{lab.namespaces[1]}/services/{SERVER}"
    with server_config(lab, change, served=False):
        lab.kube.patch(service, {"spec": {"publishNotReadyAddresses": True}})
        try:
            time.sleep(2)
            yield
        finally:
            lab.kube.patch(service, {"spec": {"publishNotReadyAddresses": None}})


# -- the API server ---------------------------------------------------------------------------------------------------
def loaded(lab: Lab, digest: str) -> bool:
    """Whether the API server works by the file with this sha256."""
    text = str(lab.kube.ask("GET", "/metrics")[1].get("text", ""))
    lines = [
        line
        for line in text.splitlines()
        if line.startswith("apiserver_authentication_config_controller_last_config_info")
    ]
    return any(digest in line for line in lines)


@contextmanager
def login(lab: Lab, change: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """The API server with another authentication file."""
    file = lab.state / "auth" / "authentication.json"
    before = file.read_bytes()
    data = json.loads(before)
    change(data)

    def write(content: bytes) -> None:
        fresh = file.with_suffix(".sabotage")
        fresh.write_bytes(content)
        fresh.chmod(0o600)
        os.replace(fresh, file)
        digest = hashlib.sha256(content).hexdigest()
        wait_for("the API server has loaded the file", lambda: loaded(lab, digest), 120)

    try:
        write(json.dumps(data).encode())
        yield
    finally:
        write(before)


def our_issuer(lab: Lab, data: dict[str, Any]) -> dict[str, Any]:
    """The entry of our issuer."""
    url = lab.model()["issuer"]["url"]
    for entry in data["jwt"]:
        if entry["issuer"]["url"] == url:
            found: dict[str, Any] = entry
            return found
    raise RuntimeError(f"the API server does not trust {url}")


def one_more_audience(lab: Lab) -> AbstractContextManager[None]:
    """The API server takes the token that was made for the MCP server."""

    def change(data: dict[str, Any]) -> None:
        issuer = our_issuer(lab, data)["issuer"]
        issuer["audiences"] = [*issuer["audiences"], lab.model()["audiences"]["mcp_server"]]
        issuer["audienceMatchPolicy"] = "MatchAny"

    return login(lab, change)


@contextmanager
def second_issuer(lab: Lab) -> Iterator[None]:
    """The API server trusts another realm as well: the one that the verifier makes for itself in each run.

    The realm has to be there when the file is loaded; with the verifier's own mark it is swept and made anew by it.
    """
    keycloak = lab.keycloak()
    mark = {"mcp-auth.owner": "mcp_auth.openshift.chain_verify"}
    keycloak.ask("POST", "", {"realm": OTHER_REALM, "enabled": True, "attributes": mark})

    def change(data: dict[str, Any]) -> None:
        other = json.loads(json.dumps(our_issuer(lab, data)))
        other["issuer"]["url"] = f"{lab.model()['issuer']['keycloak_url']}/realms/{OTHER_REALM}"
        data["jwt"].append(other)

    try:
        with login(lab, change):
            yield
    finally:
        keycloak.ask("DELETE", f"/{OTHER_REALM}")


# -- rights -----------------------------------------------------------------------------------------------------------
@contextmanager
def powerful_account(lab: Lab) -> Iterator[None]:
    """The MCP server's ServiceAccount is cluster-admin."""
    base = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
    deployment = lab.kube.get(f"/apis/apps/v1/namespaces/{lab.namespaces[1]}/deployments/{SERVER}")
    assert deployment
    account = deployment["spec"]["template"]["spec"]["serviceAccountName"]
    subject = {"kind": "ServiceAccount", "name": account, "namespace": lab.namespaces[1]}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    lab.kube.make(base, {"metadata": {"name": "sabotage"}, "roleRef": role, "subjects": [subject]})
    try:
        yield
    finally:
        lab.kube.delete(f"{base}/sabotage")


@contextmanager
def powerful_group(lab: Lab) -> Iterator[None]:
    """Every ServiceAccount of the MCP server's namespace may edit there."""
    namespace = lab.namespaces[1]
    base = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings"
    group = "rbac.authorization.k8s.io"
    subject = {"kind": "Group", "apiGroup": group, "name": f"system:serviceaccounts:{namespace}"}
    role = {"apiGroup": group, "kind": "ClusterRole", "name": "edit"}
    lab.kube.make(base, {"metadata": {"name": "sabotage"}, "roleRef": role, "subjects": [subject]})
    try:
        yield
    finally:
        lab.kube.delete(f"{base}/sabotage")


@contextmanager
def optional_scope(lab: Lab, client_id: str, name: str) -> Iterator[None]:
    """A client that may ask for a scope which is not its own."""
    keycloak = lab.keycloak()
    realm = lab.model()["realm"]["realm"]
    scope = [one["id"] for one in keycloak.items(f"/{realm}/client-scopes") if one["name"] == name][0]
    client = keycloak.items(f"/{realm}/clients?clientId={client_id}")[0]["id"]
    path = f"/{realm}/clients/{client}/optional-client-scopes/{scope}"
    status, found = keycloak.ask("PUT", path)
    if status >= 300:
        raise RuntimeError(f"PUT {path}: {status} {found}")
    try:
        yield
    finally:
        keycloak.ask("DELETE", path)


def scope_to_the_requester(lab: Lab) -> AbstractContextManager[None]:
    """The MCP server's client gets the first scope of the model that it lacks: what the verifier asks for in its name."""
    model = lab.model()
    requester = model["clients"]["mcp_server"]
    own = {scope for one in model["requesters"] if one["client_id"] == requester for scope in one["scopes"]}
    for client in model["realm"]["clients"]:
        if client["client_id"] == requester:
            own |= {*(client.get("default_client_scopes") or []), *(client.get("optional_client_scopes") or [])}
    return optional_scope(
        lab, requester, next(one["name"] for one in model["realm"]["client_scopes"] if one["name"] not in own)
    )


def scope_to_people(lab: Lab) -> AbstractContextManager[None]:
    """The people's own client may ask for the cluster's scope: a login would give the cluster's token at once."""
    model = lab.model()
    return optional_scope(lab, model["clients"]["mcp_client"], model["requesters"][0]["scopes"][0])


@contextmanager
def code_flow(lab: Lab) -> Iterator[None]:
    """The requester has the standard flow, and an address of its own to come back to."""
    keycloak = lab.keycloak()
    model = lab.model()
    clients = f"/{model['realm']['realm']}/clients"
    before = keycloak.items(f"{clients}?clientId={model['clients']['mcp_server']}")[0]

    def put(more: Mapping[str, Any]) -> None:
        status, found = keycloak.ask("PUT", f"{clients}/{before['id']}", {**before, **more})
        if status >= 300:
            raise RuntimeError(f"PUT {clients}/{before['id']}: {status} {found}")

    put({"standardFlowEnabled": True, "redirectUris": ["https://sabotage.invalid/*"]})
    try:
        yield
    finally:
        put({})


# What a server without a login takes, and what comes out otherwise because nobody is anybody there.
OPEN_ROWS = (
    "no_token",
    "garbage",
    "tampered",
    "empty_signature",
    "unknown_key",
    "alg_none",
    "hs256_public_key",
    "embedded_jwk",
    "wrong_audience",
    "wrong_issuer",
    "id_token",
    "refresh_token",
    "token_p",
    "token_k",
    "service_account_token",
    "session_of_another",
    "impersonation_headers",
)
SABOTAGES = (
    Sabotage(
        "the MCP server asks for no token (require_oauth off)",
        open_to_all,
        frozenset(f"cell:{row}@mcp_server" for row in OPEN_ROWS),
        columns=("mcp_server",),
        whole=frozenset({"cell:expired@mcp_server", "posture:open_paths", "hop:rbac:*"})
        | {f"cell:{row}@mcp_server" for row in ("disabled_person", "signed_out_person", "group_taken_away")},
    ),
    Sabotage(
        "the API server takes one audience more",
        one_more_audience,
        frozenset({"cell:token_m@kube_apiserver"}),
        columns=("kube_apiserver",),
    ),
    Sabotage(
        "the API server trusts a second issuer",
        second_issuer,
        frozenset({"cell:wrong_issuer@kube_apiserver"}),
        columns=("kube_apiserver",),
    ),
    Sabotage(
        "the MCP server's ServiceAccount is cluster-admin",
        powerful_account,
        frozenset({"posture:service_account", "posture:cluster_admins"}),
        parts=("posture",),
    ),
    Sabotage(
        "every ServiceAccount of the MCP server's namespace may edit there",
        powerful_group,
        frozenset({"posture:service_account"}),
        parts=("posture",),
    ),
    Sabotage(
        "the requester has a scope that is not its own",
        scope_to_the_requester,
        frozenset({"cell:exchange_foreign_scope@keycloak"}),
        columns=("keycloak",),
    ),
    Sabotage(
        "the people's client may ask for the cluster's scope",
        scope_to_people,
        frozenset({"cell:login_for_cluster@keycloak"}),
        columns=("keycloak",),
    ),
    Sabotage(
        "people may sign in at the requester (standard flow on)",
        code_flow,
        frozenset({"cell:requester_code_flow@keycloak"}),
        columns=("keycloak",),
    ),
    Sabotage(
        "the MCP server may write (read_only off)",
        swapped("read_only = true", "read_only = false"),
        frozenset({"posture:tools"}),
        parts=("posture",),
    ),
)


def red_of(evidence: Mapping[str, Any]) -> set[str]:
    """Everything red in a result of the verifier."""
    cells = evidence.get("cells") or []
    red = {f"cell:{one['row']}@{one['column']}" for one in cells if one["verdict"] in BAD}
    red |= {f"posture:{one['id']}" for one in evidence.get("posture") or [] if one["verdict"] in BAD}
    return red | {f"hop:{one['id']}:{one['person']}" for one in evidence.get("hops") or [] if one["verdict"] in BAD}


def rows(evidence_rows: list[str], full: bool) -> list[str]:
    """What to try: without the slow rows, unless all is asked for."""
    return [] if full else [row for row in evidence_rows if row not in SLOW]


def look(lab: Lab, name: str, parts: tuple[str, ...], columns: tuple[str, ...], names: list[str]) -> dict[str, Any]:
    """What the verifier says now."""
    folder = lab.out / f"evidence-{name}"
    values = {
        "verify_parts": list(parts),
        "verify_columns": list(columns),
        "verify_rows": names,
        "verify_report_dir": str(folder),
    }
    file = folder / "chain.json"
    file.unlink(missing_ok=True)
    done = lab.plays.run(f"verify-{name}", "mcp_auth.openshift.verify", values)
    expect(file.exists(), f"the verifier wrote no evidence\n{done.tail}")
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def known_rows(lab: Lab) -> list[str]:
    """The names of all rows, from the verifier's own plan (check mode contacts nobody)."""
    file = lab.private / "rows.json"
    book = lab.private / "rows.yml"
    tasks = [
        {
            "name": "Ask for the plan",
            "mcp_auth.openshift.chain_verify": {"chain": "{{ chain_model }}", "fixtures": True},
            "check_mode": True,
            "register": "__plan",
        },
        {
            "name": "Keep it",
            "ansible.builtin.copy": {
                "content": "{{ __plan.plan | map(attribute='row') | unique | to_json }}",
                "dest": str(file),
                "mode": "0600",
            },
        },
    ]
    play = {
        "name": "Rows",
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        "roles": ["mcp_auth.openshift.chain"],
        "tasks": tasks,
    }
    book.write_text(json.dumps([play]))
    lab.plays.run("rows", str(book)).succeeded()
    found: list[str] = json.loads(file.read_text(encoding="utf-8"))
    return found


def run_all(lab: Lab, report: Report, full: bool) -> None:
    """Each sabotage: break, look, mend. With full, all columns and rows; else those concerned."""
    names = rows(known_rows(lab), full)
    for number, sabotage in enumerate(SABOTAGES, 1):
        with report.check(f"red exactly where expected: {sabotage.name}"):
            began = time.monotonic()
            parts = ("hops", "matrix", "posture") if full else sabotage.parts
            columns = () if full else sabotage.columns
            with sabotage.breaks(lab):
                ready = time.monotonic()
                red = red_of(look(lab, f"sabotage-{number}", parts, columns, names if "matrix" in parts else []))
                looked = time.monotonic()
            report.say(
                f"       broken in {ready - began:.0f} s, looked at in {looked - ready:.0f} s, red: {sorted(red)}"
            )
            wanted = sabotage.red | (sabotage.whole if full else frozenset())
            missing = [pattern for pattern in sorted(wanted) if not fnmatch.filter(red, pattern)]
            expect(not missing, f"this had to turn red and did not: {missing}; red: {sorted(red)}")
            allowed = [*wanted, *sabotage.maybe]
            more = {one for one in red if not any(fnmatch.fnmatch(one, pattern) for pattern in allowed)}
            expect(not more, f"this turned red too: {sorted(more)}")
    with report.check("mended, everything is green again"):
        evidence = look(lab, "mended", ("hops", "matrix", "posture"), (), names)
        expect(not red_of(evidence), f"still red: {sorted(red_of(evidence))}")
        idle = [f"{one['row']}@{one['column']}" for one in evidence["cells"] if one["verdict"] == "not tested"]
        # The run has no consent to take Keycloak away.
        expect(all(one.startswith("outage@") for one in idle), f"not tested: {idle}")
