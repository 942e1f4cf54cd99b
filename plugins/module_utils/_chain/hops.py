# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
"""PRIVATE: the kinds of token in the chain, and the servers that take them.

P opens Llama Stack, M the MCP server, K the cluster's API; L is the ID token of a direct login to the cluster.
"""

from __future__ import annotations

from dataclasses import replace

from . import places, realm
from .inputs import Inputs
from .shapes import Hop, Token

# The longest life of a token that the cluster takes, in seconds: there is no revocation at the API server.
MAX_CLUSTER_LIFETIME = 900


def tokens(inputs: Inputs) -> list[Token]:
    """The kinds of token, each after the one that it is exchanged for."""
    found = [Token("M", "token for the MCP server", realm.MCP_CLIENT)]
    if realm.PLAYGROUND in inputs.texts("components"):
        mcp = inputs.text("mcp_audience")
        found = [
            Token("P", "token for Llama Stack", realm.PLAYGROUND),
            Token("M-playground", "token for the MCP server, from the Playground", realm.PLAYGROUND, (mcp,), "P", mcp),
        ] + found
    name, audience = own_cluster(inputs)
    found.append(
        Token(
            "K",
            "token for the API of cluster %s" % name,
            realm.requester(inputs),
            (places.exchange_scope(audience),),
            "M",
            audience,
        )
    )
    for client in inputs.texts("login_clients")[:1]:
        found.append(Token("L", "ID token of a direct login to the cluster", client, id_token=True))
    return found


def judged(inputs: Inputs, known: list[Token], servers: list[Hop]) -> tuple[list[Token], list[Hop]]:
    """For lint: the tokens that the API server takes from each login client, and that come along with a login.

    Besides its ID token a login client gets an access token, which is for no server of the chain.
    """
    more: list[Token] = []
    clients = inputs.texts("login_clients")
    for number, client in enumerate(clients):
        if number:
            more.append(Token("L-%s" % client, "ID token of a direct login by %s" % client, client, id_token=True))
        # A client that is an MCP client too gets its token for the MCP server by a login: that one is M.
        if client != realm.MCP_CLIENT:
            more.append(Token("A-%s" % client, "access token of a direct login by %s" % client, client))
    logins = tuple(token.kind for token in more if token.id_token)
    return known + more, [
        replace(hop, takes=hop.takes + logins) if hop.id == "kube-apiserver" else hop for hop in servers
    ]


def own_cluster(inputs: Inputs) -> tuple[str, str]:
    """Name and audience of the cluster at hand: the one of the list that has its name, else the first."""
    known = places.clusters(inputs)
    for name, audience in known:
        if name == inputs.text("cluster_name"):
            return name, audience
    return known[0]


def hops(inputs: Inputs) -> list[Hop]:
    """The servers, in the order in which a call meets them."""
    mcp = inputs.text("mcp_audience")
    components = inputs.texts("components")
    found: list[Hop] = []
    from_playground = ("M-playground",) if realm.PLAYGROUND in components else ()
    if "llama_stack" in components or from_playground:
        found.append(Hop("llama-stack", "Llama Stack", ("P",), (inputs.text("llama_stack_audience"),)))
    audience = own_cluster(inputs)[1]
    logins = tuple(inputs.texts("login_clients"))
    found += [
        Hop("mcp-server", "Kubernetes MCP server", ("M", *from_playground), (mcp,)),
        Hop("exchange", "Exchange for the cluster", ("M", *from_playground), (realm.requester(inputs),)),
        Hop(
            "kube-apiserver",
            "API server of the cluster",
            ("K", "L") if logins else ("K",),
            (audience, *logins),
            ("sub", inputs.text("username_claim")),
            (realm.requester(inputs), *logins),
            MAX_CLUSTER_LIFETIME,
        ),
    ]
    return found
