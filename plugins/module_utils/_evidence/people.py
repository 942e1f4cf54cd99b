# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""PRIVATE: people's tokens: by password in a lab, by device flow elsewhere, or handed in."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Callable

from . import jose
from .clients import Client
from .hops import Answer, Keycloak, oauth_reason
from .target import CannotTry, Stop, Target, Wanted

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
# A token is taken anew when less than this is left of its life.
FRESH_SECONDS = 20.0

# What is said where nobody would see where to sign in.
UNSEEN = (
    "{} would have to sign in by device flow, and nobody would see the address. Set callbacks_enabled = "
    "mcp_auth.openshift.progress in ansible.cfg (or ANSIBLE_CALLBACKS_ENABLED), which shows it, and run on the controller; or hand "
    "in a token for the MCP server (token_from)."
)

PASSWORD = "password"
DEVICE = "device"
TOKEN = "token"


@dataclass
class Login:
    """What one login gave."""

    access: jose.Token
    id_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)


@dataclass
class Account:
    """A person of the run, and how that person signs in."""

    wanted: Wanted
    signin: str
    secret: str = field(default="", repr=False)
    login: Login | None = field(default=None, repr=False)
    k: jose.Token | None = field(default=None, repr=False)

    @property
    def username(self) -> str:
        """Return the person's name at the issuer."""
        return self.wanted.username


class SignIn:
    """Signs people in at the client that is made for it."""

    def __init__(
        self,
        target: Target,
        keycloak: Keycloak,
        say: Callable[[str], None],
        client_id: str = "",
        wait: float = 300.0,
        shown: bool = True,
    ) -> None:
        self.target = target
        self.keycloak = keycloak
        self.say = say
        self.client = Client(client_id or target.verifier)
        self.wait = wait
        # Whether a person sees what is said.
        self.shown = shown

    def m(self, account: Account, fresh: bool = False) -> jose.Token:
        """Return the person's token for the MCP server, a new one when the old one is about to end."""
        login = account.login
        if login is None or fresh or login.access.expires - time.time() < FRESH_SECONDS:
            login = account.login = self.sign_in(account, account.login)
        return login.access

    def whole(self, account: Account) -> Login:
        """Return everything that one login gave."""
        self.m(account)
        if account.login is None:
            raise CannotTry(f"{account.username} is not signed in")
        return account.login

    def kk(self, account: Account, fresh: bool = False) -> jose.Token:
        """Return the person's token for the cluster."""
        if account.k is None or fresh or account.k.expires - time.time() < FRESH_SECONDS:
            answer = self.keycloak.exchange(self.m(account).text)
            if not answer.taken:
                raise CannotTry(f"the exchange for {account.username} answered {answer.status} {answer.reason}")
            account.k = jose.read(answer.token)
        return account.k

    def sign_in(self, account: Account, before: Login | None = None) -> Login:
        """Sign a person in, by refreshing where a person would have to act again."""
        if account.signin == TOKEN:
            return self._handed_in(account)
        if account.signin == DEVICE:
            if before is not None and before.refresh_token:
                fields = {"grant_type": "refresh_token", "refresh_token": before.refresh_token}
                answer = self.keycloak.grant(fields, self.client)
                if answer.taken:
                    return self._login_of(answer)
            return self._by_device(account)
        return self.by_password(account, [self.target.audience_scope(self.target.mcp_audience)])

    def by_password(self, account: Account, scopes: Sequence[str], client: Client | None = None) -> Login:
        """Sign in by password: the way of a lab and of probe users only."""
        client = client or self.client
        if account.signin != PASSWORD:
            raise CannotTry(f"{account.username} did not sign in by password")
        fields = {
            "grant_type": "password",
            "username": account.username,
            "password": account.secret,
            "scope": " ".join(["openid", *[item for item in scopes if item]]),
        }
        answer = self.keycloak.grant(fields, client)
        if not answer.taken:
            raise Stop(
                f"{account.username} could not sign in at client {client.client_id}: {answer.status} {answer.reason}. "
                "Check the password, and that the client exists "
                "(fixtures: true makes it)."
            )
        return self._login_of(answer)

    def _by_device(self, account: Account) -> Login:
        scope = " ".join(["openid", self.target.audience_scope(self.target.mcp_audience)])
        fields: dict[str, str] = {"scope": scope}
        fields.update(self.client.fields(self.target.issuer))
        reply = self.keycloak.wire.form(self.target.device_url, fields)
        data = reply.json()
        code, where = data.get("device_code"), data.get("verification_uri_complete") or data.get("verification_uri")
        if reply.status != 200 or not isinstance(code, str):
            raise Stop(
                f"Keycloak did not begin a device login at client {self.client.client_id}: {reply.status} "
                f"{oauth_reason(reply)}. The client has to exist and allow it: fixtures: true makes it for the time of the run. "
                "Without that consent hand in a token for the MCP server (token_from)."
            )
        if not self.shown:
            raise Stop(UNSEEN.format(account.username))
        there = "{} (code {})".format(where, data.get("user_code"))
        self.say(f"Sign in as {account.username}: open {there}")
        wait = min(self.wait, number(data, "expires_in", 600.0))
        deadline = time.monotonic() + wait
        pause = number(data, "interval", 5.0)
        while time.monotonic() < deadline:
            time.sleep(pause)
            answer = self.keycloak.grant({"grant_type": DEVICE_GRANT, "device_code": code}, self.client)
            if answer.taken:
                return self._login_of(answer)
            if answer.reason.startswith("slow_down"):
                pause += 5
            elif not answer.reason.startswith("authorization_pending"):
                raise Stop(f"The login of {account.username} failed: {answer.reason}")
            self.say(f"Waiting for {account.username} to sign in at {where}")
        raise Stop("%s did not sign in within %d s at %s." % (account.username, wait, there))

    def _handed_in(self, account: Account) -> Login:
        try:
            token = jose.read(account.secret)
        except jose.JoseError as error:
            raise Stop(f"The token of {account.username} is none: {error}.") from error
        if token.expires < time.time() + 2:
            raise CannotTry(f"the token that was handed in for {account.username} has ended")
        return Login(token)

    @staticmethod
    def _login_of(answer: Answer) -> Login:
        data = answer.data
        return Login(jose.read(answer.token), str(data.get("id_token") or ""), str(data.get("refresh_token") or ""))


def number(data: Mapping[str, object], key: str, default: float) -> float:
    """Return a number of an answer."""
    value = data.get(key)
    return float(value) if isinstance(value, (int, float)) else default


def attacker(accounts: Sequence[Account]) -> Account:
    """Choose whose tokens are forged: somebody with few rights, so that a hop that fails gives little away."""
    order: list[str] = ["developer", "reader", "none", "admin"]
    ranked = sorted(accounts, key=lambda item: order.index(item.wanted.persona) if item.wanted.persona in order else 9)
    if not ranked:
        raise CannotTry("nobody is signed in")
    return ranked[0]
