# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
"""What a cluster is, what it serves, and what our credential may do there."""

from __future__ import annotations

import typing as t

from .client import Client, Object
from .errors import ClusterError

OPENSHIFT_GROUP = "config.openshift.io"
REVIEW = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
REVIEW_PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def describe_right(right: Object) -> str:
    """A right in words: "patch clusterrolebindings.rbac.authorization.k8s.io in namespace x"."""
    resource = right["resource"] + ("." + right["group"] if right.get("group") else "")
    where = " in namespace %s" % right["namespace"] if right.get("namespace") else ""
    return "%s %s%s" % (right["verb"], resource, where)


def missing_rights(client: Client, rights: t.Iterable[Object]) -> list[str]:
    """The rights that our credential lacks, in words (SelfSubjectAccessReview, one request each; one in all for who may
    do everything)."""
    rights = list(rights)
    if len(rights) > 1 and _may(client, {"verb": "*", "group": "*", "resource": "*"}):
        return []
    return [describe_right(right) for right in rights if not _may(client, right)]


def _may(client: Client, right: Object) -> bool:
    attributes = {key: right.get(key) or "" for key in ("verb", "group", "resource", "namespace", "name")}
    code, answer = client.request("POST", REVIEW_PATH, {**REVIEW, "spec": {"resourceAttributes": attributes}})
    if code not in (200, 201):
        raise ClusterError(
            "The API server answered %d to the question which rights we have." % code,
            reason="ReviewFailed",
            code=code,
            hint=str(answer.get("message") or "Check the credential."),
        )
    return bool((answer.get("status") or {}).get("allowed"))


def facts(client: Client) -> dict[str, t.Any]:
    """Version, platform and served API groups with their versions."""
    version = _read(client, "/version")
    groups = {
        group["name"]: [version["version"] for version in group.get("versions") or []]
        for group in _read(client, "/apis").get("groups") or []
    }
    return {
        "version": str(version.get("gitVersion") or "").lstrip("v"),
        "platform": "openshift" if OPENSHIFT_GROUP in groups else "kubernetes",
        "api_groups": dict(sorted(groups.items())),
        "server": client.server_url,
    }


def _read(client: Client, path: str) -> Object:
    code, answer = client.request("GET", path)
    if code != 200:
        hint = "Check kubeconfig, context and api_key." if code in (401, 403) else ""
        raise ClusterError(
            "The API server %s answered %d to GET %s: %s"
            % (client.server_url, code, path, answer.get("message") or ""),
            reason=str(answer.get("reason") or "Error"),
            code=code,
            hint=hint,
        )
    return answer
