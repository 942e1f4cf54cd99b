# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding an engine and refusing to install: in every case a clear word, and nothing done."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from labkit import cluster, engine
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


DENIED = "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock"


@pytest.mark.parametrize("user", [0, 1000])
def test_a_docker_that_refuses_this_user_is_said_and_nothing_installed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, user: int
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(engine, "given", lambda: engine.Engine("unix:///var/run/docker.sock", False))
    monkeypatch.setattr(engine, "usable", lambda _engine: DENIED)
    monkeypatch.setattr(engine.os, "geteuid", lambda: user)
    monkeypatch.setattr(engine, "ensure_packages", lambda *_args, **_options: pytest.fail("something was installed"))
    with pytest.raises(LabError, match="permission denied") as caught:
        engine.ensure(settings)
    assert "usermod -aG docker" in caught.value.hint


def test_why_a_docker_does_not_serve_comes_first(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(engine, "usable", lambda _engine: "a privileged container does not start: no")
    monkeypatch.setattr(engine, "other_dockers", lambda: True)
    monkeypatch.setattr(engine, "ensure_packages", lambda *_args, **_options: pytest.fail("something was installed"))
    with pytest.raises(LabError, match=r"a privileged container does not start: no; another dockerd runs"):
        engine.ensure(settings)
    monkeypatch.setattr(engine, "other_dockers", lambda: False)
    monkeypatch.setattr(engine.os, "geteuid", lambda: 1000)
    with pytest.raises(LabError, match=r"does not start: no; no usable docker, and only root can start one"):
        engine.ensure(settings)


def test_the_chosen_docker_context_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\n[ \"$1 $2\" = 'context inspect' ] && echo unix:///run/user/1000/docker.sock\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    assert engine.given().host == "unix:///run/user/1000/docker.sock"
    monkeypatch.setenv("DOCKER_HOST", "unix:///mine")
    assert engine.given().host == "unix:///mine"
    monkeypatch.delenv("DOCKER_HOST")
    docker.write_text("#!/bin/sh\nexit 1\n")
    assert engine.given().host == "unix:///var/run/docker.sock"


def test_package_scripts_may_start_nothing(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "policy-rc.d"
    monkeypatch.setattr(engine, "POLICY", path)
    with engine.no_services(settings):
        assert subprocess.run([str(path)], check=False).returncode == 101
    assert not path.exists()
    path.write_text("the machine's own")
    with engine.no_services(settings):
        pass
    engine.sweep_policy(settings)
    assert path.read_text() == "the machine's own"


@pytest.mark.parametrize("verb", ["ensure", "down"])
def test_what_a_killed_install_left_goes_with_the_next_run(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    path = tmp_path / "policy-rc.d"
    monkeypatch.setattr(engine, "POLICY", path)
    script = textwrap.dedent(f"""
        import os, signal, sys
        sys.path.insert(0, {str(settings.lab)!r})
        from pathlib import Path
        from labkit import engine, settings
        engine.POLICY = Path({str(path)!r})
        given = {{"HOME": {str(tmp_path)!r}, "LAB_CACHE": {str(settings.cache)!r}}}
        with engine.no_services(settings.from_environment(Path({str(settings.lab)!r}), given)):
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    assert path.exists()
    monkeypatch.setattr(engine, "look", lambda _settings: (engine.Engine("unix:///x", False), ""))
    monkeypatch.setattr(cluster, "node_state", lambda *_: "")
    monkeypatch.setattr(cluster, "remove_hosts_block", lambda *_: None)
    monkeypatch.setattr(engine.Engine, "docker", lambda *_args, **_options: "")
    {"ensure": engine.ensure, "down": cluster.down}[verb](settings)
    assert not path.exists()


def test_the_next_install_takes_over_what_a_killed_one_left(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "POLICY", tmp_path / "policy-rc.d")
    engine.POLICY.write_text(f"#!/bin/sh\n{engine.POLICY_MARK}\nexit 101\n")
    with engine.no_services(settings):
        pass
    assert not engine.POLICY.exists()


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
