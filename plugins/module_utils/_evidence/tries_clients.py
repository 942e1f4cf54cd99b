# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""PRIVATE: attempts of clients that want more than is theirs, and ways around the tokens."""

from __future__ import annotations

import secrets

from .bench import Attempt, Bench, Trial
from .clients import Client, KeyClient, SecretClient
from .hops import Answer
from .model import Twin
from .target import CannotTry

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
    answer = bench.keycloak.grant({"grant_type": "client_credentials"}, Client(bench.target.cluster_audience))
    return Trial(answer, None, f"client {bench.target.cluster_audience}, grant client_credentials")


def login_page(client: str) -> Attempt:
    """Build the attempt to get a login page at a client that must have none."""

    def attempt(bench: Bench, column: str) -> Trial:
        client_id = bench.target.requester if client == "requester" else bench.target.cluster_audience
        good = bench.keycloak.login_page(bench.target.mcp_client)
        twin = Twin(f"login page of {bench.target.mcp_client}", good.status, good.taken)
        return Trial(bench.keycloak.login_page(client_id), twin, f"client {client_id}")

    return attempt


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
    answer = bench.mcp.call(m_other.text, probe, headers)
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
        answer = bench.mcp.call(m.text, account.wanted.cannot[0], IMPERSONATION)
        return Trial(answer, Twin("M", good.status, good.taken), difference)
    k = bench.signin.kk(account)
    before = bench.served().present(k.text)
    answer = bench.served().present(k.text, IMPERSONATION)
    return Trial(answer, Twin("K", before.status, before.taken), difference)


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
