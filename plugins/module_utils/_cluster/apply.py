# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""kube_objects: reads, plans with the server's dry run, applies what differs, waits, prunes."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import typing as t

from . import apply_set
from .client import FIELD_MANAGER, Client
from .errors import ClusterError, Forbidden, KindUnknown, NotThere
from .plan import Change, Object, Ref, expand, nothing_to_apply, plan_apply, plan_delete, promised, ref_of
from .progress import Progress
from .status_contract import row_for
from .waits import Wait, of_kind, wait_all, wait_gone

THREADS = 6


@dataclasses.dataclass
class Options:
    """What the module was asked for."""

    objects: list[Object]
    state: str = "present"
    check_mode: bool = False
    wait: bool = True
    wait_timeout: float = 300
    waits: list[Wait] = dataclasses.field(default_factory=list)
    set_name: str = ""
    set_namespace: str = ""
    force: bool = False


@dataclasses.dataclass
class Outcome:
    """What was done, or in check mode would be."""

    changes: list[Change]
    waited: float = 0.0

    @property
    def changed(self) -> bool:
        return any(change.changed for change in self.changes)


def run(client: Client, options: Options, progress: Progress | None = None) -> Outcome:
    """Brings the objects to the wanted state. Everything is read and tried before the first write."""
    runner = _Present(client, options, progress or Progress())
    return runner.run() if options.state == "present" else _absent(client, options, progress or Progress())


class _Present:
    def __init__(self, client: Client, options: Options, progress: Progress) -> None:
        self.client = client
        self.options = options
        self.progress = progress
        self.label = apply_set.set_id(options.set_name, options.set_namespace) if options.set_name else ""
        self.manifests = expand(options.objects)
        if self.label:
            self.manifests = [
                item if item["kind"] in apply_set.NEVER_MEMBERS else apply_set.labelled(item, self.label)
                for item in self.manifests
            ]
        self.namespaces, self.kinds = promised(self.manifests)
        self.missing_namespaces: set[str] = set()
        self.old: list[apply_set.Member] = []
        self.new: list[apply_set.Member] = []
        self.parent_live: Object | None = None

    def run(self) -> Outcome:
        live = self._read()
        self.missing_namespaces = {
            ref.name for ref, found in live.items() if ref.kind in ("Namespace", "Project") and found is None
        }
        changes = _parallel(lambda item: self._plan(item, live[ref_of(item)]), self.manifests)
        leaving: list[Change] = []
        if self.label:
            self._read_set(live)
            leaving = self._plan_leaving()
        if self.options.check_mode:
            return Outcome(changes + leaving)
        known = {change.ref: change.live for change in changes if change.live is not None and not change.changed}
        self._write_parent(apply_set.during(self.old, self.new))
        for change in changes:
            if change.changed:
                known[change.ref] = self._apply(change)
        waited = self._wait(known)
        self._leave(leaving)
        self._write_parent(self.new)
        return Outcome(changes + leaving, waited)

    # -- read and plan -----------------------------------------------------------------------------------------------
    def _read(self) -> dict[Ref, Object | None]:
        for item in self.manifests:
            self._check_scope(item)
        found = _parallel(self._get, self.manifests)
        live = {ref_of(item): one for item, one in zip(self.manifests, found)}
        leaving = [ref for ref, one in live.items() if one and one["metadata"].get("deletionTimestamp")]
        if leaving and not self.options.check_mode:
            # As if it were not there: what is applied to it now would vanish with it.
            wait_gone(self.client, leaving, self.options.wait_timeout, self.progress)
        return {ref: None if ref in leaving else one for ref, one in live.items()}

    def _check_scope(self, item: Object) -> None:
        """Resolves the kind once, so that discovery is not done by several threads, and checks the namespace."""
        ref = ref_of(item)
        try:
            namespaced = self.client.namespaced(ref.api_version, ref.kind)
        except KindUnknown:
            if not self.options.check_mode and (ref.group, ref.kind) not in self.kinds:
                raise
            return
        if namespaced and not ref.namespace:
            raise ClusterError("%s has no metadata.namespace." % str(ref), reason="BadManifest")
        if not namespaced and ref.namespace:
            raise ClusterError("%s is cluster-wide: take metadata.namespace out." % str(ref), reason="BadManifest")

    def _get(self, item: Object) -> Object | None:
        ref = ref_of(item)
        try:
            return self.client.get(ref.api_version, ref.kind, ref.name, ref.namespace or None)
        except KindUnknown:
            return None

    def _plan(self, item: Object, live: Object | None) -> Change:
        ref = ref_of(item)
        if live is not None and nothing_to_apply(item, live, FIELD_MANAGER):
            return plan_apply(item, live, None)
        try:
            dry = self.client.apply(item, dry_run=True, force=self.options.force)
        except KindUnknown:
            return plan_apply(item, live, None, validated=False)
        except NotThere:
            # The namespace: of this list, or of an earlier task that check mode did not do either. The rights were
            # checked before it.
            if not self.options.check_mode and ref.namespace not in self.missing_namespaces:
                raise
            return plan_apply(item, live, None, validated=False)
        except Forbidden:
            # A binding is checked against its role, which this list may bring along.
            if not self._binds_to_ours(item):
                raise
            return plan_apply(item, live, None, validated=False)
        return plan_apply(item, live, dry)

    def _binds_to_ours(self, item: Object) -> bool:
        role = item.get("roleRef") or {}
        return any(
            (other["kind"], other["metadata"]["name"]) == (role.get("kind"), role.get("name"))
            for other in self.manifests
        )

    # -- write -------------------------------------------------------------------------------------------------------
    def _apply(self, change: Change) -> Object:
        ref = change.ref
        self.progress.say("%s %s" % (change.operation, ref))
        live = self.client.apply(change.manifest, force=self.options.force)
        row = row_for(ref.api_version, ref.kind)
        if ref.kind in ("Namespace", "CustomResourceDefinition") and row is not None:
            # What follows in the list needs it.
            wait_all(self.client, [of_kind(ref, row)], {ref: live}, self.options.wait_timeout, self.progress)
            if ref.kind == "CustomResourceDefinition":
                self.client.forget_kinds()
        return live

    def _wait(self, known: dict[Ref, Object]) -> float:
        if not self.options.wait:
            return 0.0
        own = {wait.ref for wait in self.options.waits}
        waits = list(self.options.waits)
        for item in self.manifests:
            ref = ref_of(item)
            row = row_for(ref.api_version, ref.kind)
            if row is not None and ref not in own:
                waits.append(of_kind(ref, row))
        return wait_all(self.client, waits, known, self.options.wait_timeout, self.progress)

    # -- the apply-set -----------------------------------------------------------------------------------------------
    def _read_set(self, live: dict[Ref, Object | None]) -> None:
        name, namespace = self.options.set_name, self.options.set_namespace
        self.parent_live = self.client.get("v1", "ConfigMap", name, namespace)
        self.old = apply_set.members_of(self.parent_live, name, namespace)
        wanted = [(ref, found) for ref, found in live.items() if ref.kind not in apply_set.NEVER_MEMBERS]
        self.new = apply_set.after(wanted, self.old, self.label)

    def _plan_leaving(self) -> list[Change]:
        return plan_leaving(self.client, apply_set.leaving(self.old, self.new), self.label)

    def _leave(self, leaving: t.Sequence[Change]) -> None:
        leave(self.client, leaving, self.options, self.progress)

    def _write_parent(self, members: t.Sequence[apply_set.Member]) -> None:
        if not self.label:
            return
        wanted = apply_set.parent(self.options.set_name, self.options.set_namespace, members)
        if self.parent_live is None or self.parent_live.get("data") != wanted["data"]:
            if self.options.set_namespace in self.missing_namespaces:
                self._make_namespace(self.options.set_namespace)
            self.parent_live = self.client.apply(wanted, force=True)

    def _make_namespace(self, name: str) -> None:
        """The set's parent lives in a namespace of the list itself: that one is made before the parent."""
        for item in self.manifests:
            if item["kind"] in ("Namespace", "Project") and item["metadata"]["name"] == name:
                self.client.apply(item, force=self.options.force)
                self.missing_namespaces.discard(name)


def plan_leaving(client: Client, members: t.Sequence[apply_set.Member], label: str) -> list[Change]:
    """Members that are no longer named: deleted when the set made them, else let go."""
    out = []
    for member in reversed(members):
        ref = member.ref
        try:
            live = client.get(ref.api_version, ref.kind, ref.name, ref.namespace or None)
        except KindUnknown:
            continue
        if live is None or apply_set.label_of(live) != label:
            continue
        if member.made:
            out.append(plan_delete(ref, live))
        else:
            bare = apply_set.released(ref)
            out.append(plan_apply(bare, live, client.apply(bare, dry_run=True)))
    return out


def leave(client: Client, leaving: t.Sequence[Change], options: Options, progress: Progress) -> float:
    gone = []
    for change in leaving:
        ref = change.ref
        if change.operation == "delete":
            progress.say("delete %s" % str(ref))
            uid = str(((change.live or {}).get("metadata") or {}).get("uid") or "")
            propagation = "Foreground" if options.wait else "Background"
            client.delete(ref.api_version, ref.kind, ref.name, ref.namespace or None, uid=uid, propagation=propagation)
            gone.append(ref)
        elif change.changed:
            client.apply(change.manifest)
    return wait_gone(client, gone, options.wait_timeout, progress) if gone and options.wait else 0.0


def _absent(client: Client, options: Options, progress: Progress) -> Outcome:
    """Deletes what is named, last first, and what the apply-set made. A kind that is not served has no objects."""
    changes: list[Change] = []
    for item in reversed(expand(options.objects)):
        ref = ref_of(item)
        try:
            live = client.get(ref.api_version, ref.kind, ref.name, ref.namespace or None)
        except KindUnknown:
            live = None
        change = plan_delete(ref, live)
        change.live = live
        changes.append(change)
    parent_live = None
    if options.set_name:
        label = apply_set.set_id(options.set_name, options.set_namespace)
        parent_live = client.get("v1", "ConfigMap", options.set_name, options.set_namespace)
        members = apply_set.members_of(parent_live, options.set_name, options.set_namespace)
        named = [change.ref for change in changes]
        rest = [member for member in members if not any(member.ref.same_object(ref) for ref in named)]
        changes += plan_leaving(client, rest, label)
    doing = [change for change in changes if change.changed]
    if options.check_mode:
        for change in doing:
            if change.operation == "delete":
                ref = change.ref
                client.delete(ref.api_version, ref.kind, ref.name, ref.namespace or None, dry_run=True)
        return Outcome(changes + _parent_change(options, parent_live))
    waited = leave(client, doing, options, progress)
    if parent_live is not None:
        client.delete("v1", "ConfigMap", options.set_name, options.set_namespace)
    return Outcome(changes + _parent_change(options, parent_live), waited)


def _parent_change(options: Options, parent_live: Object | None) -> list[Change]:
    if parent_live is None:
        return []
    return [plan_delete(Ref("v1", "ConfigMap", options.set_namespace, options.set_name), parent_live)]


def _parallel(work: t.Callable[[Object], t.Any], items: t.Sequence[Object]) -> list[t.Any]:
    if len(items) < 2:
        return [work(item) for item in items]
    with concurrent.futures.ThreadPoolExecutor(max_workers=THREADS) as pool:
        return list(pool.map(work, items))
