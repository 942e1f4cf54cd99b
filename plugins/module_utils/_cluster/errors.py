# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""Typed errors of the cluster layer: what was tried, on what, what the server said, what to do."""

from __future__ import annotations

import typing as t

from .redact import redact_text

FORBIDDEN_HINT = (
    "Give the user of this run the right to {verb} {resource}{where}, or run with another credential "
    "(kubeconfig, context, api_key)."
)


class ClusterError(Exception):
    """A request to the cluster which did not succeed, or could not be made."""

    def __init__(
        self,
        msg: str,
        reason: str = "Error",
        code: int = 0,
        hint: str = "",
        details: dict[str, t.Any] | None = None,
    ) -> None:
        super().__init__(msg)
        self.msg = redact_text(msg)
        self.reason = reason
        self.code = code
        self.hint = hint
        self.details = details or {}

    def __str__(self) -> str:
        return self.msg + (" " + self.hint if self.hint else "")

    def to_result(self) -> dict[str, t.Any]:
        """The dict that a module returns as "error" beside its message."""
        return {"message": self.msg, "reason": self.reason, "code": self.code, "hint": self.hint}


class KindUnknown(ClusterError):
    """The API server does not serve this kind (at this version)."""


class NotThere(ClusterError):
    """404 on a kind that is served: the object, or the namespace it would live in."""


class Conflict(ClusterError):
    """409: somebody else owns a field, or changed the object meanwhile."""


class Forbidden(ClusterError):
    """403: the credential is good, its rights are not enough."""


class Unreachable(ClusterError):
    """No answer at all: name, connection, TLS or time-out."""


class WaitFailed(ClusterError):
    """An object said that it failed, or did not get there in time."""


def _where(namespace: str | None) -> str:
    return " in namespace " + namespace if namespace else " cluster-wide"


def from_status(
    code: int,
    status: dict[str, t.Any],
    tried: str,
    verb: str,
    resource: str,
    namespace: str | None,
) -> ClusterError:
    """Makes the typed error of an answer that is not 2xx. status is the server's Status object."""
    reason = str(status.get("reason") or "HTTP%d" % code)
    said = str(status.get("message") or status.get("text") or "no message")[:2000]
    found = status.get("details")
    details: dict[str, t.Any] = found if isinstance(found, dict) else {}
    msg = "Could not %s: the API server answered %d %s: %s" % (tried, code, reason, said.rstrip(".") + ".")
    make: type[ClusterError] = ClusterError
    hint = ""
    if code == 401:
        hint = (
            "The credential is missing, expired or not known to this cluster: log in again, or check kubeconfig, "
            "context and api_key."
        )
    elif code == 403:
        # The server uses 403 also for quotas and for a namespace that is being deleted.
        make = Forbidden
        if "cannot" in said:
            hint = FORBIDDEN_HINT.format(verb=verb, resource=resource, where=_where(namespace))
        elif "being terminated" in said:
            hint = "Wait until the namespace is gone, then run again."
        elif "quota" in said:
            hint = "Raise the ResourceQuota of the namespace or ask for less."
    elif code == 404:
        make = NotThere
        if details.get("kind") == "namespaces" and resource != "namespaces":
            hint = "Create the namespace first, or put it into the same list of objects, before this one."
    elif code == 409:
        make = Conflict
        hint = _conflict_hint(details)
    elif code == 422:
        if "field is immutable" in said or "updates to statefulset spec" in said:
            hint = (
                "This field can not be changed on an existing object: delete the object (its data stays) and run again."
            )
        else:
            hint = "The server's schema does not take this manifest: correct the fields that it names."
    elif code == 413:
        hint = "The object is larger than the API server takes."
    elif code == 400 or "typed patch object" in said:
        hint = "The manifest has a field of a wrong type: correct what the server names."
    elif code in (429, 500, 502, 503, 504):
        hint = "The API server is overloaded or starting: run again later, it goes on where this one stopped."
    return make(msg, reason=reason, code=code, hint=hint, details=details)


def _conflict_hint(details: dict[str, t.Any]) -> str:
    causes = [c for c in details.get("causes") or [] if c.get("reason") == "FieldManagerConflict"]
    if not causes:
        return "Somebody changed the object at the same moment: run again."
    fields = ", ".join(sorted({str(c.get("field")) for c in causes}))
    return (
        "Another program manages %s and wants other values. Take these fields out of the manifest, stop the other "
        "program, or take them over with force_conflicts: true." % fields
    )


def from_transport(exc: BaseException, server: str, tried: str) -> Unreachable:
    """Makes the error of a request that got no answer. Looks through the chain of causes for the real one."""
    text = " ".join(_deepest(exc).split())
    low = text.lower()
    if "eof occurred" in low or "unexpected_eof" in low or "reset by peer" in low or "remote end closed" in low:
        reason, hint = "ConnectionLost", "The server went away in the middle: is it restarting? Run again."
    elif "certificate" in low or "ssl" in low or "tls" in low:
        reason = "TLSFailed"
        if "self-signed" in low or "self signed" in low or "unable to get local issuer" in low or "unknown ca" in low:
            hint = "The server's certificate is not signed by the given CA: set ca_cert to the CA of this cluster."
        elif "hostname mismatch" in low or "doesn't match" in low or "not valid for" in low:
            hint = "The certificate is for another name: connect by a name that is in it."
        elif "expired" in low:
            hint = "The certificate has expired: renew it, or check this machine's clock."
        else:
            hint = "Check ca_cert, client_cert and client_key, and that the address speaks TLS."
    elif "name or service not known" in low or "nodename nor servname" in low or "name resolution" in low:
        reason, hint = "NameUnknown", "This host name does not resolve here: check the address, DNS and proxy settings."
    elif "refused" in low:
        reason, hint = "ConnectionRefused", "Nothing listens there: check the address, and that the cluster is running."
    elif "timed out" in low or "timeout" in low:
        reason = "Timeout"
        hint = "No answer in time: check the address, firewall and proxy, or raise request_timeout."
    else:
        reason, hint = "Unreachable", "Check the address, the network and the proxy settings."
    msg = "Could not %s: no answer from the API server %s: %s." % (tried, server, text.rstrip("."))
    return Unreachable(msg, reason=reason, hint=hint)


def _deepest(exc: BaseException) -> str:
    if not getattr(exc, "status", 1):
        # An ApiException without a status: its reason is the text.
        return str(getattr(exc, "reason", exc))
    seen: list[BaseException] = []
    at: t.Any = exc
    while isinstance(at, BaseException) and at not in seen:
        seen.append(at)
        at = getattr(at, "reason", None) if isinstance(getattr(at, "reason", None), BaseException) else None
        if at is None:
            at = seen[-1].__cause__ or (seen[-1].args[-1] if seen[-1].args else None)
    return str(seen[-1]) or type(seen[-1]).__name__
