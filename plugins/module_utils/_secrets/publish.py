# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""The public part of a certificate in ConfigMaps: each belongs to one certificate, which its annotation names."""

from __future__ import annotations

import dataclasses
import typing as t

from .._cluster.client import FIELD_MANAGER, Client
from .._cluster.errors import ClusterError, Forbidden, NotThere
from .._cluster.plan import Change, Object, Ref, clean, nothing_to_apply, plan_apply, plan_delete
from .fields import SOURCE, annotations_of, is_ours


@dataclasses.dataclass(frozen=True)
class Publication:
    """A ConfigMap that holds the public part."""

    namespace: str
    name: str
    key: str = "ca.crt"
    content: str = ""

    @property
    def place(self) -> str:
        return self.namespace + "/" + self.name


def check_publications(items: t.Iterable[Publication]) -> None:
    seen = set()
    for item in items:
        if (item.place, item.key) in seen:
            raise ClusterError("publish: %s, key %s, is given twice." % (item.place, item.key), reason="BadOptions")
        seen.add((item.place, item.key))


def plan_publication(
    client: Client, source: str, ref: Ref, data: dict[str, str], labels: dict[str, str], check_mode: bool
) -> Change:
    """An empty text in data is one that does not exist yet, in check mode."""
    meta = {"name": ref.name, "namespace": ref.namespace, "labels": labels, "annotations": {SOURCE: source}}
    manifest = {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": meta, "data": data}
    live = client.get(ref.api_version, ref.kind, ref.name, ref.namespace)
    known = all(data.values())
    if live is not None and not _is_from(source, live):
        if known and all((live.get("data") or {}).get(key) == text for key, text in data.items()):
            # It says the same already, whoever keeps it.
            return Change(ref, "none", {}, True, [], clean(live), {}, live)
        _may_take(client, source, ref, live)
    if check_mode and not known:
        return plan_apply(manifest, live, None, validated=False)
    if live is not None and nothing_to_apply(manifest, live, FIELD_MANAGER):
        return plan_apply(manifest, live, None)
    try:
        dry = client.apply(manifest, dry_run=True, force=True)
    except NotThere:
        if not check_mode:
            raise
        return plan_apply(manifest, live, None, validated=False)
    return plan_apply(manifest, live, dry)


def plan_gone(client: Client, source: str, place: str) -> Change:
    """Takes a publication back, unless somebody else has the ConfigMap by now."""
    namespace, _slash, name = place.partition("/")
    live = client.get("v1", "ConfigMap", name, namespace)
    return plan_delete(Ref("v1", "ConfigMap", namespace, name), live if live and _is_from(source, live) else None)


def _is_from(source: str, live: Object) -> bool:
    return annotations_of(live).get(SOURCE) == source


def _may_take(client: Client, source: str, ref: Ref, live: Object) -> None:
    """What was published of something that has no Secret (any more) may get a new source; nothing else may."""
    owner = annotations_of(live).get(SOURCE, "")
    namespace, _slash, name = owner.partition("/")
    if namespace and name and is_ours(live):
        try:
            if client.get("v1", "Secret", name, namespace) is None:
                return
        except Forbidden:
            pass
    raise ClusterError(
        "%s is %s, not published from %s."
        % (str(ref), "published from " + owner if owner else "somebody else's", source),
        reason="NotOurs",
        hint="Publish under another name: a ConfigMap belongs to one certificate.",
    )
