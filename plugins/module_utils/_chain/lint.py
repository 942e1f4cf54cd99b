# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
"""PRIVATE: what is refused before anything is touched, about names, audiences and lifetimes.

Each rule is a function from a draft of the model to problems. The others: ``lint_places`` (issuer, hosts, database),
``lint_inputs`` (people, bindings, clusters), ``lint_realm`` (clients), ``lint_tokens`` (scopes, mappers, tokens).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from . import login, places, predict, realm
from .inputs import Inputs
from .shapes import Claims, Hop, Obj, Problem, Token, number, objects, section, text, texts

# A requester can exchange its own token again until the session ends, so what opens a cluster must be short.
MAX_REQUESTER_LIFETIME = 120
MIN_LIFETIME = 10
# What every realm of Keycloak has.
BUILTIN_CLIENTS = frozenset(
    ["account", "account-console", "admin-cli", "broker", "realm-management", "security-admin-console"]
)
# RFC 6749, section 3.3: scope-token.
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,255}\Z")
# CEL's grammar: a name after a dot.
_CEL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}\Z")
_CEL_RESERVED = frozenset(
    "true false null in as break const continue else for function if import let loop package namespace return var void "
    "while".split()
)
_STANDARD_CLAIMS = frozenset(["iss", "sub", "aud", "azp", "exp", "iat", "jti", "typ", "sid", "scope", "nonce", "acr"])


@dataclass(frozen=True)
class Draft:
    """The model before it is judged. ``realm`` has the requesters' fields; ``observed`` is what is known of the world."""

    inputs: Inputs
    realm: Obj
    requesters: Sequence[Obj]
    tokens: Sequence[Token]
    claims: Mapping[str, Claims | None]
    hops: Sequence[Hop]
    observed: Obj

    @property
    def issuer(self) -> str:
        return places.issuer_url(self.inputs)


def system_names(draft: Draft) -> Iterator[Problem]:
    """Names that begin with ``system:`` are Kubernetes' own: a group system:masters is full power."""
    for name in ("username_prefix", "groups_prefix"):
        prefix = draft.inputs.text(name)
        if prefix and ("system:".startswith(prefix) or prefix.startswith("system:")):
            yield Problem(
                "system-name",
                "chain_" + name,
                "with the prefix %r a name could begin with system:, which Kubernetes keeps for itself." % prefix,
                "Write another prefix, such as oidc:.",
            )
    for index, group in enumerate(objects(draft.realm, "groups")):
        path = text(group, "path")
        if path.rsplit("/", 1)[-1].startswith("system:") or path.lstrip("/").startswith("system:"):
            yield Problem(
                "system-name",
                "groups[%d].path" % index,
                "the group %s would be %s on the cluster, which Kubernetes keeps for itself."
                % (path, path.lstrip("/")),
                "Give the group another name.",
            )
    for index, user in enumerate(objects(draft.realm, "users")):
        if text(user, "username").lower().startswith("system:"):
            yield Problem(
                "system-name",
                "users[%d].username" % index,
                "the user name %s begins with system:, which Kubernetes keeps for itself." % text(user, "username"),
                "Give the person another name.",
            )


def groups_prefix(draft: Draft) -> Iterator[Problem]:
    """With separate rights the prefixes are the chain's own: another one would be left out, and bindings made for it."""
    inputs = draft.inputs
    if inputs.text("agent_rights") == "separate" and inputs.text("groups_prefix"):
        yield Problem(
            "groups-prefix",
            "chain_groups_prefix",
            "with chain_agent_rights: separate, groups are named %s (direct logins) and %s (agents), not by this prefix."
            % (login.DIRECT_PREFIX + "NAME", login.AGENT_PREFIX + "NAME"),
            "Leave it empty and make your own bindings for those names, or set chain_agent_rights to same.",
        )


def group_names(draft: Draft) -> Iterator[Problem]:
    """Short names let ``/team-a/admins`` pass for ``/admins``."""
    inputs = draft.inputs
    if not inputs.flag("groups_full_path"):
        if not inputs.flag("groups_unique_names_checked"):
            yield Problem(
                "group-short-names",
                "chain_groups_full_path",
                "with short names, a nested group of the same name has the same rights.",
                "Set it to true, or set chain_groups_unique_names_checked to true if you see to it that no two groups of "
                "the realm have one short name: nothing here looks at the live realm for that.",
            )
        seen: dict[str, str] = {}
        for group in objects(draft.realm, "groups"):
            path = text(group, "path")
            short = path.rsplit("/", 1)[-1]
            if short in seen:
                yield Problem(
                    "group-doubled",
                    "groups",
                    "the groups %s and %s have the same short name." % (seen[short], path),
                    "Rename one, or set chain_groups_full_path to true.",
                )
            seen[short] = path


def audiences(draft: Draft) -> Iterator[Problem]:
    """One audience, one server: else a token for the one opens the other."""
    inputs = draft.inputs
    used: dict[str, str] = {}
    named = [("chain_mcp_audience", inputs.text("mcp_audience"))]
    if set(inputs.texts("components")) & {"llama_stack", realm.PLAYGROUND}:
        named.append(("chain_llama_stack_audience", inputs.text("llama_stack_audience")))
    for index, (name, audience) in enumerate(places.clusters(inputs)):
        named.append(
            ("chain_clusters[%d]" % index if inputs.objects("clusters") else "chain_cluster_audience", audience)
        )
        if not name:
            yield Problem(
                "cluster-name", "chain_clusters[%d]" % index, "the cluster has no name.", "Write name and audience."
            )
    for path, audience in named:
        if not audience:
            yield Problem("audience-empty", path, "the audience is empty.", "Write a name, such as openshift.")
        elif not _SCOPE.match(audience):
            yield Problem(
                "name-text",
                path,
                "%r cannot be asked for as a scope, whose names stand between blanks." % audience,
                "Write a name without blanks, quotes and letters beyond ASCII.",
            )
        elif audience == "account":
            yield Problem(
                "audience-account",
                path,
                "Keycloak puts the audience account into tokens of many clients, so any of them would be taken.",
                "Write a name that stands for this server alone.",
            )
        elif audience in BUILTIN_CLIENTS or audience in predict.BUILTIN_SCOPES:
            yield _builtin(path, audience)
        elif audience == realm.VERIFIER:
            yield _of_the_verifier(path)
        elif audience in used:
            yield Problem(
                "audience-shared",
                path,
                "the audience %s is that of %s as well, so a token for the one opens the other."
                % (audience, used[audience]),
                "Give each server an audience of its own.",
            )
        used.setdefault(audience, path)
    names = [name for name, audience in places.clusters(inputs)]
    if inputs.objects("clusters") and inputs.text("cluster_name") not in names:
        yield Problem(
            "cluster-unknown",
            "chain_cluster_name",
            "the cluster %s is not in chain_clusters (%s)." % (inputs.text("cluster_name"), ", ".join(names)),
            "Name one of them, or add it with an audience of its own.",
        )


def claim_names(draft: Draft) -> Iterator[Problem]:
    """The groups claim stands in a CEL expression, where a wrong name stops the API server at its start."""
    claim, username = draft.inputs.text("groups_claim"), draft.inputs.text("username_claim")
    if not _CEL_NAME.match(claim) or claim in _CEL_RESERVED:
        yield Problem(
            "claim-name",
            "chain_groups_claim",
            "%r is no name that the cluster's expression can use." % claim,
            "Write letters, digits and _, such as groups.",
        )
    elif claim in _STANDARD_CLAIMS or claim == username:
        yield Problem("claim-name", "chain_groups_claim", "the claim %s holds something else." % claim, "Write groups.")
    if not username or not username.isprintable() or " " in username or username in _STANDARD_CLAIMS - {"sub"}:
        yield Problem(
            "claim-name",
            "chain_username_claim",
            "%r is no claim that holds a user name." % username,
            "Write preferred_username, or another claim of the person.",
        )


def lifetimes(draft: Draft) -> Iterator[Problem]:
    """Times that cannot work together. All in seconds, and of the tokens as they are predicted."""
    inputs = draft.inputs
    settings = section(draft.realm, "settings")
    idle, longest = number(settings, "sso_session_idle_timeout"), number(settings, "sso_session_max_lifespan")
    access = number(settings, "access_token_lifespan")
    if access < MIN_LIFETIME:
        yield Problem(
            "lifetime-short",
            "chain_access_token_lifespan",
            "a token of %d s is dead before it arrives." % access,
            "Write at least %d." % MIN_LIFETIME,
        )
    if idle <= 0 or longest <= 0:
        yield Problem(
            "lifetime-session",
            "chain_session_idle_seconds",
            "a session of %d s (idle), %d s (at most) is none." % (idle, longest),
            "Write how long sessions live, such as 1800 and 36000.",
        )
        return
    lives = {kind: claims.lifetime for kind, claims in draft.claims.items() if claims is not None}
    paths = {token.kind: _what_ends(settings, token.client, lives.get(token.kind, 0)) for token in draft.tokens}
    idle_client = number(settings, "client_session_idle_timeout")
    for kind in sorted(lives):
        if lives[kind] < MIN_LIFETIME and kind != "K" and lives[kind] != access:
            yield Problem(
                "lifetime-short",
                paths[kind],
                "a token of %d s is dead before it arrives." % lives[kind],
                "Write at least %d." % MIN_LIFETIME,
            )
    if {"llama_stack", realm.PLAYGROUND} & set(inputs.texts("components")):
        yield from _outlives_a_call(inputs, lives, paths)
    if realm.PLAYGROUND in inputs.texts("components"):
        # For the page a session is over when its client's part of it is.
        yield from _refreshed_in_time(
            inputs, lives.get("P", access), min(idle, idle_client) if idle_client > 0 else idle
        )
    if longest < idle:
        yield Problem(
            "lifetime-session",
            "chain_session_max_seconds",
            "a session ends after %d s, before it counts as idle (%d s)." % (longest, idle),
            "Write at least chain_session_idle_seconds.",
        )
    yield from _requester_lifetimes(draft)


def _what_ends(settings: Obj, client_id: str, life: int) -> str:
    """The input that ends a token after so many seconds."""
    if life > 0 and life == number(settings, predict.CLIENT_SESSION):
        return "chain_realm_settings." + predict.CLIENT_SESSION
    if life == number(settings, "sso_session_max_lifespan"):
        return "chain_session_max_seconds"
    return "clients[%s].access_token_lifespan" % client_id


def _outlives_a_call(inputs: Inputs, lives: Mapping[str, int], paths: Mapping[str, str]) -> Iterator[Problem]:
    wait = inputs.number("responses_call_seconds")
    said = set()
    for kind in ("P", "M-playground", "M"):
        life = lives.get(kind)
        if life is None or life > wait or life in said:
            continue
        said.add(life)
        usual = life == inputs.number("access_token_lifespan")
        yield Problem(
            "lifetime-call",
            "chain_access_token_lifespan" if usual else paths[kind],
            "a token of the agent's call lives %d s, but the call may last %d s: tools fail half-way." % (life, wait),
            "Let it and the session live longer than %d, or lower chain_responses_call_seconds." % wait,
        )


def _refreshed_in_time(inputs: Inputs, life: int, idle: int) -> Iterator[Problem]:
    refresh, path = inputs.number("cookie_refresh_seconds"), "chain_cookie_refresh_seconds"
    if refresh <= 0:
        yield Problem(
            "lifetime-cookie",
            path,
            "the page would never refresh its token.",
            "Write less than the token lives, over 0.",
        )
    elif refresh >= life:
        yield Problem(
            "lifetime-cookie",
            path,
            "the page refreshes after %d s, but its token lives %d s: expired tokens are passed on." % (refresh, life),
            "Write less than %d." % life,
        )
    elif refresh >= idle:
        yield Problem(
            "lifetime-cookie",
            path,
            "the page refreshes after %d s, but a session is over after %d s without one." % (refresh, idle),
            "Write less than %d." % idle,
        )


def _requester_lifetimes(draft: Draft) -> Iterator[Problem]:
    cluster_audiences = {audience for name, audience in places.clusters(draft.inputs)}
    for entry in draft.requesters:
        if not cluster_audiences & set(texts(entry, "audiences")):
            continue
        life = number(entry, "access_token_lifespan")
        if life > MAX_REQUESTER_LIFETIME:
            yield Problem(
                "lifetime-requester",
                "chain_cluster_token_lifespan",
                "the token for the cluster lives %d s. The API server cannot revoke one." % life,
                "Write at most %d." % MAX_REQUESTER_LIFETIME,
            )
        elif life < MIN_LIFETIME:
            yield Problem(
                "lifetime-short",
                "chain_cluster_token_lifespan",
                "a token of %d s is dead before it arrives." % life,
                "Write at least %d." % MIN_LIFETIME,
            )


def _builtin(path: str, name: str) -> Problem:
    return Problem(
        "name-builtin",
        path,
        "Keycloak has a client or scope %s of its own, which would be changed, and whose tokens would be taken." % name,
        "Write a name that stands for this part of the chain alone.",
    )


def _of_the_verifier(path: str) -> Problem:
    return Problem(
        "name-verifier",
        path,
        "a client %s is made for each run of the verifier, and removed after it." % realm.VERIFIER,
        "Write another name.",
    )


def login_clients(draft: Draft) -> Iterator[Problem]:
    """The API server takes at most as many audiences as every supported version does."""
    for name in draft.inputs.texts("login_clients"):
        if name in BUILTIN_CLIENTS:
            yield _builtin("chain_login_clients", name)
        elif name == realm.VERIFIER:
            yield _of_the_verifier("chain_login_clients")
        elif not _SCOPE.match(name):
            yield Problem(
                "name-text",
                "chain_login_clients",
                "%r is no name of a client." % name,
                "Write a name without blanks, quotes and letters beyond ASCII.",
            )
    count = 1 + len(draft.inputs.texts("login_clients"))
    if count > 10:
        yield Problem(
            "audience-count",
            "chain_login_clients",
            "the cluster would take %d audiences; OpenShift allows 10." % count,
            "Name fewer clients.",
        )


RULES = (system_names, groups_prefix, group_names, claim_names, audiences, lifetimes, login_clients)
