# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""PRIVATE: attempts with wrong tokens: forged ones, and good ones in the wrong place."""

from __future__ import annotations

import time
from collections.abc import Mapping

from . import jose
from .bench import Attempt, Bench, Trial
from .fixtures import AZP_SCOPE, OTHER_REALM, OTHER_SCOPE, PAGE_SCOPE, PREFIX, PROBES
from .forge import Forger
from .hops import oauth_reason
from .model import Twin
from .people import PASSWORD
from .target import CannotTry, Stop
from .tries_people import probe

# The API server keeps a verdict on a token for ten seconds; two more for the clocks.
EXPIRY_GRACE: Mapping[str, float] = {"keycloak": 2.0, "mcp_server": 2.0, "kube_apiserver": 12.0}


def forged(row: str) -> Attempt:
    """Build the attempt with a forged token."""

    def attempt(bench: Bench, column: str) -> Trial:
        kind, token = bench.good(column)
        before = bench.present(column, token.text)
        try:
            wrong = bench.forger.make(row, token)
        except jose.JoseError as error:
            raise CannotTry(f"could not forge it: {error}") from error
        return Trial(bench.present(column, wrong.text), Twin(kind, before.status, before.taken), wrong.difference)

    return attempt


def keep_early(bench: Bench, column: str) -> None:
    """Put a good token aside, to send it again after its end: one that ends soon, where a hop takes that."""
    for choose in (short_lived, Bench.good):
        found = choose(bench, column)
        if found is None:
            continue
        kind, token = found
        answer = bench.present(column, token.text)
        bench.early[column] = (token, Twin(kind, answer.status, answer.taken))
        if answer.taken:
            return


def short_lived(bench: Bench, column: str) -> tuple[str, jose.Token] | None:
    """Sign in for the audience of a hop at the client of the fixtures whose tokens end soon."""
    if bench.fixtures is None or bench.fixtures.brief is None:
        return None
    account = bench.account if bench.account.signin == PASSWORD else probe(bench, PROBES[-1])
    target = bench.target
    kind, scopes = "M", [target.audience_scope(target.mcp_audience)]
    if column == "kube_apiserver":
        kind, scopes = "K", [AZP_SCOPE, *target.exchange_scopes]
    try:
        return kind, bench.signin.by_password(account, scopes, bench.fixtures.brief).access
    except (CannotTry, Stop):
        return None


def expiry(bench: Bench, column: str) -> float:
    """Return when a token that was put aside has to be refused."""
    if column not in bench.early:
        return 0.0
    return bench.early[column][0].expires + EXPIRY_GRACE[column]


def expired(bench: Bench, column: str) -> Trial:
    """Send a token again after its end."""
    if column not in bench.early:
        raise CannotTry("no token was put aside")
    token, twin = bench.early[column]
    late = time.time() - token.expires
    if late < EXPIRY_GRACE[column]:
        raise CannotTry("the token lives %d s longer than this run waits (expiry_wait)" % -late)
    answer = bench.present(column, token.text)
    return Trial(answer, twin, "the same token, %d s after its end" % late)


def wrong_audience(bench: Bench, column: str) -> Trial:
    """Send a token of the same session for another audience."""
    if column == "kube_apiserver":
        account = bench.account
        answer = bench.keycloak.exchange(bench.signin.m(account).text, audience="", scopes=())
        if not answer.taken:
            raise CannotTry(f"an exchange with no scope and no audience answered {answer.reason}")
        audience = jose.read(answer.token).claims.get("aud", "none")
        return bench.against(column, answer.token, f"aud {audience} in place of {bench.target.cluster_audience}")
    words = f"aud {OTHER_SCOPE} in place of {bench.target.mcp_audience}"
    return scoped(bench, column, OTHER_SCOPE, words)


def scoped(bench: Bench, column: str, scope: str, words: str) -> Trial:
    """Sign in for another audience, and send that token; a probe user stands in for who cannot be signed in again."""
    bench.made()
    account = bench.account if bench.account.signin == PASSWORD else probe(bench, PROBES[-1])
    wrong = bench.signin.by_password(account, [scope]).access
    kind, good = ("K", bench.signin.kk(account)) if column == "kube_apiserver" else ("M", bench.signin.m(account))
    before = bench.present(column, good.text)
    return Trial(bench.present(column, wrong.text), Twin(kind, before.status, before.taken), words)


def wrong_issuer(bench: Bench, column: str) -> Trial:
    """Send a token of a second realm that says the same."""
    fixtures = bench.made()
    client = bench.target.requester if column == "kube_apiserver" else bench.target.verifier
    url = f"{bench.target.keycloak_url}/realms/{OTHER_REALM}/protocol/openid-connect/token"
    fields: dict[str, str] = {
        "grant_type": "password",
        "client_id": client,
        "username": PREFIX,
        "password": fixtures.other_password,
        "scope": "openid",
    }
    reply = bench.keycloak.wire.form(url, fields)
    token = reply.json().get("access_token")
    if not isinstance(token, str):
        raise CannotTry(f"the second realm gave no token: {oauth_reason(reply)}")
    return bench.against(column, token, "iss of a second realm, with its key and its sub")


def id_token(bench: Bench, column: str) -> Trial:
    """Send the ID token of the login."""
    token = bench.signin.whole(bench.account).id_token
    if not token:
        raise CannotTry("the login gave no ID token")
    return bench.against(column, token, "the ID token in place of the access token")


def refresh_token(bench: Bench, column: str) -> Trial:
    """Send the refresh token of the login."""
    token = bench.signin.whole(bench.account).refresh_token
    if not token:
        raise CannotTry("the login gave no refresh token")
    return bench.against(column, token, "the refresh token in place of the access token")


def token_p(bench: Bench, column: str) -> Trial:
    """Send the token that opens Llama Stack."""
    return scoped(bench, column, PAGE_SCOPE, f"P, aud {bench.target.page_audience}")


def token_m(bench: Bench, column: str) -> Trial:
    """Send the token of the MCP server."""
    return bench.against(column, bench.signin.m(bench.account).text, f"M, aud {bench.target.mcp_audience}")


def token_k(bench: Bench, column: str) -> Trial:
    """Send the token of the API server."""
    return bench.against(column, bench.signin.kk(bench.account).text, f"K, aud {bench.target.cluster_audience}")


def service_account_token(bench: Bench, column: str) -> Trial:
    """Send a token of the MCP server's own ServiceAccount."""
    audiences = {
        "keycloak": bench.target.requester,
        "mcp_server": bench.target.mcp_audience,
        "kube_apiserver": bench.target.cluster_audience,
    }
    name, namespace = service_account(bench)
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"audiences": [audiences[column]], "expirationSeconds": 600},
    }
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
    status, data = bench.asked().request("POST", path, body)
    found = data.get("status")
    token = found.get("token") if isinstance(found, dict) else None
    if status != 201 or not isinstance(token, str):
        raise CannotTry("no token for ServiceAccount {}: {} {}".format(name, status, data.get("message", "")))
    return bench.against(column, token, f"ServiceAccount {name}, aud {audiences[column]}")


def service_account(bench: Bench) -> tuple[str, str]:
    """Return the ServiceAccount of the MCP server, and its namespace."""
    return "ocp-mcp", bench.target.agents_namespace


ATTEMPTS: dict[str, Attempt] = {
    **{row: forged(row) for row in sorted(Forger.rows())},
    "expired": expired,
    "wrong_audience": wrong_audience,
    "wrong_issuer": wrong_issuer,
    "id_token": id_token,
    "refresh_token": refresh_token,
    "token_p": token_p,
    "token_m": token_m,
    "token_k": token_k,
    "service_account_token": service_account_token,
}
