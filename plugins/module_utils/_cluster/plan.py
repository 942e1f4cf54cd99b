# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""From wanted manifests, live objects and the server's dry runs to a list of changes. Pure: no request is made here."""

from __future__ import annotations

import base64
import copy
import dataclasses
import json
import typing as t

from .errors import ClusterError
from .redact import redact

Object = dict[str, t.Any]
NOISE = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink", "deletionTimestamp")


class Ref(t.NamedTuple):
    """Which object."""

    api_version: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return "%s %s%s" % (self.kind, self.namespace + "/" if self.namespace else "", self.name)

    def as_dict(self) -> dict[str, str]:
        out = {"apiVersion": self.api_version, "kind": self.kind, "name": self.name}
        if self.namespace:
            out["namespace"] = self.namespace
        return out

    @property
    def group(self) -> str:
        return self.api_version.rpartition("/")[0]

    def same_object(self, other: Ref) -> bool:
        """The version of an API does not make another object."""
        return (self.group,) + self[1:] == (other.group,) + other[1:]


@dataclasses.dataclass
class Change:
    """One object and what is to be done with it. before and after hold secrets: only result() and diff() may leave."""

    ref: Ref
    operation: str
    manifest: Object
    validated: bool = True
    paths: list[str] = dataclasses.field(default_factory=list)
    before: Object | None = None
    after: Object | None = None
    live: Object | None = None

    @property
    def changed(self) -> bool:
        return self.operation != "none"

    def result(self) -> Object:
        return {
            "object": self.ref.as_dict(),
            "operation": self.operation,
            "validated_by_server": self.validated,
            "paths": list(self.paths),
        }

    def diff(self) -> Object:
        header = str(self.ref)
        return {
            "before_header": header,
            "after_header": header,
            "before": redact(self.before) if self.before else {},
            "after": redact(self.after) if self.after else {},
        }


def ref_of(manifest: Object) -> Ref:
    meta = manifest["metadata"]
    return Ref(manifest["apiVersion"], manifest["kind"], str(meta.get("namespace") or ""), meta["name"])


def expand(manifests: t.Sequence[t.Any]) -> list[Object]:
    """Manifests in the form in which they are applied: checked, Lists opened, stringData turned into data."""
    out: list[Object] = []
    for index, item in enumerate(manifests):
        if isinstance(item, dict) and item.get("kind") == "List" and isinstance(item.get("items"), list):
            out += expand(item["items"])
        else:
            out.append(_normalise(item, index))
    for index, one in enumerate(out):
        for other in out[:index]:
            if ref_of(one).same_object(ref_of(other)):
                raise ClusterError("%s is in the list twice." % str(ref_of(one)), reason="BadManifest")
    return out


def _normalise(item: t.Any, index: int) -> Object:
    where = "Item %d of objects" % index
    if not isinstance(item, dict):
        raise ClusterError("%s is not a dictionary." % where, reason="BadManifest")
    meta = item.get("metadata")
    if not isinstance(meta, dict):
        raise ClusterError("%s has no metadata." % where, reason="BadManifest")
    for key, value in (("apiVersion", item.get("apiVersion")), ("kind", item.get("kind")), ("name", meta.get("name"))):
        if not isinstance(value, str) or not value:
            raise ClusterError("%s (%s) has no %s." % (where, item.get("kind"), key), reason="BadManifest")
    out = copy.deepcopy(item)
    out.pop("status", None)
    out["metadata"] = {k: v for k, v in out["metadata"].items() if k not in NOISE and v is not None}
    for key in ("labels", "annotations"):
        bad = {k: v for k, v in (out["metadata"].get(key) or {}).items() if not isinstance(v, str)}
        if bad:
            raise ClusterError(
                "%s (%s): metadata.%s must be texts: %s" % (where, ref_of(out), key, ", ".join(sorted(map(str, bad)))),
                reason="BadManifest",
            )
    if out["kind"] == "Secret" and out["apiVersion"] == "v1":
        _only_data(out)
    return out


def _only_data(secret: Object) -> None:
    # stringData is write-only: with server-side apply it never settles (kubernetes 87736).
    plain = secret.pop("stringData", None) or {}
    if plain:
        data = dict(secret.get("data") or {})
        for key, value in plain.items():
            data[key] = base64.b64encode(str(value).encode("utf-8")).decode("ascii")
        secret["data"] = data


def promised(manifests: t.Iterable[Object]) -> tuple[set[str], set[tuple[str, str]]]:
    """What a list brings along for its other members: namespaces, and (group, kind) of CustomResourceDefinitions."""
    namespaces: set[str] = set()
    kinds: set[tuple[str, str]] = set()
    for item in manifests:
        if item["kind"] == "Namespace" and item["apiVersion"] == "v1" or item["kind"] == "Project":
            namespaces.add(item["metadata"]["name"])
        elif item["kind"] == "CustomResourceDefinition":
            spec = item.get("spec") or {}
            kinds.add((str(spec.get("group")), str((spec.get("names") or {}).get("kind"))))
    return namespaces, kinds


def clean(live: Object | None) -> Object:
    """An object without what only the server writes."""
    if not live:
        return {}
    out = {key: value for key, value in live.items() if key != "status"}
    meta = {key: value for key, value in (live.get("metadata") or {}).items() if key not in NOISE}
    for key in ("labels", "annotations"):
        if key in meta and not meta[key]:
            del meta[key]
    out["metadata"] = meta
    return out


def changed_paths(before: t.Any, after: t.Any, path: str = "") -> list[str]:
    """The leaves that differ, as dotted paths; items of lists by their name where they have one."""
    if type(before) is type(after) and not isinstance(before, (dict, list)) and before == after:
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        out: list[str] = []
        for key in sorted(set(before) | set(after), key=str):
            where = path + "." + str(key) if path else str(key)
            if key not in before or key not in after:
                out.append(where)
            else:
                out += changed_paths(before[key], after[key], where)
        return out
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        out = []
        for index, (one, other) in enumerate(zip(before, after)):
            same = isinstance(one, dict) and isinstance(other, dict) and one.get("name") == other.get("name")
            label = str(one["name"]) if same and isinstance(one, dict) and one.get("name") else str(index)
            out += changed_paths(one, other, "%s[%s]" % (path, label))
        return out
    return [path]


def plan_apply(manifest: Object, live: Object | None, dry: Object | None, validated: bool = True) -> Change:
    """The change that applying a manifest makes. dry is the server's answer to the dry run, if there was one."""
    ref = ref_of(manifest)
    if live is None:
        paths = sorted(set(manifest) - {"apiVersion", "kind", "metadata"})
        return Change(ref, "create", manifest, validated, paths, None, clean(manifest))
    if dry is None:
        # Nothing to apply, or (validated is False) the server could not be asked.
        return Change(ref, "none" if validated else "update", manifest, validated, [], clean(live), manifest, live)
    before, after = clean(live), clean(dry)
    paths = changed_paths(before, after)
    return Change(ref, "update" if paths else "none", manifest, validated, paths, before, after, live)


def plan_delete(ref: Ref, live: Object | None) -> Change:
    if live is None:
        return Change(ref, "none", {})
    return Change(ref, "delete", {}, True, [], clean(live), None, live)


# -- the cheap proof that nothing is to be done --------------------------------------------------------------------------


def nothing_to_apply(manifest: Object, live: Object, manager: str) -> bool:
    """True when a server-side apply of this manifest can not change anything.

    That is so when the fields which our manager owns are exactly those of the manifest and have its values in the
    live object. In doubt it says False, and the server's dry run decides: True saves that request.
    """
    if _has_null(manifest):
        return False
    want = _fields_of(manifest)
    entries = [
        entry
        for entry in (live.get("metadata") or {}).get("managedFields") or []
        if entry.get("manager") == manager and entry.get("operation") == "Apply" and not entry.get("subresource")
    ]
    if not want:
        # A bare Namespace: it has to be there, no more.
        return not any(entry.get("fieldsV1") for entry in entries)
    for entry in entries:
        if entry.get("apiVersion") == manifest["apiVersion"]:
            return _owned(entry.get("fieldsV1") or {}, want, live)
    return False


def _has_null(value: t.Any) -> bool:
    if isinstance(value, dict):
        return any(item is None or _has_null(item) for item in value.values())
    if isinstance(value, list):
        return any(item is None or _has_null(item) for item in value)
    return False


def _fields_of(manifest: Object) -> Object:
    out = {key: value for key, value in manifest.items() if key not in ("apiVersion", "kind")}
    out["metadata"] = {key: value for key, value in manifest["metadata"].items() if key not in ("name", "namespace")}
    if not out["metadata"]:
        del out["metadata"]
    return out


def _owned(fields: Object, want: t.Any, live: t.Any) -> bool:
    keys = [key for key in fields if key != "."]
    if not keys:
        return not changed_paths(want, live)
    if all(key.startswith("f:") for key in keys):
        if not isinstance(want, dict) or not isinstance(live, dict) or {key[2:] for key in keys} != set(want):
            return False
        return all(key[2:] in live and _owned(fields[key], want[key[2:]], live[key[2:]]) for key in keys)
    if not isinstance(want, list) or not isinstance(live, list) or len(want) != len(keys):
        return False
    if all(key.startswith("k:") for key in keys):
        return _owned_items(fields, keys, want, live)
    if all(key.startswith("v:") for key in keys):
        values = [json.loads(key[2:]) for key in keys]
        return all(item in values for item in want) and [item for item in live if item in want] == want
    return False


def _owned_items(fields: Object, keys: list[str], want: list[t.Any], live: list[t.Any]) -> bool:
    """Lists whose items have keys (containers by name). A key that we left to its default is not in our item."""
    order: list[int] = []
    for item in want:
        found = []
        for key in keys:
            names = json.loads(key[2:])
            if isinstance(item, dict) and all(item.get(name, value) == value for name, value in names.items()):
                found.append((key, names))
        if len(found) != 1:
            return False
        key, names = found[0]
        at = [
            index
            for index, other in enumerate(live)
            if isinstance(other, dict) and all(other.get(name) == value for name, value in names.items())
        ]
        if len(at) != 1 or not _owned(fields[key], item, live[at[0]]):
            return False
        order.append(at[0])
    return order == sorted(order) and len(set(order)) == len(order)
