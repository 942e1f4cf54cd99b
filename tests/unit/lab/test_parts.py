# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Python's lock, registries, programs, bills of materials and error texts."""

from __future__ import annotations

import http.client
import json
import subprocess
import zipfile
from pathlib import Path

import pytest
from labkit import apps, golang, pyenv, registry, sbom, ui
from labkit.debs import Deb
from labkit.settings import Settings
from labkit.ui import LabError

SHA = "a" * 64


def test_the_controller_s_lock_is_whole(lab: Path) -> None:
    assert pyenv.check_lock(lab / "requirements" / "controller.lock") > 20
    text = (lab / "requirements" / "controller.lock").read_text()
    for name in (
        "ansible-core==2.19",
        "python-keycloak==",
        "kubernetes==",
        "openshift==",
        "jmespath==",
        "tomlkit==",
        "cryptography==",
    ):
        assert f"\n{name}" in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("a==1\n", "not pinned with a hash"),
        (f"a>=1 --hash=sha256:{SHA}\n", "not pinned with a hash"),
        (f"--index-url x\na==1 --hash=sha256:{SHA}\n", "has no place in a lock"),
        (f"a @ file://x --hash=sha256:{SHA}\n", "has no place in a lock"),
    ],
)
def test_a_lock_that_is_not_one_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.lock").write_text(text)
    with pytest.raises(LabError, match=message):
        pyenv.check_lock(tmp_path / "x.lock")


def test_hashes_over_several_lines_and_markers_are_read(tmp_path: Path) -> None:
    (tmp_path / "x.lock").write_text(
        f"# head\na==1 ; python_version < '4' \\\n    --hash=sha256:{SHA} \\\n    --hash=sha256:{SHA}\n    # via b\n"
    )
    assert pyenv.check_lock(tmp_path / "x.lock") == 1


def test_a_shim_that_does_not_run_is_passed_over(tmp_path: Path) -> None:
    shim = tmp_path / "python3.12"
    shim.write_text("#!/bin/sh\necho 'pyenv: python3.12: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    assert pyenv.ask(str(shim)) is None
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\necho \'[[3, 9, 2], "/usr/bin/python3.9", "/usr", true, "linux"]\'\n')
    old.chmod(0o755)
    assert pyenv.ask(str(old)) is None
    assert pyenv.ask(str(tmp_path / "nothing")) is None


def test_no_python_at_all_is_a_clear_error(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyenv, "candidates", lambda: iter(["/nowhere/python3"]))
    with pytest.raises(LabError, match="no Python 3.11 or newer"):
        pyenv.find(settings)


@pytest.mark.parametrize(
    ("ref", "host"),
    [
        ("postgres:15", "docker.io"),
        ("library/postgres:15", "docker.io"),
        ("reg.example/a/b:1", "reg.example"),
        ("localhost:5000/a", "localhost:5000"),
    ],
)
def test_the_registry_of_an_image(ref: str, host: str) -> None:
    assert registry.host_of(ref) == host


class FakeConnection:
    """A server that answers as the test says."""

    status = 401
    headers: dict[str, str] = {}
    errors: tuple[Exception, ...] = ()

    def __init__(self, *_args: object, **_more: object) -> None:
        pass

    def request(self, *_args: str) -> None:
        """Send, or fail to."""
        for error in self.errors:
            raise error

    def getresponse(self) -> FakeConnection:
        """The answer."""
        return self

    def getheader(self, name: str) -> str | None:
        """One header."""
        return self.headers.get(name)

    def close(self) -> None:
        """Nothing to close."""


@pytest.mark.parametrize(
    ("status", "headers", "error", "wanted"),
    [
        (401, {"Docker-Distribution-Api-Version": "registry/2.0"}, None, True),
        (200, {"Docker-Distribution-Api-Version": "registry/2.0"}, None, True),
        (401, {"WWW-Authenticate": 'Bearer realm="x"'}, None, True),
        (200, {"Content-Type": "text/html"}, None, False),
        (403, {"Docker-Distribution-Api-Version": "registry/2.0"}, None, False),
        (0, {}, OSError("certificate verify failed"), False),
        (0, {}, TimeoutError(), False),
        (0, {}, http.client.BadStatusLine("x"), False),
    ],
)
def test_only_a_registry_counts_as_one(  # type: ignore[no-untyped-def]
    monkeypatch: pytest.MonkeyPatch, status, headers, error, wanted
) -> None:
    answer = type(
        "Answer", (FakeConnection,), {"status": status, "headers": headers, "errors": (error,) if error else ()}
    )
    monkeypatch.setattr(registry.http.client, "HTTPSConnection", answer)
    assert registry.answers("reg.example") is wanted


def test_kubernetes_knows_its_version() -> None:
    stamps = dict(golang.kube_stamps("v1.34.2"))
    assert stamps["k8s.io/component-base/version.gitVersion"] == "v1.34.2"
    assert stamps["k8s.io/client-go/pkg/version.gitMinor"] == "34"


def test_a_program_s_key_follows_its_module_and_compiler(settings: Settings) -> None:
    wanted = golang.programs("v1.34.2")
    first = golang.key(settings, wanted["kube"], "go1")
    assert first == golang.key(settings, wanted["kube"], "go1")
    assert first != golang.key(settings, wanted["kube"], "go2")
    assert first != golang.key(settings, golang.programs("v1.34.3")["kube"], "go1")


def test_no_go_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golang.shutil, "which", lambda _name: None)
    with pytest.raises(LabError, match="Go was not found") as caught:
        golang.go_version()
    assert "Install Go 1.26" in caught.value.hint


def test_the_needed_go_is_the_one_that_is_told_and_asked_for(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = ".".join(map(str, golang.NEEDED))
    asked = json.loads((lab.parents[1] / "roles/mcp_server/files/image/parts.json").read_text())["proxy"]["go"]
    assert needed == asked
    assert f"Go ({needed} or newer)" in (lab.parents[1] / "README.md").read_text()
    monkeypatch.setattr(golang.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(golang, "run", lambda *_args, **_options: subprocess.CompletedProcess([], 0, "go1.24.4\n", ""))
    with pytest.raises(LabError, match="Go 1.24 is too old, 1.26 or newer"):
        golang.go_version()


def test_a_bill_is_the_same_for_the_same_parts() -> None:
    parts = sbom.of_debs([Deb("b", "1:2+x", SHA), Deb("a", "1", SHA, True)], "bookworm")
    text = sbom.render("node", "1", parts)
    assert text == sbom.render("node", "1", list(reversed(parts)))
    document = json.loads(text)
    assert document["bomFormat"] == "CycloneDX"
    assert [c["name"] for c in document["components"]] == ["a", "b"]
    assert document["components"][1]["purl"] == "pkg:deb/debian/b@1%3A2%2Bx?distro=bookworm"
    assert "moved on" in document["components"][0]["properties"][0]["value"]


def test_a_zip_that_leads_outside_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("top/../../evil", "x")
    with pytest.raises(LabError, match="leads outside"):
        apps.unzip(tmp_path / "x.zip", tmp_path / "out")
    assert not (tmp_path / "evil").exists()


def test_a_command_that_fails_shows_its_last_lines(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="the reason") as caught:
        ui.run_long(["sh", "-c", "echo the reason; exit 3"], what="a test", log=tmp_path / "log")
    assert "exit code 3" in str(caught.value)
    assert str(tmp_path / "log") in caught.value.hint


@pytest.mark.parametrize("text", ["write /x: no space left on device", "OSError: [Errno 28] ..."])
def test_a_full_disk_in_a_command_s_output_is_said_as_such(tmp_path: Path, text: str) -> None:
    with pytest.raises(LabError, match="docker build: the disk is full"):
        ui.run_long(["sh", "-c", f"echo '{text}'; exit 1"], what="docker build", log=tmp_path / "log")


def test_a_command_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="/nowhere/x is not installed"):
        ui.run_long(["/nowhere/x"], what="a test", log=tmp_path / "log")
    with pytest.raises(LabError, match="/nowhere/x is not installed"):
        ui.run(["/nowhere/x"])


def test_nothing_that_is_committed_names_a_package_registry_or_a_home(lab: Path) -> None:
    addresses = [
        "pypi" + ".org",
        "pythonhosted" + ".org",
        "proxy.golang" + ".org",
        "repo" + "1.maven",
        "deb.debian" + ".org",
        "npmjs" + ".org",
        "/ro" + "ot/",
    ]
    for path in lab.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
            text = path.read_text(encoding="utf-8", errors="replace")
            assert [a for a in addresses if a in text and not (a == "/ro" + "ot/" and "/var/lib" in text)] == [], path
