# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""PRIVATE: walks the chain as one person, hop by hop, and compares each claim with the model."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from .._chain.shapes import Obj, number, section, text, texts
from . import jose
from .hops import ApiServer, Keycloak, McpServer, claims_shown
from .model import Hop
from .people import Account, SignIn
from .target import CannotTry, Probe, Target, Wanted

# The groups that Kubernetes itself adds.
KUBERNETES_GROUPS = ("system:authenticated",)
# What tells a person; the model says of each kind of token whether it may carry them.
PERSONAL = ("preferred_username", "email", "name", "groups", "realm_access", "resource_access")


class Walker:
    """Takes people through the chain."""

    def __init__(
        self, target: Target, keycloak: Keycloak, mcp: McpServer, api: ApiServer | None, signin: SignIn
    ) -> None:
        self.target = target
        self.keycloak = keycloak
        self.mcp = mcp
        self.api = api
        self.signin = signin

    def walk(self, account: Account, only: Sequence[str] = ()) -> list[Hop]:
        """Walk the whole way, or only some hops of it; a hop that cannot be reached says why."""
        steps = [
            (hop_id, step)
            for hop_id, step in (
                ("keycloak-login", self._login),
                ("mcp-server", self._mcp_server),
                ("exchange", self._exchange),
                ("kube-apiserver", self._api_server),
                ("rbac", self._rbac),
            )
            if not only or hop_id in only
        ]
        found: list[Hop] = []
        for hop_id, step in steps:
            hop = Hop(hop_id, account.username, account.wanted.persona)
            started = time.monotonic()
            try:
                step(hop, account)
            except CannotTry as why:
                hop.why = str(why)
            hop.seconds = round(time.monotonic() - started, 3)
            found.append(hop.conclude())
        return found

    def _login(self, hop: Hop, account: Account) -> None:
        token = self.signin.m(account)
        hop.sent = {"client": self.signin.client.client_id, "by": account.signin, "for": self.target.mcp_audience}
        hop.received = claims_shown(token)
        client = None if account.signin == "token" else self.signin.client.client_id
        self._compare(hop, token, self.target.claims_of("M"), account.wanted, client)

    def _mcp_server(self, hop: Hop, account: Account) -> None:
        token = self.signin.m(account)
        hop.sent = claims_shown(token)
        answer = self.mcp.present(token.text)
        hop.check("initialize", "answered", "answered" if answer.taken else f"{answer.status} {answer.reason}")
        if not answer.taken:
            return
        info = answer.data.get("serverInfo")
        hop.received = {"server": dict(info) if isinstance(info, Mapping) else {}}
        tools = sorted(str(tool.get("name")) for tool in self.mcp.tools(token.text))
        hop.received["tools"] = tools
        missing = sorted({probe.tool for probe in account.wanted.can + account.wanted.cannot} - set(tools))
        hop.check("tools that the model names", "offered", "missing: " + ", ".join(missing) if missing else "offered")

    def _exchange(self, hop: Hop, account: Account) -> None:
        m = self.signin.m(account)
        hop.sent = dict(claims_shown(m), requester=self.target.requester, audience=self.target.exchange_audience)
        answer = self.keycloak.exchange(m.text, self.keycloak.requester)
        hop.check("exchange", "token issued", answer.reason)
        if not answer.taken:
            return
        account.k = jose.read(answer.token)
        hop.received = claims_shown(account.k)
        self._compare(hop, account.k, self.target.claims_of("K"), account.wanted, None)
        hop.check("the same person", str(m.claims.get("sub")), str(account.k.claims.get("sub")))

    def _api_server(self, hop: Hop, account: Account) -> None:
        api = self._api()
        k = self.signin.kk(account)
        hop.sent = claims_shown(k)
        answer = api.present(k.text)
        hop.check("SelfSubjectReview", "taken", "taken" if answer.taken else f"{answer.status} {answer.reason}")
        if not answer.taken:
            return
        user = answer.data
        wanted = account.wanted
        hop.received = {name: user.get(name) for name in ("username", "groups", "uid", "extra") if user.get(name)}
        hop.check("username", wanted.mapped_username, user.get("username"))
        groups = user.get("groups")
        own = [item for item in groups if item not in KUBERNETES_GROUPS] if isinstance(groups, list) else []
        if wanted.known:
            hop.check("groups", list(wanted.mapped_groups), own)
        else:
            hop.why = unknown(wanted)
        system = [item for item in own if str(item).startswith("system:")]
        hop.check("groups of the system", "none", system)
        hop.check("uid", str(k.claims.get("sub")), user.get("uid"))
        extra = user.get("extra")
        names = section(section(self.target.chain, "login"), "extra")
        for claim, name in (("azp", text(names, "client")), ("sid", text(names, "session"))):
            if name:
                same = isinstance(extra, Mapping) and extra.get(name) == [str(k.claims.get(claim))]
                hop.check("extra " + name.rpartition("/")[2], f"as {claim} in the token", same_or(same, claim), same)
        hop.received["extra"] = sorted(extra) if isinstance(extra, Mapping) else []

    def _rbac(self, hop: Hop, account: Account) -> None:
        wanted = account.wanted
        if not wanted.can + wanted.cannot:
            raise CannotTry(f"the model says nothing of what {account.username} may do")
        m = self.signin.m(account)
        hop.sent = {"token": "M, to the MCP server's tools", "as": wanted.mapped_username}
        for probes, allowed in ((wanted.can, True), (wanted.cannot, False)):
            for probe in probes:
                self._by_tool(hop, m, probe, allowed, wanted)
                self._by_api(hop, account, probe, allowed)

    def _by_tool(self, hop: Hop, m: jose.Token, probe: Probe, allowed: bool, wanted: Wanted) -> None:
        answer = self.mcp.call(m.text, probe)
        refused = "is forbidden: User " in answer.reason
        said = "allowed" if answer.taken else "forbidden" if refused else answer.reason
        hop.check(f"{probe.title}, by tool {probe.tool}", "allowed" if allowed else "forbidden", said)
        if refused:
            hop.check("under the person's own name", True, f'User "{wanted.mapped_username}"' in answer.reason)

    def _by_api(self, hop: Hop, account: Account, probe: Probe, allowed: bool) -> None:
        try:
            k = self.signin.kk(account)
            api = self._api()
        except CannotTry as why:
            hop.why = f"the API server was not asked: {why}"
            return
        may = api.may(k.text, probe)
        said = "no answer" if may is None else "allowed" if may else "forbidden"
        hop.check(f"{probe.title}, asked of the API", "allowed" if allowed else "forbidden", said)

    def _api(self) -> ApiServer:
        if self.api is None:
            raise CannotTry("the address of the API server is not known: give the cluster options")
        return self.api

    def _compare(self, hop: Hop, token: jose.Token, predicted: Obj, wanted: Wanted, client: str | None) -> None:
        if not predicted:
            raise CannotTry("the model predicts no such token")
        claims = token.claims
        hop.check("iss", text(predicted, "iss"), claims.get("iss"))
        hop.check("aud", texts(predicted, "aud"), as_list(claims.get("aud")))
        hop.check("azp", client or text(predicted, "azp"), claims.get("azp"))
        sources = section(predicted, "claims")
        for name in sorted(sources):
            self._claim(hop, name, text(sources, name), claims.get(name), wanted)
        surplus = [name for name in PERSONAL if name in claims and name not in sources]
        hop.check("claims that tell more of the person", "none", surplus)
        life, most = lifetime(claims), number(predicted, "lifetime_s")
        hop.check("lifetime", "at most %d s" % most, "%d s" % life, 0 < life <= most)

    @staticmethod
    def _claim(hop: Hop, name: str, source: str, value: object, wanted: Wanted) -> None:
        if source == "$any":
            # Which of a person's optional data are there depends on the person.
            if name in ("exp", "iat", "jti"):
                hop.check(name, "there", "there" if value is not None else "absent")
            return
        if source == "$groups" and not wanted.known:
            hop.why = unknown(wanted)
        elif source == "$groups":
            paths = any(str(item).startswith("/") for item in as_list(value))
            groups = [item if paths else item.rpartition("/")[2] for item in wanted.keycloak_groups]
            hop.check(name, groups, as_list(value))
        elif source == "$username":
            hop.check(name, wanted.username, value)
        elif source.startswith("$"):
            hop.check(name, "there", "there" if value is not None else "absent")
        else:
            hop.check(name, source, value)


def unknown(wanted: Wanted) -> str:
    """Say why a right hop is no proof for somebody whom the model does not name."""
    return f"the model does not know {wanted.username}: the groups could not be compared"


def same_or(same: bool, claim: str) -> str:
    """Say whether something is as in the token, without writing it down."""
    return f"as {claim} in the token" if same else "something else"


def as_list(value: object) -> list[str]:
    """An audience is a text or a list of texts."""
    if isinstance(value, str):
        return [value]
    return [str(item) for item in value] if isinstance(value, Sequence) else []


def lifetime(claims: Mapping[str, object]) -> float:
    """Return how long a token lives."""
    values: dict[str, float] = {}
    for name in ("exp", "iat"):
        value = claims.get(name)
        values[name] = float(value) if isinstance(value, (int, float)) else 0.0
    return values["exp"] - values["iat"]
