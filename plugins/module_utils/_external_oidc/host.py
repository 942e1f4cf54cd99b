# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
#
# PRIVATE: for the modules of this collection only; may change without notice.
"""What the module authentication_config does on a control-plane host: plan first, then the same plan written."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from . import kubernetes, reader
from .hostfile import HostFile, HostFileError
from .kubernetes import Config
from .problems import Problem, as_text
from .validate import only_of, validate


@dataclass
class Wanted:
    """The options of the module, typed."""

    path: str
    state: str
    jwt: list[dict[str, Any]] = field(default_factory=list)
    remove_issuers: list[str] = field(default_factory=list)
    api_version: str | None = None
    minor: int = 34
    confirm_within: int = 0
    watch_timeout: int = 20
    sha256: str | None = None


class Refused(Exception):
    """The file would not be taken by the API server, or is not ours to write."""

    def __init__(self, message: str, reason: str, fix: str, problems: list[Problem] | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.fix = fix
        self.problems = problems or []


@dataclass
class Plan:
    """What is there, what shall be there, and how they differ."""

    before: Config | None
    after: Config | None
    content: bytes | None
    sha256_before: str
    sha256_after: str
    changes: list[dict[str, str]]

    @property
    def text(self) -> str:
        return (self.content or b"").decode("utf-8", "replace")

    @property
    def changed(self) -> bool:
        return bool(self.changes)

    def diff(self, path: str) -> dict[str, str]:
        return {
            "before_header": path,
            "after_header": path,
            "before": _text(self.before),
            "after": _text(self.after),
        }


def plan(wanted: Wanted, current: bytes | None) -> Plan:
    """The same for check mode and for the run. Raises with every problem at once."""
    try:
        before = None if current is None else kubernetes.check_mergeable(reader.parse(current))
        if wanted.state == "absent":
            gone = [kubernetes.issuer_url(entry) for entry in wanted.jwt] + wanted.remove_issuers
            after = None if before is None else kubernetes.merge(before, [], gone, wanted.api_version)
        else:
            after = kubernetes.merge(before, wanted.jwt, wanted.remove_issuers, wanted.api_version)
    except kubernetes.Unmergeable as exc:
        raise Refused(f"{wanted.path}: {exc}", "unmergeable", exc.fix) from exc
    digest = "" if current is None else kubernetes.sha256(current)
    if kubernetes.equal(before, after):
        # The file stays byte for byte: rewriting the same meaning would make every API server load it again.
        return Plan(before, before, current, digest, digest, [])
    if wanted.state == "present" and after is not None:
        found = validate(after, wanted.minor)
        ours = only_of(found, after, [kubernetes.issuer_url(entry) for entry in wanted.jwt])
        # CEL is only looked at here, not compiled: no reason to refuse an entry of others, which may be live for years.
        problems = [one for one in found if one["rule"] != "cel" or one in ours]
        if problems:
            raise Refused(
                f"the API server would refuse this AuthenticationConfiguration:\n{as_text(problems)}",
                "invalid",
                "correct what is listed; nothing was written",
                problems,
            )
    content = kubernetes.render(after or kubernetes.empty())
    return Plan(before, after, content, digest, kubernetes.sha256(content), _changes(before, after))


def check(host: HostFile, wanted: Wanted) -> None:
    """Whether this call may touch the file at all."""
    pending = host.pending()
    if pending is not None and not wanted.confirm_within:
        # Without a deadline the file stays for good, and with it what an earlier run has not proven.
        raise HostFileError(
            f"an earlier change of {wanted.path} waits for its confirmation ({pending.seconds_left} s are left).",
            "pending",
            "confirm it (state: confirmed), take it back (state: reverted), wait until the host does, or set "
            "confirm_within",
        )


def apply(host: HostFile, wanted: Wanted, planned: Plan) -> tuple[Plan, bool]:
    """Writes the plan, with a deadline only where somebody keeps it. The plan that holds, and whether anything changed."""
    if planned.changed and wanted.confirm_within:
        if not host.watched(wanted.watch_timeout):
            raise HostFileError(
                f"nothing on this host would put {wanted.path} back: its timer did not answer in "
                f"{wanted.watch_timeout} s.",
                "not_watched",
                "install the units of the role external_auth (mcp-auth-revert.timer) with AUTH_FILE set to this path, "
                "see that the timer is active, or set confirm_within to 0 to go without a way back",
            )
        # The tick that answered may have been the one that put a file back.
        host.wait_for_revert()
        planned = plan(wanted, host.read())
    if planned.changed and planned.content is not None:
        empty = kubernetes.render(
            kubernetes.empty((planned.after or {}).get("apiVersion") or kubernetes.API_VERSIONS[0])
        )
        host.write(planned.content, wanted.confirm_within, empty, planned.sha256_before)
        return planned, True
    if wanted.confirm_within and host.pending() is not None:
        # An earlier run wrote this and died: this run needs the whole time to prove it.
        host.extend(wanted.confirm_within, planned.sha256_after, planned.sha256_before)
        return planned, True
    return planned, False


def report(host: HostFile) -> dict[str, Any]:
    """The state of the agreement, for the module's result."""
    pending, back = host.pending(), host.reverted()
    return {
        "modified": host.modified(),
        "pending": None
        if pending is None
        else {"deadline": pending.deadline, "seconds_left": pending.seconds_left, "sha256": pending.sha256},
        "reverted": None if back is None else {"at": back.at, "sha256": back.sha256, "why": back.why},
    }


def _changes(before: Config | None, after: Config | None) -> list[dict[str, str]]:
    old = {kubernetes.issuer_url(entry): entry for entry in (before or {}).get("jwt") or []}
    new = {kubernetes.issuer_url(entry): entry for entry in (after or {}).get("jwt") or []}
    changes = []
    if before is None:
        changes.append({"path": "", "operation": "create"})
    elif after is not None and before.get("apiVersion") != after.get("apiVersion"):
        changes.append({"path": "apiVersion", "operation": "update"})
    for url in sorted(set(old) | set(new)):
        if old.get(url) != new.get(url):
            operation = "create" if url not in old else "delete" if url not in new else "update"
            changes.append({"path": f"jwt[{url}]", "operation": operation})
    return changes


def _text(config: Config | None) -> str:
    return "" if config is None else json.dumps(config, indent=2, sort_keys=True) + "\n"
