# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""PRIVATE: what the verifier makes in Keycloak for a run, with consent, and takes away again.

All of it carries the mark of its owner and an expiry. It is removed at the end, by a child process when the run is
killed, and by the start of the next run when even that did not live.
"""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections.abc import Mapping, Sequence
from typing import Callable
from urllib.parse import quote

from .admin import Admin, id_of
from .clients import Client, SecretClient
from .target import CannotTry, Stop, Target, Wanted

OWNER = "mcp_auth.openshift.chain_verify"
OWNER_KEY = "mcp-auth.owner"
EXPIRES_KEY = "mcp-auth.expires"
# Users take no attribute that the realm's user profile does not know, so their mark is the e-mail address.
MAIL_DOMAIN = "chain-verify.invalid"
PREFIX = "chain-verify"
OTHER_REALM = "chain-verify-other"
STRANGER = "chain-verify-stranger"
BRIEF = "chain-verify-brief"
OTHER_SCOPE = "chain-verify-other"
PAGE_SCOPE = "chain-verify-page"
AZP_SCOPE = "chain-verify-azp"
PROBES = ("chain-verify-disabled", "chain-verify-signedout", "chain-verify-group")
TOKEN_LIFESPAN = 60
# Of the client whose tokens are sent again after their end: as long as two requests may take.
BRIEF_LIFESPAN = 10
KEPT_SECONDS = 1800


class Fixtures:
    """The probe client, the probe users and the second realm."""

    def __init__(self, admin: Admin, target: Target, say: Callable[[str], None]) -> None:
        self.admin = admin
        self.target = target
        self.say = say
        self.expires = str(int(time.time()) + KEPT_SECONDS)
        self.passwords: dict[str, str] = {}
        self.user_ids: dict[str, str] = {}
        self.stranger: Client | None = None
        self.brief: Client | None = None
        self.other_password = ""
        self.group: str = ""
        # What was made, and what it may do.
        self.made: list[str] = []
        self._root = "/" + quote(target.realm, safe="")

    # -- making ----------------------------------------------------------------------------------------------------
    def make(self, member: Wanted | None, twin: Wanted, whole: bool = True) -> None:
        """Make all of it, or only what a login needs.

        The probe users get the groups of C(member), the second realm has a user like C(twin).
        """
        self.say(f"Making fixtures in Keycloak: client {self.target.verifier}")
        audiences = {OTHER_SCOPE: OTHER_SCOPE, PAGE_SCOPE: self.target.page_audience} if whole else {}
        for scope, audience in audiences.items():
            self._scope(scope, audience_mapper(audience), f"the audience {audience}")
        self._login_client(audiences)
        if whole:
            self.say(f"Making fixtures in Keycloak: probe users, realm {OTHER_REALM}")
            self._stranger_client()
            self._users(member)
            self._brief_client()
            self._other_realm(twin)

    def sentence(self) -> str:
        """Say what was made and what it may do, nothing when nothing was."""
        if not self.made:
            return ""
        return "With consent, made in Keycloak for this run and removed after it: {}.".format("; ".join(self.made))

    def _mark(self) -> dict[str, str]:
        return {OWNER_KEY: OWNER, EXPIRES_KEY: self.expires}

    def _scope(self, name: str, mapper: Mapping[str, object], adds: str) -> None:
        body = {
            "name": name,
            "protocol": "openid-connect",
            "description": "Made for one run of the verifier",
            "attributes": dict(
                self._mark(), **{"include.in.token.scope": "true", "display.on.consent.screen": "false"}
            ),
            "protocolMappers": [mapper],
        }
        self.admin.must("POST", self._root + "/client-scopes", body)
        self.made.append(f"client scope {name} (adds {adds})")

    def _login_client(self, audiences: Mapping[str, str]) -> None:
        optional = [self.target.audience_scope(self.target.mcp_audience), *audiences]
        attributes = {"access.token.lifespan": str(TOKEN_LIFESPAN), "oauth2.device.authorization.grant.enabled": "true"}
        self._client(
            self.target.verifier,
            f"public, gives tokens of {TOKEN_LIFESPAN} s by password and by device flow, for "
            + " and ".join(["the MCP server", *audiences.values()]),
            publicClient=True,
            directAccessGrantsEnabled=True,
            optionalClientScopes=[item for item in optional if item],
            attributes=dict(self._mark(), **attributes),
        )

    def _stranger_client(self) -> None:
        secret = secrets.token_urlsafe(32)
        self._client(
            STRANGER,
            "confidential, may exchange tokens and signs nobody in",
            secret=secret,
            clientAuthenticatorType="client-secret",
            attributes=dict(self._mark(), **{"standard.token.exchange.enabled": "true"}),
        )
        self.stranger = SecretClient(STRANGER, secret)

    def _brief_client(self) -> None:
        """A client whose tokens say what those of the chain say, and end soon."""
        secret = secrets.token_urlsafe(32)
        # The cluster takes tokens of the requester only.
        forged = f"the claim azp {self.target.requester}, the requester's name"
        self._scope(AZP_SCOPE, claim_mapper("azp", self.target.requester), forged)
        reached = [self.target.audience_scope(self.target.mcp_audience), *self.target.exchange_scopes]
        reached += [AZP_SCOPE, OTHER_SCOPE]
        self._client(
            BRIEF,
            f"confidential, gives tokens of {BRIEF_LIFESPAN} s by password: for the MCP server, and in the name of "
            f"{self.target.requester} for the API server, past the MCP server",
            secret=secret,
            clientAuthenticatorType="client-secret",
            directAccessGrantsEnabled=True,
            defaultClientScopes=self.target.requester_scopes(),
            optionalClientScopes=[item for item in reached if item],
            attributes=dict(self._mark(), **{"access.token.lifespan": str(BRIEF_LIFESPAN)}),
        )
        self.brief = SecretClient(BRIEF, secret)

    def _client(self, client_id: str, may: str, **more: object) -> None:
        body: dict[str, object] = {
            "clientId": client_id,
            "name": "Made for one run of the verifier",
            "enabled": True,
            "publicClient": False,
            "standardFlowEnabled": False,
            "implicitFlowEnabled": False,
            "directAccessGrantsEnabled": False,
            "serviceAccountsEnabled": False,
            "fullScopeAllowed": False,
            "defaultClientScopes": ["basic"],
            "optionalClientScopes": [],
        }
        body.update(more)
        self.admin.must("POST", self._root + "/clients", body)
        self.made.append(f"client {client_id} ({may})")

    def _users(self, member: Wanted | None) -> None:
        self.group = member.keycloak_groups[0] if member is not None and member.keycloak_groups else ""
        for name in PROBES:
            password = self.passwords[name] = secrets.token_urlsafe(24)
            body = {
                "username": name,
                "enabled": True,
                "firstName": "Probe",
                "lastName": "Verifier",
                "email": f"{name}.{self.expires}@{MAIL_DOMAIN}",
                "emailVerified": True,
                "groups": list(member.keycloak_groups) if member is not None else [],
                "credentials": [{"type": "password", "value": password, "temporary": False}],
            }
            self.user_ids[name] = id_of(self.admin.must("POST", self._root + "/users", body))
        like = (
            f"like {member.username}, in " + ", ".join(member.keycloak_groups) if member is not None else "in no group"
        )
        self.made.append("users {} ({})".format(", ".join(PROBES), like))

    def _other_realm(self, twin: Wanted) -> None:
        self.other_password = secrets.token_urlsafe(24)
        mappers = [
            audience_mapper(self.target.cluster_audience),
            claim_mapper("preferred_username", twin.username),
            claim_mapper(
                "groups", '["{}"]'.format('","'.join(twin.keycloak_groups)) if twin.keycloak_groups else "[]", "JSON"
            ),
        ]
        body = {
            "realm": OTHER_REALM,
            "enabled": True,
            "displayName": "Made for one run of the verifier",
            "sslRequired": "external",
            "accessTokenLifespan": TOKEN_LIFESPAN,
            "attributes": self._mark(),
            "users": [
                {
                    "username": PREFIX,
                    "enabled": True,
                    "firstName": "Probe",
                    "lastName": "Verifier",
                    "email": f"{PREFIX}@{MAIL_DOMAIN}",
                    "emailVerified": True,
                    "credentials": [{"type": "password", "value": self.other_password, "temporary": False}],
                }
            ],
            "clients": [
                other_client(self.target.verifier, [audience_mapper(self.target.mcp_audience)]),
                other_client(self.target.requester, mappers),
            ],
        }
        self.admin.must("POST", "", body)
        self.made.append(
            f"realm {OTHER_REALM} (a user, and clients of the chain's names that give tokens which no hop may take)"
        )
        self.admin.forget()

    # -- acting ----------------------------------------------------------------------------------------------------
    def disable(self, name: str) -> None:
        """Disable a probe user."""
        self.admin.must("PUT", f"{self._root}/users/{self._user(name)}", {"enabled": False})

    def sign_out(self, name: str) -> None:
        """End every session of a probe user."""
        self.admin.must("POST", f"{self._root}/users/{self._user(name)}/logout", {})

    def take_group(self, name: str) -> str:
        """Take the first group away from a probe user."""
        if not self.group:
            raise CannotTry("the model knows no group that gives a right in a namespace")
        groups = self.admin.items(f"{self._root}/users/{self._user(name)}/groups")
        for item in groups:
            if item.get("path") == self.group:
                self.admin.must("DELETE", "{}/users/{}/groups/{}".format(self._root, self._user(name), item.get("id")))
                return self.group
        raise CannotTry(f"the probe user is not in group {self.group}")

    def _user(self, name: str) -> str:
        if name not in self.user_ids:
            raise CannotTry(f"the probe user {name} was not made")
        return self.user_ids[name]

    # -- removing --------------------------------------------------------------------------------------------------
    def sweep(self) -> list[str]:
        """Remove what carries our mark, and stop when something of these names carries it not."""
        removed: list[str] = []
        for scope in self.admin.items(self._root + "/client-scopes"):
            if scope.get("name") in (OTHER_SCOPE, PAGE_SCOPE, AZP_SCOPE):
                self._own(scope, "client scope", str(scope.get("name")))
                removed += self._remove(
                    "{}/client-scopes/{}".format(self._root, scope.get("id")), str(scope.get("name"))
                )
        for name in (self.target.verifier, STRANGER, BRIEF):
            for client in self.admin.items("{}/clients?clientId={}".format(self._root, quote(name, safe=""))):
                self._own(client, "client", name)
                removed += self._remove("{}/clients/{}".format(self._root, client.get("id")), "client " + name)
        for user in self.admin.items(f"{self._root}/users?search={PREFIX}-&max=100"):
            name = str(user.get("username"))
            if name in PROBES and str(user.get("email") or "").endswith("@" + MAIL_DOMAIN):
                removed += self._remove("{}/users/{}".format(self._root, user.get("id")), "user " + name)
            elif name in PROBES:
                raise Stop(f"Keycloak has a user {name} that is not of the verifier's making: rename it.")
        other = self.admin.call("GET", "/" + OTHER_REALM)
        if other.status == 200:
            self._own(other.json(), "realm", OTHER_REALM)
            removed += self._remove("/" + OTHER_REALM, "realm " + OTHER_REALM)
            self.admin.forget()
        return removed

    def remove(self, pauses: Sequence[float] = (0.0, 1.0, 3.0)) -> list[str]:
        """Remove all of it, as often as it takes; return what is left."""
        self.admin.forget()
        left: list[str] = []
        for pause in pauses:
            time.sleep(pause)
            try:
                self.sweep()
                left = []
                break
            except Stop as error:
                left = [str(error)]
        return left

    @staticmethod
    def _own(item: Mapping[str, object], kind: str, name: str) -> None:
        attributes = item.get("attributes")
        if not isinstance(attributes, Mapping) or attributes.get(OWNER_KEY) != OWNER:
            raise Stop(
                f"Keycloak has a {kind} {name} that is not of the verifier's making, so it is left alone: rename it, or run "
                "without fixtures."
            )

    def _remove(self, path: str, what: str) -> list[str]:
        reply = self.admin.call("DELETE", path)
        if reply.status not in (200, 204, 404):
            raise Stop(f"Could not remove {what} from Keycloak: {reply.status or reply.error}.")
        return [what] if reply.status != 404 else []


def audience_mapper(audience: str) -> dict[str, object]:
    """Build a mapper that adds an audience."""
    return {
        "name": "audience-" + audience,
        "protocol": "openid-connect",
        "protocolMapper": "oidc-audience-mapper",
        "config": {
            "included.custom.audience": audience,
            "id.token.claim": "false",
            "access.token.claim": "true",
            "introspection.token.claim": "true",
        },
    }


def claim_mapper(name: str, value: str, kind: str = "String") -> dict[str, object]:
    """Build a mapper that writes a claim."""
    return {
        "name": name,
        "protocol": "openid-connect",
        "protocolMapper": "oidc-hardcoded-claim-mapper",
        "config": {
            "claim.name": name,
            "claim.value": value,
            "jsonType.label": kind,
            "id.token.claim": "false",
            "access.token.claim": "true",
            "userinfo.token.claim": "false",
        },
    }


def other_client(client_id: str, mappers: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """Build a client of the second realm."""
    return {
        "clientId": client_id,
        "enabled": True,
        "publicClient": True,
        "standardFlowEnabled": False,
        "directAccessGrantsEnabled": True,
        "fullScopeAllowed": False,
        "defaultClientScopes": ["basic"],
        "protocolMappers": list(mappers),
    }


def undertaker(clean_up: Callable[[], object]) -> Callable[[], None]:
    """Fork a child that cleans up when this process dies; return what tells it that nothing is left to do."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _bury(reading, writing, clean_up)
    os.close(reading)

    def done() -> None:
        try:
            os.write(writing, b".")
            os.close(writing)
            os.waitpid(child, 0)
        except OSError:
            pass

    return done


def _bury(reading: int, writing: int, clean_up: Callable[[], object]) -> None:
    """Be the child: wait for the pipe to end. A word in it means that the parent has cleaned up itself."""
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        os.close(writing)
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        if not os.read(reading, 1):
            clean_up()
    finally:
        os._exit(0)
