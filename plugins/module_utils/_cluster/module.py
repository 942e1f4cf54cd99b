# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""From a module's options to the cluster layer and back: the mains of kube_objects, and how any module fails."""

from __future__ import annotations

import base64
import typing as t

from .apply import Options, Outcome, run
from .args import ClusterModule
from .client import Client, connect
from .errors import ClusterError
from .plan import Object, Ref
from .progress import Progress
from .redact import redact
from .status_contract import row_for
from .waits import Wait


def guarded(module: t.Any, work: t.Callable[[], Object]) -> None:
    """Ends the module with what work returns, or with a typed error."""
    try:
        result = work()
    except ClusterError as exc:
        module.fail_json(msg=str(exc), error=exc.to_result())
    else:
        module.exit_json(**result)


def secret_values(objects: t.Iterable[t.Any]) -> set[str]:
    """The values of Secrets in a list of manifests, as they are and decoded."""
    found: set[str] = set()
    for item in objects:
        if not isinstance(item, dict):
            continue
        if item.get("kind") == "List":
            found |= secret_values(item.get("items") or [])
        if item.get("kind") != "Secret":
            continue
        found |= {str(value) for value in (item.get("stringData") or {}).values()}
        for value in (item.get("data") or {}).values():
            found.add(str(value))
            try:
                found.add(base64.b64decode(str(value)).decode("utf-8"))
            except ValueError:
                pass
    return found


def kube_objects(module: ClusterModule) -> None:
    objects = module.params["objects"]
    module.hide(secret_values(objects))
    # What the result shows of the invocation is the redacted list.
    module.params["objects"] = redact(objects)
    guarded(module, lambda: _kube_objects(module, objects))


def _kube_objects(module: ClusterModule, objects: list[Object]) -> Object:
    params = module.params
    apply_set = params["apply_set"] or {}
    options = Options(
        objects=objects,
        state=params["state"],
        check_mode=module.check_mode,
        wait=params["wait"],
        wait_timeout=float(params["wait_timeout"]),
        waits=[_wait(item) for item in params["waits"]],
        set_name=apply_set.get("name") or "",
        set_namespace=apply_set.get("namespace") or "",
        force=params["force_conflicts"],
    )
    client: Client = connect(params)
    outcome: Outcome = run(client, options, Progress())
    result: Object = {
        "changed": outcome.changed,
        "changes": [change.result() for change in outcome.changes],
        "waited_s": round(outcome.waited, 1),
        "requests": client.requests,
    }
    if module._diff:
        result["diff"] = [change.diff() for change in outcome.changes if change.changed]
    return result


def _wait(item: Object) -> Wait:
    ref = Ref(item["api_version"], item["kind"], item["namespace"] or "", item["name"])
    row = row_for(ref.api_version, ref.kind)
    if item["until"]:
        return Wait(ref, tuple(item["until"]), tuple(item["fail"]), item["timeout"])
    if row is None:
        raise ClusterError(
            "It is not known when a %s is ready." % ref.kind, reason="BadOptions", hint="Give waits[].until for it."
        )
    return Wait(ref, row.until, row.fail + tuple(item["fail"]), item["timeout"], row)
