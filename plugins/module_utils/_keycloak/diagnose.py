# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
# From an exception or an answer to what a person can do about it.

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from .errors import KeycloakError
from .redact import Redactor

# The first part of a path below the realm -> the roles of client realm-management that read and write it.
_ROLES = {
    "clients": ("view-clients", "manage-clients"),
    "client-scopes": ("view-clients", "manage-clients"),
    "default-default-client-scopes": ("view-clients", "manage-realm"),
    "default-optional-client-scopes": ("view-clients", "manage-realm"),
    "users": ("view-users", "manage-users"),
    "groups": ("view-users", "manage-users"),
    "roles": ("view-realm", "manage-realm"),
    "roles-by-id": ("view-realm", "manage-realm"),
    "": ("view-realm", "manage-realm"),
}


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    todo: list[BaseException] = [error]
    while todo:
        current = todo.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        for other in (current.__cause__, current.__context__, getattr(current, "reason", None)):
            if isinstance(other, BaseException):
                todo.append(other)
        todo.extend(argument for argument in current.args if isinstance(argument, BaseException))


def connection_error(error: BaseException, url: str, method: str, path: str) -> tuple[KeycloakError, bool]:
    """The error to show, and whether trying again can help."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    where = f"{host}:{port}"
    last = ""
    for cause in _chain(error):
        last = f"{type(cause).__name__}: {cause}"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _certificate_error(cause, where, method, path), False
        if isinstance(cause, ssl.SSLError) and "WRONG_VERSION_NUMBER" in str(cause):
            return (
                KeycloakError(
                    f"{where} does not speak TLS.",
                    "tls",
                    None,
                    "Check the port and the scheme of auth_keycloak_url.",
                    method,
                    path,
                ),
                False,
            )
        if isinstance(cause, socket.gaierror):
            temporary = cause.errno == socket.EAI_AGAIN
            return (
                KeycloakError(
                    f"The host {host} does not resolve.",
                    "name_resolution",
                    None,
                    "Check auth_keycloak_url, or the name service (hosts file) of the machine that runs the play.",
                    method,
                    path,
                ),
                temporary,
            )
        if isinstance(cause, ConnectionRefusedError):
            return (
                KeycloakError(
                    f"Nothing listens at {where} (connection refused).",
                    "connection_refused",
                    None,
                    "Check that Keycloak runs and that the port is right.",
                    method,
                    path,
                ),
                True,
            )
    timed_out = any("timed out" in str(cause) for cause in _chain(error))
    return (
        KeycloakError(
            "{} gave no answer{}.".format(where, " in time" if timed_out else " (connection lost)"),
            "timeout" if timed_out else "connection_lost",
            None,
            "" if timed_out else "Cause: {}".format(re.sub(r"\s+", " ", last)[:200]),
            method,
            path,
        ),
        True,
    )


def _certificate_error(cause: ssl.SSLCertVerificationError, where: str, method: str, path: str) -> KeycloakError:
    code = cause.verify_code
    text = cause.verify_message or str(cause)
    if code == 10:
        message, reason, hint = "The certificate of {0} has expired.", "certificate_expired", "Renew it."
    elif code == 9:
        message, reason, hint = "The certificate of {0} is not yet valid.", "certificate_not_yet", "Check the clocks."
    elif code in (62, 63, 64) or "mismatch" in text or "not valid for" in text:
        message, reason, hint = (
            "The certificate of {0} is for another name (" + text.replace("{", "").replace("}", "") + ").",
            "certificate_name",
            "Use the name that the certificate has, or have one made for this name.",
        )
    elif code in (18, 19, 20, 21, 27):
        message, reason, hint = (
            "The given CA does not sign the certificate of {0} (" + text.replace("{", "").replace("}", "") + ").",
            "certificate_ca",
            "Give the CA that does, as auth_ca_cert or auth_ca_cert_from.",
        )
    else:
        message, reason, hint = "The certificate of {0} is refused (" + text + ").", "certificate", ""
    return KeycloakError(message.replace("{0}", where), reason, None, hint, method, path)


def _said(data: Any) -> str:
    if isinstance(data, dict):
        parts = [str(data[key]) for key in ("error", "errorMessage", "error_description", "message") if data.get(key)]
        if data.get("field"):
            parts.append("field {}".format(data["field"]))
        if data.get("params"):
            parts.append(str(data["params"]))
        if isinstance(data.get("errors"), list):
            parts.extend(_said(item) for item in data["errors"][:5])
        return ": ".join(parts) if parts else json.dumps(data)[:500]
    return str(data or "")[:500]


def server_error(method: str, path: str, status: int, data: Any, who: str, redactor: Redactor) -> KeycloakError:
    said = redactor.text(_said(data))
    message = "{} {} was answered {}{}".format(method, path, status, ": " + said if said else ".")
    reason = {400: "bad_request", 401: "unauthorized", 403: "forbidden", 404: "not_found", 409: "conflict"}.get(
        status, "server_error" if status >= 500 else "refused"
    )
    hint = ""
    if status == 403:
        hint = _missing_right(method, path, who)
    elif status == 401:
        hint = f"{who[:1].upper() + who[1:]} got a fresh token and it is refused as well."
    return KeycloakError(message, reason, status, hint, method, path)


def _missing_right(method: str, path: str, who: str) -> str:
    match = re.match(r"admin/realms(?:/([^/]+)(?:/([^/]+))?)?", path)
    if not match:
        return f"{who[:1].upper() + who[1:]} has no right to this."
    realm, part = match.group(1), match.group(2) or ""
    if realm is None:
        return f"{who[:1].upper() + who[1:]} lacks the role create-realm of realm master."
    read, write = _ROLES.get(part, _ROLES[""])
    role = read if method == "GET" else write
    return f"{who[:1].upper() + who[1:]} lacks the role {role} (client realm-management of realm {realm}, or client {realm}-realm of realm master)."


def login_error(error: Any, url: str, who: str, realm: str, redactor: Redactor) -> KeycloakError:
    """From python-keycloak's exception at the token endpoint."""
    code = error.response_code if isinstance(error.response_code, int) else None
    body = error.response_body or b""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body)
    try:
        data: Any = json.loads(text)
    except ValueError:
        data = text
    said = redactor.text(_said(data))
    name = data.get("error") if isinstance(data, dict) else ""
    message = "Keycloak {} refuses the login of {}: {}".format(url.rstrip("/"), who, said or code)
    hint, reason = "", "login"
    if code == 404:
        message = "Keycloak {} has no realm {} to log in at (or the URL lacks a path).".format(url.rstrip("/"), realm)
        hint = "Check auth_realm and auth_keycloak_url."
    elif name in ("invalid_client", "unauthorized_client") or code == 401:
        reason = "wrong_credential"
        hint = "Check the client id and its secret, that the client has a service account, and the user's password."
    elif name == "invalid_grant":
        reason = "wrong_credential"
        hint = "Check the user's name, password and that the account is enabled and fully set up."
    elif code is not None and code >= 500:
        reason = "server_error"
    return KeycloakError(message, reason, code, hint, "POST", f"realms/{realm}/protocol/openid-connect/token")
