# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks for secrets that must be nowhere: in every file of a folder, in every shape that a program may have put them."""

from __future__ import annotations

import base64
import html
import json
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

# Shorter values would be found everywhere by chance.
SHORTEST = 8
# Three parts of a JSON Web Token, the last one (the signature) not empty: with it the text is a credential.
TOKEN = re.compile(rb"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}")
PRIVATE_KEY = re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----[\s\\n]*[A-Za-z0-9+/]{20}")


@dataclass(frozen=True)
class Leak:
    """Where a secret was found; its value is not in here."""

    secret: str
    shape: str
    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.secret} ({self.shape}) in {self.file}:{self.line}"


def shapes(value: bytes) -> dict[str, bytes]:
    """A secret as it is, and as programs write it: in JSON, YAML, URLs, HTML, Python and base64."""
    found = {"as it is": value}
    encoded = base64.b64encode(value)
    found["base64"] = encoded.rstrip(b"=")
    found["base64 for URLs"] = base64.urlsafe_b64encode(value).rstrip(b"=")
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return found
    inner = {
        "JSON": json.dumps(text)[1:-1],
        "JSON, not ASCII": json.dumps(text, ensure_ascii=False)[1:-1],
        "Python": repr(text)[1:-1],
        "URL": urllib.parse.quote(text, safe=""),
        "form": urllib.parse.quote_plus(text),
        "HTML": html.escape(text),
        "YAML": text.replace("'", "''"),
    }
    found.update({name: shape.encode() for name, shape in inner.items()})
    # JSON in JSON: a message that quotes a body.
    found["JSON in JSON"] = json.dumps(inner["JSON"])[1:-1].encode()
    return found


def pieces(name: str, value: bytes) -> dict[str, bytes]:
    """The parts of a secret that are secret alone: of a private key its body's lines, of a file with settings the value."""
    text = value.decode(errors="replace")
    if "PRIVATE KEY-----" in text:
        lines = [line for line in text.splitlines() if line and not line.startswith("-----")]
        # The last line may be short and the first is the same for all keys of a kind.
        return {
            f"{name}, line {number}": line.encode() for number, line in enumerate(lines) if number and len(line) >= 40
        }
    if "-----BEGIN CERTIFICATE-----" in text:
        return {}
    return {name: value}


class Canary:
    """The secrets to look for."""

    def __init__(self, secrets: Mapping[str, bytes], public: Iterable[bytes] = ()) -> None:
        self.needles: dict[bytes, tuple[str, str]] = {}
        self.left_out: list[str] = []
        # A private key's file ends with the public key, which its certificate shows too, at times in the same letters.
        shown = b"\n".join(re.sub(rb"\s", b"", text) for text in public)
        for name, value in secrets.items():
            for part, piece in pieces(name, value.strip(b"\n")).items():
                if len(piece) < SHORTEST or piece in shown:
                    self.left_out.append(part)
                    continue
                for shape, needle in shapes(piece).items():
                    self.needles.setdefault(needle, (part, shape))

    def search(self, folders: Iterable[Path]) -> Iterator[Leak]:
        """Every place where a secret, a token or a private key is written."""
        patterns = [(TOKEN, "a whole token"), (PRIVATE_KEY, "a private key")]
        pattern = re.compile(
            b"|".join(re.escape(needle) for needle in sorted(self.needles, key=len, reverse=True)) or b"(?!)"
        )
        for file in files(folders):
            content = file.read_bytes()
            for found in pattern.finditer(content):
                name, shape = self.needles[found.group()]
                yield Leak(name, shape, file, content.count(b"\n", 0, found.start()) + 1)
            for general, what in patterns:
                for found in general.finditer(content):
                    yield Leak(what, "by its form", file, content.count(b"\n", 0, found.start()) + 1)


def files(folders: Iterable[Path]) -> Iterator[Path]:
    """Every regular file under some folders, or the files themselves."""
    for folder in folders:
        if folder.is_file():
            yield folder
        else:
            yield from (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
