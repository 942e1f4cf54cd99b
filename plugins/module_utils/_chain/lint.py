# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
"""PRIVATE: what is refused before anything is touched, about the issuer, the names and the lifetimes.

Each rule is a function from a draft of the model to problems; ``lint_realm`` holds those about clients and tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from . import places, realm
from .inputs import Inputs
from .shapes import Claims, Hop, Obj, Problem, Token, number, objects, section, text, texts

# A requester can exchange its own token again until the session ends, so what opens a cluster must be short.
MAX_REQUESTER_LIFETIME = 120
MIN_LIFETIME = 10


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


def issuer(draft: Draft) -> Iterator[Problem]:
    """OpenID Connect Discovery 1.0, section 3, and what the API server demands of an issuer."""
    url, path = draft.issuer, "chain_issuer_url"
    parts = urlsplit(url)
    if parts.scheme != "https":
        yield Problem(
            "issuer-https", path, "the issuer %s is not https." % url, "Write an address that begins with https://."
        )
    if parts.query or "?" in url:
        yield Problem(
            "issuer-query", path, "the issuer %s has a query." % url, "Leave out the part from the question mark on."
        )
    if parts.fragment or "#" in url:
        yield Problem(
            "issuer-fragment", path, "the issuer %s has a fragment." % url, "Leave out the part from the # on."
        )
    if parts.username is not None or parts.password is not None:
        yield Problem(
            "issuer-user", path, "the issuer has a user name in its address.", "Leave out the part before the @."
        )
    if not parts.hostname or parts.hostname.startswith(".") or parts.hostname.endswith("."):
        yield Problem(
            "issuer-host",
            path,
            "the issuer %s names no host." % url,
            "Set chain_base_domain (hosts are named under it), or chain_keycloak_host.",
        )
    seen = text(section(draft.observed, "discovery"), "issuer")
    if seen and seen != url:
        difference = " They differ only by a slash at the end." if seen.rstrip("/") == url.rstrip("/") else ""
        yield Problem(
            "issuer-mismatch",
            path,
            "the discovery document says the issuer is %s, the model says %s.%s" % (seen, url, difference),
            "Set chain_issuer_url to %s, or fix the hostname of Keycloak: a token's iss must equal it to the letter."
            % seen,
        )


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
        if text(user, "username").startswith("system:"):
            yield Problem(
                "system-name",
                "users[%d].username" % index,
                "the user name %s begins with system:, which Kubernetes keeps for itself." % text(user, "username"),
                "Give the person another name.",
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
                "Set it to true, or set chain_groups_unique_names_checked to true: the verifier then reads the live "
                "realm and fails on a name that occurs twice.",
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
        elif audience == "account":
            yield Problem(
                "audience-account",
                path,
                "Keycloak puts the audience account into tokens of many clients, so any of them would be taken.",
                "Write a name that stands for this server alone.",
            )
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


def lifetimes(draft: Draft) -> Iterator[Problem]:
    """Times that cannot work together. All in seconds."""
    inputs = draft.inputs
    settings = section(draft.realm, "settings")
    access = number(settings, "access_token_lifespan")
    if access < MIN_LIFETIME:
        yield Problem(
            "lifetime-short",
            "chain_access_token_lifespan",
            "a token of %d s is dead before it arrives." % access,
            "Write at least %d." % MIN_LIFETIME,
        )
    wait = inputs.number("responses_call_seconds")
    if {"llama_stack", realm.PLAYGROUND} & set(inputs.texts("components")) and access <= wait:
        yield Problem(
            "lifetime-call",
            "chain_access_token_lifespan",
            "the token for the MCP server lives %d s, but a call of the agent may last %d s: tools fail half-way."
            % (access, wait),
            "Write more than %d, or lower chain_responses_call_seconds." % wait,
        )
    refresh = inputs.number("cookie_refresh_seconds")
    if realm.PLAYGROUND in inputs.texts("components") and refresh >= access:
        yield Problem(
            "lifetime-cookie",
            "chain_cookie_refresh_seconds",
            "the page refreshes after %d s, but its token lives %d s: expired tokens are passed on."
            % (refresh, access),
            "Write less than %d." % access,
        )
    if number(settings, "sso_session_max_lifespan") < number(settings, "sso_session_idle_timeout"):
        yield Problem(
            "lifetime-session",
            "chain_session_max_seconds",
            "a session ends after %d s, before it counts as idle (%d s)."
            % (number(settings, "sso_session_max_lifespan"), number(settings, "sso_session_idle_timeout")),
            "Write at least chain_session_idle_seconds.",
        )
    cluster_audiences = {audience for name, audience in places.clusters(inputs)}
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


def login_clients(draft: Draft) -> Iterator[Problem]:
    """The API server takes at most as many audiences as every supported version does."""
    count = 1 + len(draft.inputs.texts("login_clients"))
    if count > 10:
        yield Problem(
            "audience-count",
            "chain_login_clients",
            "the cluster would take %d audiences; OpenShift allows 10." % count,
            "Name fewer clients.",
        )


RULES = (issuer, system_names, group_names, audiences, lifetimes, login_clients)
