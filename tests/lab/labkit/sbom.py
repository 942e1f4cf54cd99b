# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small CycloneDX bill of materials, written from the list of parts that an image was made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .debs import Deb
from .store import write_atomic

LABEL = "mcp-auth.sbom.sha256"


@dataclass(frozen=True, order=True)
class Part:
    """One part: what it is, its package URL and a checksum where there is one."""

    kind: str
    name: str
    version: str
    purl: str
    sha256: str = ""
    note: str = ""


def of_debs(debs: Iterable[Deb], release: str) -> list[Part]:
    """Parts from Debian packages; one that the archive had replaced says so."""
    return [
        Part(
            "library",
            d.name,
            d.version,
            f"pkg:deb/debian/{quote(d.name)}@{quote(d.version, safe='')}?distro={release}",
            d.sha256,
            "not the pinned version: the archive had moved on" if d.moved_on else "",
        )
        for d in debs
    ]


def of_modules(modules: Iterable[tuple[str, str, str]]) -> list[Part]:
    """Parts from Go modules; Go's own checksum (h1) is a note, it is not a sha256 of a file."""
    return [Part("library", n, v, f"pkg:golang/{quote(n)}@{quote(v, safe='')}", "", h) for n, v, h in modules]


def render(name: str, version: str, parts: Iterable[Part]) -> str:
    """The document; the same parts give the same text, so it has no date and no serial number."""
    components: list[dict[str, Any]] = []
    for part in sorted(set(parts)):
        item: dict[str, Any] = {"type": part.kind, "name": part.name, "version": part.version, "purl": part.purl}
        item["bom-ref"] = part.purl
        if part.sha256:
            item["hashes"] = [{"alg": "SHA-256", "content": part.sha256}]
        if part.note:
            item["properties"] = [{"name": "mcp-auth:note", "value": part.note}]
        components.append(item)
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": name, "version": version}},
        "components": components,
    }
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def write(folder: Path, name: str, version: str, parts: Iterable[Part]) -> str:
    """Store the document beside the image; returns its sha256 for the image's label."""
    text = render(name, version, parts)
    write_atomic(folder / f"{name}.cdx.json", text)
    return hashlib.sha256(text.encode()).hexdigest()
