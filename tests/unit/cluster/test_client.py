# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
import pathlib
import socket
import threading
import typing as t

import pytest
from fake_api import FakeApi, status

from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster import client as client_module
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster import errors
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.client import (
    Client,
    compile_expression,
    connect,
    read_reference,
)

MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "demo"}, "data": {"x": "1"}}


def flaky(*answers: t.Any) -> t.Callable[[str, str], t.Any]:
    left = list(answers)
    return lambda method, path: left.pop(0) if path.endswith("/configmaps/a") and left else None


def test_apply_and_read(client: Client, api: FakeApi) -> None:
    assert client.get("v1", "ConfigMap", "a", "demo") is None
    client.apply(MAP, dry_run=True)
    assert not api.writes()
    client.apply(MAP)
    assert client.get("v1", "ConfigMap", "a", "demo")["data"] == {"x": "1"}  # type: ignore[index]
    _method, _path, query, headers = api.log[-2]
    assert query == {"fieldManager": "mcp-auth-openshift", "force": "false"}
    assert headers["Content-Type"] == "application/apply-patch+yaml"
    assert headers["Authorization"] == "Bearer our-own-token"


@pytest.mark.parametrize(
    "answers",
    [
        [(503, status(503, "ServiceUnavailable", "starting"))] * 3,
        [(429, status(429, "TooManyRequests", "slow down"), {"Retry-After": "1"})],
        [(502, "bad gateway"), (504, "gateway time-out")],
        ["drop", "drop"],
    ],
)
def test_overload_and_lost_connections_are_tried_again(client: Client, api: FakeApi, answers: list[t.Any]) -> None:
    client.get("v1", "ConfigMap", "b", "demo")
    for work in (lambda: client.apply(MAP), lambda: client.get("v1", "ConfigMap", "a", "demo")):
        with api.fault(flaky(*answers)):
            assert work()["data"] == {"x": "1"}  # type: ignore[index]


def test_other_answers_are_not_tried_again(client: Client, api: FakeApi) -> None:
    client.get("v1", "ConfigMap", "b", "demo")
    before = len(api.log)
    with api.fault(flaky(*[(500, status(500, "InternalError", "no"))] * 3)), pytest.raises(errors.ClusterError):
        client.get("v1", "ConfigMap", "a", "demo")
    assert len(api.log) == before + 1


def test_a_create_is_not_repeated_once_the_server_may_have_it(client: Client, api: FakeApi) -> None:
    client.get("v1", "ConfigMap", "b", "demo")
    before = len(api.log)
    with api.fault(lambda method, _path: "drop" if method == "POST" else None), pytest.raises(errors.Unreachable):
        client.create(MAP)
    assert len(api.log) == before + 1


def test_an_end_to_the_tries(client: Client, api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "RETRY_SECONDS", 0.1)
    with (
        api.fault(
            lambda method, path: (503, status(503, "ServiceUnavailable", "never")) if "configmaps" in path else None
        ),
        pytest.raises(errors.ClusterError, match="503 ServiceUnavailable: never") as caught,
    ):
        client.get("v1", "ConfigMap", "a", "demo")
    assert "run again later" in caught.value.hint


@pytest.mark.parametrize(
    ("code", "reason", "message", "kind", "hint"),
    [
        (401, "Unauthorized", "Unauthorized", errors.ClusterError, "log in again"),
        (
            403,
            "Forbidden",
            'configmaps "a" is forbidden: User "bob" cannot get resource "configmaps"',
            errors.Forbidden,
            "the right to get configmaps in namespace demo",
        ),
        (403, "Forbidden", "namespace is being terminated", errors.Forbidden, "Wait until the namespace is gone"),
        (403, "Forbidden", "exceeded quota", errors.Forbidden, "ResourceQuota"),
        (422, "Invalid", "spec.x: field is immutable", errors.ClusterError, "delete the object"),
        (422, "Invalid", "spec.x: Required value", errors.ClusterError, "schema"),
        (500, "", "failed to create typed patch object", errors.ClusterError, "wrong type"),
    ],
)
def test_what_the_server_said_and_what_to_do(
    client: Client, api: FakeApi, code: int, reason: str, message: str, kind: type[Exception], hint: str
) -> None:
    client.get("v1", "ConfigMap", "b", "demo")
    with api.fault(flaky((code, status(code, reason, message)))), pytest.raises(kind) as caught:
        client.get("v1", "ConfigMap", "a", "demo")
    assert message in str(caught.value) and "read ConfigMap demo/a" in str(caught.value)
    assert hint in caught.value.hint  # type: ignore[attr-defined]
    assert "our-own-token" not in str(caught.value)


def test_a_conflict_names_the_fields(client: Client, api: FakeApi) -> None:
    answer = status(409, "Conflict", 'Apply failed with 1 conflict: conflict with "helm"')
    answer["details"] = {"causes": [{"reason": "FieldManagerConflict", "field": ".data.x", "message": "helm"}]}
    with api.fault(flaky((409, answer))), pytest.raises(errors.Conflict) as caught:
        client.apply(MAP)
    assert ".data.x" in caught.value.hint and "force_conflicts" in caught.value.hint and "helm" in caught.value.msg


def test_an_unknown_kind_is_not_a_missing_object(client: Client, api: FakeApi) -> None:
    with pytest.raises(errors.KindUnknown):
        client.get("example.com/v1", "Foo", "a", "demo")
    with pytest.raises(errors.KindUnknown):
        client.get("v1", "Foo", "a", "demo")


def test_kubernetes_own_kinds_need_no_discovery(client: Client, api: FakeApi) -> None:
    client.get("v1", "ConfigMap", "a", "demo")
    client.get("v1", "Namespace", "demo")
    assert client.requests == 2
    assert client.path("apps/v1", "Deployment", "a", "demo") == "/apis/apps/v1/namespaces/demo/deployments/a"
    assert client.path("rbac.authorization.k8s.io/v1", "ClusterRole", "a", "ignored").endswith("/v1/clusterroles/a")
    assert client.path("v1", "Pod") == "/api/v1/pods"


@pytest.mark.parametrize("name", ["../secrets/other", "x y/z", "50%", "..", ""])
@pytest.mark.parametrize("kind", [("v1", "ConfigMap"), ("v1", "Event")])
def test_a_name_leads_to_no_other_object(client: Client, api: FakeApi, kind: tuple[str, str], name: str) -> None:
    """Kubernetes itself refuses / and % and . and .. in names."""
    for act in (client.get, client.delete):
        before = client.requests
        with pytest.raises(errors.ClusterError) as caught:
            act(*kind, name, "demo")
        assert "name" in caught.value.msg and repr(name) in caught.value.msg and client.requests == before
    with pytest.raises(errors.ClusterError):
        client.get(*kind, "a", name or "/")


@pytest.mark.parametrize(
    ("name", "sent"), [("keep?x", "keep%3Fx"), ("a#b", "a%23b"), ("system:a", "system:a"), ("ü b", "%C3%BC%20b")]
)
def test_a_name_stays_in_its_segment_of_the_path(client: Client, name: str, sent: str) -> None:
    for kind in (("v1", "ConfigMap"), ("v1", "Event")):
        assert client.path(*kind, name, "demo").endswith("/namespaces/demo/%ss/%s" % (kind[1].lower(), sent))


def test_a_server_that_is_no_api_server_has_no_missing_objects(client: Client, api: FakeApi) -> None:
    client.get("v1", "ConfigMap", "b", "demo")
    with api.fault(flaky((404, "404 page not found"))), pytest.raises(errors.KindUnknown):
        client.get("v1", "ConfigMap", "a", "demo")


def test_a_missing_namespace_says_so(client: Client) -> None:
    with pytest.raises(errors.NotThere) as caught:
        client.apply(dict(MAP, metadata={"name": "a", "namespace": "nowhere"}))
    assert "Create the namespace first" in caught.value.hint


def test_pages_of_a_list(client: Client, api: FakeApi) -> None:
    pages = [
        {"items": [{"metadata": {"name": "a"}}], "metadata": {"continue": "next"}},
        {"items": [{"metadata": {"name": "b"}}]},
    ]
    with api.fault(lambda _m, path: (200, pages.pop(0)) if path.endswith("/configmaps") else None):
        found = client.list("v1", "ConfigMap", "demo")
    assert [(item["kind"], item["metadata"]["name"]) for item in found] == [("ConfigMap", "a"), ("ConfigMap", "b")]
    assert api.log[-1][2]["continue"] == "next"


def test_raw_requests_as_somebody_else_do_not_carry_our_credential(client: Client, api: FakeApi) -> None:
    for token, sent in (("theirs", "Bearer theirs"), ("", None), (None, "Bearer our-own-token")):
        code, body = client.request("GET", "/version?x=y", token=token)
        assert (code, body["major"]) == (200, "1")
        assert api.log[-1][3].get("Authorization") == sent
        assert api.log[-1][2] == {"x": "y"}


def test_raw_requests_give_errors_and_texts_as_they_are(client: Client, api: FakeApi) -> None:
    with api.fault(lambda _m, path: (418, "short and stout") if path == "/teapot" else None):
        assert client.request("GET", "/teapot") == (418, {"text": "short and stout"})


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_nobody_listens(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "FIRST_CONTACT_SECONDS", 0)
    with pytest.raises(errors.Unreachable) as caught:
        connect({"host": "https://127.0.0.1:%d" % unused_port()}).get("v1", "ConfigMap", "a", "b")
    assert caught.value.reason == "ConnectionRefused" and "Nothing listens" in str(caught.value)


def test_a_server_that_goes_away_in_the_handshake_is_tried_again(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """An API server that restarts behind docker's port or a load balancer: the connection opens, then ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    seen = []

    def serve() -> None:
        for _index in range(3):
            connection, _address = listener.accept()
            seen.append(connection.recv(10))
            connection.close()
        listener.close()

    threading.Thread(target=serve, daemon=True).start()
    client = connect({"host": "https://127.0.0.1:%d" % listener.getsockname()[1]})
    monkeypatch.setattr(client_module, "FIRST_CONTACT_SECONDS", 0)
    with pytest.raises(errors.Unreachable) as caught:
        client.get("v1", "ConfigMap", "a", "b")
    assert len(seen) == 3 and caught.value.reason == "ConnectionRefused"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate", "TLSFailed"),
        ("certificate verify failed: Hostname mismatch, certificate is not valid for 'x'", "TLSFailed"),
        ("certificate verify failed: certificate has expired", "TLSFailed"),
        ("[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol", "ConnectionLost"),
        ("[Errno -2] Name or service not known", "NameUnknown"),
        ("timed out", "Timeout"),
        ("something else", "Unreachable"),
    ],
)
def test_why_there_is_no_answer(text: str, reason: str) -> None:
    outer = RuntimeError("outer")
    outer.__cause__ = OSError(text)
    found = errors.from_transport(outer, "https://x", "read it")
    assert found.reason == reason and found.hint and text.rstrip(".") in found.msg


def kubeconfig(url: str, **user: t.Any) -> dict[str, t.Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "clusters": [
            {"name": "c", "cluster": {"server": url}},
            {"name": "d", "cluster": {"server": "http://127.0.0.1:1"}},
        ],
        "users": [{"name": "u", "user": user or {"token": "token-of-kubeconfig"}}],
        "contexts": [
            {"name": "one", "context": {"cluster": "c", "user": "u"}},
            {"name": "two", "context": {"cluster": "d", "user": "u"}},
        ],
    }


def sent_by(api: FakeApi, params: dict[str, t.Any]) -> str | None:
    connect(params).get("v1", "ConfigMap", "a", "demo")
    return api.log[-1][3].get("Authorization")


def test_where_the_credential_comes_from(api: FakeApi, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = kubeconfig(api.url)
    path = tmp_path / "config"
    path.write_text(json.dumps(config))
    assert sent_by(api, {"kubeconfig": config}) == "Bearer token-of-kubeconfig"
    assert sent_by(api, {"kubeconfig": str(path)}) == "Bearer token-of-kubeconfig"
    assert sent_by(api, {"kubeconfig": str(path), "api_key": "other"}) == "Bearer other"
    # The address of the options wins, the kubeconfig's credential stays.
    assert sent_by(api, {"kubeconfig": str(path), "context": "two", "host": api.url}) == "Bearer token-of-kubeconfig"
    monkeypatch.setenv("KUBECONFIG", str(path))
    assert sent_by(api, {}) == "Bearer token-of-kubeconfig"


@pytest.mark.parametrize(
    "params",
    [
        {"kubeconfig": "/no/such/file"},
        {"kubeconfig": {"a": 1}},
        {"kubeconfig": kubeconfig("http://127.0.0.1:1"), "context": "three"},
        {"host": "https://x", "ca_cert": "/no/such/file"},
        {"kubeconfig": kubeconfig("http://127.0.0.1:1"), "client_key": "/no/such/file"},
    ],
)
def test_bad_options_are_said_before_any_request(params: dict[str, t.Any]) -> None:
    with pytest.raises(errors.ClusterError) as caught:
        connect(params)
    assert caught.value.reason == "BadOptions"


def test_no_credential_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with pytest.raises(errors.ClusterError, match="No credential for a cluster"):
        connect({})


def test_which_sort_of_credential() -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"iss": "https://issuer"}).encode()).decode().rstrip("=")
    assert connect({"host": "https://x", "api_key": "a.%s.c" % claims}).credential() == {
        "kind": "token",
        "issuer": "https://issuer",
    }
    assert connect({"host": "https://x", "api_key": "opaque"}).credential() == {"kind": "token", "issuer": ""}
    assert connect({"host": "https://x"}).credential()["kind"] == "none"


def test_references(client: Client, api: FakeApi) -> None:
    api.put("secrets", "demo", {"metadata": {"name": "s"}, "data": {"a": "w6k=", "b": "/w=="}}, "v1", "Secret")
    api.put("configmaps", "demo", {"metadata": {"name": "c"}, "data": {"a": "text"}}, "v1", "ConfigMap")
    ref = {"namespace": "demo", "name": "s", "key": "a"}
    assert read_reference(client, ref) == "é"
    assert read_reference(client, dict(ref, kind="ConfigMap", name="c")) == "text"
    with pytest.raises(errors.ClusterError, match="has no key 'x'; it has a, b"):
        read_reference(client, dict(ref, key="x"))
    with pytest.raises(errors.ClusterError, match="is not text"):
        read_reference(client, dict(ref, key="b"))
    with pytest.raises(errors.NotThere, match="There is no Secret demo/t"):
        read_reference(client, dict(ref, name="t"))


def test_expressions() -> None:
    assert compile_expression("a.b")({"a": {"b": 1}}) == 1
    assert compile_expression("contains(a, 'x')")({}) is None
    with pytest.raises(errors.ClusterError, match="not valid"):
        compile_expression("a[")
