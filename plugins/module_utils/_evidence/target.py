# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""PRIVATE: what the verifier has to know of a chain, read from its model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from .._chain.shapes import Obj, objects, section, text, texts


class CannotTry(Exception):
    """A cell that cannot be tried here, and why. It is never green."""


class Stop(Exception):
    """The run cannot go on, and what to do about it."""


@dataclass(frozen=True)
class Probe:
    """One thing that a person may or may not do, by tool and by API."""

    title: str
    verb: str
    group: str
    resource: str
    namespace: str
    tool: str
    arguments: Obj

    @classmethod
    def of(cls, data: Obj) -> Probe:
        """Read it from the model."""
        return cls(
            text(data, "title"),
            text(data, "verb"),
            text(data, "group"),
            text(data, "resource"),
            text(data, "namespace"),
            text(data, "tool"),
            section(data, "arguments"),
        )


@dataclass(frozen=True)
class Wanted:
    """Who a person has to be on the cluster."""

    username: str
    persona: str
    keycloak_groups: tuple[str, ...]
    mapped_username: str
    mapped_groups: tuple[str, ...]
    can: tuple[Probe, ...]
    cannot: tuple[Probe, ...]
    # Somebody whom the model does not name has no prediction of groups.
    known: bool = True


class Target:
    """A chain, as its model says it is."""

    def __init__(self, chain: Mapping[str, object], ca_pem: str = "") -> None:
        self.chain = cast(Obj, chain)
        self.ca_pem = ca_pem
        issuer, mcp = section(self.chain, "issuer"), section(self.chain, "mcp_server")
        audiences, namespaces = section(self.chain, "audiences"), section(self.chain, "namespaces")
        exchange = section(mcp, "exchange")
        self.name = text(self.chain, "name")
        self.platform = text(self.chain, "platform")
        self.issuer = text(issuer, "url")
        self.realm = text(issuer, "realm")
        self.keycloak_url = text(issuer, "keycloak_url").rstrip("/")
        self.jwks_url = text(issuer, "jwks_url")
        self.token_url = text(issuer, "token_url")
        self.authorization_url = text(issuer, "authorization_url")
        self.device_url = text(issuer, "device_url")
        self.mcp_url = text(mcp, "url")
        self.mcp_origin = text(mcp, "origin") or self.mcp_url.rsplit("/", 1)[0]
        self.mcp_audience = text(audiences, "mcp_server")
        self.cluster_audience = text(audiences, "cluster")
        self.page_audience = text(audiences, "llama_stack") or "llama-stack"
        self.requester = text(mcp, "client_id")
        self.authentication = text(mcp, "authentication", "private_key_jwt")
        self.exchange_audience = text(exchange, "audience") or self.cluster_audience
        self.exchange_scopes = tuple(texts(exchange, "scopes"))
        self.read_only = mcp.get("read_only") is not False
        self.keycloak_namespace = text(namespaces, "keycloak")
        self.agents_namespace = text(namespaces, "agents")
        clients = section(self.chain, "clients")
        self.verifier = text(clients, "verify", "chain-verify")
        self.mcp_client = text(clients, "mcp_client", "mcp-client")
        self.key_secret = section(mcp, "key_secret")
        self.people = [self._wanted(item) for item in objects(self.chain, "people")]

    @staticmethod
    def _wanted(data: Obj) -> Wanted:
        expect = section(data, "expect")
        return Wanted(
            text(data, "username"),
            text(data, "persona", "none"),
            tuple(texts(data, "groups")),
            text(expect, "username"),
            tuple(texts(expect, "groups")),
            tuple(Probe.of(item) for item in objects(expect, "can")),
            tuple(Probe.of(item) for item in objects(expect, "cannot")),
        )

    def person(self, username: str) -> Wanted | None:
        """Find what the model says of a person."""
        for item in self.people:
            if item.username == username:
                return item
        return None

    def stranger(self, username: str, persona: str) -> Wanted:
        """Return what can be said of somebody whom the model does not name: the rights of the persona, and no groups."""
        like = next((one for one in self.people if one.persona == persona), None)
        mapping = section(section(section(self.chain, "login"), "kubernetes"), "claimMappings")
        mapped = text(section(mapping, "username"), "prefix") + username
        can, cannot = (like.can, like.cannot) if like else ((), ())
        return Wanted(username, persona, (), mapped, (), can, cannot, known=False)

    def claims_of(self, kind: str) -> Obj:
        """Return the prediction of a kind of token."""
        return section(section(section(self.chain, "tokens"), kind), "claims")

    def audience_scope(self, audience: str) -> str:
        """Return the scope of the realm that leads to an audience, empty when there is none."""
        for scope in objects(section(self.chain, "realm"), "client_scopes"):
            for mapper in objects(scope, "protocol_mappers"):
                config = section(mapper, "config")
                if audience in (config.get("included.client.audience"), config.get("included.custom.audience")):
                    return text(scope, "name")
        return ""

    def foreign_scope(self) -> str:
        """Return a scope of the realm that is none of the requester's."""
        own = set(self.exchange_scopes)
        for client in objects(section(self.chain, "realm"), "clients"):
            if text(client, "client_id") == self.requester:
                own.update(texts(client, "default_client_scopes"), texts(client, "optional_client_scopes"))
        for scope in objects(section(self.chain, "realm"), "client_scopes"):
            if text(scope, "name") not in own:
                return text(scope, "name")
        return self.mcp_audience

    def requester_scopes(self) -> list[str]:
        """Return the scopes that every token of the requester has."""
        for client in objects(section(self.chain, "realm"), "clients"):
            if text(client, "client_id") == self.requester:
                return texts(client, "default_client_scopes")
        return []

    def redirect_uri(self, client_id: str) -> str:
        """Return an address to which a client may send a browser, else a loopback one."""
        for client in objects(section(self.chain, "realm"), "clients"):
            if text(client, "client_id") == client_id:
                for uri in texts(client, "redirect_uris"):
                    return uri.replace("*", "callback")
        return "http://127.0.0.1/callback"

    def rbac_groups(self, cluster_role: str) -> list[str]:
        """Return the groups that the model gives a cluster role everywhere."""
        bindings = objects(section(self.chain, "rbac"), "bindings")
        return sorted(
            text(item, "group")
            for item in bindings
            if text(item, "cluster_role") == cluster_role and not text(item, "namespace")
        )

    def client_logins(self) -> dict[str, str]:
        """Say how each client of the realm proves who it is."""
        found: dict[str, str] = {}
        for client in objects(section(self.chain, "realm"), "clients"):
            kind = "public" if client.get("public_client") is True else text(client, "client_authenticator_type")
            flows = ("standard_flow_enabled", "device_flow_enabled", "direct_access_grants_enabled")
            used = any(client.get(flow) is True for flow in flows) or client.get("requester") is True
            found[text(client, "client_id")] = kind or "client-secret" if used else "none, audience only"
        return found
