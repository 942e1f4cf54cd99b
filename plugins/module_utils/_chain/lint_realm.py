# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
"""PRIVATE: what is refused about clients, scopes and tokens: the rules that keep each token at its own hop."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from . import places, predict, realm
from .lint import Draft
from .shapes import Obj, Problem, flag, objects, text, texts

_FLOWS = (
    "standard_flow_enabled",
    "implicit_flow_enabled",
    "direct_access_grants_enabled",
    "service_accounts_enabled",
    "device_flow_enabled",
)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def _clients(draft: Draft) -> list[Obj]:
    return objects(draft.realm, "clients")


def _path(client: Obj, option: str) -> str:
    return "clients[%s].%s" % (text(client, "client_id"), option)


def doubled(draft: Draft) -> Iterator[Problem]:
    """Two objects of one name: the second would undo the first."""
    for kind, key in (("clients", "client_id"), ("client_scopes", "name"), ("groups", "path"), ("users", "username")):
        seen = set()
        for item in objects(draft.realm, kind):
            name = text(item, key)
            if not name:
                yield Problem("name-missing", kind, "an entry has no %s." % key, "Write its %s." % key)
            elif name in seen:
                yield Problem("name-doubled", kind, "%s occurs twice." % name, "Leave one, or rename it.")
            seen.add(name)


def builtin_scopes(draft: Draft) -> Iterator[Problem]:
    """Since Keycloak 25 the claim ``sub`` comes from scope ``basic``; the API server refuses a token without it."""
    ours = {text(scope, "name") for scope in objects(draft.realm, "client_scopes")}
    if not flag(draft.realm, "builtin_scopes", True) and "basic" not in ours:
        yield Problem(
            "builtin-scopes",
            "chain_realm_builtin_scopes",
            "without Keycloak's built-in scopes, tokens lose the claim sub and every server refuses them.",
            "Set it to true, or define a scope basic with a mapper oidc-sub-mapper.",
        )
    for entry in draft.tokens:
        claims = draft.claims.get(entry.kind)
        if claims is not None and "sub" not in claims.claims:
            yield Problem(
                "sub-missing",
                "clients[%s].default_client_scopes" % entry.client,
                "the %s would carry no claim sub." % entry.title,
                "Add the scope basic.",
            )


def tokens_arrive(draft: Draft) -> Iterator[Problem]:
    """Each token is taken where it is meant to be taken."""
    for hop in draft.hops:
        for kind in hop.takes:
            claims = draft.claims.get(kind)
            if claims is None:
                client = next((token.client for token in draft.tokens if token.kind == kind), kind)
                yield Problem(
                    "client-missing",
                    "clients",
                    "%s takes tokens of the client %s, which the realm does not have." % (hop.title, client),
                    "Add the client.",
                )
                continue
            for reason in hop.refusals(claims, draft.issuer):
                yield _not_taken(draft, hop.id, hop.title, kind, reason)


def _not_taken(draft: Draft, hop: str, title: str, kind: str, reason: str) -> Problem:
    token = next(token for token in draft.tokens if token.kind == kind)
    username = draft.inputs.text("username_claim")
    if hop == "exchange":
        return Problem(
            "requester-audience",
            "clients[%s].default_client_scopes" % token.client,
            "the %s does not name the requester: %s, and Keycloak exchanges only a token whose audience names who asks."
            % (token.title, reason),
            "Give the client the scope %s." % draft.inputs.text("mcp_audience"),
        )
    if hop == "kube-apiserver" and reason.startswith("it has no claim") and username in reason:
        return Problem(
            "username-claim",
            "clients[%s].default_client_scopes" % token.client,
            "the %s lacks the claim %s that the cluster takes the user name from." % (token.title, username),
            "Give the client a scope that adds it: profile adds preferred_username.",
        )
    return Problem(
        "token-refused",
        "clients[%s]" % token.client,
        "%s would refuse the %s: %s." % (title, token.title, reason),
        "Give the client the scope that adds what is missing.",
    )


def tokens_stay(draft: Draft) -> Iterator[Problem]:
    """No server takes a token that was made for another: a stolen one opens one door only."""
    for hop in draft.hops:
        for token in draft.tokens:
            claims = draft.claims.get(token.kind)
            if token.kind in hop.takes or claims is None:
                continue
            if not hop.refusals(claims, draft.issuer):
                yield Problem(
                    "token-crosses",
                    "clients[%s].default_client_scopes" % token.client,
                    "%s would take the %s, which is made for another server." % (hop.title, token.title),
                    "Take away the scope that gives it the audience %s."
                    % ", ".join(sorted({*hop.audiences} & {*claims.audiences})),
                )


def exchanges(draft: Draft) -> Iterator[Problem]:
    """What Keycloak's standard token exchange needs (Securing applications: Using token exchange), and least privilege."""
    registered = {text(client, "client_id") for client in _clients(draft)}
    for entry in draft.requesters:
        client_id = text(entry, "client_id")
        client = predict.find(_clients(draft), "client_id", client_id)
        if client is None:
            yield Problem(
                "requester-missing",
                "clients",
                "the requester %s is no client of the realm." % client_id,
                "Add the client.",
            )
            continue
        if flag(client, "public_client"):
            yield Problem(
                "requester-public",
                _path(client, "public_client"),
                "a public client cannot be a requester: anybody could ask in its name.",
                "Make it confidential: public_client: false.",
            )
        if client_id == realm.requester(draft.inputs):
            for flow in _FLOWS:
                if flag(client, flow):
                    yield Problem(
                        "requester-flow",
                        _path(client, flow),
                        "the requester only exchanges; with this flow it gets tokens of its own for the cluster.",
                        "Set it to false.",
                    )
        reachable = set()
        for name in texts(entry, "scopes") + texts(client, "default_client_scopes"):
            reachable |= predict.audiences_of_scope(draft.realm, name)
        for audience in texts(entry, "audiences"):
            if audience not in registered:
                yield Problem(
                    "exchange-audience",
                    "clients",
                    "the exchange asks for the audience %s, and the realm has no client of that name." % audience,
                    "Add a client %s with every flow off." % audience,
                )
            elif audience not in reachable:
                yield Problem(
                    "exchange-scope",
                    _path(client, "optional_client_scopes"),
                    "no scope of the requester gives the audience %s." % audience,
                    "Add an audience mapper for %s to one of: %s." % (audience, ", ".join(texts(entry, "scopes"))),
                )


def scope_holders(draft: Draft) -> Iterator[Problem]:
    """Only the requester may hold the scope of a cluster: assignment is the control, ``audience`` is a filter."""
    scopes = {places.exchange_scope(audience) for name, audience in places.clusters(draft.inputs)}
    audiences = {audience for name, audience in places.clusters(draft.inputs)}
    for client in _clients(draft):
        if text(client, "client_id") == realm.requester(draft.inputs):
            continue
        for option in ("default_client_scopes", "optional_client_scopes"):
            for name in texts(client, option):
                if name in scopes or predict.audiences_of_scope(draft.realm, name) & audiences:
                    yield Problem(
                        "scope-holder",
                        _path(client, option),
                        "the scope %s opens the cluster, and this client is not the requester." % name,
                        "Take it away.",
                    )


def audience_only(draft: Draft) -> Iterator[Problem]:
    """A client with a flow gets ID tokens whose audience is its own name."""
    inputs = draft.inputs
    names = {audience for name, audience in places.clusters(inputs)} | {inputs.text("llama_stack_audience")}
    for client in _clients(draft):
        if text(client, "client_id") not in names:
            continue
        for flow in _FLOWS:
            if flag(client, flow):
                yield Problem(
                    "audience-only-flow",
                    _path(client, flow),
                    "this client is an audience only; with a flow it gets tokens for itself that its server would take.",
                    "Set it to false.",
                )


def full_scope(draft: Draft) -> Iterator[Problem]:
    for client in _clients(draft):
        if flag(client, "full_scope_allowed"):
            yield Problem(
                "full-scope",
                _path(client, "full_scope_allowed"),
                "every role of the person, and with it the audience account, would go into its tokens.",
                "Set it to false and give it the scopes that it needs.",
            )


def redirects(draft: Draft) -> Iterator[Problem]:
    """RFC 9700 (OAuth 2.0 security), section 2.1: exact redirect URIs; RFC 8252: loopback is the exception."""
    for client in _clients(draft):
        for uri in texts(client, "redirect_uris"):
            try:
                host = urlsplit(uri).hostname or ""
            except ValueError:
                host = ""
            if host in _LOOPBACK:
                continue
            if "*" in uri:
                yield Problem(
                    "redirect-wildcard",
                    _path(client, "redirect_uris"),
                    "%s lets a code go to any page that matches it." % uri,
                    "Write the exact address.",
                )
            elif uri.startswith("http:"):
                yield Problem(
                    "redirect-http",
                    _path(client, "redirect_uris"),
                    "%s sends the code over plain http." % uri,
                    "Write https, or a loopback address.",
                )


def direct_grants(draft: Draft) -> Iterator[Problem]:
    if draft.inputs.flag("lab"):
        return
    for client in _clients(draft):
        if flag(client, "direct_access_grants_enabled"):
            yield Problem(
                "direct-grants",
                _path(client, "direct_access_grants_enabled"),
                "with direct access grants a program sees people's passwords.",
                "Set it to false. Only a lab (chain_lab: true) may use them.",
            )


def confidential_pkce(draft: Draft) -> Iterator[Problem]:
    """RFC 9700: a public client proves by PKCE that the code is its own."""
    for client in _clients(draft):
        public = flag(client, "public_client") and flag(client, "standard_flow_enabled")
        if public and text(client, "pkce_code_challenge_method") != "S256":
            yield Problem(
                "public-pkce",
                _path(client, "pkce_code_challenge_method"),
                "a public client with the code flow must prove that the code is its own.",
                "Write S256.",
            )


def references(draft: Draft) -> Iterator[Problem]:
    """Keycloak drops an unknown scope of a client in silence."""
    known = {text(scope, "name") for scope in objects(draft.realm, "client_scopes")}
    if flag(draft.realm, "builtin_scopes", True):
        known |= set(predict.BUILTIN_SCOPES)
    for client in _clients(draft):
        for option in ("default_client_scopes", "optional_client_scopes"):
            for name in texts(client, option):
                if name not in known:
                    yield Problem(
                        "scope-unknown",
                        _path(client, option),
                        "the realm has no scope %s, and Keycloak would leave it out in silence." % name,
                        "Add it to chain_realm_client_scopes, or take it away.",
                    )
    groups = {text(group, "path") for group in objects(draft.realm, "groups")}
    for user in objects(draft.realm, "users"):
        for path in texts(user, "groups"):
            if path not in groups:
                yield Problem(
                    "group-unknown",
                    "users[%s].groups" % text(user, "username"),
                    "the realm has no group %s." % path,
                    "Add it to chain_realm_groups, or take it away.",
                )


RULES = (
    doubled,
    builtin_scopes,
    tokens_arrive,
    tokens_stay,
    exchanges,
    scope_holders,
    audience_only,
    full_scope,
    redirects,
    direct_grants,
    confidential_pkce,
    references,
)
