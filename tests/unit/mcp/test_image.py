# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image: the same parts give the same bytes, in a form that every engine takes; what is missing is said."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import shutil
import stat
import tarfile
from pathlib import Path
from typing import Any

import pytest

from . import builder

build = builder.load()
FILES = {
    "etc/passwd": (0o444, b"root\n"),
    "usr/local/bin/kubernetes-mcp-server": (0o555, b"server"),
    "usr/local/bin/mcp-proxy": (0o555, b"proxy"),
    "etc/ssl/certs/ca-certificates.crt": (0o444, b"pem"),
}


def script(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def go(tmp_path: Path) -> str:
    return script(tmp_path, "go", 'test "$1" = env && echo go1.26.8 || echo "x: go1.26"')


def made(tmp_path: Path, go: str, *more: str) -> Any:
    argv = ["--cache", str(tmp_path / "cache"), "--output", str(tmp_path / "o" / "image.tar"), "--go", go, "--quiet"]
    return build.Builder(build.arguments().parse_args([*argv, *more]), build.Progress(True))


def members(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {item.name: tar.extractfile(item).read() for item in tar if item.isfile()}  # type: ignore[union-attr]


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def test_the_archive_is_an_oci_layout_and_a_docker_archive(tmp_path: Path, go: str) -> None:
    archive, manifest_digest, config_digest = made(tmp_path, go).archive(FILES)
    inside = members(archive)
    assert json.loads(inside["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    for name, data in inside.items():
        if name.startswith("blobs/"):
            assert name == "blobs/" + digest(data).replace(":", "/")
    index = json.loads(inside["index.json"])["manifests"][0]
    assert index["digest"] == manifest_digest
    assert index["annotations"]["io.containerd.image.name"] == "localhost/mcp-auth/mcp-server:0.0.67"
    manifest = json.loads(inside["blobs/" + manifest_digest.replace(":", "/")])
    config = json.loads(inside["blobs/" + config_digest.replace(":", "/")])
    docker = json.loads(inside["manifest.json"])[0]
    layers = [inside["blobs/" + layer["digest"].replace(":", "/")] for layer in manifest["layers"]]
    assert [layer["size"] for layer in manifest["layers"]] == [len(layer) for layer in layers]
    assert config["rootfs"]["diff_ids"] == [digest(layer) for layer in layers]
    assert docker["Layers"] == ["blobs/" + layer["digest"].replace(":", "/") for layer in manifest["layers"]]
    assert docker["Config"] == "blobs/" + config_digest.replace(":", "/")
    assert docker["RepoTags"] == ["localhost/mcp-auth/mcp-server:0.0.67"]
    assert config["config"]["User"] == "65532:65532"


def test_the_layers_hold_the_files_as_root_and_not_writable(tmp_path: Path, go: str) -> None:
    archive, manifest_digest, _config = made(tmp_path, go).archive(FILES)
    inside = members(archive)
    manifest = json.loads(inside["blobs/" + manifest_digest.replace(":", "/")])
    found = {}
    for layer in manifest["layers"]:
        with tarfile.open(fileobj=io.BytesIO(inside["blobs/" + layer["digest"].replace(":", "/")])) as tar:
            for item in tar:
                assert (item.uid, item.gid, item.mtime) == (0, 0, 0)
                if item.isfile():
                    found[item.name] = item.mode
                    assert not item.mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
    assert found == {name: mode for name, (mode, _data) in FILES.items()}


def test_the_same_parts_give_the_same_bytes(tmp_path: Path, go: str) -> None:
    once = made(tmp_path, go).archive(FILES)
    again = made(tmp_path, go).archive(dict(reversed(list(FILES.items()))))
    assert once == again
    other = made(tmp_path, go).archive({**FILES, "etc/passwd": (0o444, b"other\n")})
    assert other[1] != once[1]


def test_the_key_follows_the_parts(tmp_path: Path, go: str, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {
        made(tmp_path, go).key(),
        made(tmp_path, go, "--version", "0.0.66").key(),
        made(tmp_path, go, "--name", "x:1").key(),
    }
    copied = tmp_path / "image"
    shutil.copytree(builder.IMAGE, copied)
    (copied / "proxy" / "main.go").write_text("package main\n")
    monkeypatch.setattr(build, "HERE", copied)
    keys.add(made(tmp_path, go).key())
    newer = script(tmp_path, "go127", "echo go1.27.0")
    keys.add(made(tmp_path, newer).key())
    assert len(keys) == 5


def fill(tmp_path: Path, go: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    one = made(tmp_path, go)
    monkeypatch.setattr(one, "files", lambda: FILES)
    return one


def test_a_second_build_changes_nothing(tmp_path: Path, go: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fill(tmp_path, go, monkeypatch).build()
    assert first["changed"] and Path(first["archive"]).is_file()
    second = made(tmp_path, go).build()
    assert not second["changed"] and second["digest"] == first["digest"]
    bill = json.loads(Path(first["sbom"]).read_text())
    assert bill["bomFormat"] == "CycloneDX"
    assert {item["name"] for item in bill["components"]} >= {"kubernetes-mcp-server", "mcp-proxy", "ca-certificates"}


def test_a_damaged_output_is_written_again_and_a_damaged_cache_is_thrown_away(
    tmp_path: Path, go: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = fill(tmp_path, go, monkeypatch).build()
    Path(first["archive"]).write_bytes(b"half")
    assert made(tmp_path, go).build()["changed"]
    kept = tmp_path / "cache" / "images" / first["key"]
    (kept / "image.tar").write_bytes(b"damaged")
    Path(first["archive"]).unlink()
    with pytest.raises(build.BuildError, match="damaged") as caught:
        made(tmp_path, go).build()
    assert caught.value.code == build.EXIT_INTEGRITY and not kept.exists()


def test_a_wrong_hash_stops_the_build(tmp_path: Path, go: str) -> None:
    npm = script(tmp_path, "npm", "echo not-the-server > kubernetes-mcp-server-linux-amd64-0.0.67.tgz")
    (tmp_path / "cache").mkdir()
    one = made(tmp_path, go, "--npm", npm)
    with pytest.raises(build.BuildError, match="expected sha512") as caught:
        one.server_binary()
    assert caught.value.code == build.EXIT_INTEGRITY
    assert list((tmp_path / "cache" / "parts").iterdir()) == []


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--go", "/nowhere/go"], 2, "'/nowhere/go' is not installed"),
        (["--version", "9.9.9"], 5, "No pinned part for MCP server 9.9.9"),
        (["--arch", "arm64"], 5, "No pinned part for MCP server 0.0.67 on arm64"),
    ],
)
def test_what_is_missing_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], code: int, words: str
) -> None:
    argv = ["--cache", str(tmp_path / "c"), "--output", str(tmp_path / "o.tar"), *options]
    assert build.main(argv) == code
    assert words in capsys.readouterr().err


def test_old_go_and_a_failing_npm_are_said(tmp_path: Path, go: str, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["--cache", str(tmp_path / "c"), "--output", str(tmp_path / "o.tar")]
    old = script(tmp_path, "oldgo", "echo go1.19.8")
    assert build.main([*argv, "--go", old]) == build.EXIT_TOOL
    assert "found go1.19.8" in capsys.readouterr().err
    npm = script(tmp_path, "npm", "echo 'npm error network getaddrinfo ENOTFOUND registry' >&2; exit 1")
    with pytest.raises(build.BuildError, match="ENOTFOUND") as caught:
        (tmp_path / "cache").mkdir()
        made(tmp_path, go, "--npm", npm).server_binary()
    assert caught.value.code == build.EXIT_TOOL


def test_a_full_disk_is_said_before_anything_starts(
    tmp_path: Path, go: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))
    argv = ["--cache", str(tmp_path / "c"), "--output", str(tmp_path / "o.tar"), "--go", go, "--quiet"]
    assert build.main(argv) == build.EXIT_DISK
    assert "MiB left" in capsys.readouterr().err
    assert not (tmp_path / "o.tar").exists()


def test_a_disk_that_fills_up_leaves_no_half_file(
    tmp_path: Path, go: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(build.errno.ENOSPC, "No space left on device", "image.tar")

    monkeypatch.setattr(build.Builder, "files", lambda self: FILES)
    monkeypatch.setattr(build.os, "fsync", full)
    argv = ["--cache", str(tmp_path / "c"), "--output", str(tmp_path / "o.tar"), "--go", go, "--quiet"]
    assert build.main(argv) == build.EXIT_DISK
    assert "no space left" in capsys.readouterr().err
    left = [path for path in tmp_path.rglob("*") if path.is_file() and path.name.startswith((".image", "image"))]
    assert left == []


def test_the_containerfile_has_the_same_pins() -> None:
    parts = json.loads((builder.IMAGE / "parts.json").read_text())
    text = (builder.IMAGE / "Containerfile").read_text()
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)$", text, re.MULTILINE))
    version = parts["mcp_server"]["default"]
    npm = parts["mcp_server"]["npm"]["amd64"]
    assert arguments["MCP_SERVER_VERSION"] == version
    assert arguments["NPM_PACKAGE"] == npm["package"]
    assert arguments["MCP_SERVER_SHA512"] == base64.b64decode(npm["versions"][version].split("-", 1)[1]).hex()
    assert arguments["BUILDER"].endswith(":" + parts["proxy"]["go"])


def test_the_module_file_has_the_same_pins() -> None:
    parts = json.loads((builder.IMAGE / "parts.json").read_text())["proxy"]
    text = (builder.IMAGE / "proxy" / "go.mod").read_text()
    assert f"require {parts['module']} {parts['version']}\n" in text
    assert f"{parts['module']} {parts['version']} h1:" in (builder.IMAGE / "proxy" / "go.sum").read_text()
    assert re.search(r"^go (\d+\.\d+)", text, re.MULTILINE).group(1) == parts["go"]  # type: ignore[union-attr]
