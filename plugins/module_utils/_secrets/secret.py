# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""generated_secret: the source Secret is the truth, copies follow from it.

Written with POST and with PUT on a resourceVersion, not with server-side apply: two runs that generate at the same
moment must not overwrite each other, and a key that somebody added to a copy must go.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._cluster.client import Client
from .._cluster.errors import ClusterError, Conflict, NotThere
from .._cluster.plan import Change, Object, Ref, changed_paths, clean, plan_delete
from .._cluster.progress import Progress
from .fields import (
    ADDED,
    COPIES,
    MANAGED,
    ROTATION,
    SOURCE,
    Copy,
    Field,
    annotations_of,
    check,
    decode,
    derive,
    encode,
    is_ours,
    left,
    mark,
    names_noted,
    not_ours,
    note,
    places_noted,
    settle,
)

ATTEMPTS = 5


@dataclasses.dataclass
class Wanted:
    """What the module was asked for."""

    namespace: str
    name: str
    fields: list[Field]
    generate: str = "if_missing"
    rotation_id: str = ""
    copies: list[Copy] = dataclasses.field(default_factory=list)
    labels: dict[str, str] = dataclasses.field(default_factory=dict)
    annotations: dict[str, str] = dataclasses.field(default_factory=dict)
    type: str = "Opaque"
    check_mode: bool = False

    @property
    def ref(self) -> Ref:
        return Ref("v1", "Secret", self.namespace, self.name)

    @property
    def place(self) -> str:
        return self.namespace + "/" + self.name

    def may_write(self, live: Object | None) -> bool:
        """Whether the whole Secret is for this module to keep; in another one only what is missing may be added."""
        return live is None or (self.generate != "never" and is_ours(live))


@dataclasses.dataclass
class Outcome:
    changes: list[Change]
    generated: list[str] = dataclasses.field(default_factory=list)
    fingerprint: str = ""
    warnings: list[str] = dataclasses.field(default_factory=list)

    @property
    def changed(self) -> bool:
        return any(change.changed for change in self.changes)


def present(client: Client, wanted: Wanted, progress: Progress | None = None) -> Outcome:
    """Makes the source when it is missing, then the copies. Killed anywhere, the next run ends with the same values."""
    check(wanted.fields, wanted.copies, wanted.place)
    for attempt in range(ATTEMPTS):
        try:
            return _once(client, wanted, progress or Progress())
        except Conflict:
            # Another run was faster: its values are the truth now.
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def _once(client: Client, wanted: Wanted, progress: Progress) -> Outcome:
    live = client.get("v1", "Secret", wanted.name, wanted.namespace)
    if live is not None and live.get("immutable"):
        _refuse_immutable(live, wanted)
    notes = annotations_of(live)
    rotate = wanted.generate == "rotate" and not (wanted.rotation_id and notes.get(ROTATION) == wanted.rotation_id)
    held = decode((live or {}).get("data"), [field.name for field in wanted.fields], "Secret " + wanted.place)
    values, made = settle(wanted.fields, held, wanted.generate, rotate, "Secret " + wanted.place)
    if wanted.generate != "never" and not wanted.may_write(live):
        _keep_theirs(wanted, live, held, values)
    before = places_noted(notes.get(COPIES))
    final = sorted(copy.place for copy in wanted.copies)
    # First the union: a copy that was written is known even when this run is killed before it ends.
    source = _plan(
        wanted.ref, live, _source(wanted, live, values, rotate, sorted(set(before) | set(final))), wanted.check_mode
    )
    copies = [_plan_copy(client, wanted, copy, values, live) for copy in wanted.copies]
    gone = [_plan_gone(client, wanted, place) for place in before if place not in final]
    plans = [source] + copies + gone
    _try(client, plans, wanted.check_mode)
    settled = live
    if not wanted.check_mode:
        for change in plans:
            if change.changed:
                progress.say("%s %s" % (change.operation, change.ref))
                answer = _write(client, change)
                settled = answer if change is source else settled
        if set(before) - set(final):
            settled = _write(client, _plan(wanted.ref, settled, _source(wanted, settled, values, False, final), False))
    uid = str(((settled or {}).get("metadata") or {}).get("uid") or "")
    if set(before) - set(final) and not source.changed:
        source = dataclasses.replace(source, operation="update", paths=["metadata.annotations." + COPIES])
    fresh = wanted.check_mode and (made or live is None)
    return Outcome([source] + copies + gone, made, "" if fresh else mark(values, uid))


def _keep_theirs(wanted: Wanted, live: Object | None, held: dict[str, str], values: dict[str, str]) -> None:
    """Refuses to replace a value that somebody else wrote."""
    added = names_noted(annotations_of(live).get(ADDED))
    theirs = [name for name, value in values.items() if held.get(name) and name not in added and held[name] != value]
    if theirs:
        raise not_ours(
            wanted.namespace,
            wanted.name,
            "its %s can not get another value" % ", ".join(theirs),
            "Give another name, write the wanted value there yourself",
        )


def _refuse_immutable(live: Object, wanted: Wanted) -> None:
    raise ClusterError(
        "Secret %s is immutable: nothing in it can be kept up to date." % wanted.place,
        reason="Immutable",
        hint="Delete it, and let this module make another one.",
    )


def _source(wanted: Wanted, live: Object | None, values: dict[str, str], rotate: bool, places: list[str]) -> Object:
    notes = {COPIES: note(places)}
    if rotate and wanted.rotation_id:
        notes[ROTATION] = wanted.rotation_id
    data = dict((live or {}).get("data") or {})
    if wanted.may_write(live):
        data.update(encode(values))
        labels = dict(wanted.labels, **MANAGED)
        return _secret(wanted.ref, live, data, labels, dict(wanted.annotations, **notes), wanted.type)
    if wanted.generate == "never":
        # Somebody else keeps it: nothing of it is touched but the list of copies.
        return _secret(wanted.ref, live, data, {}, notes, str((live or {}).get("type") or "Opaque"))
    added = set(names_noted(annotations_of(live).get(ADDED)))
    added |= {name for name in values if not data.get(name)}
    data.update(encode({name: value for name, value in values.items() if name in added}))
    return _secret(wanted.ref, live, data, {}, dict(notes, **{ADDED: note(added)}), wanted.type)


def _secret(
    ref: Ref, live: Object | None, data: dict[str, str], labels: dict[str, str], notes: dict[str, str], kind: str
) -> Object:
    """The whole object: what others wrote to labels and annotations stays; an empty annotation is taken away."""
    meta: Object = dict((live or {}).get("metadata") or {}, name=ref.name, namespace=ref.namespace)
    meta.pop("managedFields", None)
    if labels:
        meta["labels"] = dict(meta.get("labels") or {}, **labels)
    notes = dict(meta.get("annotations") or {}, **notes)
    meta["annotations"] = {key: value for key, value in notes.items() if value}
    if not meta["annotations"]:
        del meta["annotations"]
    out: Object = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data, "type": kind}
    if live is not None and live.get("type", kind) != kind:
        raise ClusterError(
            "%s has the type %s, not %s, which can not be changed." % (str(ref), live.get("type"), kind),
            reason="NotOurs",
            hint="Give the type that it has, or another name, or delete it.",
        )
    return out


def _plan(ref: Ref, live: Object | None, manifest: Object, check_mode: bool) -> Change:
    before, after = clean(live), clean(manifest)
    if live is None:
        return Change(ref, "create", manifest, True, ["data." + key for key in manifest["data"]], None, after)
    paths = changed_paths(before, after)
    return Change(ref, "update" if paths else "none", manifest, True, paths, before, after, live)


def _plan_copy(client: Client, wanted: Wanted, copy: Copy, values: dict[str, str], source: Object | None) -> Change:
    ref = Ref("v1", "Secret", copy.namespace, copy.name)
    live = client.get("v1", "Secret", copy.name, copy.namespace)
    if live is not None and annotations_of(live).get(SOURCE) != wanted.place:
        owner = annotations_of(live).get(SOURCE)
        raise ClusterError(
            "Secret %s is there and is %s, not a copy of %s."
            % (copy.place, "a copy of " + owner if owner else "somebody else's", wanted.place),
            reason="NotOurs",
            hint="Give the copy another name, or delete that Secret.",
        )
    if live is not None and live.get("immutable"):
        raise ClusterError("Secret %s is immutable." % copy.place, reason="Immutable", hint="Delete it and run again.")
    labels = dict(wanted.labels, **MANAGED)
    manifest = _secret(ref, live, encode(derive(copy, values)), labels, {SOURCE: wanted.place}, copy.type)
    return _plan(ref, live, manifest, wanted.check_mode)


def _plan_gone(client: Client, wanted: Wanted, place: str) -> Change:
    namespace, _slash, name = place.partition("/")
    live = client.get("v1", "Secret", name, namespace)
    ours = live if annotations_of(live).get(SOURCE) == wanted.place else None
    return plan_delete(Ref("v1", "Secret", namespace, name), ours)


def _try(client: Client, changes: t.Sequence[Change], check_mode: bool) -> None:
    """Asks the server for a dry run of every write, so that nothing is half done when one can not be made."""
    if not check_mode and sum(change.changed for change in changes) < 2:
        return
    for change in changes:
        if not change.changed:
            continue
        try:
            _write(client, change, dry_run=True)
        except NotThere:
            # The namespace: an earlier task would make it.
            if not check_mode:
                raise
            change.validated = False


def _write(client: Client, change: Change, dry_run: bool = False) -> Object:
    if change.operation == "create":
        return client.create(change.manifest, dry_run)
    if change.operation == "update":
        return client.replace(change.manifest, dry_run)
    if change.operation == "delete":
        meta = (change.live or {}).get("metadata") or {}
        client.delete("v1", "Secret", change.ref.name, change.ref.namespace, dry_run, str(meta.get("uid") or ""))
        return {}
    return change.live or {}


def absent(client: Client, wanted: Wanted) -> Outcome:
    """Deletes the copies, those of earlier runs too, and then the source, when it is ours."""
    live = client.get("v1", "Secret", wanted.name, wanted.namespace)
    places = places_noted(annotations_of(live).get(COPIES)) + [copy.place for copy in wanted.copies]
    changes = [_plan_gone(client, wanted, place) for place in sorted(set(places))]
    warnings = []
    if live is None or wanted.may_write(live):
        changes.append(plan_delete(wanted.ref, live))
    else:
        kind = str(live.get("type") or "Opaque")
        kept = _secret(wanted.ref, live, dict(live.get("data") or {}), {}, {COPIES: ""}, kind)
        changes.append(_plan(wanted.ref, live, kept, wanted.check_mode))
        warnings = [] if wanted.generate == "never" else [left(wanted.place)]
    for change in changes:
        if change.changed:
            _write(client, change, dry_run=wanted.check_mode)
    return Outcome(changes, warnings=warnings)
