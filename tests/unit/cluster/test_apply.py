# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import json
import typing as t

import pytest
from fake_api import FakeApi, status

from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster import apply_set, errors
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.apply import Options, Outcome, run
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.client import Client, connect
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.plan import Ref
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.waits import Wait

LABEL = apply_set.set_id("set", "demo")


def config(name: str, namespace: str = "demo", **data: str) -> dict[str, t.Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}


NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "new"}}
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "foos.example.com"},
    "spec": {"group": "example.com", "names": {"kind": "Foo", "plural": "foos"}},
}
FOO = {"apiVersion": "example.com/v1", "kind": "Foo", "metadata": {"name": "f", "namespace": "new"}, "spec": {"a": 1}}


def go(client: Client, objects: list[dict[str, t.Any]], **options: t.Any) -> Outcome:
    options.setdefault("wait_timeout", 2)
    return run(client, Options(copy.deepcopy(objects), **options))


def operations(outcome: Outcome) -> list[str]:
    return [change.operation for change in outcome.changes]


def test_create_again_update_narrow_delete(client: Client, api: FakeApi) -> None:
    objects = [config("a", x="1"), config("b", y="2")]
    members = {"set_name": "set", "set_namespace": "demo"}
    planned = go(client, objects, check_mode=True, **members)
    assert operations(planned) == ["create", "create"] and not api.writes()
    assert operations(go(client, objects, **members)) == ["create", "create"]
    before = len(api.writes())
    start = len(api.log)
    assert not go(client, objects, **members).changed
    assert len(api.writes()) == before
    # One read an object and one for the set: nothing else.
    assert [method for method, *_rest in api.log[start:]] == ["GET"] * 3
    outcome = go(client, [config("a", x="2"), objects[1]], **members)
    assert operations(outcome) == ["update", "none"] and outcome.changes[0].paths == ["data.x"]
    assert operations(go(client, objects[1:], **members)) == ["none", "delete"]
    assert api.get("configmaps", "demo", "a") is None
    assert "delete" in operations(go(client, [], state="absent", **members))
    assert not [name for (plural, _n, name) in api.objects if plural == "configmaps"]
    assert not go(client, objects, state="absent", **members).changed


def test_check_mode_on_an_empty_cluster(client: Client, api: FakeApi) -> None:
    outcome = go(client, [NAMESPACE, CRD, config("a", "new", x="1"), FOO], check_mode=True)
    assert operations(outcome) == ["create"] * 4
    assert [change.validated for change in outcome.changes] == [True, True, False, False]
    assert not api.writes()


def test_what_a_list_brings_along_is_there_for_the_rest_of_it(client: Client, api: FakeApi) -> None:
    assert operations(go(client, [NAMESPACE, CRD, config("a", "new", x="1"), FOO])) == ["create"] * 4
    assert api.get("foos", "new", "f")
    assert not go(client, [NAMESPACE, CRD, config("a", "new", x="1"), FOO]).changed


def test_an_unknown_kind_fails_before_anything_is_written(client: Client, api: FakeApi) -> None:
    with pytest.raises(errors.KindUnknown):
        go(client, [config("a", x="1"), FOO])
    assert not api.writes()
    assert operations(go(client, [FOO], check_mode=True)) == ["create"]
    assert not go(client, [FOO], state="absent").changed


def test_a_missing_right_fails_before_anything_is_written(client: Client, api: FakeApi) -> None:
    denied = (403, status(403, "Forbidden", 'secrets "s" is forbidden: User "bob" cannot patch resource "secrets"'))
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": "new"},
        "data": {"a": "eA=="},
    }
    with (
        api.fault(lambda method, path: denied if method == "PATCH" and "/secrets/" in path else None),
        pytest.raises(errors.Forbidden, match="right to patch secrets in namespace new"),
    ):
        go(client, [NAMESPACE, config("a", "new", x="1"), secret])
    assert not api.writes()


@pytest.mark.parametrize(
    "bad",
    [
        [dict(config("a"), metadata={"name": "a"})],
        [dict(NAMESPACE, metadata={"name": "a", "namespace": "b"})],
    ],
)
def test_a_namespace_where_it_must_be_and_only_there(client: Client, api: FakeApi, bad: list[t.Any]) -> None:
    with pytest.raises(errors.ClusterError, match="namespace"):
        go(client, bad)
    assert not api.writes()


def test_drift_is_put_back(client: Client, api: FakeApi) -> None:
    go(client, [config("a", x="1")])
    live = api.get("configmaps", "demo", "a")
    assert live
    live["data"]["x"] = "by hand"
    assert go(client, [config("a", x="1")]).changed
    assert api.get("configmaps", "demo", "a")["data"] == {"x": "1"}  # type: ignore[index]


def test_what_others_wrote_stays(client: Client, api: FakeApi) -> None:
    go(client, [config("a", x="1", y="1")])
    live = api.get("configmaps", "demo", "a")
    assert live
    live["data"]["theirs"] = "1"
    assert go(client, [config("a", x="1")]).changes[0].paths == ["data.y"]
    assert api.get("configmaps", "demo", "a")["data"] == {"x": "1", "theirs": "1"}  # type: ignore[index]


def test_a_set_lets_go_of_what_it_did_not_make(client: Client, api: FakeApi) -> None:
    members = {"set_name": "set", "set_namespace": "demo"}
    api.put(
        "configmaps",
        "demo",
        {"metadata": {"name": "theirs", "labels": {"a": "b"}}, "data": {"z": "1"}},
        "v1",
        "ConfigMap",
    )
    go(client, [config("theirs", x="1"), config("ours", x="1")], **members)
    assert api.get("configmaps", "demo", "theirs")["data"] == {"z": "1", "x": "1"}  # type: ignore[index]
    outcome = go(client, [], **members)
    assert sorted(operations(outcome)) == ["delete", "update"]
    live = api.get("configmaps", "demo", "theirs")
    assert live and live["data"] == {"z": "1"} and live["metadata"]["labels"] == {"a": "b"}
    assert api.get("configmaps", "demo", "ours") is None


def test_a_set_does_not_delete_what_somebody_made_in_place_of_its_own(client: Client, api: FakeApi) -> None:
    members = {"set_name": "set", "set_namespace": "demo"}
    go(client, [config("a", x="1")], **members)
    del api.objects["configmaps", "demo", "a"]
    api.put("configmaps", "demo", {"metadata": {"name": "a"}, "data": {"z": "1"}}, "v1", "ConfigMap")
    assert not go(client, [], **members).changed
    assert api.get("configmaps", "demo", "a")


def test_a_set_never_owns_a_namespace(client: Client, api: FakeApi) -> None:
    members = {"set_name": "set", "set_namespace": "new"}
    go(client, [NAMESPACE, config("a", "new", x="1")], **members)
    assert api.get("configmaps", "new", "set")
    go(client, [], state="absent", **members)
    assert api.get("namespaces", "", "new") and not api.get("configmaps", "new", "a")


def test_killed_at_any_write_the_next_run_finishes(api: FakeApi) -> None:
    members = {"set_name": "set", "set_namespace": "demo"}
    first = [config("a", x="1"), config("b", x="1"), config("c", x="1")]
    second = [config("b", x="2"), config("d", x="1")]

    def state() -> str:
        found = {}
        for (plural, _namespace, name), body in api.objects.items():
            if plural == "configmaps":
                found[name] = [body.get("data"), body["metadata"].get("labels")]
        return json.dumps(found, sort_keys=True)

    fresh = connect({"host": api.url})
    go(fresh, first, **members)
    start = copy.deepcopy(api.objects)
    go(fresh, second, **members)
    wanted, total = state(), 6
    for kill_at in range(1, total + 1):
        api.objects = copy.deepcopy(start)
        count = 0

        def kill(method: str, path: str, at: int = kill_at) -> t.Any:
            nonlocal count
            if method in ("PATCH", "DELETE") and "dryRun" not in api.log[-1][2]:
                count += 1
                if count == at:
                    return 400, status(400, "BadRequest", "killed")
            return None

        died = False
        with api.fault(kill):
            try:
                go(connect({"host": api.url}), second, **members)
            except errors.ClusterError:
                died = True
        assert died == (count >= kill_at)
        go(connect({"host": api.url}), second, **members)
        assert state() == wanted
        assert not go(connect({"host": api.url}), second, **members).changed


def test_waits_come_after_and_can_fail(client: Client, api: FakeApi) -> None:
    wait = Wait(Ref("v1", "ConfigMap", "demo", "a"), ("data.x == '2'",), ("data.x == '3'",))
    assert go(client, [config("a", x="2")], waits=[wait]).waited < 1
    with pytest.raises(errors.WaitFailed, match="failed after"):
        go(client, [config("a", x="3")], waits=[wait])
    with pytest.raises(errors.WaitFailed, match="not ready within 0 s"):
        go(client, [config("a", x="1")], waits=[wait], wait_timeout=0.2)
    assert not go(client, [config("a", x="1")], waits=[wait], check_mode=True).changed


def test_what_is_on_its_way_out_is_waited_for_and_made_anew(client: Client, api: FakeApi) -> None:
    go(client, [config("a", x="1")])
    leaving = {**config("a", x="1"), "metadata": {"name": "a", "deletionTimestamp": "2026-01-01T00:00:00Z"}}
    api.put("configmaps", "demo", {**leaving, "metadata": {**leaving["metadata"], "finalizers": ["example.com/slow"]}})
    planned = go(client, [config("a", x="1")], check_mode=True)
    assert operations(planned) == ["create"] and len(api.writes()) == 1

    with pytest.raises(errors.WaitFailed, match="example.com/slow"):
        go(client, [config("a", x="1")], wait_timeout=0)
    reads = iter(range(100))

    def gone_after_a_while(method: str, path: str) -> None:
        if method == "GET" and path.endswith("/configmaps/a") and next(reads) == 3:
            del api.objects["configmaps", "demo", "a"]

    with api.fault(gone_after_a_while):
        assert operations(go(client, [config("a", x="1")])) == ["create"]
    live = api.get("configmaps", "demo", "a")
    assert live is not None and "deletionTimestamp" not in live["metadata"]
