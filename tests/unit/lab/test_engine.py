# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding an engine and refusing to install: in every case a clear word, and nothing done."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from labkit import engine
from labkit.settings import Settings, from_environment
from labkit.ui import LabError


def test_the_smallest_program_runs(tmp_path: Path) -> None:
    program = tmp_path / "probe"
    program.write_bytes(engine.tiny_program(os.uname().machine))
    program.chmod(0o755)
    assert subprocess.run([str(program)], check=False).returncode == 0
    assert len(engine.tiny_program("aarch64")) == 64 + 56 + 12


def test_an_unknown_machine_is_refused() -> None:
    with pytest.raises(LabError, match="x86_64 and aarch64"):
        engine.tiny_program("pdp11")


def refusing(settings: Settings, tmp_path: Path, **env: str) -> Settings:
    """The same settings with INSTALL=no."""
    given = {
        "HOME": str(tmp_path),
        "LAB_CACHE": str(settings.cache),
        "LAB_STATE": str(tmp_path),
        "INSTALL": "no",
        **env,
    }
    return from_environment(settings.lab, given)


def test_install_no_names_what_is_missing_and_installs_nothing(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine.shutil, "which", lambda _name: None)
    monkeypatch.setattr(engine, "run_long", lambda *_args, **_options: pytest.fail("something was started"))
    with pytest.raises(LabError, match="missing docker.io runc, and INSTALL=no") as caught:
        engine.ensure_packages(refusing(settings, tmp_path), "a test", {"dockerd": "docker.io", "runc": "runc"})
    assert caught.value.hint == "Install them yourself: apt-get install docker.io runc"


def test_without_root_the_packages_are_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine.shutil, "which", lambda _name: None)
    monkeypatch.setattr(engine.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(engine, "run_long", lambda *_args, **_options: pytest.fail("something was started"))
    with pytest.raises(LabError, match="missing docker.io") as caught:
        engine.ensure_packages(settings, "a test", {"dockerd": "docker.io"})
    assert "as root on Debian" in caught.value.hint


def test_what_is_there_needs_no_word(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    engine.ensure_packages(settings, "a test", {"sh": "dash"}, paths={"/": "base-files"})
    assert capsys.readouterr().err == ""


def test_no_engine_and_install_no_is_a_clear_error(lab: Path, tmp_path: Path) -> None:
    env = {
        "PATH": str(tmp_path),
        "HOME": str(tmp_path),
        "LAB_CACHE": str(tmp_path / "cache"),
        "LAB_STATE": str(tmp_path / "state"),
        "INSTALL": "no",
    }
    done = subprocess.run(
        [sys.executable, str(lab / "lab.py"), "engine"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "missing docker.io iptables runc, and INSTALL=no forbids to install" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "cache" / "engine").exists()


def test_a_pid_file_of_another_process_is_not_believed(settings: Settings) -> None:
    folder = engine.folder(settings)
    folder.mkdir(parents=True)
    (folder / "dockerd.pid").write_text(str(os.getpid()))
    assert engine.running_pid(settings) == 0
    assert engine.stop(settings) is False


def test_a_second_dockerd_is_never_started(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "other_dockers", lambda: True)
    monkeypatch.setattr(engine, "need_space", lambda *_: None)
    monkeypatch.setattr(engine.os, "geteuid", lambda: 0)
    monkeypatch.setattr(
        engine.subprocess, "Popen", lambda *_args, **_options: pytest.fail("a second dockerd was started")
    )
    with pytest.raises(LabError, match="another dockerd runs"):
        engine.start(settings)


def test_a_given_docker_that_cannot_be_used_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    monkeypatch.setattr(engine, "usable", lambda _engine: "no answer")
    with pytest.raises(LabError, match="docker at unix:///nowhere.sock cannot be used: no answer"):
        engine.find(settings)


def test_package_scripts_may_start_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "policy-rc.d"
    monkeypatch.setattr(engine.NoServices, "path", path)
    with engine.NoServices():
        assert subprocess.run([str(path)], check=False).returncode == 101
    assert not path.exists()
    path.write_text("the machine's own")
    with engine.NoServices():
        pass
    assert path.read_text() == "the machine's own"


def test_a_cache_that_cannot_be_made_is_no_traceback(lab: Path) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "LAB_CACHE": "/dev/null/x", "LAB_STATE": "/dev/null/y"}
    done = subprocess.run(
        [sys.executable, str(lab / "lab.py"), "engine"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "ERROR: [Errno 20] Not a directory" in done.stderr
    assert "Traceback" not in done.stderr
