# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks of Debian packages: read strictly, compared with what the archive has, never another content."""

from __future__ import annotations

from pathlib import Path

import pytest
from labkit import debs
from labkit.debs import Deb, compare, mirrors, parse_stanzas, read_lock, render_lock
from labkit.settings import Settings, load_versions
from labkit.ui import LabError

SHA = "a" * 64


def test_every_set_has_a_lock_with_its_packages(lab: Path) -> None:
    for name, spec in load_versions(lab / "versions.json")["debian"]["sets"].items():
        found = {deb.name for deb in read_lock(lab / "locks" / f"{name}.lock")}
        assert set(spec["packages"]) <= found
        assert not set(spec["drop"]) & found


def test_a_lock_comes_back_as_it_was_written(tmp_path: Path) -> None:
    wanted = [Deb("bash", "1:2.0-1+deb12u1", SHA), Deb("libstdc++6", "12", "b" * 64)]
    (tmp_path / "x.lock").write_text(render_lock(wanted, "a test"))
    assert read_lock(tmp_path / "x.lock") == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bash=1",
        f"bash sha256:{SHA}",
        f"bash=1 sha256:{SHA[:-1]}",
        f"bash=1 sha256:{SHA}\nbash=2 sha256:{SHA}",
        f"b ash=1 sha256:{SHA}",
    ],
)
def test_a_bad_lock_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.lock").write_text(text)
    with pytest.raises(LabError):
        read_lock(tmp_path / "x.lock")


def test_what_the_archive_no_longer_has_is_told() -> None:
    lock = [Deb("bash", "1", SHA), Deb("dash", "1", SHA)]
    have = [{"Package": "bash", "Version": "1", "SHA256": SHA}, {"Package": "dash", "Version": "2", "SHA256": SHA}]
    assert compare(lock, have, "x.lock") == [lock[1]]


def test_another_content_under_the_same_version_is_never_taken() -> None:
    with pytest.raises(LabError, match="the archive's sha256 is b"):
        compare([Deb("bash", "1", SHA)], [{"Package": "bash", "Version": "1", "SHA256": "b" * 64}], "x.lock")


class FakeArchive:
    """An archive that has moved on."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def update(self) -> None:
        """Nothing to fetch."""

    def stanzas(self, _names: list[str]) -> list[dict[str, str]]:
        """The one package that it has now."""
        return [{"Package": "busybox-static", "Version": "9", "SHA256": SHA}]

    def closure(self, _wanted: dict[str, object]) -> list[Deb]:
        """What it has now."""
        return [Deb("busybox-static", "9", SHA)]


def test_an_archive_that_moved_on_is_told_and_marked(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(debs, "Archive", FakeArchive)
    monkeypatch.setattr(
        debs, "_download", lambda _archive, wanted, folder, _name: [(folder / d.file()).touch() for d in wanted]
    )
    found, _index = debs.fetch(settings, "helper")
    assert [(d.name, d.version, d.moved_on) for d in found] == [("busybox-static", "9", True)]
    told = capsys.readouterr().err
    assert "has moved on: 1 of the 1 pinned packages of helper" in told
    assert "-> 9 (signed by the archive)" in told
    again, _index = debs.fetch(settings, "helper")
    assert [(d.version, d.moved_on) for d in again] == [("9", True)]


def test_mirrors_of_both_formats() -> None:
    one_line = "deb [signed-by=/k] mirror:/m bookworm main contrib\n# deb other bookworm main\ndeb-src mirror:/m bookworm main\n"
    stanzas = (
        "Types: deb\n# note\nURIs: mirror:/a\nSuites: trixie trixie-updates\nComponents: main\nSigned-By: /k\n\n"
        "Types: deb\nURIs: mirror:/s\nSuites: trixie-security\nComponents: main\n\n"
        "Types: deb\nURIs: mirror:/foreign\nSuites: nodistro\nComponents: other\n"
    )
    assert mirrors([one_line]) == {"release": ["mirror:/m"], "updates": [], "security": []}
    assert mirrors([stanzas]) == {"release": ["mirror:/a"], "updates": ["mirror:/a"], "security": ["mirror:/s"]}


def test_stanzas() -> None:
    text = "Package: a\nVersion: 1\nDescription: x\n more\n\nPackage: b\nVersion: 2\n"
    assert parse_stanzas(text) == [
        {"Package": "a", "Version": "1", "Description": "x\n more"},
        {"Package": "b", "Version": "2"},
    ]
