# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""PRIVATE: attempts of clients that want more than is theirs, and ways around the tokens."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote

from .bench import Attempt, Bench, Trial
from .clients import Client, KeyClient, SecretClient
from .hops import Answer
from .model import Twin
from .target import CannotTry, Wanted

FOREIGN_ORIGIN = "https://evil.example"
IMPERSONATION = {
    "Impersonate-User": "system:admin",
    "Impersonate-Group": "system:masters",
    "X-Remote-User": "system:admin",
    "X-Remote-Group": "system:masters",
    "X-Forwarded-User": "system:admin",
}


def by_stranger(bench: Bench, column: str) -> Trial:
    """Exchange as a client that is not in the token's audience."""
    stranger = bench.made().stranger
    answer = bench.keycloak.exchange(bench.signin.m(bench.account).text, stranger, "", ())
    return Trial(answer, bench.twin(column), "another client, which may exchange, but not this token")


def by_public_client(bench: Bench, column: str) -> Trial:
    """Exchange as a public client."""
    client = Client(bench.target.mcp_client)
    answer = bench.keycloak.exchange(bench.signin.m(bench.account).text, client)
    return Trial(answer, bench.twin(column), f"client {client.client_id}, which proves nothing")


def foreign_scope(bench: Bench, column: str) -> Trial:
    """Exchange for a scope that is not the requester's own."""
    scope = bench.target.foreign_scope()
    wanted = [*bench.target.exchange_scopes, scope]
    answer = bench.keycloak.exchange(bench.signin.m(bench.account).text, scopes=wanted)
    return Trial(answer, bench.twin(column), f"scope {scope} asked for too")


def without_scope(bench: Bench, column: str) -> Trial:
    """Exchange for the audience without the scope that leads to it."""
    answer = bench.keycloak.exchange(bench.signin.m(bench.account).text, scopes=())
    return Trial(answer, bench.twin(column), "scope {} not asked for".format(" ".join(bench.target.exchange_scopes)))


def requester_alone(bench: Bench, column: str) -> Trial:
    """Ask for a token with no person in it."""
    answer = bench.keycloak.grant({"grant_type": "client_credentials"}, bench.keycloak.requester)
    return Trial(answer, bench.twin(column), "grant client_credentials, with the requester's own credential")


def target_alone(bench: Bench, column: str) -> Trial:
    """Ask for a token as the client that is only an audience."""
    client_id = bench.target.cluster_audience
    answer = bench.keycloak.grant({"grant_type": "client_credentials"}, Client(client_id))
    answer = switched(bench, client_id, answer, "serviceAccountsEnabled", "service account", "invalid client")
    return Trial(answer, None, f"client {client_id}, grant client_credentials")


def login_page(client: str) -> Attempt:
    """Build the attempt to get a login page at a client that must have none."""

    def attempt(bench: Bench, column: str) -> Trial:
        client_id = bench.target.requester if client == "requester" else bench.target.cluster_audience
        good = bench.keycloak.login_page(bench.target.mcp_client)
        twin = Twin(f"login page of {bench.target.mcp_client}", good.status, good.taken)
        answer = bench.keycloak.login_page(client_id, redirect_uri=own_redirect(live_client(bench, client_id)))
        answer = switched(bench, client_id, answer, "standardFlowEnabled", "standard flow", "redirect_uri")
        return Trial(answer, twin, f"client {client_id}, with a redirect URI of its own if it has one")

    return attempt


def live_client(bench: Bench, client_id: str) -> Mapping[str, object]:
    """Read a client as Keycloak has it now, nothing where no credential allows it."""
    if bench.admin is None:
        return {}
    path = "/{}/clients?clientId={}".format(quote(bench.target.realm, safe=""), quote(client_id, safe=""))
    return next((item for item in bench.admin.items(path) if item.get("clientId") == client_id), {})


def own_redirect(client: Mapping[str, object]) -> str:
    """Return an address that the client registered, empty when it has none."""
    found = client.get("redirectUris")
    root = str(client.get("rootUrl") or "")
    for item in found if isinstance(found, list) else []:
        uri = str(item).replace("*", "callback")
        uri = root.rstrip("/") + uri if uri.startswith("/") else uri
        if "://" in uri:
            return uri
    return "http://127.0.0.1/callback" if isinstance(found, list) and "*" in found else ""


def switched(bench: Bench, client_id: str, answer: Answer, switch: str, words: str, early: str) -> Answer:
    """Add how a switch of the client stands, where Keycloak refused before it came to look at it."""
    if answer.taken or early not in answer.reason.lower():
        return answer
    state = live_client(bench, client_id).get(switch)
    if not isinstance(state, bool):
        raise CannotTry(
            f"Keycloak answered {answer.reason}, which says nothing of the {words}, and the client {client_id} cannot be read "
            "without a credential for Keycloak (auth_client_secret_from and the like)"
        )
    return Answer(answer.status, f"{answer.reason}; {words} {'ON' if state else 'off'}", False)


def login_for_cluster(bench: Bench, column: str) -> Trial:
    """Ask for the cluster's scope at the login of a client that must not have it."""
    client_id = bench.target.mcp_client
    good = bench.keycloak.login_page(client_id)
    scopes = " ".join(bench.target.exchange_scopes)
    answer = bench.keycloak.login_page(client_id, "openid " + scopes)
    return Trial(answer, Twin(f"login page of {client_id}", good.status, good.taken), f"scope {scopes} asked for too")


def registration(bench: Bench, column: str) -> Trial:
    """Register a client as nobody."""
    return Trial(bench.keycloak.register(), None, "no token at the registration endpoint")


def wrong_credential(bench: Bench, column: str) -> Trial:
    """Exchange in the requester's name with another key or secret."""
    name = bench.target.requester
    if bench.target.authentication == "private_key_jwt":
        client: Client = KeyClient(name, bench.forger.key)
        difference = "the assertion is signed by another key"
    else:
        client, difference = SecretClient(name, secrets.token_urlsafe(32)), "another secret"
    return Trial(bench.keycloak.exchange(bench.signin.m(bench.account).text, client), bench.twin(column), difference)


def session_of_another(bench: Bench, column: str) -> Trial:
    """Use one person's session with another's token."""
    one, other, index = bench.pair()
    probe = one.wanted.can[index]
    m_one, m_other = bench.signin.m(one), bench.signin.m(other)
    opened = bench.mcp.present(m_one.text)
    session = str(opened.data.get("session") or "")
    good = bench.mcp.call(m_one.text, probe)
    twin = Twin(f"the same call by {one.username}", good.status, good.taken)
    headers = {"Mcp-Session-Id": session or secrets.token_hex(16)}
    answer = under_own_name(bench.mcp.call(m_other.text, probe, headers), other.wanted)
    said = answer.reason
    if not session:
        said += " (stateless: nothing to take over)"
    elif not answer.taken:
        ended = bench.mcp.wire.send(
            "DELETE", bench.target.mcp_url, dict(headers, Authorization="Bearer " + m_other.text)
        )
        if 200 <= ended.status < 300:
            return Trial(Answer(ended.status, "deleted somebody else's session", True), twin, "session of another")
    return Trial(Answer(answer.status, said, answer.taken), twin, f"{one.username}'s session, {other.username}'s token")


def impersonation(bench: Bench, column: str) -> Trial:
    """Say in headers that one is somebody else."""
    weak = [item for item in bench.accounts if item.wanted.cannot]
    if not weak:
        raise CannotTry("it takes a person who may not do everything")
    account = weak[0]
    difference = "headers {}".format(", ".join(sorted(IMPERSONATION)))
    if column == "mcp_server":
        m = bench.signin.m(account)
        good = bench.mcp.present(m.text)
        twin = Twin("M", good.status, good.taken)
        for probe in account.wanted.can[:1]:
            # Something that the person may do: a server that passes the headers on is refused it.
            before = bench.mcp.call(m.text, probe)
            twin = Twin(f"{probe.title}, without the headers", before.status, before.taken)
            same = bench.mcp.call(m.text, probe, IMPERSONATION)
            if before.taken and not same.taken:
                return Trial(Answer(same.status, "not under the own name: " + same.reason, False), twin, difference)
        answer = bench.mcp.call(m.text, account.wanted.cannot[0], IMPERSONATION)
        return Trial(under_own_name(answer, account.wanted), twin, difference)
    k = bench.signin.kk(account)
    before = bench.served().present(k.text)
    answer = bench.served().present(k.text, IMPERSONATION)
    return Trial(answer, Twin("K", before.status, before.taken), difference)


def under_own_name(answer: Answer, wanted: Wanted) -> Answer:
    """Mark a refusal of RBAC that names somebody else, or that is about becoming somebody else."""
    refused = "is forbidden: User " in answer.reason
    own = f'User "{wanted.mapped_username}" cannot ' in answer.reason and "cannot impersonate" not in answer.reason
    if answer.taken or not refused or own or not wanted.mapped_username:
        return answer
    return replace(answer, reason="not under the own name: " + answer.reason)


def foreign_origin(bench: Bench, column: str) -> Trial:
    """Send the request as a page of another origin would."""
    twin = bench.twin(column)
    _kind, token = bench.good(column)
    answer = bench.present(column, token.text, {"Origin": FOREIGN_ORIGIN})
    if column != "mcp_server":
        readable = answer.cors in ("*", FOREIGN_ORIGIN)
        said = f"CORS lets {answer.cors} read it" if readable else "no CORS header for that origin"
        answer = Answer(answer.status, said, readable)
    return Trial(answer, twin, "header Origin: " + FOREIGN_ORIGIN)


ATTEMPTS: dict[str, Attempt] = {
    "exchange_by_stranger": by_stranger,
    "exchange_by_public_client": by_public_client,
    "exchange_foreign_scope": foreign_scope,
    "exchange_without_scope": without_scope,
    "requester_client_credentials": requester_alone,
    "requester_code_flow": login_page("requester"),
    "target_client_credentials": target_alone,
    "target_code_flow": login_page("target"),
    "login_for_cluster": login_for_cluster,
    "anonymous_registration": registration,
    "wrong_client_secret": wrong_credential,
    "session_of_another": session_of_another,
    "impersonation_headers": impersonation,
    "foreign_origin": foreign_origin,
}
