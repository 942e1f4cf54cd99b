# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import copy
import dataclasses
import json
import typing as t

import pytest
from fake_api import FakeApi, status

from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.client import Client, connect
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.errors import ClusterError, Forbidden
from ansible_collections.mcp_auth.openshift.plugins.module_utils._secrets.fields import COPIES, Copy, Field
from ansible_collections.mcp_auth.openshift.plugins.module_utils._secrets.secret import Wanted, absent, present

FIELDS = [Field("user", value="me"), Field("password"), Field("url", template="x://${user}:${password:url}@h")]
COPY = Copy("demo", "copy", ("password",), {"a.toml": "p = ${password:toml}"})
OTHER = Copy("demo", "other")


def wanted(**more: t.Any) -> Wanted:
    return Wanted("demo", "source", list(FIELDS), **{"copies": [COPY, OTHER], **more})


def data(api: FakeApi, name: str) -> dict[str, str]:
    found = api.get("secrets", "demo", name)
    return {key: base64.b64decode(value).decode() for key, value in found["data"].items()} if found else {}


def test_made_once_and_copied(client: Client, api: FakeApi) -> None:
    planned = present(client, wanted(check_mode=True))
    assert [change.operation for change in planned.changes] == ["create"] * 3
    assert planned.fingerprint == "" and not api.writes()
    first = present(client, wanted())
    assert first.generated == ["password"] and first.fingerprint
    values = data(api, "source")
    assert values["url"] == "x://me:%s@h" % values["password"]
    assert data(api, "copy") == {"password": values["password"], "a.toml": 'p = "%s"' % values["password"]}
    assert data(api, "other") == values
    writes = len(api.writes())
    again = present(client, wanted())
    assert not again.changed and len(api.writes()) == writes and again.fingerprint == first.fingerprint
    assert data(api, "source") == values


def test_no_value_leaves_but_into_secrets(client: Client, api: FakeApi) -> None:
    outcome = present(client, wanted())
    password = data(api, "source")["password"]
    shown = json.dumps([[change.result(), change.diff()] for change in outcome.changes]) + outcome.fingerprint
    assert password not in shown and base64.b64encode(password.encode()).decode() not in shown


def test_a_copy_that_was_changed_is_put_back(client: Client, api: FakeApi) -> None:
    present(client, wanted())
    before = data(api, "copy")
    live = api.get("secrets", "demo", "copy")
    assert live
    live["data"].update(password="eA==", extra="eA==")
    outcome = present(client, wanted())
    assert [change.operation for change in outcome.changes] == ["none", "update", "none"]
    assert data(api, "copy") == before


def test_what_others_put_into_the_source_stays(client: Client, api: FakeApi) -> None:
    api.put(
        "secrets",
        "demo",
        {
            "metadata": {"name": "source", "labels": {"l": "1"}},
            "data": {"theirs": "eA==", "password": "b2xk"},
            "type": "Opaque",
        },
        "v1",
        "Secret",
    )
    outcome = present(client, wanted())
    assert outcome.generated == []
    live = api.get("secrets", "demo", "source")
    assert live and live["metadata"]["labels"]["l"] == "1"
    assert data(api, "source")["theirs"] == "x" and data(api, "copy")["password"] == "old"


def test_rotation_happens_once_for_each_id(client: Client, api: FakeApi) -> None:
    first = present(client, wanted())
    old = data(api, "source")["password"]
    assert present(client, wanted(generate="rotate", rotation_id="a")).changed
    new = data(api, "source")["password"]
    assert new != old and data(api, "copy")["password"] == new
    assert not present(client, wanted(generate="rotate", rotation_id="a")).changed
    assert not present(client, wanted()).changed
    last = present(client, wanted(generate="rotate", rotation_id="b"))
    assert data(api, "source")["password"] != new and last.fingerprint != first.fingerprint


def test_a_copy_that_is_not_named_any_more_goes(client: Client, api: FakeApi) -> None:
    present(client, wanted())
    outcome = present(client, wanted(copies=[COPY]))
    assert [change.operation for change in outcome.changes] == ["update", "none", "delete"]
    assert api.get("secrets", "demo", "other") is None
    assert not present(client, wanted(copies=[COPY])).changed
    source = api.get("secrets", "demo", "source")
    assert source and json.loads(source["metadata"]["annotations"][COPIES]) == ["demo/copy"]


def test_a_secret_of_somebody_else_is_not_overwritten(client: Client, api: FakeApi) -> None:
    api.put("secrets", "demo", {"metadata": {"name": "copy"}, "data": {"a": "eA=="}, "type": "Opaque"}, "v1", "Secret")
    with pytest.raises(ClusterError, match="somebody else's"):
        present(client, wanted())
    assert not api.writes()


def test_the_type_of_a_secret_is_not_changed(client: Client, api: FakeApi) -> None:
    api.put(
        "secrets", "demo", {"metadata": {"name": "source"}, "data": {}, "type": "kubernetes.io/tls"}, "v1", "Secret"
    )
    with pytest.raises(ClusterError, match="has the type kubernetes.io/tls"):
        present(client, wanted())


def test_what_somebody_else_keeps_is_only_read(client: Client, api: FakeApi) -> None:
    held = {"metadata": {"name": "source"}, "data": {"password": "b2xk"}, "type": "kubernetes.io/basic-auth"}
    api.put("secrets", "demo", held, "v1", "Secret")
    given = Wanted("demo", "source", [Field("password")], generate="never")
    assert not present(client, given).changed
    assert present(client, dataclasses.replace(given, copies=[OTHER])).changed
    assert data(api, "source") == {"password": "old"} == data(api, "other")
    with pytest.raises(ClusterError, match="has no key user"):
        present(client, dataclasses.replace(given, fields=[Field("user")]))


def theirs(api: FakeApi, **more: t.Any) -> dict[str, t.Any]:
    """A Secret that somebody else made where ours would be."""
    values = {"user": "me", "password": "old", **more}
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items() if value is not None}
    held = {"metadata": {"name": "source"}, "data": data, "type": "Opaque"}
    return api.put("secrets", "demo", held, "v1", "Secret")


PLAIN = [Field("user", value="me"), Field("password")]


def test_one_of_somebody_else_with_all_fields_is_left_as_it_is(client: Client, api: FakeApi) -> None:
    theirs(api)
    labels = {"app.kubernetes.io/managed-by": "mcp-auth-openshift", "l": "1"}
    outcome = present(client, Wanted("demo", "source", PLAIN, labels=labels, annotations={"a": "1"}))
    assert not outcome.changed and outcome.fingerprint and not api.writes()


def test_a_value_of_somebody_else_is_never_overwritten(client: Client, api: FakeApi) -> None:
    theirs(api)
    for fields, more in (
        ([Field("user", value="other"), Field("password")], {}),
        ([*PLAIN, Field("password2"), Field("user2", template="x")], {"generate": "rotate", "rotation_id": "a"}),
        ([Field("password"), Field("user", template="x${password}")], {}),
    ):
        with pytest.raises(ClusterError, match="was not made by this module") as caught:
            present(client, Wanted("demo", "source", fields, **more))
        assert caught.value.reason == "NotOurs" and "kubectl label secret -n demo source" in caught.value.hint
        assert "old" not in str(caught.value)
    assert not api.writes()


def test_what_is_missing_in_one_of_somebody_else_is_added_and_stays_ours(client: Client, api: FakeApi) -> None:
    theirs(api, user=None)
    first = [Field("password"), Field("pin"), Field("file", template="one ${password}")]
    assert present(client, Wanted("demo", "source", first)).generated == ["pin"]
    values = data(api, "source")
    assert values["password"] == "old" and values["file"] == "one old"
    live = api.get("secrets", "demo", "source")
    assert live and "labels" not in live["metadata"]
    assert not present(client, Wanted("demo", "source", first)).changed
    # What we added may follow its template; what they wrote may not.
    second = [*first[:2], Field("file", template="two ${password}")]
    assert present(client, Wanted("demo", "source", second)).changed
    assert data(api, "source") == {**values, "file": "two old"}


def test_one_of_somebody_else_is_not_deleted(client: Client, api: FakeApi) -> None:
    theirs(api)
    before = data(api, "source")
    asked = Wanted("demo", "source", PLAIN, copies=[OTHER])
    present(client, asked)
    outcome = absent(client, asked)
    assert data(api, "source") == before and api.get("secrets", "demo", "other") is None
    assert outcome.changed and len(outcome.warnings) == 1 and "demo/source" in outcome.warnings[0]
    live = api.get("secrets", "demo", "source")
    assert live and not live["metadata"].get("annotations")
    assert not absent(client, asked).changed
    # Asked for never, that it stays is no surprise.
    assert not absent(client, dataclasses.replace(asked, generate="never")).warnings


def test_never_deletes_nothing_but_copies(client: Client, api: FakeApi) -> None:
    present(client, Wanted("demo", "source", PLAIN))
    asked = Wanted("demo", "source", PLAIN, generate="never", copies=[OTHER])
    present(client, asked)
    assert absent(client, asked).changed
    assert data(api, "source") and api.get("secrets", "demo", "other") is None


def test_one_that_was_handed_over_is_ours(client: Client, api: FakeApi) -> None:
    live = theirs(api)
    live["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "mcp-auth-openshift"}
    assert present(client, Wanted("demo", "source", [Field("user", value="other"), Field("password")])).changed
    assert data(api, "source") == {"user": "other", "password": "old"}
    absent(client, Wanted("demo", "source", PLAIN))
    assert not data(api, "source")


def test_our_label_is_not_given_away(client: Client, api: FakeApi) -> None:
    labels = {"app.kubernetes.io/managed-by": "me", "l": "1"}
    asked = Wanted("demo", "source", PLAIN, labels=labels, copies=[OTHER])
    present(client, asked)
    for name in ("source", "other"):
        live = api.get("secrets", "demo", name)
        assert live and live["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "mcp-auth-openshift", "l": "1"}
    absent(client, asked)
    assert not data(api, "source")


def test_a_missing_right_is_found_before_the_first_write(client: Client, api: FakeApi) -> None:
    denied = (403, status(403, "Forbidden", 'secrets is forbidden: User "bob" cannot create resource "secrets"'))
    far = Copy("far", "copy")
    api.put("namespaces", "", {"metadata": {"name": "far"}}, "v1", "Namespace")
    with (
        api.fault(lambda method, path: denied if method == "POST" and "/far/" in path else None),
        pytest.raises(Forbidden),
    ):
        present(client, wanted(copies=[far]))
    assert not api.writes()


def test_a_missing_namespace_is_found_before_the_first_write(client: Client, api: FakeApi) -> None:
    with pytest.raises(ClusterError, match='namespaces "far" not found'):
        present(client, wanted(copies=[Copy("far", "copy")]))
    assert not api.writes()
    assert present(client, wanted(copies=[Copy("far", "copy")], check_mode=True)).changes[1].validated is False


@pytest.mark.parametrize("start", ["nothing", "all", "rotation", "narrow"])
def test_killed_at_any_write_the_next_run_ends_with_the_same_values(api: FakeApi, start: str) -> None:
    if start != "nothing":
        present(connect({"host": api.url}), wanted())
    more: dict[str, t.Any] = {"rotation": {"generate": "rotate", "rotation_id": "r"}, "narrow": {"copies": [COPY]}}.get(
        start, {}
    )
    begin = copy.deepcopy(api.objects)
    for kill_at in range(1, 8):
        api.objects = copy.deepcopy(begin)
        count, answered, chosen = 0, False, ""

        def kill(method: str, path: str, at: int = kill_at) -> t.Any:
            nonlocal count
            if method in ("POST", "PUT", "DELETE") and "dryRun" not in api.log[-1][2]:
                count += 1
                if count == at:
                    return 400, status(400, "BadRequest", "killed")
            return None

        with api.fault(kill):
            try:
                present(connect({"host": api.url}), wanted(**more))
                answered = True
            except ClusterError:
                chosen = data(api, "source").get("password", "")
        present(connect({"host": api.url}), wanted(**more))
        values = data(api, "source")
        if chosen and not (start == "rotation" and kill_at == 1):
            assert values["password"] == chosen
        assert data(api, "copy")["password"] == values["password"]
        assert not present(connect({"host": api.url}), wanted(**more)).changed
        if answered:
            break
    assert answered


def test_two_runs_at_the_same_moment_agree(api: FakeApi) -> None:
    """The other run makes the Secret between our read and our write: its values are the truth."""
    other = connect({"host": api.url})
    done = []

    def meanwhile(method: str, path: str) -> t.Any:
        if method == "POST" and "dryRun" not in api.log[-1][2] and not done:
            done.append(1)
            theirs = {"metadata": {"name": "source"}, "data": {"password": "dGhlaXJz"}, "type": "Opaque"}
            api.put("secrets", "demo", theirs, "v1", "Secret")
        return None

    with api.fault(meanwhile):
        present(other, wanted())
    assert data(api, "source")["password"] == "theirs" == data(api, "copy")["password"]


def test_removed_with_all_its_copies(client: Client, api: FakeApi) -> None:
    present(client, wanted())
    assert absent(client, wanted(copies=[], check_mode=True)).changed
    assert api.get("secrets", "demo", "copy")
    assert len([change for change in absent(client, wanted(copies=[])).changes if change.changed]) == 3
    assert not [key for key in api.objects if key[0] == "secrets"]
    assert not absent(client, wanted(copies=[])).changed
