# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""Waits for objects until they say that they are done, and tells why when they do not get there."""

from __future__ import annotations

import dataclasses
import time
import typing as t

from .client import Client, compile_expression
from .errors import ClusterError, KindUnknown, WaitFailed
from .plan import Object, Ref
from .progress import Progress
from .redact import redact_text
from .status_contract import Row, row_for

PAUSE_FIRST, PAUSE_MOST = 0.25, 3.0


@dataclasses.dataclass(frozen=True)
class Wait:
    """What is waited for on one object."""

    ref: Ref
    until: tuple[str, ...]
    fail: tuple[str, ...] = ()
    timeout: float | None = None
    row: Row | None = None


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What an object says of itself now: done, failed (with the expression that said so) or in progress."""

    state: str
    why: str = ""


def of_kind(ref: Ref, row: Row) -> Wait:
    return Wait(ref, row.until, row.fail, None, row)


def judge(wait: Wait, live: Object | None, lookup: t.Callable[[Ref], Object | None] | None = None) -> Verdict:
    """Pure but for lookup, which fetches the related objects of a row."""
    if live is None:
        return Verdict("in progress", "it is not there yet")
    for text in wait.fail:
        if truth(compile_expression(text)(live)):
            return Verdict("failed", text)
    for text in wait.until:
        if not truth(compile_expression(text)(live)):
            return Verdict("in progress", _said(wait, live) or "not yet: " + text)
    for related in wait.row.also if wait.row else ():
        name = compile_expression(related.name)(live)
        namespace = compile_expression(related.namespace)(live) if related.namespace else ""
        row = row_for(related.api_version, related.kind)
        if not name or row is None or lookup is None:
            continue
        ref = Ref(related.api_version, related.kind, str(namespace or ""), str(name))
        verdict = judge(of_kind(ref, row), lookup(ref), lookup)
        if verdict.state != "done":
            return Verdict(verdict.state, "%s: %s" % (ref, verdict.why))
    return Verdict("done")


def truth(value: t.Any) -> bool:
    """JMESPath's truth: null, false, and everything empty is false; 0 is true."""
    return value is not None and value is not False and value not in ("", [], {})


def _said(wait: Wait, live: Object) -> str:
    if wait.row is None or not wait.row.in_progress:
        return ""
    value = compile_expression(wait.row.in_progress)(live)
    return str(value) if truth(value) else ""


def wait_all(
    client: Client,
    waits: t.Sequence[Wait],
    known: dict[Ref, Object],
    timeout: float,
    progress: Progress,
) -> float:
    """Waits for all, against one deadline. known are objects as they came from the last request: asked first."""
    start = time.monotonic()
    pending = list(waits)
    live: dict[Ref, Object | None] = dict(known)
    asked = set(known)
    pause = PAUSE_FIRST
    while True:
        left: list[tuple[Wait, Verdict]] = []
        for wait in pending:
            if wait.ref not in asked:
                live[wait.ref] = _get(client, wait.ref)
            verdict = judge(wait, live[wait.ref], lambda ref: _get(client, ref))
            if verdict.state == "failed":
                raise _failed(client, wait, live[wait.ref], verdict, time.monotonic() - start)
            if verdict.state != "done":
                left.append((wait, verdict))
        asked = set()
        spent = time.monotonic() - start
        if not left:
            return spent
        for wait, verdict in left:
            limit = timeout if wait.timeout is None else min(timeout, wait.timeout)
            if spent >= limit:
                raise _timed_out(client, wait, live[wait.ref], verdict, limit)
        progress.say("waiting for %s: %s" % (left[0][0].ref, left[0][1].why))
        pending = [wait for wait, _verdict in left]
        time.sleep(min(pause, max(0.05, timeout - spent)))
        pause = min(PAUSE_MOST, pause * 1.4)


def wait_gone(client: Client, refs: t.Sequence[Ref], timeout: float, progress: Progress) -> float:
    """Waits until deleted objects are gone, finalizers and all."""
    start = time.monotonic()
    pending = list(refs)
    pause = PAUSE_FIRST
    while True:
        still = [(ref, _get(client, ref)) for ref in pending]
        left = [(ref, live) for ref, live in still if live is not None]
        spent = time.monotonic() - start
        if not left:
            return spent
        ref, live = left[0]
        if spent >= timeout:
            finalizers = ((live or {}).get("metadata") or {}).get("finalizers") or []
            raise WaitFailed(
                "%s was deleted %d s ago and is still there (finalizers: %s).%s"
                % (ref, spent, ", ".join(finalizers) or "none", _events(client, ref)),
                reason="Timeout",
                hint="See who owns the finalizers, or raise wait_timeout.",
            )
        progress.say("waiting for %s to be gone" % str(ref))
        pending = [one for one, _live in left]
        time.sleep(pause)
        pause = min(PAUSE_MOST, pause * 1.4)


def _get(client: Client, ref: Ref) -> Object | None:
    try:
        return client.get(ref.api_version, ref.kind, ref.name, ref.namespace or None)
    except KindUnknown:
        client.forget_kinds()
        return None


# -- why not ---------------------------------------------------------------------------------------------------------


def _hint(wait: Wait) -> str:
    text = wait.row.hint if wait.row else ""
    return text.replace("NAMESPACE", wait.ref.namespace or "NAMESPACE")


def _failed(client: Client, wait: Wait, live: Object | None, verdict: Verdict, spent: float) -> WaitFailed:
    return WaitFailed(
        "%s failed after %d s (%s). %s" % (wait.ref, spent, verdict.why, report(client, wait.ref, live)),
        reason="Failed",
        hint=_hint(wait),
    )


def _timed_out(client: Client, wait: Wait, live: Object | None, verdict: Verdict, limit: float) -> WaitFailed:
    return WaitFailed(
        "%s was not ready within %d s (%s). %s" % (wait.ref, limit, verdict.why, report(client, wait.ref, live)),
        reason="Timeout",
        hint=(_hint(wait) + " If it is only slow, raise wait_timeout.").strip(),
    )


def report(client: Client, ref: Ref, live: Object | None) -> str:
    """The last conditions, events and pods of an object, redacted, in one line of text."""
    if live is None:
        return "It does not exist."
    parts = []
    conditions = (live.get("status") or {}).get("conditions") or []
    said = [
        "%s=%s%s" % (c.get("type") or c.get("phase"), c.get("status", ""), _because(c))
        for c in conditions[-8:]
        if isinstance(c, dict)
    ]
    if said:
        parts.append("Conditions: " + "; ".join(said) + ".")
    events = _events(client, ref)
    if events:
        parts.append(events.strip())
    try:
        parts += _pods(client, ref, live)
    except ClusterError as exc:
        parts.append("Its pods could not be read (%s)." % exc.reason)
    return redact_text(" ".join(parts) or "It has no conditions and no events.")


def _because(condition: Object) -> str:
    text = ": ".join(str(condition[key]) for key in ("reason", "message") if condition.get(key))
    return " (%s)" % text[:300] if text else ""


def _events(client: Client, ref: Ref) -> str:
    selector = "involvedObject.name=%s,involvedObject.kind=%s" % (ref.name, ref.kind)
    try:
        found = client.list("v1", "Event", ref.namespace or "default", field_selector=selector)
    except ClusterError:
        return ""
    found.sort(key=lambda item: str(item.get("lastTimestamp") or item.get("eventTime") or ""))
    texts = ["%s: %s" % (item.get("reason"), str(item.get("message"))[:300]) for item in found[-4:]]
    return redact_text(" Events: " + "; ".join(texts) + ".") if texts else ""


def _last_words(client: Client, namespace: str, pod: str, container: str) -> str:
    """The end of the log of a container that ended, redacted."""
    path = "/api/v1/namespaces/%s/pods/%s/log?container=%s&previous=true&tailLines=3" % (namespace, pod, container)
    try:
        status, answer = client.request("GET", path)
    except ClusterError:
        return ""
    text = " / ".join(str(answer.get("text") or "").split("\n")).strip(" /")
    return "its last words were: " + redact_text(text)[-500:] if status == 200 and text else ""


def _pods(client: Client, ref: Ref, live: Object) -> list[str]:
    labels = ((live.get("spec") or {}).get("selector") or {}).get("matchLabels") if ref.kind != "Service" else None
    if not labels or not isinstance(labels, dict):
        return []
    selector = ",".join("%s=%s" % pair for pair in sorted(labels.items()))
    out = []
    for pod in client.list("v1", "Pod", ref.namespace, label_selector=selector)[:3]:
        status = pod.get("status") or {}
        name = pod["metadata"]["name"]
        troubles = []
        for container in (status.get("initContainerStatuses") or []) + (status.get("containerStatuses") or []):
            state = container.get("state") or {}
            last = (container.get("lastState") or {}).get("terminated") or {}
            for word in ("waiting", "terminated"):
                if word in state and state[word].get("reason") != "Completed":
                    troubles.append("%s %s%s" % (container.get("name"), word, _because(state[word])))
            if last:
                troubles.append(
                    "%s ended before with %s%s" % (container.get("name"), last.get("exitCode"), _because(last))
                )
                troubles.append(_last_words(client, ref.namespace, name, str(container.get("name"))))
            if "running" in state and not container.get("ready"):
                troubles.append("%s runs and is not ready" % container.get("name"))
        events = _events(client, Ref("v1", "Pod", ref.namespace, name))
        out.append(
            "Pod %s is %s%s.%s"
            % (name, status.get("phase"), ", " + "; ".join(filter(None, troubles)) if troubles else "", events)
        )
    return out or ["It has no pods."]
