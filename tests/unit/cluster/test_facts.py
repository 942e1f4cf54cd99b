# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster import facts
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.errors import ClusterError


class Server:
    """An API server that answers from a table, and allows what it is told to."""

    server_url = "https://api.example:6443"

    def __init__(self, groups: dict[str, list[str]], allowed: t.Iterable[str] = (), code: int = 0) -> None:
        self.groups, self.allowed, self.code = groups, set(allowed), code
        self.asked: list[dict[str, str]] = []

    def request(self, method: str, path: str, body: t.Any = None) -> tuple[int, dict[str, t.Any]]:
        if self.code:
            return self.code, {"message": "no", "reason": "Unauthorized"}
        if path == "/version":
            return 200, {"gitVersion": "v1.34.2"}
        if path == "/apis":
            listed = [{"name": name, "versions": [{"version": v} for v in of]} for name, of in self.groups.items()]
            return 200, {"groups": listed}
        self.asked.append(body["spec"]["resourceAttributes"])
        return 201, {"status": {"allowed": body["spec"]["resourceAttributes"]["verb"] in self.allowed}}


@pytest.mark.parametrize(
    ("groups", "platform"),
    [
        ({"apps": ["v1"]}, "kubernetes"),
        ({"apps": ["v1"], "config.openshift.io": ["v1"]}, "openshift"),
        # Route alone is served by other distributions as well.
        ({"route.openshift.io": ["v1"]}, "kubernetes"),
    ],
)
def test_the_served_groups_tell_the_platform(groups: dict[str, list[str]], platform: str) -> None:
    found = facts.facts(Server(groups))  # type: ignore[arg-type]
    assert (found["platform"], found["version"], found["api_groups"]) == (platform, "1.34.2", groups)
    assert found["server"] == "https://api.example:6443"


def test_who_may_do_everything_is_asked_once() -> None:
    server = Server({}, allowed=["*"])
    rights = [{"verb": "get", "resource": "pods"}, {"verb": "create", "resource": "pods"}]
    assert facts.missing_rights(server, rights) == []  # type: ignore[arg-type]
    assert [(one["verb"], one["group"], one["resource"], one["namespace"]) for one in server.asked] == [
        ("*", "*", "*", "")
    ]


def test_each_missing_right_is_said_in_words() -> None:
    server = Server({}, allowed=["get"])
    rights = [
        {"verb": "get", "resource": "pods"},
        {"verb": "create", "resource": "pods", "namespace": "x"},
        {"verb": "bind", "group": "rbac.authorization.k8s.io", "resource": "clusterroles"},
    ]
    assert facts.missing_rights(server, rights) == [  # type: ignore[arg-type]
        "create pods in namespace x",
        "bind clusterroles.rbac.authorization.k8s.io",
    ]
    assert server.asked[2] == {"verb": "create", "group": "", "resource": "pods", "namespace": "x", "name": ""}


@pytest.mark.parametrize(
    "ask", [facts.facts, lambda server: facts.missing_rights(server, [{"verb": "a", "resource": "b"}])]
)
def test_a_refused_question_is_an_error_and_no_answer(ask: t.Callable[[t.Any], t.Any]) -> None:
    with pytest.raises(ClusterError) as caught:
        ask(Server({}, code=401))
    assert caught.value.code == 401
