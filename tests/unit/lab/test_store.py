# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cache: keys by content, entries whole or not at all, one builder at a time, a full disk said as such."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from labkit.store import (
    DONE,
    Store,
    digest_tree,
    key_of,
    locked,
    mounts_below,
    need_space,
    remove_tree,
    write_atomic,
)
from labkit.ui import LabError


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB: a real tmpfs for root."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a tmpfs")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_key_follows_the_content() -> None:
    assert key_of([{"b": 1, "a": 2}]) == key_of([{"a": 2, "b": 1}])
    assert key_of(["a", "b"]) != key_of(["b", "a"])
    assert key_of(["ab"]) != key_of(["a", "b"])


def test_a_tree_is_its_names_contents_and_execute_bits(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    file = tmp_path / "a" / "f"
    file.write_text("1")
    first = digest_tree(tmp_path)
    file.chmod(0o755)
    second = digest_tree(tmp_path)
    file.write_text("2")
    third = digest_tree(tmp_path)
    (tmp_path / "link").symlink_to("a")
    fourth = digest_tree(tmp_path)
    assert len({first, second, third, fourth}) == 4
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "x.pyc").write_text("noise")
    assert digest_tree(tmp_path) != first


def test_bytecode_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("1")
    (tmp_path / "__pycache__").mkdir()
    before = digest_tree(tmp_path)
    (tmp_path / "__pycache__" / "x.pyc").write_text("noise")
    assert digest_tree(tmp_path) == before


def test_an_entry_is_built_once(tmp_path: Path) -> None:
    calls: list[Path] = []

    def build(folder: Path) -> None:
        calls.append(folder)
        (folder / "x").write_text("made")

    store = Store(tmp_path)
    first = store.entry("kind", "name", "key", build)
    assert store.entry("kind", "name", "key", build) == first
    assert len(calls) == 1
    assert (first / "x").read_text() == "made"
    assert store.has("kind", "name", "key")
    assert not store.has("kind", "name", "other")


@pytest.mark.parametrize("in_place", [False, True])
def test_a_build_that_fails_leaves_nothing(tmp_path: Path, in_place: bool) -> None:
    store = Store(tmp_path)
    method = store.entry_in_place if in_place else store.entry

    def fail(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "half").write_text("")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        method("kind", "name", "key", fail)
    assert [p.name for p in (tmp_path / "kind").iterdir()] == []

    def build(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "whole").write_text("")

    assert sorted(p.name for p in method("kind", "name", "key", build).iterdir()) == [DONE, "whole"]


@pytest.mark.parametrize("in_place", [False, True])
def test_a_build_that_was_killed_is_done_again(tmp_path: Path, lab: Path, in_place: bool) -> None:
    method = "entry_in_place" if in_place else "entry"
    script = textwrap.dedent(f"""
        import os, signal, sys
        sys.path.insert(0, {str(lab)!r})
        from pathlib import Path
        from labkit.store import Store
        def build(folder):
            folder.mkdir(exist_ok=True)
            (folder / "half").write_text("")
            os.kill(os.getpid(), signal.SIGKILL)
        Store(Path({str(tmp_path)!r})).{method}("kind", "name", "key", build)
    """)
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    store = Store(tmp_path)
    assert not store.has("kind", "name", "key")

    def build(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "whole").write_text("")

    made = getattr(store, method)("kind", "name", "key", build)
    assert sorted(p.name for p in made.iterdir()) == [DONE, "whole"]


def test_two_runs_build_an_entry_once(tmp_path: Path, lab: Path) -> None:
    script = textwrap.dedent(f"""
        import os, sys, time
        sys.path.insert(0, {str(lab)!r})
        from pathlib import Path
        from labkit.store import Store
        root = Path({str(tmp_path)!r})
        def build(folder):
            time.sleep(0.5)
            with open(root / "calls", "a") as file:
                file.write("x")
        Store(root).entry("kind", "name", "key", build)
    """)
    runs = [subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL) for _run in range(3)]
    assert [run.wait(timeout=60) for run in runs] == [0, 0, 0]
    assert (tmp_path / "calls").read_text() == "x"


def test_a_lock_is_free_when_its_holder_died(tmp_path: Path, lab: Path) -> None:
    script = textwrap.dedent(f"""
        import os, signal, sys
        sys.path.insert(0, {str(lab)!r})
        from pathlib import Path
        from labkit.store import locked
        with locked(Path({str(tmp_path / "lock")!r}), "a test"):
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    with locked(tmp_path / "lock", "a test"):
        pass


def test_a_full_disk_is_said_as_such_and_leaves_nothing(tiny_disk: Path) -> None:
    def build(folder: Path) -> None:
        (folder / "big").write_bytes(bytes(1_000_000))

    with pytest.raises(LabError, match="the disk is full") as caught:
        Store(tiny_disk).entry("image", "node", "key", build)
    assert "LAB_CACHE" in caught.value.hint
    assert list((tiny_disk / "image").iterdir()) == []


def test_a_device_that_is_full_gives_the_same_error(tmp_path: Path) -> None:
    def build(_path: Path) -> None:
        with open("/dev/full", "w", encoding="utf-8") as file:
            file.write("x")

    with pytest.raises(LabError, match="the disk is full"):
        Store(tmp_path).entry("image", "node", "key", build)


def test_too_little_space_is_said_before_the_build(tmp_path: Path) -> None:
    need_space(tmp_path, 1, "something small")
    with pytest.raises(LabError, match="something big needs about .* the disk is full"):
        need_space(tmp_path, 10**9, "something big")


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "f"
    write_atomic(path, "one", 0o600)
    write_atomic(path, "two", 0o600)
    assert path.read_text() == "two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_a_tree_goes_with_its_links_and_not_what_they_lead_to(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("")
    tree = tmp_path / "tree"
    (tree / "a" / "b").mkdir(parents=True)
    (tree / "a" / "b" / "file").write_text("")
    (tree / "folder").symlink_to(tmp_path / "kept")
    (tree / "nowhere").symlink_to("/nowhere")
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    remove_tree(tree)
    remove_tree(tmp_path / "link")
    remove_tree(tmp_path / "never")
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")) == ["kept", "kept/file"]


def test_mounts_are_found_by_whole_names_the_innermost_first(tmp_path: Path) -> None:
    table = tmp_path / "mounts"
    table.write_text(
        "a /c/tree.part/proc proc rw 0 0\na /c/tree.part/dev tmpfs rw 0 0\na /c/tree.part/dev/shm tmpfs rw 0 0\n"
        "a /c/tree.part2/dev tmpfs rw 0 0\na /c/tree.part/with\\040blank tmpfs rw 0 0\na / ext4 rw 0 0\n"
    )
    assert mounts_below(Path("/c/tree.part"), table) == [
        "/c/tree.part/with blank",
        "/c/tree.part/proc",
        "/c/tree.part/dev/shm",
        "/c/tree.part/dev",
    ]


@pytest.fixture
def foreign_mount(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A folder outside, and the scratch folder of a killed build into which it is still mounted."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    outside, scratch = tmp_path / "shm", tmp_path / "cache" / "tree" / ".node-key.part"
    inside = scratch / "root" / "dev" / "shm"
    outside.mkdir()
    (outside / "precious").write_text("")
    inside.mkdir(parents=True)
    subprocess.run(["mount", "--bind", str(outside), str(inside)], check=True)
    yield outside, inside
    subprocess.run(["umount", "-l", str(inside)], check=False, capture_output=True)


def test_what_a_killed_build_left_mounted_is_not_emptied(tmp_path: Path, foreign_mount: tuple[Path, Path]) -> None:
    outside, inside = foreign_mount
    made = Store(tmp_path / "cache").entry("tree", "node", "key", lambda folder: (folder / "new").touch())
    assert (outside / "precious").exists()
    assert not inside.exists()
    assert sorted(p.name for p in made.iterdir()) == [DONE, "new"]


def test_a_mount_that_can_not_be_undone_is_left_alone(
    foreign_mount: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    outside, inside = foreign_mount
    monkeypatch.setattr(subprocess, "run", lambda *_args, **_options: None)
    with pytest.raises(LabError, match="is mounted inside a folder that has to go"):
        remove_tree(inside.parents[2])
    monkeypatch.undo()
    assert (outside / "precious").exists()


def test_what_is_mounted_during_the_removal_is_left_alone(tiny_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tiny_disk / "precious").write_text("")
    monkeypatch.setattr("labkit.store.mounts_below", lambda _folder: [])
    with pytest.raises(LabError, match="has just been mounted"):
        remove_tree(tiny_disk.parent)
    assert (tiny_disk / "precious").exists()
