# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""Apply-sets: which objects a set made, kept in a ConfigMap, so that it can take away what is no longer named. Pure.

Only what the set itself made is deleted: an object that was there before is merely let go (our fields are withdrawn).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import typing as t

from .errors import ClusterError
from .plan import Object, Ref

LABEL = "mcp-auth.openshift/apply-set"
PARENT_LABEL = "mcp-auth.openshift/apply-set-parent"
MEMBERS = "members"
# Deleting one of these deletes what others keep in it: they are applied with a set, and never belong to it.
NEVER_MEMBERS = ("Namespace", "Project", "CustomResourceDefinition")


@dataclasses.dataclass(frozen=True)
class Member:
    """An object of the set, and whether the set made it."""

    ref: Ref
    made: bool


def set_id(name: str, namespace: str) -> str:
    """The label's value: readable, and unique over the namespaces."""
    digest = hashlib.sha256(("%s/%s" % (namespace, name)).encode()).hexdigest()[:10]
    return "%s-%s" % (name[:50].rstrip("-._"), digest)


def labelled(manifest: Object, label: str) -> Object:
    meta = dict(manifest["metadata"])
    meta["labels"] = dict(meta.get("labels") or {}, **{LABEL: label})
    return dict(manifest, metadata=meta)


def label_of(live: Object | None) -> str:
    return str((((live or {}).get("metadata") or {}).get("labels") or {}).get(LABEL) or "")


def parent(name: str, namespace: str, members: t.Iterable[Member]) -> Object:
    members = sorted(members, key=lambda item: item.ref)
    rows = [dict(member.ref.as_dict(), made=member.made) for member in members]
    kinds = sorted({"%s.%s" % (item.ref.kind, item.ref.group) if item.ref.group else item.ref.kind for item in members})
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": {PARENT_LABEL: set_id(name, namespace)}},
        "data": {"group-kinds": ",".join(kinds), MEMBERS: json.dumps(rows, sort_keys=True, separators=(",", ":"))},
    }


def members_of(live: Object | None, name: str, namespace: str) -> list[Member]:
    """Reads a parent back. A ConfigMap of that name which is not ours is refused, never overwritten."""
    if live is None:
        return []
    labels = (live.get("metadata") or {}).get("labels") or {}
    if labels.get(PARENT_LABEL) != set_id(name, namespace):
        raise ClusterError(
            "ConfigMap %s/%s is there and is not the parent of this apply-set." % (namespace, name),
            reason="NotOurs",
            hint="Give the apply-set another name.",
        )
    try:
        rows = json.loads((live.get("data") or {})[MEMBERS])
        return [
            Member(Ref(row["apiVersion"], row["kind"], row.get("namespace") or "", row["name"]), bool(row["made"]))
            for row in rows
        ]
    except (KeyError, TypeError, ValueError) as exc:
        raise ClusterError(
            "The list of members in ConfigMap %s/%s can not be read." % (namespace, name),
            reason="BadParent",
            hint="Delete that ConfigMap: the next run writes it again; nothing is pruned then.",
        ) from exc


def find(members: t.Iterable[Member], ref: Ref) -> Member | None:
    for member in members:
        if member.ref.same_object(ref):
            return member
    return None


def after(wanted: t.Iterable[tuple[Ref, Object | None]], old: t.Sequence[Member], label: str) -> list[Member]:
    """The members once the wanted objects are applied. live tells whether the set is the one that makes them."""
    out = []
    for ref, live in wanted:
        before = find(old, ref)
        # Without our label the object of today is not the one that the set made.
        ours = live is None or bool(before and before.made and label_of(live) == label)
        out.append(Member(ref, ours))
    return out


def during(old: t.Sequence[Member], new: t.Sequence[Member]) -> list[Member]:
    """What is written before the first object: a run that is killed in the middle forgets none."""
    return list(new) + [member for member in old if find(new, member.ref) is None]


def leaving(old: t.Sequence[Member], new: t.Sequence[Member]) -> list[Member]:
    return [member for member in old if find(new, member.ref) is None]


def released(ref: Ref) -> Object:
    """Applied in place of the manifest it withdraws every field of ours and leaves the object to its owner."""
    meta = {"name": ref.name}
    if ref.namespace:
        meta["namespace"] = ref.namespace
    return {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": meta}
