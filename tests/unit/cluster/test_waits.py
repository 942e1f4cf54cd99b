# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
import stat
import typing as t

import pytest
from fake_api import FakeApi

from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster import waits
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.client import Client
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.errors import WaitFailed
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.plan import Ref
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.progress import ENV, Progress
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.status_contract import row_for

REF = Ref("apps/v1", "Deployment", "demo", "d")


def deployment(ready: int, generation: int = 1) -> dict[str, t.Any]:
    counts = {"observedGeneration": generation, "replicas": 1, "updatedReplicas": 1, "availableReplicas": ready}
    return {
        "metadata": {"name": "d", "generation": 1},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "d"}}},
        "status": dict(
            counts, conditions=[{"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable"}]
        ),
    }


def wait() -> waits.Wait:
    row = row_for("apps/v1", "Deployment")
    assert row
    return waits.of_kind(REF, row)


def test_it_ends_when_the_object_is_ready(
    client: Client, api: FakeApi, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = tmp_path / "lines"
    lines.touch()
    monkeypatch.setenv(ENV, str(lines))
    answers = [deployment(0), deployment(0), deployment(1)]
    with api.fault(lambda _m, path: (200, answers.pop(0)) if path.endswith("/deployments/d") else None):
        waits.wait_all(client, [wait()], {}, 10, Progress())
    assert not answers
    assert lines.read_text() == "waiting for Deployment demo/d: 0 of 1\n"


def test_what_is_known_is_not_asked_again(client: Client, api: FakeApi) -> None:
    waits.wait_all(client, [wait()], {REF: deployment(1)}, 10, Progress())
    assert not api.log


def test_a_time_out_tells_what_was_last_said(client: Client, api: FakeApi) -> None:
    api.put("deployments", "demo", deployment(0), "apps/v1", "Deployment")
    event = {"metadata": {"name": "e"}, "reason": "FailedCreate", "message": "quota; password=hunter2hunter2"}
    api.put("events", "demo", event, "v1", "Event")
    state = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
    last = {"terminated": {"exitCode": 3, "reason": "Error"}}
    pod = {
        "metadata": {"name": "p"},
        "status": {"phase": "Running", "containerStatuses": [{"name": "c", "state": state, "lastState": last}]},
    }
    api.put("pods", "demo", pod, "v1", "Pod")
    with pytest.raises(WaitFailed) as caught:
        waits.wait_all(client, [wait()], {}, 0.2, Progress())
    text = str(caught.value)
    for part in (
        "Deployment demo/d was not ready within 0 s (0 of 1)",
        "Available=False (MinimumReplicasUnavailable)",
        "FailedCreate: quota",
        "Pod p is Running, c waiting (CrashLoopBackOff: back-off); c ended before with 3 (Error)",
        "its last words were: one / two",
        "kubectl -n demo describe pod",
        "raise wait_timeout",
    ):
        assert part in text
    assert "hunter2" not in text
    assert caught.value.reason == "Timeout"


def test_one_deadline_for_all_and_one_of_its_own(client: Client, api: FakeApi) -> None:
    first = waits.Wait(Ref("v1", "ConfigMap", "demo", "a"), ("data.x",), (), 0.1)
    second = waits.Wait(Ref("v1", "ConfigMap", "demo", "b"), ("data.x",))
    with pytest.raises(WaitFailed, match="ConfigMap demo/a was not ready within 0 s .it is not there yet"):
        waits.wait_all(client, [first, second], {}, 30, Progress())


def test_until_it_is_gone(client: Client, api: FakeApi) -> None:
    ref = Ref("v1", "ConfigMap", "demo", "a")
    waits.wait_gone(client, [ref], 1, Progress())
    api.put("configmaps", "demo", {"metadata": {"name": "a", "finalizers": ["x/y"]}}, "v1", "ConfigMap")
    with pytest.raises(WaitFailed, match="x/y"):
        waits.wait_gone(client, [ref], 0.1, Progress())


def test_truth_is_that_of_jmespath() -> None:
    assert [value for value in (None, False, "", [], {}, 0, 1, "x", [0]) if waits.truth(value)] == [0, 1, "x", [0]]


def test_progress_never_makes_a_file_and_never_fails(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENV, raising=False)
    Progress().say("x")
    monkeypatch.setenv(ENV, str(tmp_path / "missing"))
    Progress().say("x")
    assert not os.listdir(tmp_path)
    target = tmp_path / "target"
    target.touch()
    (tmp_path / "link").symlink_to(target)
    monkeypatch.setenv(ENV, str(tmp_path / "link"))
    Progress().say("x")
    assert target.read_text() == ""


def test_progress_says_a_line_once_and_no_secret(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = tmp_path / "lines"
    lines.touch()
    monkeypatch.setenv(ENV, str(lines))
    progress = Progress("a: ")
    for _index in range(3):
        progress.say("same\nline password=hunter2hunter2")
    text = lines.read_text()
    assert text.startswith("a: same line") and text.count("\n") == 1 and "hunter2" not in text


def test_the_callback_prints_what_is_appended(monkeypatch: pytest.MonkeyPatch) -> None:
    from ansible_collections.mcp_auth.openshift.plugins.callback.progress import CallbackModule

    shown: list[str] = []
    callback = CallbackModule()
    monkeypatch.setattr(callback._display, "display", lambda text, **_more: shown.append(text))
    callback.v2_playbook_on_start(None)
    path = pathlib.Path(os.environ[ENV])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    Progress().say("one \x1b[31m")
    callback.v2_runner_on_ok(None)
    assert shown == ["    ... one  [31m"]
    path.unlink()
    callback.v2_runner_on_ok(None)
    callback.v2_playbook_on_stats(None)
    assert not path.parent.exists() and ENV not in os.environ
