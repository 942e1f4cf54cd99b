# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""PRIVATE: attempts with wrong tokens: forged ones, and good ones in the wrong place."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from . import forge, jose
from .bench import Attempt, Bench, Trial
from .fixtures import AZP_SCOPE, OTHER_REALM, OTHER_SCOPE, PAGE_SCOPE, PREFIX, PROBES
from .forge import Forger
from .hops import oauth_reason
from .model import Twin, text_of
from .people import PASSWORD, Account
from .target import CannotTry, Stop
from .tries_people import probe

# The API server keeps a verdict on a token for ten seconds; two more for the clocks.
EXPIRY_GRACE: Mapping[str, float] = {"keycloak": 2.0, "mcp_server": 2.0, "kube_apiserver": 12.0}

# What every token, and every login, has of its own.
OWN_CLAIMS = frozenset({"auth_time", "exp", "iat", "jti", "nbf", "session_state", "sid"})


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
    target = bench.target
    if column == "kube_apiserver":
        kind, token = "K", brief_login(bench, [AZP_SCOPE, *target.exchange_scopes])
    else:
        kind, token = "M", brief_login(bench, [target.audience_scope(target.mcp_audience)])
    return None if token is None else (kind, token)


def brief_login(bench: Bench, scopes: Sequence[str]) -> jose.Token | None:
    """Sign in at that client, where it is there and lets somebody in."""
    if bench.fixtures is None or bench.fixtures.brief is None:
        return None
    try:
        return bench.signin.by_password(stand_in(bench), scopes, bench.fixtures.brief).access
    except (CannotTry, Stop):
        return None


def stand_in(bench: Bench) -> Account:
    """Return whose tokens are misused, or a probe user for somebody who cannot be signed in again."""
    return bench.account if bench.account.signin == PASSWORD else probe(bench, PROBES[-1])


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
    if not answer.taken:
        twin = good_now(bench, column, twin)
    return Trial(answer, twin, "the same token, %d s after its end" % late)


def good_now(bench: Bench, column: str, before: Twin) -> Twin:
    """Send a good token in the same moment: a hop that has begun to refuse everybody says nothing of the end."""
    why: list[str] = []
    for account in sorted(bench.accounts, key=lambda item: item is not bench.account):
        try:
            good = bench.signin.kk(account) if column == "kube_apiserver" else bench.signin.m(account)
        except (CannotTry, Stop) as error:
            why.append(str(error))
            continue
        answer = bench.present(column, good.text)
        status = answer.status if before.accepted else before.status
        words = f"{before.kind}, before its end, and a fresh one after it"
        return Twin(words, status, before.accepted and answer.taken)
    raise CannotTry("no good token can be sent beside it: " + "; ".join(why))


def wrong_audience(bench: Bench, column: str) -> Trial:
    """Send a token of the same person and client for another audience."""
    if column != "kube_apiserver":
        return scoped(bench, column, OTHER_SCOPE)
    return foreign_audience(bench, column) or no_audience(bench, column)


def foreign_audience(bench: Bench, column: str) -> Trial | None:
    """Let the client of the fixtures that writes the requester's name give a K for another audience."""
    wrong, good = brief_login(bench, [AZP_SCOPE, OTHER_SCOPE]), short_lived(bench, column)
    if wrong is None or good is None:
        return None
    kind, token = good
    before = bench.present(column, token.text)
    # A cluster may want more of K than that client gives: then it says nothing of the audience.
    if not before.taken:
        return None
    twin = Twin(kind, before.status, before.taken)
    return Trial(bench.present(column, wrong.text), twin, in_place_of(token, wrong))


def no_audience(bench: Bench, column: str) -> Trial:
    """Exchange for nobody: the requester alone cannot get a token for another audience."""
    _kind, good = bench.good(column)
    answer = bench.keycloak.exchange(bench.signin.m(bench.account).text, audience="", scopes=())
    if not answer.taken:
        raise CannotTry(f"an exchange with no scope and no audience answered {answer.reason}")
    wrong = jose.read(answer.token)
    return bench.against(column, wrong.text, in_place_of(good, wrong))


def in_place_of(good: jose.Token, wrong: jose.Token) -> str:
    """Say which audience stands in place of which, and whatever else differs."""
    wanted, found = (text_of(token.claims.get("aud") or []) for token in (good, wrong))
    differs = forge.differences(good, wrong.text) - {"claim:aud", "signature"}
    names = {name.rpartition(":")[2] for name in differs}
    words = f"aud {found} in place of {wanted}"
    if names - OWN_CLAIMS:
        words += ", with it " + ", ".join(sorted(names - OWN_CLAIMS))
    if names & OWN_CLAIMS:
        words += "; its own: " + ", ".join(sorted(names & OWN_CLAIMS))
    return words


def scoped(bench: Bench, column: str, scope: str, words: str = "") -> Trial:
    """Sign in for another audience, and send that token; a probe user stands in for who cannot be signed in again."""
    bench.made()
    account = stand_in(bench)
    wrong = bench.signin.by_password(account, [scope]).access
    kind, good = ("K", bench.signin.kk(account)) if column == "kube_apiserver" else ("M", bench.signin.m(account))
    before = bench.present(column, good.text)
    twin = Twin(kind, before.status, before.taken)
    return Trial(bench.present(column, wrong.text), twin, words or in_place_of(good, wrong))


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
