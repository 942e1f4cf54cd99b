# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""PRIVATE: the matrix as data: what is tried at each hop, and what the hop has to say to it.

The reasons are those that the real components gave when they were attacked, not what one would wish.
Keycloak's are C(error: error_description); the MCP server's are the status and its WWW-Authenticate or the JSON-RPC
error; the API server answers a bare 401, so its reason is the line that it logged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Union

from .model import COLUMNS


@dataclass(frozen=True)
class Expect:
    """A refusal: its status, the pattern of its reason, and both in words."""

    says: str
    status: tuple[int, ...] = (401,)
    reason: str = ""


@dataclass(frozen=True)
class Skip:
    """There is nothing to try here, and this is why."""

    why: str


Rule = Union[Expect, Skip]


@dataclass(frozen=True)
class Row:
    """One wrong thing."""

    id: str
    title: str
    group: str
    what: str
    cells: Mapping[str, Rule] = field(default_factory=dict)
    needs: frozenset[str] = frozenset()


FORGED = "Forged tokens"
MISPLACED = "Real tokens in the wrong place"
EXCHANGE = "Clients that want more"
AROUND = "Ways around"
PEOPLE = "People who lost something"
OUTAGE = "When the issuer is away"

# What needs a consent, a credential or a right, and cannot be tried without it.
FIXTURES = "fixtures"
REQUESTER = "requester"
CLUSTER = "cluster"
CONSENT_OUTAGE = "outage"

KEYCLOAK_REFUSES = Expect("400, invalid token", (400, 401), r"(?i)invalid.?(token|request|grant)")
MCP_REFUSES = Expect("401, invalid_token", (401,), r'(?i)error="?invalid_token|invalid token')
# Keycloak looks at the redirect URI before the flow, so that its complaint about the URI says nothing of the flow.
NO_LOGIN_PAGE = Expect(
    "no login page, standard flow off",
    (302, 400, 401, 403),
    r"(?i)not allowed to initiate|bearer-only|standard flow off",
)
# Keycloak's own refusal, as the MCP server passes it on; any other error says nothing of the login.
NO_EXCHANGE = Expect(
    "the refused exchange in place of cluster data",
    (200, 401, 403),
    r"(?i)token exchange failed.*status 40[0-3]|invalid_(request|grant|token)",
)
NOT_HERE = Skip("it is a matter between Keycloak and its clients")


def api(reason: str, words: str) -> Expect:
    """Build the refusal of the API server, whose reason stands in its log."""
    return Expect("401, " + words, (401,), reason)


def row(
    row_id: str,
    title: str,
    group: str,
    what: str,
    keycloak: Rule,
    mcp_server: Rule,
    kube_apiserver: Rule,
    needs: Sequence[str] = (),
) -> Row:
    """Write a row with a cell in each column."""
    cells = {"keycloak": keycloak, "mcp_server": mcp_server, "kube_apiserver": kube_apiserver}
    return Row(row_id, title, group, what, cells, frozenset(needs))


ROWS: tuple[Row, ...] = (
    row(
        "no_token",
        "No token",
        FORGED,
        "the same request with no Authorization header",
        Expect("400, subject_token is missing", (400,), r"(?i)subject_token"),
        Expect("401, missing_token", (401,), r"(?i)missing_token|token required"),
        Expect("401, or 403 as system:anonymous", (401, 403), r"(?i)system:anonymous|unauthorized|^$"),
    ),
    row(
        "garbage",
        "Garbage",
        FORGED,
        "a text that is no token",
        KEYCLOAK_REFUSES,
        MCP_REFUSES,
        api(r"invalid bearer token", "no authenticator knows it"),
    ),
    row(
        "tampered",
        "Tampered payload",
        FORGED,
        "one claim rewritten, the signature kept",
        KEYCLOAK_REFUSES,
        MCP_REFUSES,
        api(r"oidc: verify token: .*signature", "the signature does not fit"),
    ),
    row(
        "empty_signature",
        "Empty signature",
        FORGED,
        "the signature cut off",
        KEYCLOAK_REFUSES,
        MCP_REFUSES,
        api(r"oidc: verify token: .*(signature|malformed)", "the signature does not fit"),
    ),
    row(
        "unknown_key",
        "Unknown key",
        FORGED,
        "signed by a key that the issuer never published",
        KEYCLOAK_REFUSES,
        MCP_REFUSES,
        api(r"oidc: verify token: .*signature", "no key verifies it"),
    ),
    row(
        "alg_none",
        "alg none",
        FORGED,
        "a header that says no signature is needed",
        # 26.4 finds no verifier for the algorithm and answers 500; nothing is issued.
        Expect("400 or 500, algorithm not known", (400, 401, 500), r"(?i)invalid|unknown_error"),
        MCP_REFUSES,
        api(r"oidc: verify token: .*(alg|signature|malformed)", "algorithm not allowed"),
    ),
    row(
        "hs256_public_key",
        "HS256 with the public key",
        FORGED,
        "the issuer's public key used as a shared secret",
        KEYCLOAK_REFUSES,
        MCP_REFUSES,
        api(r"oidc: verify token: .*(alg|signature|malformed)", "algorithm not allowed"),
    ),
    row(
        "embedded_jwk",
        "Embedded key",
        FORGED,
        "signed by an own key that the header brings along",
        KEYCLOAK_REFUSES,
        MCP_REFUSES,
        api(r"oidc: verify token: .*signature", "the key brought along is not trusted"),
    ),
    row(
        "expired",
        "Expired",
        MISPLACED,
        "a good token, sent again after its end (the API server: 12 s after it)",
        KEYCLOAK_REFUSES,
        MCP_REFUSES,
        api(r"oidc: verify token: .*expired", "expired"),
    ),
    row(
        "wrong_audience",
        "Wrong audience",
        MISPLACED,
        "a token of the same person and client for another audience (the API server, without fixtures: for none)",
        Expect("403, not within the token audience", (400, 403), r"(?i)audience"),
        MCP_REFUSES,
        api(r"oidc: verify token: .*audience", "audience not expected"),
        needs=(FIXTURES,),
    ),
    row(
        "wrong_issuer",
        "Wrong issuer",
        MISPLACED,
        "the like token from a second realm of the same Keycloak",
        KEYCLOAK_REFUSES,
        MCP_REFUSES,
        api(r"^\[?invalid bearer token\]?$", "no authenticator for that issuer"),
        needs=(FIXTURES,),
    ),
    row(
        "id_token",
        "ID token",
        MISPLACED,
        "the ID token of the same login",
        Expect("400, not an access token", (400, 403), r"(?i)invalid|access tokens? only|audience"),
        MCP_REFUSES,
        api(r"oidc: verify token: .*audience", "audience not expected"),
    ),
    row(
        "refresh_token",
        "Refresh token",
        MISPLACED,
        "the refresh token of the same login",
        Expect("400, not an access token", (400, 403), r"(?i)invalid|access tokens? only"),
        MCP_REFUSES,
        api(r"oidc: verify token: .*(alg|audience|signature|malformed)", "not signed for others"),
    ),
    row(
        "token_p",
        "Token of the web page (P)",
        MISPLACED,
        "the token that Llama Stack takes",
        Expect("403, not within the token audience", (400, 403), r"(?i)audience"),
        MCP_REFUSES,
        api(r"oidc: verify token: .*audience", "audience not expected"),
        needs=(FIXTURES,),
    ),
    row(
        "token_m",
        "Token of the MCP server (M)",
        MISPLACED,
        "the token that the MCP server takes",
        Skip("this is where M is exchanged: its proper use"),
        Skip("this is where M belongs"),
        api(r"oidc: verify token: .*audience", "audience not expected"),
    ),
    row(
        "token_k",
        "Token of the API server (K)",
        MISPLACED,
        "the token that the API server takes",
        Skip("Keycloak lets a requester exchange its own token again until the session ends: the short life bounds it"),
        MCP_REFUSES,
        Skip("this is where K belongs"),
    ),
    row(
        "service_account_token",
        "Service account token",
        MISPLACED,
        "a token of the MCP server's own ServiceAccount, made for the audience that the hop wants",
        KEYCLOAK_REFUSES,
        MCP_REFUSES,
        api(r"(?i)audience|invalid bearer token", "audience not expected"),
        needs=(CLUSTER,),
    ),
    row(
        "exchange_by_stranger",
        "Exchange by a client outside the audience",
        EXCHANGE,
        "a confidential client that may exchange, but is not in the token's audience",
        Expect("403, not within the token audience", (400, 403), r"(?i)audience"),
        NOT_HERE,
        NOT_HERE,
        needs=(FIXTURES,),
    ),
    row(
        "exchange_by_public_client",
        "Exchange by a public client",
        EXCHANGE,
        "the public client of the login exchanges its own token",
        Expect("400 to 403, not allowed", (400, 401, 403), r"(?i)not (allowed|enabled)|public client|unauthorized"),
        NOT_HERE,
        NOT_HERE,
    ),
    row(
        "exchange_foreign_scope",
        "Exchange for a foreign scope",
        EXCHANGE,
        "the requester asks for a scope that is not its own",
        Expect("400, invalid_scope", (400,), r"(?i)invalid_scope|invalid scopes"),
        NOT_HERE,
        NOT_HERE,
    ),
    row(
        "exchange_without_scope",
        "Exchange without the scope",
        EXCHANGE,
        "the requester asks for the cluster's audience, but not for the scope that leads to it",
        Expect("400, audience not available", (400, 403), r"(?i)audience not available|requested audience|invalid"),
        NOT_HERE,
        NOT_HERE,
    ),
    row(
        "requester_client_credentials",
        "client_credentials by the requester",
        EXCHANGE,
        "the requester asks for a token of its own, with no person",
        Expect("401, not enabled", (400, 401), r"(?i)unauthorized_client|not enabled"),
        NOT_HERE,
        NOT_HERE,
    ),
    row(
        "requester_code_flow",
        "Code flow at the requester",
        EXCHANGE,
        "a browser login at the requester",
        NO_LOGIN_PAGE,
        NOT_HERE,
        NOT_HERE,
    ),
    row(
        "target_client_credentials",
        "client_credentials by the target",
        EXCHANGE,
        "the audience-only client asks for a token",
        Expect(
            "401, service account switched off",
            (400, 401),
            r"(?i)not enabled to retrieve|bearer-only|service account off",
        ),
        NOT_HERE,
        NOT_HERE,
    ),
    row(
        "target_code_flow",
        "Code flow at the target",
        EXCHANGE,
        "a browser login at the audience-only client",
        NO_LOGIN_PAGE,
        NOT_HERE,
        NOT_HERE,
    ),
    row(
        "login_for_cluster",
        "Login that asks for the cluster's scope",
        EXCHANGE,
        "a login at the MCP client asks for the scope that leads to the cluster's audience",
        Expect("302, invalid_scope", (302, 400), r"(?i)invalid_scope|invalid scopes"),
        NOT_HERE,
        NOT_HERE,
    ),
    row(
        "anonymous_registration",
        "Anonymous client registration",
        EXCHANGE,
        "a stranger registers a client",
        Expect("403, refused by policy", (401, 403), r"(?i)policy|insufficient_scope|unauthorized|not allowed|^$"),
        NOT_HERE,
        NOT_HERE,
    ),
    row(
        "wrong_client_secret",
        "Wrong client credential",
        EXCHANGE,
        "the requester's name with a key or secret that is not its own",
        Expect("400 or 401, invalid_client", (400, 401), r"(?i)invalid_client|unauthorized_client|signature"),
        NOT_HERE,
        NOT_HERE,
    ),
    row(
        "session_of_another",
        "Somebody else's MCP session",
        AROUND,
        "one person's session with another's token",
        NOT_HERE,
        Expect(
            "no session to take over, or acts as the sender",
            (200, 400, 404),
            r"^(?!not under).*is forbidden: User|(?i:session not found)",
        ),
        Skip("the API server has no sessions"),
    ),
    row(
        "impersonation_headers",
        "Impersonation headers",
        AROUND,
        "the client adds Impersonate-User, X-Remote-User and the like",
        Skip("Keycloak knows no such headers"),
        Expect("forbidden, under the own name", (200, 403), r"^(?!not under).*is forbidden: User .* cannot"),
        Expect("403, cannot impersonate", (403,), r"(?i)cannot impersonate"),
    ),
    row(
        "foreign_origin",
        "Foreign Origin",
        AROUND,
        "a web page of another origin makes the browser send the request",
        Expect("not readable by that page", (200, 400, 401, 403), r"(?i)no cors|forbidden"),
        Expect("403", (403,), r"(?i)origin|forbidden|^$"),
        Expect("not readable by that page", (200, 201, 401, 403), r"(?i)no cors|forbidden"),
    ),
    row(
        "disabled_person",
        "Disabled person",
        PEOPLE,
        "a person is disabled after the login",
        Expect("400, no exchange", (400, 401, 403), r"(?i)disabled|not active|invalid|session|user"),
        NO_EXCHANGE,
        Skip("Kubernetes has no revocation: a token made before lives to its end, which is why it is short"),
        needs=(FIXTURES,),
    ),
    row(
        "signed_out_person",
        "Signed-out person",
        PEOPLE,
        "a person signs out after the login",
        Expect("400, no exchange", (400, 401, 403), r"(?i)not active|invalid|session|token"),
        NO_EXCHANGE,
        Skip("Kubernetes has no revocation: a token made before lives to its end, which is why it is short"),
        needs=(FIXTURES,),
    ),
    row(
        "group_taken_away",
        "A group taken away",
        PEOPLE,
        "a person loses a group after the login, and the old login token is used again",
        Expect("200, without the group", (200,), r"without the group"),
        Expect("forbidden where it was allowed", (200, 403), r"^(?!not under).*is forbidden: User .* cannot"),
        Expect("the API server sees the person without the group", (201,), r"without the group"),
        needs=(FIXTURES,),
    ),
    row(
        "outage",
        "Keycloak down",
        OUTAGE,
        "Keycloak is scaled to nothing and back",
        Expect("no answer, then the same as before", (0, 502, 503, 504), r"(?i)recovered"),
        Expect("no cluster data, then the same as before", (0, 200, 401, 500, 502, 503, 504), r"(?i)recovered"),
        Skip("the API server keeps the keys that it has: a token made before lives to its end"),
        needs=(CONSENT_OUTAGE,),
    ),
)

BY_ID: dict[str, Row] = {item.id: item for item in ROWS}


# At Keycloak everything else goes through the requester's exchange, the twin too.
NO_REQUESTER = frozenset(
    {
        "requester_code_flow",
        "target_client_credentials",
        "target_code_flow",
        "login_for_cluster",
        "anonymous_registration",
    }
)
# At the MCP server only these need K, or try the exchange as well.
MCP_REQUESTER = frozenset({"token_k", "disabled_person", "signed_out_person", "group_taken_away", "outage"})


def needs_of(item: Row, column: str) -> frozenset[str]:
    """Return what a cell cannot be tried without; the API server takes only K, which the requester gets."""
    if column == "keycloak":
        wanted = item.id not in NO_REQUESTER
    else:
        wanted = column == "kube_apiserver" or item.id in MCP_REQUESTER
    return item.needs | {REQUESTER} if wanted else item.needs


def select(rows: Sequence[str] | None = None) -> tuple[Row, ...]:
    """Return the rows to try, in the order of the report; without its consent a row is there as not tested."""
    return tuple(item for item in ROWS if not rows or item.id in rows)


def select_columns(columns: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the columns to try, in the order of the chain."""
    return tuple(name for name in COLUMNS if not columns or name in columns)
