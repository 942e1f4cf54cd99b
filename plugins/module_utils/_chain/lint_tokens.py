# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
"""PRIVATE: what is refused about scopes, mappers and tokens: the rules that keep each token at its own hop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from . import login, places, predict, realm
from .lint import Draft
from .shapes import Obj, Problem, flag, objects, section, text, texts

# Claims that only Keycloak itself, or its audience mapper, may write: for any client, and for those of the chain.
_OF_KEYCLOAK = ("iss", "aud", "azp")
_OF_KEYCLOAK_IN_CHAIN = ("exp", "iat", "jti", "typ", "sid", "nonce", "acr", "client_id")


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
    """No server takes a token that was made for another: a stolen one opens one door only.

    The audience alone has to keep them apart: not every platform's API server looks at ``azp``.
    """
    for hop in draft.hops:
        by_audience = replace(hop, known_azp=(), max_lifetime=0)
        for token in draft.tokens:
            claims = draft.claims.get(token.kind)
            if token.kind in hop.takes or claims is None:
                continue
            if not by_audience.refusals(claims, draft.issuer):
                yield Problem(
                    "token-crosses",
                    "clients[%s].default_client_scopes" % token.client,
                    "%s would take the %s, which is made for another server." % (hop.title, token.title),
                    "Take away the scope that gives it the audience %s."
                    % ", ".join(sorted({*hop.audiences} & {*claims.audiences})),
                )


def groups_arrive(draft: Draft) -> Iterator[Problem]:
    """A token without groups is a person without rights, and nobody says a word (Kubernetes, OIDC authenticator)."""
    claim = draft.inputs.text("groups_claim")
    if not login.bindings(draft.inputs):
        return
    for hop in draft.hops:
        for token in draft.tokens:
            claims = draft.claims.get(token.kind)
            if hop.id != "kube-apiserver" or token.kind not in hop.takes or claims is None:
                continue
            if claims.claims.get(claim) != "$groups":
                yield Problem(
                    "groups-claim",
                    "clients[%s].default_client_scopes" % token.client,
                    "the %s does not carry the person's groups in the claim %s, so nobody has rights."
                    % (token.title, claim),
                    "Give the client the scope groups, with its mapper of the type %s." % predict.GROUP_MAPPER,
                )


def group_paths(draft: Draft) -> Iterator[Problem]:
    """Short names or full paths: the mapper that acts must say what the cluster's mapping goes by."""
    full, claim = draft.inputs.flag("groups_full_path"), draft.inputs.text("groups_claim")
    taken = {kind for hop in draft.hops if hop.id == "kube-apiserver" for kind in hop.takes}
    clients = {token.client for token in draft.tokens if token.kind in taken}
    for path, mapper in _mappers_of(draft, clients):
        config = section(mapper, "config")
        if text(mapper, "protocol_mapper") != predict.GROUP_MAPPER or text(config, "claim.name") != claim:
            continue
        if (text(config, "full.path") == "true") != full:
            yield Problem(
                "group-paths",
                path,
                "this mapper gives %s of groups, chain_groups_full_path says %s."
                % (("short names", "full paths") if full else ("full paths", "short names")),
                "Set full.path of the mapper to %s, or change chain_groups_full_path." % str(full).lower(),
            )


def scope_holders(draft: Draft) -> Iterator[Problem]:
    """Only the requester may hold the scope of a cluster: assignment is the control, ``audience`` is a filter."""
    scopes = {places.exchange_scope(audience) for name, audience in places.clusters(draft.inputs)}
    audiences = {audience for name, audience in places.clusters(draft.inputs)}
    for client in objects(draft.realm, "clients"):
        if text(client, "client_id") == realm.requester(draft.inputs):
            continue
        for option in ("default_client_scopes", "optional_client_scopes"):
            for name in texts(client, option):
                if name in scopes or predict.audiences_of_scope(draft.realm, name) & audiences:
                    yield Problem(
                        "scope-holder",
                        "clients[%s].%s" % (text(client, "client_id"), option),
                        "the scope %s opens the cluster, and this client is not the requester." % name,
                        "Take it away.",
                    )
        for audience in sorted(predict.audiences_of(objects(client, "protocol_mappers")) & audiences):
            yield Problem(
                "audience-holder",
                "clients[%s].protocol_mappers" % text(client, "client_id"),
                "a mapper of its own gives it the audience %s, which opens the cluster." % audience,
                "Take the mapper away.",
            )


def one_door(draft: Draft) -> Iterator[Problem]:
    """What a client of the chain may ask for opens at most its own server, each optional scope included."""
    mcp = draft.inputs.text("mcp_audience")
    doors = {mcp, draft.inputs.text("llama_stack_audience")}
    own: dict[str, set[str]] = {name: set() for name in draft.inputs.texts("login_clients")}
    own.update({realm.MCP_CLIENT: {mcp}, realm.INSPECTOR: {mcp}})
    for client in objects(draft.realm, "clients"):
        client_id = text(client, "client_id")
        if client_id not in own:
            continue
        found = predict.audiences_of(predict.client_mappers(draft.realm, client)) & doors - own[client_id]
        for audience in sorted(found):
            yield Problem(
                "client-doors",
                "clients[%s]" % client_id,
                "with a scope or mapper of it, its tokens would open %s, which it is not for." % audience,
                "Take the scope or the mapper away.",
            )


def mappers(draft: Draft) -> Iterator[Problem]:
    """Mappers that make claims up, or whose claims cannot be predicted."""
    chain = {token.client for token in draft.tokens}
    for path, mapper in _mappers(draft):
        if _claim(mapper) in _OF_KEYCLOAK:
            yield _made_up(path, _claim(mapper))
    for path, mapper in _mappers_of(draft, chain):
        kind, claim = text(mapper, "protocol_mapper"), _claim(mapper)
        if claim in _OF_KEYCLOAK_IN_CHAIN or _makes_up(draft, kind, claim):
            yield _made_up(path, claim)
        if kind not in predict.KNOWN_MAPPERS:
            yield Problem(
                "mapper-unknown",
                path,
                "what a mapper of the type %s does to tokens of the chain cannot be predicted." % kind,
                "Take it away, or give it to a client that is not part of the chain.",
            )


def _claim(mapper: Obj) -> str:
    if text(mapper, "protocol_mapper") == predict.AUDIENCE_MAPPER:
        return ""
    return text(section(mapper, "config"), "claim.name").strip().split(".")[0]


def _makes_up(draft: Draft, kind: str, claim: str) -> bool:
    """Whether the mapper says who somebody is by other than the person's own name and groups."""
    if claim == draft.inputs.text("groups_claim"):
        return kind != predict.GROUP_MAPPER
    if claim not in ("sub", draft.inputs.text("username_claim")):
        return False
    return kind == predict.HARDCODED_MAPPER or kind in predict.ROLE_MAPPERS


def _made_up(path: str, claim: str) -> Problem:
    return Problem(
        "mapper-claim",
        path,
        "it would write the claim %s, by which servers decide who somebody is and what for." % claim,
        "Take it away, or write another claim.",
    )


def _mappers_of(draft: Draft, client_ids: set[str]) -> Iterator[tuple[str, Obj]]:
    """Every mapper that can act for these clients, with its place."""
    clients = [client for client in objects(draft.realm, "clients") if text(client, "client_id") in client_ids]
    scopes = {name for client in clients for name in predict.scopes_of(client)}
    own = {("clients", client_id) for client_id in client_ids} | {("client_scopes", name) for name in scopes}
    yield from _mappers(draft, own)


def _mappers(draft: Draft, of: set[tuple[str, str]] | None = None) -> Iterator[tuple[str, Obj]]:
    """Every mapper that the input or the model names, with its place; of these objects, or of all."""
    for kind, key in (("client_scopes", "name"), ("clients", "client_id")):
        for item in objects(draft.realm, kind):
            if of is not None and (kind, text(item, key)) not in of:
                continue
            for mapper in objects(item, "protocol_mappers"):
                yield "%s[%s].protocol_mappers[%s]" % (kind, text(item, key), text(mapper, "name")), mapper


RULES = (
    builtin_scopes,
    tokens_arrive,
    tokens_stay,
    groups_arrive,
    group_paths,
    scope_holders,
    one_door,
    mappers,
)
