# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""PRIVATE: how the system stands, as far as it can be seen without attacking it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Callable

from .._external_oidc import power
from .bench import Bench
from .model import BAD, NOTE, OK, UNKNOWN, Posture
from .target import CannotTry
from .tries_tokens import service_account
from .wire import Reply

RULES_PATH = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
DEPLOYMENT = "ocp-mcp-server"
# Programs that are known to enforce NetworkPolicy, by the names of their DaemonSets.
ENFORCERS = re.compile(
    r"calico|cilium|ovnkube|antrea|kube-router|weave|canal|sdn|kindnet|network-polic|aws-node|azure-npm"
)
WRITES = frozenset("create update delete exec run scale install uninstall apply patch".split())
# Without a token: what may answer, and what must not.
MCP_PATHS: Mapping[str, tuple[int, ...]] = {
    "/.well-known/oauth-protected-resource": (200,),
    "/mcp": (401,),
    "/sse": (401, 403, 404, 405),
    "/message": (401, 403, 404, 405),
    "/stats": (401, 403, 404),
    "/metrics": (401, 403, 404),
    "/healthz": (401, 403, 404),
    "/debug/pprof/": (401, 403, 404),
    "/": (401, 403, 404),
}
KEYCLOAK_PATHS: Mapping[str, tuple[int, ...]] = {"/metrics": (404,), "/health": (404,), "/q/dev": (404,)}
NOWHERE = "chain-verify-nowhere"
# OpenShift lets every ServiceAccount pull the images of its own namespace.
PULLERS = "system:image-puller"
PULLS = frozenset({"get on imagestreams/layers"})
WIDE_GROUPS = ("system:authenticated", "system:unauthenticated", "system:serviceaccounts")


def look(bench: Bench) -> list[Posture]:
    """Look at everything; what cannot be seen says so."""
    views: tuple[tuple[str, str, str, Callable[[Bench, Posture], None]], ...] = (
        ("service_account", "The MCP server's ServiceAccount", "no rights of its own", rights),
        ("pod", "The MCP server's pod", "no mounted cluster token, restricted", pod),
        ("tools", "Tools offered", "read only" if bench.target.read_only else "as the model says", tools),
        ("open_paths", "Open paths of the MCP server", "only its metadata", open_paths),
        ("issuer_paths", "Open paths of Keycloak", "no metrics, no health", issuer_paths),
        ("metadata", "Who the MCP server says it is", "itself and the issuer, whatever Host says", metadata),
        ("cluster_admins", "Who is cluster-admin", admins_expected(bench), cluster_admins),
        ("network_policy", "NetworkPolicy of the agents", "written and enforced", network_policy),
        ("credentials", "Credentials between the parts", "no shared secret", credentials),
    )
    found: list[Posture] = []
    for name, title, expected, view in views:
        item = Posture(name, title, expected, "")
        try:
            view(bench, item)
        except CannotTry as why:
            item.found, item.verdict = f"could not be seen: {why}", UNKNOWN
        found.append(item)
    return found


def rights(bench: Bench, item: Posture) -> None:
    """Compare the rights of the ServiceAccount with those of one of a namespace that is not there.

    One of the same namespace would have what that namespace's group of ServiceAccounts has, and hide it.
    """
    name, namespace = service_account(bench)
    own = rules_of(bench, name, namespace) - rules_of(bench, "nobody", namespace, NOWHERE)
    group = "system:serviceaccounts:" + namespace
    own -= PULLS
    bound: list[str] = []
    for kind in ("ClusterRoleBinding", "RoleBinding"):
        for binding in bench.asked().list("rbac.authorization.k8s.io/v1", kind):
            subjects = rows(binding.get("subjects"))
            mine = (name, namespace) in [(at(sub, "name"), at(sub, "namespace")) for sub in subjects]
            theirs = any(at(sub, "kind") == "Group" and at(sub, "name") == group for sub in subjects)
            if mine or theirs and at(part(binding, "roleRef"), "name") != PULLERS:
                bound.append("{} {} gives {}".format(kind, named(binding), at(part(binding, "roleRef"), "name")))
    item.detail = sorted(own) + sorted(bound)
    item.verdict = BAD if own or bound else OK
    item.found = "%d rules, %d bindings of its own" % (len(own), len(bound)) if own or bound else "no rights of its own"


def rules_of(bench: Bench, name: str, namespace: str, home: str = "") -> set[str]:
    """Ask the API server what a ServiceAccount, of that namespace or of another home, may do in a namespace."""
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": namespace}}
    headers = {"Impersonate-User": f"system:serviceaccount:{home or namespace}:{name}", "Accept": "application/json"}
    status, data = bench.asked().request("POST", RULES_PATH, body, headers)
    if status != 201:
        raise CannotTry("the API server answered {} {}".format(status, data.get("message", "")))
    found = part(data, "status")
    said = set()
    for rule in rows(found.get("resourceRules")):
        said.add("{} on {}".format(joined(rule.get("verbs")), joined(rule.get("resources"))))
    for rule in rows(found.get("nonResourceRules")):
        said.add("{} on {}".format(joined(rule.get("verbs")), joined(rule.get("nonResourceURLs"))))
    return said


def pod(bench: Bench, item: Posture) -> None:
    """Look at what the MCP server's pod is given."""
    deployment = bench.asked().get("apps/v1", "Deployment", DEPLOYMENT, bench.target.agents_namespace)
    if deployment is None:
        raise CannotTry(f"there is no Deployment {DEPLOYMENT}")
    spec = part(part(part(deployment, "spec"), "template"), "spec")
    problems: list[str] = []
    if spec.get("automountServiceAccountToken") is not False:
        problems.append("mounts a token of its ServiceAccount")
    pod_context = part(spec, "securityContext")
    for container in rows(spec.get("containers")):
        context = part(container, "securityContext")
        name = at(container, "name")
        if context.get("runAsNonRoot", pod_context.get("runAsNonRoot")) is not True:
            problems.append(f"{name} may run as root")
        if context.get("allowPrivilegeEscalation") is not False:
            problems.append(f"{name} may gain privileges")
        if context.get("readOnlyRootFilesystem") is not True:
            problems.append(f"{name} may write its root file system")
    item.detail = problems
    item.verdict = BAD if any("token" in line for line in problems) else NOTE if problems else OK
    item.found = "; ".join(problems) if problems else "no mounted token, restricted"


def tools(bench: Bench, item: Posture) -> None:
    """Look at the tools that are offered."""
    found = bench.mcp.tools(bench.signin.m(bench.account).text)
    names = sorted(at(tool, "name") for tool in found)
    writing = sorted(
        at(tool, "name")
        for tool in found
        if part(tool, "annotations").get("readOnlyHint") is not True or WRITES & set(at(tool, "name").split("_"))
    )
    item.detail = [", ".join(names)]
    item.found = "%d, of which %s" % (len(names), "write: " + ", ".join(writing) if writing else "none writes")
    item.verdict = OK if not writing else BAD if bench.target.read_only else NOTE


def open_paths(bench: Bench, item: Posture) -> None:
    """Ask each path of the MCP server with no token."""
    paths_of(bench, item, bench.target.mcp_origin, MCP_PATHS)


def issuer_paths(bench: Bench, item: Posture) -> None:
    """Ask the paths of Keycloak that belong to its inner port."""
    paths_of(bench, item, bench.target.keycloak_url, KEYCLOAK_PATHS)


def paths_of(bench: Bench, item: Posture, origin: str, expected: Mapping[str, tuple[int, ...]]) -> None:
    """Ask paths with no token, and compare."""
    wrong: list[str] = []
    silent = 0
    for path, wanted in expected.items():
        reply = bench.mcp.wire.send("GET", origin + path, timeout=5.0)
        item.detail.append("{} {}".format(path, reply.status or "no answer"))
        silent += reply.status == 0
        # A method that is not allowed tells nothing and gives nothing.
        if reply.status not in (*wanted, 0, 405):
            wrong.append("%s answers %d" % (path, reply.status))
    if silent == len(expected):
        raise CannotTry(f"no answer from {origin}")
    item.verdict = BAD if wrong else OK
    item.found = "; ".join(wrong) if wrong else "as expected, %d paths asked" % len(expected)


def metadata(bench: Bench, item: Posture) -> None:
    """Read the protected resource metadata, also under a foreign Host."""
    reply = bench.mcp.metadata()
    if reply.status != 200:
        raise CannotTry("the metadata answered {} {}".format(reply.status or "nothing", reply.error))
    data = reply.json()
    servers, resource = data.get("authorization_servers"), str(data.get("resource") or "not said")
    item.detail = [f"resource {resource}", f"authorization_servers {joined(servers)}"]
    url = bench.target.mcp_origin + "/.well-known/oauth-protected-resource"
    foreign: Reply = bench.mcp.wire.send("GET", url, {"Host": "evil.example"})
    problems: list[str] = []
    if bench.target.issuer not in [str(one).rstrip("/") for one in (servers if isinstance(servers, list) else [])]:
        problems.append("names another issuer")
    if "evil.example" in foreign.body.decode("utf-8", "replace"):
        problems.append("repeats a foreign Host header")
    item.verdict = BAD if problems else OK
    item.found = "; ".join(problems) if problems else "itself and the issuer"


def admins_expected(bench: Bench) -> str:
    """Say who is to be cluster-admin."""
    groups = bench.target.rbac_groups("cluster-admin")
    return "system:masters, {}".format(", ".join(groups)) if groups else "system:masters"


def cluster_admins(bench: Bench, item: Posture) -> None:
    """Name everybody who can do everything, or give itself that right: the same question as the role rbac asks."""
    asked, api = bench.asked(), "rbac.authorization.k8s.io/v1"
    roles = asked.list(api, "ClusterRole") + asked.list(api, "Role", "kube-system")
    bindings = asked.list(api, "ClusterRoleBinding") + asked.list(api, "RoleBinding", "kube-system")
    known = {f"Group:{name}" for name in bench.target.rbac_groups("cluster-admin")}
    ours = tuple(f"ServiceAccount:{name}:" for name in (bench.target.agents_namespace, bench.target.keycloak_namespace))
    wide = tuple(f"Group:{name}" for name in WIDE_GROUPS)
    bad: list[str] = []
    other: list[str] = []
    for one in power.holders(roles, bindings, power.ALLOWED):
        said = "{} ({}: {})".format(one["subject"], one["binding"], ", ".join(one["rights"]))
        if one["subject"].startswith((*ours, *wide)):
            bad.append(said)
        elif not one["allowed"] and one["subject"] not in known:
            other.append(said)
        item.detail.append(said)
    item.detail.sort()
    item.verdict = BAD if bad else NOTE if other else OK
    item.found = "; ".join(bad + other) if bad or other else "as expected"


def network_policy(bench: Bench, item: Posture) -> None:
    """Say honestly whether the policies that are written are also enforced."""
    written = bench.asked().list("networking.k8s.io/v1", "NetworkPolicy", bench.target.agents_namespace)
    enforcers = sorted(
        "{}/{}".format(at(part(one, "metadata"), "namespace"), named(one))
        for one in bench.asked().list("apps/v1", "DaemonSet")
        if ENFORCERS.search(named(one))
    )
    item.detail = [named(one) for one in written] + ["network plug-in: " + name for name in enforcers]
    if not written:
        item.found, item.verdict = "none written", NOTE
    elif enforcers:
        item.found, item.verdict = "%d written; a plug-in that enforces them runs (not attacked)" % len(written), OK
    else:
        item.found = "%d written; no network plug-in that is known to enforce them was found" % len(written)
        item.verdict = NOTE


def credentials(bench: Bench, item: Posture) -> None:
    """Say by what the parts prove who they are to each other."""
    logins = bench.target.client_logins()
    item.detail = [f"client {name}: {kind}" for name, kind in sorted(logins.items())]
    item.detail.append("people: tokens of at most {} s".format(bench.target.claims_of("M").get("lifetime_s")))
    item.detail.append(f"cluster: tokens of at most {cluster_life(bench)} s, for one person and one audience")
    shared = sorted(name for name, kind in logins.items() if kind == "client-secret")
    item.verdict = NOTE if shared else OK
    item.found = (
        "shared secrets: " + ", ".join(shared) if shared else "no shared secret; the requester signs with its key"
    )


def cluster_life(bench: Bench) -> object:
    """Return how long a token for the cluster lives."""
    return bench.target.claims_of("K").get("lifetime_s")


def rows(value: object) -> list[Mapping[str, object]]:
    """Return the mappings of a list."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def part(value: Mapping[str, object], key: str) -> Mapping[str, object]:
    """Return a mapping inside a mapping, an empty one when it is not there."""
    found = value.get(key)
    return found if isinstance(found, Mapping) else {}


def at(value: Mapping[str, object], key: str) -> str:
    """Return a text inside a mapping."""
    found = value.get(key)
    return found if isinstance(found, str) else ""


def named(value: Mapping[str, object]) -> str:
    """Return the name of an object."""
    return at(part(value, "metadata"), "name")


def texts_of(value: object) -> Sequence[str]:
    """Return the texts of a list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def joined(value: object) -> str:
    """Write a list on one line."""
    return ",".join(sorted(texts_of(value))) or "-"


def versions(bench: Bench, keycloak: str | None = None) -> dict[str, str]:
    """Ask the parts for their versions."""
    found: dict[str, str] = {}
    if bench.api is not None:
        said = at(bench.api.wire.send("GET", bench.api.url + "/version").json(), "gitVersion")
        if not said and bench.cluster is not None:
            said = at(bench.cluster.request("GET", "/version")[1], "gitVersion")
        found["kubernetes"] = said
    if keycloak:
        found["keycloak"] = keycloak
    return {name: value for name, value in found.items() if value}
