# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
# What the module keycloak_token_exchange does.

from __future__ import annotations

from typing import Any

from . import canonical, read
from .errors import KeycloakError
from .exchange import Client, audience_list, claims_of, exchange
from .module import KeycloakModule, Reader, Say
from .session import Session


def run(module: KeycloakModule, reader: Reader, say: Say) -> None:
    params = module.params
    subject: dict[str, Any] = {}
    try:
        if params["return_token"] and not module.no_log:
            raise KeycloakError(
                "return_token: true puts a token into the result.", "input", hint="Set no_log: true on the task."
            )
        module.resolve(reader, "subject_token", "client_secret", "client_key")
        if not params["subject_token"]:
            raise KeycloakError("There is no subject token: give subject_token or subject_token_from.", "input")
        if not params["client_secret"] and not params["client_key"]:
            raise KeycloakError(
                "The requester cannot prove who it is: give client_secret(_from) or client_key(_from).", "input"
            )
        subject = claims_of(params["subject_token"])
        client = Client(params["client_id"], params["client_secret"], params["client_key"])
        with module.open(reader, say) as session:
            try:
                done = exchange(
                    session,
                    params["realm"],
                    client,
                    params["subject_token"],
                    params["audience"],
                    params["scopes"],
                    params["requested_token_type"],
                )
            except KeycloakError as error:
                error.hint = (error.hint + " " + _who_adds(module, session, error, subject)).strip()
                raise
    except KeycloakError as error:
        module.fail_keycloak(error, subject_claims=subject)
    result: dict[str, Any] = {
        "changed": False,
        "claims": done.claims,
        "subject_claims": done.subject,
        "expires_in": done.expires_in,
        "scope": done.scope,
        "refresh_token_issued": done.refresh,
    }
    if params["return_token"]:
        module.no_log_values.discard(done.token)
        result["token"] = done.token
    module.exit_json(**result)


def _who_adds(module: KeycloakModule, session: Session, error: KeycloakError, subject: dict[str, Any]) -> str:
    """With an administrator's credential at hand: which scopes would add the missing audience."""
    params = module.params
    text = error.message.lower()
    if not (params["auth_client_secret"] or params["auth_username"] or params["token"]):
        return ""
    if "not within the token audience" in text:
        missing = [params["client_id"]]
    elif "requested audience not available" in text:
        missing = params["audience"]
    else:
        return ""
    try:
        scopes = session.get(read.base(params["realm"]) + "/client-scopes")
    except KeycloakError:
        return ""
    found = []
    for audience in missing:
        names = [item["name"] for item in scopes if audience in canonical.audiences(canonical.client_scope(item))]
        found.append("{} is added by {}".format(audience, "scope " + ", ".join(names) if names else "no scope"))
    had = audience_list(subject)
    return "In this realm {} (the subject token has {}).".format("; ".join(found), ", ".join(had) or "no audience")
