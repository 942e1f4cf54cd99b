# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
"""PRIVATE: how a cluster maps a token to a user, and which rights its groups have there.

Source: Kubernetes, AuthenticationConfiguration (apiserver.config.k8s.io/v1) and its CEL environment.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import hops, places, realm
from .inputs import Inputs
from .shapes import Json, Obj, flag, text, texts

DIRECT_PREFIX = "oidc:"
AGENT_PREFIX = "agent:"
# Where a lab's developers work.
LAB_NAMESPACE = "demo"
EXTRA_CLIENT = "mcp-auth.example/client"
EXTRA_SESSION = "mcp-auth.example/session"


def _quoted(value: str) -> str:
    """A CEL string literal."""
    return "'%s'" % "".join(
        "\\" + letter if letter in "\\'" else letter if letter.isprintable() else "\\U%08x" % ord(letter)
        for letter in value
    )


def _listed(values: Sequence[str]) -> str:
    return "[%s]" % ", ".join(_quoted(value) for value in values)


def groups_expression(inputs: Inputs) -> str:
    """CEL from the groups claim to group names: no claim is no group, a full path loses its first slash.

    ``dyn`` is needed: without it the API server exits at its start.
    """
    claim = inputs.text("groups_claim")
    name = "string(g)"
    if inputs.flag("groups_full_path"):
        name = "(string(g).startsWith('/') ? string(g).substring(1) : string(g))"
    if inputs.text("agent_rights") == "separate":
        agent = "claims.azp == %s" % _quoted(realm.requester(inputs))
        name = "(%s ? %s : %s) + %s" % (agent, _quoted(AGENT_PREFIX), _quoted(DIRECT_PREFIX), name)
    elif inputs.text("groups_prefix"):
        name = "%s + %s" % (_quoted(inputs.text("groups_prefix")), name)
    return "(has(claims.%s) ? dyn(claims.%s) : dyn([])).map(g, %s)" % (claim, claim, name)


def kubernetes(inputs: Inputs) -> dict[str, Json]:
    """One ``jwt`` entry of an AuthenticationConfiguration, less the certificate authority."""
    audience = hops.own_cluster(inputs)[1]
    audiences = [audience, *inputs.texts("login_clients")]
    issuer: dict[str, Json] = {"url": places.issuer_url(inputs), "audiences": audiences}
    if len(audiences) > 1:
        issuer["audienceMatchPolicy"] = "MatchAny"
    known = [realm.requester(inputs), *inputs.texts("login_clients")]
    return {
        "issuer": issuer,
        "claimValidationRules": [
            {
                "expression": "claims.azp in %s" % _listed(known),
                "message": "the token was issued to a client that this cluster does not know",
            },
            {
                "expression": "claims.exp - claims.iat <= %d" % hops.MAX_CLUSTER_LIFETIME,
                "message": "the token lives longer than %d seconds" % hops.MAX_CLUSTER_LIFETIME,
            },
        ],
        "claimMappings": {
            "username": {"claim": inputs.text("username_claim"), "prefix": inputs.text("username_prefix")},
            "groups": {"expression": groups_expression(inputs)},
            "uid": {"claim": "sub"},
            "extra": [
                {"key": EXTRA_CLIENT, "valueExpression": "claims.azp"},
                {"key": EXTRA_SESSION, "valueExpression": "claims.sid"},
            ],
        },
        "userValidationRules": [
            {
                "expression": "!user.username.startsWith('system:')",
                "message": "a user name must not begin with system:",
            },
            {
                "expression": "user.groups.all(g, !g.startsWith('system:'))",
                "message": "a group name must not begin with system:",
            },
        ],
    }


def mapped_username(inputs: Inputs, username: str) -> str:
    return inputs.text("username_prefix") + username


def mapped_group(inputs: Inputs, group: str, by_agent: bool = True) -> str:
    """The name that the cluster gives to a group of Keycloak, come through the agent or by a direct login."""
    path = realm.group_path(group)
    name = path[1:] if inputs.flag("groups_full_path") else path.rsplit("/", 1)[1]
    if inputs.text("agent_rights") == "separate":
        return (AGENT_PREFIX if by_agent else DIRECT_PREFIX) + name
    return inputs.text("groups_prefix") + name


def developer_namespaces(inputs: Inputs) -> list[str]:
    """Where developers may edit. Never the agents' own namespace by default: ``edit`` reads the Secrets there."""
    return inputs.texts("developer_namespaces") or ([LAB_NAMESPACE] if inputs.flag("lab") else [])


def bindings(inputs: Inputs) -> list[dict[str, Json]]:
    """Groups to cluster roles; ``namespace`` is empty for the whole cluster.

    With separate rights an agent reads (cluster role ``view``) where its person may do more.
    """
    wanted: list[Obj] = [
        {"name": "admin", "group": inputs.text("admin_group"), "cluster_role": "cluster-admin"},
        {
            "name": "developer",
            "group": inputs.text("developer_group"),
            "cluster_role": "edit",
            "namespaces": developer_namespaces(inputs),
            "namespaced": True,
        },
        {"name": "reader", "group": inputs.text("reader_group"), "cluster_role": "view"},
        *inputs.objects("bindings"),
    ]
    found: list[dict[str, Json]] = []
    for item in wanted:
        if not text(item, "group"):
            continue
        roles = [(False, text(item, "cluster_role"))]
        if inputs.text("agent_rights") == "separate":
            roles.append((True, text(item, "agent_cluster_role") or "view"))
        for by_agent, cluster_role in roles:
            everywhere = [] if flag(item, "namespaced") else [""]
            for namespace in texts(item, "namespaces") or everywhere:
                found.append(
                    {
                        "name": "mcp-auth-%s%s" % (text(item, "name"), "-agent" if by_agent else ""),
                        "group": mapped_group(inputs, text(item, "group"), by_agent),
                        "cluster_role": cluster_role,
                        "namespace": namespace,
                    }
                )
    return found


def persona_of(inputs: Inputs, person: Obj) -> str:
    """``admin``, ``developer``, ``reader`` or ``none``: said, or the strongest that the groups give."""
    if text(person, "persona"):
        return text(person, "persona")
    paths = {realm.group_path(name) for name in texts(person, "groups")}
    for persona in ("admin", "developer", "reader"):
        group = inputs.text(persona + "_group")
        if group and realm.group_path(group) in paths:
            return persona
    return "none"


def expectations(inputs: Inputs) -> list[dict[str, Json]]:
    """Who each person is on the cluster, and what that person may and may not do there through the agent."""
    namespaces = _probe("list all namespaces", "namespaces", "", "namespaces_list", {})
    own = [_pods(namespace) for namespace in developer_namespaces(inputs)[:1]]
    other = _pods(inputs.text("keycloak_namespace"))
    rights: dict[str, dict[str, Json]] = {
        "admin": {"can": [namespaces, other], "cannot": []},
        "developer": {"can": own, "cannot": [namespaces, other]},
        "reader": {"can": [namespaces, other], "cannot": []},
        "none": {"can": [], "cannot": [namespaces, other, *own]},
    }
    found: list[dict[str, Json]] = []
    for person in realm.people(inputs):
        persona = persona_of(inputs, person)
        found.append(
            {
                "username": text(person, "username"),
                "persona": persona,
                "groups": sorted(realm.group_path(name) for name in texts(person, "groups")),
                "expect": {
                    "username": mapped_username(inputs, text(person, "username")),
                    "groups": sorted(mapped_group(inputs, name) for name in texts(person, "groups")),
                    **rights.get(persona, rights["none"]),
                },
            }
        )
    return found


def _probe(title: str, resource: str, namespace: str, tool: str, arguments: Obj) -> dict[str, Json]:
    return {
        "title": title,
        "verb": "list",
        "group": "",
        "resource": resource,
        "namespace": namespace,
        "tool": tool,
        "arguments": arguments,
    }


def _pods(namespace: str) -> dict[str, Json]:
    return _probe("list pods in %s" % namespace, "pods", namespace, "pods_list_in_namespace", {"namespace": namespace})
