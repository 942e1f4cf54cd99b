# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
#
# PRIVATE: for the modules of this collection only; may change without notice.
"""Who the API server takes somebody for: ourselves (which must not hang on the login that is changed), and a person."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from typing import Any, Protocol

from .problems import Problem, problem

REVIEW = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
BODY = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
#: Answers of an API server that is busy or starting: they say nothing about who asks.
BUSY = (429, 500, 502, 503, 504)
PATIENCE = 60.0
CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"


class Client(Protocol):
    """The part of _cluster.client.Client that is used here."""

    def credential(self) -> dict[str, str]:
        """The kind of our credential, and the issuer of a JWT."""
        raise NotImplementedError

    def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, token: str | None = None
    ) -> tuple[int, dict[str, Any]]:
        """A raw request: status and body."""
        raise NotImplementedError


def review(client: Client, token: str | None = None) -> tuple[int, dict[str, Any]]:
    """Status, and username, groups, uid and extra as the API server sees them. ``token`` None means ourselves."""
    until = time.monotonic() + PATIENCE
    pause = 0.5
    while True:
        status, body = client.request("POST", REVIEW, body=BODY, token=token)
        if status not in BUSY or time.monotonic() > until:
            break
        # A review changes nothing, so it may be asked again, which the client does not do with a POST.
        time.sleep(random.uniform(pause / 2, pause))
        pause = min(5.0, pause * 2)
    info = ((body.get("status") or {}).get("userInfo") or {}) if status in (200, 201) else {}
    return status, {
        "username": str(info.get("username") or ""),
        "groups": [str(group) for group in info.get("groups") or []],
        "uid": str(info.get("uid") or ""),
        "extra": info.get("extra") or {},
        "message": "" if info else str(body.get("message") or body.get("text") or "")[:500],
    }


def own(client: Client, issuer: str, others: Iterable[str] = ()) -> tuple[dict[str, Any], list[Problem]]:
    """Whether our own credential goes on working when the logins of these issuers do not."""
    credential = client.credential()
    status, info = review(client)
    found = {
        "kind": credential["kind"],
        "username": info["username"],
        "groups": info["groups"],
        "credential_id": "".join((info["extra"].get(CREDENTIAL_ID) or [""])[:1]),
        "outside": False,
    }
    how = (
        "use the installer's kubeconfig, a client certificate (kubeadm: /etc/kubernetes/admin.conf) or a bound "
        "ServiceAccount token for this run"
    )
    if status in BUSY:
        return found, [_busy("own-credential", "credential", status)]
    if status not in (200, 201):
        text = f"the API server does not take the credential of this run (SelfSubjectReview answers {status})."
        return found, [problem("own-credential", "credential", text, how)]
    if credential["issuer"] and credential["issuer"] in (issuer, *others):
        what = "the very login that is changed" if credential["issuer"] == issuer else "a login that is taken out"
        text = f"this run signs in as {info['username']} with a token of {credential['issuer']}, {what}."
        return found, [problem("own-credential", "credential", text, "an error would lock this run out: " + how)]
    if credential["kind"] == "none":
        text = "this run has no credential of its own."
        return found, [problem("own-credential", "credential", text, how)]
    found["outside"] = True
    return found, []


def lacking(missing: Iterable[str]) -> list[Problem]:
    """What our credential may not do, although this run is about to: told before anything is written."""
    words = "; ".join(missing)
    if not words:
        return []
    text = f"the credential of this run lacks the rights to {words}."
    return [problem("own-rights", "credential", text, "grant them, or use a credential that has them")]


def _busy(rule: str, path: str, status: int) -> Problem:
    text = f"the API server is busy (it answers {status} for {PATIENCE:.0f} s), so it does not say who that is."
    return problem(rule, path, text, "run again once the API server is well; its log and load say why it is not")


def compare(info: dict[str, Any], status: int, username: str, groups: Iterable[str] | None) -> list[Problem]:
    """What a person's token became, against what the model says."""
    if status in BUSY:
        return [_busy("person", "token", status)]
    if status not in (200, 201):
        return [
            problem(
                "person",
                "token",
                f"the API server does not take the person's token ({status} {info['message']}).".replace(" )", ")"),
                "compare its iss, aud and azp with the jwt entry; the API server's log names the rule that refused it",
            )
        ]
    found = []
    if username and info["username"] != username:
        text = f"the API server sees {info['username']!r}, the model expects {username!r}."
        found.append(problem("person", "username", text, "correct claimMappings.username or the realm's mapper"))
    if groups is not None:
        has = {group for group in info["groups"] if group != "system:authenticated"}
        if has != set(groups):
            text = f"the API server sees the groups {sorted(has)}, the model expects {sorted(groups)}."
            found.append(problem("person", "groups", text, "correct claimMappings.groups or the realm's mapper"))
    if info["username"].startswith("system:"):
        text = f"the person is the system user {info['username']!r}."
        found.append(problem("person", "username", text, "refuse system: by userValidationRules, or map with a prefix"))
    return found
