# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import typing as t

import pytest
from fake_api import fields_of
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.errors import ClusterError
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.plan import (
    changed_paths,
    clean,
    expand,
    nothing_to_apply,
    plan_apply,
    promised,
)

ME = "mcp-auth-openshift"
values = st.recursive(
    st.text(max_size=3) | st.integers(0, 3) | st.booleans(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=6,
)
bodies = st.dictionaries(
    st.sampled_from(["data", "spec"]),
    st.dictionaries(st.sampled_from("abcd"), values, min_size=1, max_size=3),
    min_size=1,
)


def manifest(body: dict[str, t.Any]) -> dict[str, t.Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "n"}, **copy.deepcopy(body)}


def lived(wanted: dict[str, t.Any], manager: str = ME) -> dict[str, t.Any]:
    """The object as the server has it right after this was applied."""
    out = copy.deepcopy(wanted)
    fields = fields_of({k: v for k, v in wanted.items() if k not in ("apiVersion", "kind", "metadata")})
    entry = {"manager": manager, "operation": "Apply", "apiVersion": "v1", "fieldsV1": fields}
    out["metadata"].update(uid="u", resourceVersion="1", managedFields=[entry])
    return out


@given(bodies)
def test_right_after_an_apply_there_is_nothing_to_do(body: dict[str, t.Any]) -> None:
    wanted = manifest(body)
    assert nothing_to_apply(wanted, lived(wanted), ME)


@given(bodies, bodies)
def test_another_manifest_is_never_called_done(body: dict[str, t.Any], other: dict[str, t.Any]) -> None:
    one, two = manifest(body), manifest(other)
    if changed_paths(one, two):
        assert not nothing_to_apply(two, lived(one), ME)


@given(bodies)
def test_a_value_that_somebody_changed_is_seen(body: dict[str, t.Any]) -> None:
    wanted = manifest(body)
    live = lived(wanted)
    top = sorted(body)[0]
    live[top][sorted(body[top])[0]] = "changed by hand"
    assert not nothing_to_apply(wanted, live, ME)


def test_fields_of_another_manager_are_not_ours() -> None:
    wanted = manifest({"data": {"a": "1"}})
    assert not nothing_to_apply(wanted, lived(wanted, "kubectl"), ME)


def container_live() -> dict[str, t.Any]:
    """As a real API server answers (kube-apiserver 1.34): lists with keys, defaults that nobody applied."""
    fields = {
        "f:spec": {
            "f:template": {
                "f:spec": {
                    "f:containers": {
                        'k:{"name":"c"}': {
                            ".": {},
                            "f:image": {},
                            "f:name": {},
                            "f:args": {},
                            "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}},
                        }
                    }
                }
            }
        },
        "f:metadata": {"f:finalizers": {".": {}, 'v:"x/y"': {}}},
    }
    entry = {"manager": ME, "operation": "Apply", "apiVersion": "apps/v1", "fieldsV1": fields}
    container = {
        "name": "c",
        "image": "i",
        "args": ["a", "b"],
        "ports": [{"containerPort": 80, "protocol": "TCP"}],
        "imagePullPolicy": "Always",
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "n", "finalizers": ["x/y", "other"], "managedFields": [entry]},
        "spec": {"replicas": 1, "template": {"spec": {"containers": [container], "dnsPolicy": "ClusterFirst"}}},
    }


def container_wanted() -> dict[str, t.Any]:
    container = {"name": "c", "image": "i", "args": ["a", "b"], "ports": [{"containerPort": 80}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "n", "finalizers": ["x/y"]},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


def test_lists_with_keys_and_defaults() -> None:
    assert nothing_to_apply(container_wanted(), container_live(), ME)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda c: c.update(image="j"),
        lambda c: c.update(args=["b", "a"]),
        lambda c: c.update(name="other"),
        lambda c: c.pop("args"),
        lambda c: c.update(env=[{"name": "A", "value": "b"}]),
        lambda c: c["ports"].append({"containerPort": 81}),
        lambda c: c["ports"][0].update(protocol="UDP"),
        lambda c: c.update(image=None),
    ],
)
def test_any_difference_in_a_list_goes_to_the_server(spoil: t.Callable[[dict[str, t.Any]], t.Any]) -> None:
    wanted = container_wanted()
    spoil(wanted["spec"]["template"]["spec"]["containers"][0])
    assert not nothing_to_apply(wanted, container_live(), ME)


def test_a_bare_namespace_only_has_to_be_there() -> None:
    bare = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}
    assert nothing_to_apply(bare, {"metadata": {"name": "a", "labels": {"x": "y"}}}, ME)


def test_noise_of_the_server_is_no_change() -> None:
    wanted = manifest({"data": {"a": "1"}})
    live = dict(lived(wanted), status={"x": 1})
    dry = dict(lived(wanted), status={"x": 2})
    dry["metadata"] = dict(dry["metadata"], resourceVersion="2", generation=3)
    assert plan_apply(wanted, live, dry).operation == "none"
    assert "status" not in clean(live)


def test_an_update_names_its_paths() -> None:
    before = {"spec": {"containers": [{"name": "c", "image": "a"}], "x": [1]}}
    after = {"spec": {"containers": [{"name": "c", "image": "b"}], "x": [1, 2]}}
    assert changed_paths(before, after) == ["spec.containers[c].image", "spec.x"]


@given(bodies, bodies)
def test_no_paths_means_equal(one: dict[str, t.Any], other: dict[str, t.Any]) -> None:
    assert bool(changed_paths(one, other)) == (repr(sorted_deep(one)) != repr(sorted_deep(other)))


def sorted_deep(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return ("dict", sorted((key, sorted_deep(item)) for key, item in value.items()))
    return [sorted_deep(item) for item in value] if isinstance(value, list) else value


def test_string_data_becomes_data_and_lists_are_opened() -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": "n"},
        "stringData": {"a": "é"},
    }
    found = expand([{"apiVersion": "v1", "kind": "List", "items": [secret]}])
    assert found[0]["data"] == {"a": "w6k="} and "stringData" not in found[0]
    assert "stringData" in secret


@pytest.mark.parametrize(
    "bad",
    [
        [1],
        [{"kind": "A", "metadata": {"name": "x"}}],
        [{"apiVersion": "v1", "kind": "A", "metadata": {}}],
        [{"apiVersion": "v1", "kind": "A"}],
        [{"apiVersion": "v1", "kind": "A", "metadata": {"name": "x", "labels": {"a": True}}}],
        [{"apiVersion": "v1", "kind": "A", "metadata": {"name": "x"}}] * 2,
        [
            {"apiVersion": "a/v1", "kind": "A", "metadata": {"name": "x"}},
            {"apiVersion": "a/v2", "kind": "A", "metadata": {"name": "x"}},
        ],
    ],
)
def test_what_is_no_manifest_is_refused(bad: list[t.Any]) -> None:
    with pytest.raises(ClusterError):
        expand(bad)


def test_what_a_list_brings_along() -> None:
    crd = {
        "kind": "CustomResourceDefinition",
        "apiVersion": "apiextensions.k8s.io/v1",
        "spec": {"group": "g", "names": {"kind": "K"}},
    }
    namespace = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "n"}}
    assert promised([crd, namespace]) == ({"n"}, {("g", "K")})
