# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
"""PRIVATE: what is refused about clients of the realm: flows, redirects, the exchange, names that are not there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from . import normal, places, predict, realm
from .lint import Draft
from .shapes import Obj, Problem, flag, objects, section, text, texts

_FLOWS = (
    "standard_flow_enabled",
    "implicit_flow_enabled",
    "direct_access_grants_enabled",
    "service_accounts_enabled",
    "device_flow_enabled",
)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
# Schemes that run, or read from the person's own machine.
_SCRIPTS = ("javascript", "data", "vbscript", "file", "blob", "about")
# RFC 3986: what no address has. Keycloak refuses it, and a browser may read it as something else.
_NOT_IN_AN_ADDRESS = re.compile(r"[\x00-\x20\x7f\"<>\\^`{|}]|%(?![0-9A-Fa-f]{2})")
# What the API server takes under an AuthenticationConfiguration (RFC 7518).
SIGNATURES = tuple(kind + size for kind in ("RS", "ES", "PS") for size in ("256", "384", "512"))


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
        for option in ("redirect_uris", "post_logout_redirect_uris"):
            for uri in texts(client, option):
                # After a logout "+" is what the login has, "-" is nothing.
                if option == "redirect_uris" or uri not in ("+", "-"):
                    yield from _redirect(_path(client, option), uri)
        for uri in texts(client, "web_origins"):
            # "+" stands for the origins of the redirect URIs.
            if uri != "+" and not _is_origin(uri):
                yield Problem(
                    "web-origin",
                    _path(client, "web_origins"),
                    "%s is no origin as browsers send it, or lets pages that are not this client's read its answers."
                    % uri,
                    "Write the exact origin, https://HOST[:PORT]: small letters, no port 443, nothing behind it.",
                )


def _is_origin(uri: str) -> bool:
    """Keycloak compares letter by letter with what the browser sends (RFC 6454: scheme, host, port if not the usual)."""
    parts = places.split(uri)
    host = (parts.hostname if parts else "") or ""
    if parts is None or "*" in uri or _NOT_IN_AN_ADDRESS.search(uri):
        return False
    if parts.scheme != "https" and (parts.scheme != "http" or host not in _LOOPBACK):
        return False
    try:
        port = parts.port
    except ValueError:
        return False
    named = "[%s]" % host if ":" in host else host
    if port is not None and port != {"https": 443, "http": 80}[parts.scheme]:
        named += ":%d" % port
    return bool(host) and uri == "%s://%s" % (parts.scheme, named)


def _redirect(path: str, uri: str) -> Iterator[Problem]:
    parts = places.split(uri)
    host = (parts.hostname if parts else "") or ""
    loopback = parts is not None and parts.scheme in ("http", "https") and host in _LOOPBACK
    if (
        parts is None
        or not parts.scheme
        or parts.scheme in _SCRIPTS
        or (parts.scheme in ("http", "https") and not host)
        or _NOT_IN_AN_ADDRESS.search(uri)
    ):
        yield Problem(
            "redirect-address",
            path,
            "%s is no address that a person can be sent to." % uri,
            "Write the exact address, with its scheme.",
        )
    elif "#" in uri:
        yield Problem(
            "redirect-fragment",
            path,
            "%s has a fragment, which Keycloak refuses in the middle of a run." % uri,
            "Write the address without # and what follows.",
        )
    elif "@" in parts.netloc:
        yield Problem(
            "redirect-user",
            path,
            "%s names a user before its host, so it looks like an address of somebody else." % uri,
            "Write the address without what stands before the @.",
        )
    elif "*" in uri and not (loopback and "*" not in parts.netloc and uri.endswith("/*") and uri.count("*") == 1):
        yield Problem(
            "redirect-wildcard",
            path,
            "%s lets a code go to any page that matches it." % uri,
            "Write the exact address.",
        )
    elif parts.scheme == "http" and not loopback:
        yield Problem(
            "redirect-http", path, "%s sends the code over plain http." % uri, "Write https, or a loopback address."
        )


def implicit_flow(draft: Draft) -> Iterator[Problem]:
    """RFC 9700, section 2.1.2: its tokens stand in addresses, histories and logs."""
    for client in _clients(draft):
        if flag(client, "implicit_flow_enabled"):
            yield Problem(
                "implicit-flow",
                _path(client, "implicit_flow_enabled"),
                "the implicit flow puts tokens into addresses, where histories and logs keep them.",
                "Set it to false and use the code flow, standard_flow_enabled.",
            )


def signatures(draft: Draft) -> Iterator[Problem]:
    """With any other algorithm no server of the chain can check a token."""
    said = text(section(draft.realm, "settings"), "default_signature_algorithm")
    if said and said not in SIGNATURES:
        yield Problem(
            "signature-algorithm",
            "chain_realm_settings.default_signature_algorithm",
            "servers cannot check signatures of %s, so every token would be refused." % said,
            "Write one of: %s." % ", ".join(SIGNATURES),
        )


def attributes(draft: Draft) -> Iterator[Problem]:
    """What an attribute does to tokens of the chain is predicted for a few only; other clients have what they like."""
    own = realm.own(draft.inputs)["realm_clients"]
    for client in _clients(draft):
        for where in normal.unchecked_attributes(client) if text(client, "client_id") in own else ():
            yield Problem(
                "client-attribute",
                _path(client, where),
                "the client is part of the chain, and this attribute may make its tokens or its login unusable.",
                "Take it away. A client of the chain may have: %s." % ", ".join(sorted(normal.CHAIN_ATTRIBUTES)),
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
    exchanges,
    audience_only,
    full_scope,
    redirects,
    implicit_flow,
    signatures,
    attributes,
    direct_grants,
    confidential_pkce,
    references,
)
