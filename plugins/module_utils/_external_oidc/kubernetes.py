# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
#
# PRIVATE: for the modules of this collection only; may change without notice.
"""AuthenticationConfiguration of kube-apiserver: build, merge, take out, render. Pure, standard library only.

The file belongs to everybody who trusts an issuer, so it is never written whole: our entries are found by their
issuer's URL, everything else stays as it is.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

KIND = "AuthenticationConfiguration"
GROUP = "apiserver.config.k8s.io"
#: Versions that a server may be reading; the newest one that we write comes first.
API_VERSIONS = (f"{GROUP}/v1", f"{GROUP}/v1beta1", f"{GROUP}/v1alpha1")

Config = dict[str, Any]


class Unmergeable(ValueError):
    """What is there is not ours to touch; ``fix`` says what a person can do."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


def api_version_for(minor: int) -> str:
    """The version that Kubernetes 1.``minor`` reads: v1 since 1.34, v1beta1 since 1.30."""
    if minor >= 34:
        return API_VERSIONS[0]
    if minor >= 30:
        return API_VERSIONS[1]
    raise Unmergeable(
        f"Kubernetes 1.{minor} has no AuthenticationConfiguration that is on by default.",
        "use Kubernetes 1.30 or newer",
    )


def empty(api_version: str = API_VERSIONS[0]) -> Config:
    return {"apiVersion": api_version, "kind": KIND, "jwt": []}


def entry_for(login: dict[str, Any], certificate_authority: str = "") -> dict[str, Any]:
    """One ``jwt`` entry: the model's, with the CA that the API server has to trust for the issuer."""
    entry = copy.deepcopy(login)
    if certificate_authority.strip():
        issuer = dict(entry.get("issuer") or {})
        issuer["certificateAuthority"] = certificate_authority.strip() + "\n"
        entry["issuer"] = issuer
    return entry


def check_mergeable(current: Any) -> Config:
    """The parsed file, or a refusal to touch what we do not understand."""
    if not isinstance(current, dict):
        raise Unmergeable(
            f"the file holds {'nothing' if current is None else type(current).__name__}, not an object.",
            "put an AuthenticationConfiguration there, or move the file away",
        )
    if current.get("kind") != KIND:
        raise Unmergeable(
            f"the file is of kind {current.get('kind')!r}, not {KIND}.",
            "give the path that --authentication-config names",
        )
    if current.get("apiVersion") not in API_VERSIONS:
        raise Unmergeable(
            f"the file has the unknown apiVersion {current.get('apiVersion')!r}.",
            "known are " + ", ".join(API_VERSIONS),
        )
    unknown = sorted(set(current) - {"apiVersion", "kind", "jwt", "anonymous"})
    if unknown:
        raise Unmergeable(
            f"the file has fields that this version does not know: {', '.join(map(str, unknown))}.",
            "update the collection, or take these fields out",
        )
    entries = current.get("jwt")
    if entries is not None and not isinstance(entries, list):
        raise Unmergeable("jwt is not a list.", "correct the file by hand first")
    urls: list[str] = []
    for index, entry in enumerate(entries or []):
        url = issuer_url(entry)
        if not url:
            raise Unmergeable(f"jwt[{index}] has no issuer.url.", "correct the file by hand first")
        if url in urls:
            raise Unmergeable(f"jwt[{index}] repeats the issuer {url}.", "correct the file by hand first")
        urls.append(url)
    return current


def issuer_url(entry: Any) -> str:
    """The key of an entry, or nothing."""
    issuer = entry.get("issuer") if isinstance(entry, dict) else None
    url = issuer.get("url") if isinstance(issuer, dict) else None
    return url if isinstance(url, str) else ""


def issuers(config: Config) -> list[str]:
    """Who is trusted, in the order of the file."""
    return [issuer_url(entry) for entry in config.get("jwt") or []]


def merge(
    current: Config | None,
    entries: Sequence[dict[str, Any]],
    remove: Iterable[str] = (),
    api_version: str | None = None,
) -> Config:
    """``current`` with ``entries`` in place of those of the same issuer, or after the others.

    A version that is asked for wins; else that of the file stays, because the server reads it today.
    """
    if current is None:
        base: Config = empty(api_version or API_VERSIONS[0])
    else:
        base = copy.deepcopy(check_mergeable(current))
        if api_version:
            base["apiVersion"] = api_version
    wanted = {issuer_url(entry): copy.deepcopy(entry) for entry in entries}
    gone = set(remove) - set(wanted)
    merged = []
    for entry in base.get("jwt") or []:
        url = issuer_url(entry)
        if url in gone:
            continue
        merged.append(wanted.pop(url, entry))
    merged.extend(wanted.values())
    base["jwt"] = merged
    return base


def equal(one: Config | None, other: Config | None) -> bool:
    """The same to the API server: a missing list of issuers is an empty one."""
    if one is None or other is None:
        return one is other
    return {**one, "jwt": one.get("jwt") or []} == {**other, "jwt": other.get("jwt") or []}


def render(config: Config) -> bytes:
    """JSON, which is YAML too: no library is needed on the host to write or read it."""
    order = {name: config[name] for name in ("apiVersion", "kind", "anonymous", "jwt") if name in config}
    return (json.dumps(order, indent=2) + "\n").encode()


def sha256(content: bytes) -> str:
    """The hash that the API server tells in its metrics, without the prefix ``sha256:``."""
    return hashlib.sha256(content).hexdigest()
