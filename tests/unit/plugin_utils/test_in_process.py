# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module run in Ansible's own process gives what it gives in a process of its own.

A collection made for the test has a module that does everything a module can do; real playbooks run it both ways.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import ansible_collections.mcp_auth.openshift as ours

ROOT = Path(ours.__path__[0])
HERE = "{{ ansible_playbook_python }}"
# The same Python by another name: not the one that runs Ansible, as far as anybody can tell.
ELSEWHERE = "{{ ansible_playbook_python | dirname }}/./{{ ansible_playbook_python | basename }}"
MARK = "Running tried.tried.everything in Ansible's own process"
SECRET = "planted-7c1f'secret"

ACTION = """
from ansible_collections.mcp_auth.openshift.plugins.plugin_utils.in_process import action_for

ActionModule = action_for(__name__)
"""

MODULE = """
import atexit
import logging
import os
import sys
import tempfile
import time

from ansible.module_utils.basic import AnsibleModule


def main():
    spec = dict(
        do=dict(type="str", required=True),
        number=dict(type="int", default=7),
        secret=dict(type="str", no_log=True),
        data=dict(type="raw"),
        path=dict(type="path"),
    )
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    do, result = module.params["do"], dict(changed=False)
    if do == "fail":
        module.fail_json(msg="no: %s" % module.params["secret"], found=[1, None, "x"])
    if do == "crash":
        raise ValueError("crashed")
    if do == "nothing":
        sys.exit(0)
    if do == "warn":
        module.warn("once %s" % module.params["number"])
        module.deprecate("old", version="9.0.0", collection_name="tried.tried")
    if do == "noise":
        print("a library that prints")
        print("a library that complains", file=sys.stderr)
        logging.error("a library that logs")
    if do == "wait":
        with os.fdopen(tempfile.mkstemp()[0], "w") as handle:
            handle.write("key")
        with open(module.params["path"], "w") as handle:
            handle.write(tempfile.gettempdir())
        time.sleep(60)
    if do == "tmpdir":
        with open(os.path.join(module.tmpdir, "kept"), "w") as handle:
            handle.write("x")
        result["tmpdir_there"] = os.path.isdir(module.tmpdir)
    if do == "diff" and module._diff:
        result["diff"] = dict(before="a\\n", after="b\\n")
    if do == "leave":
        # As the client of Kubernetes does with the key of a client certificate.
        with open(module.params["path"], "w") as handle:
            handle.write("key")
        atexit.register(os.remove, module.params["path"])
    if do == "relative":
        result["text"] = open(module.params["path"]).read()
    if do == "modes":
        result.update(check=module.check_mode, diff_mode=module._diff, verbosity=module._verbosity)
    result.update(data=module.params["data"], number=module.params["number"], echo=module.params["secret"])
    result["variable"] = os.environ.get("TRIED_VARIABLE")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
"""


def task(do: str, **more: Any) -> dict[str, Any]:
    """A task of the module, with keywords of Ansible beside its options in ``options``."""
    options = more.pop("options", {})
    return {"name": do, "tried.tried.everything": {"do": do, **options}, "ignore_errors": True, **more}


TASKS = [
    task("plain", options={"data": {"quote": "it's", "percent": "100 %", "brace": "{ }", "word": "grün"}}),
    task("fail", options={"secret": SECRET}),
    task("echo", options={"secret": SECRET}),
    task("options", options={"number": "many"}),
    task("unknown", options={"nummber": 1}),
    task("crash"),
    task("nothing"),
    task("warn"),
    task("warn", loop=[1, 2], options={"number": "{{ item }}"}),
    task("noise"),
    task("tmpdir"),
    task("diff", diff=True),
    task("modes", check_mode=True, diff=True),
    task("relative", options={"path": "beside.txt"}),
    task("leave", loop=["one.key", "two.key"], options={"path": "{{ item }}"}),
    task("hidden", options={"secret": SECRET}, no_log=True),
    task("defaults", module_defaults={"tried.tried.everything": {"number": 11}}),
    task("changed", changed_when="result.number == 7"),
    task("until", until="result is succeeded", retries=1, delay=0),
]


@pytest.fixture(scope="module")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection with the module, beside ours."""
    top = tmp_path_factory.mktemp("tried") / "ansible_collections"
    tried = top / "tried" / "tried"
    for name, text in (("action", ACTION), ("modules", MODULE)):
        (tried / "plugins" / name).mkdir(parents=True)
        (tried / "plugins" / name / "everything.py").write_text(text)
    (tried / "MANIFEST.json").write_text(
        '{"collection_info": {"namespace": "tried", "name": "tried", "version": "1.0.0"}}'
    )
    (top / "mcp_auth").mkdir()
    (top / "mcp_auth" / "openshift").symlink_to(ROOT)
    return top.parent


def run(folder: Path, collections: Path, tasks: list[dict[str, Any]], interpreter: str, **env: str) -> tuple[Any, str]:
    """The results of tasks in order, and what -vvv showed."""
    folder.mkdir()
    (folder / "beside.txt").write_text("beside the playbook")
    steps: list[dict[str, Any]] = []
    for number, one in enumerate(tasks):
        steps.append({**one, "register": "result"})
        keep = {"name": "Keep", "ansible.builtin.set_fact": {f"kept_{number}": "{{ result }}"}}
        steps.append({**keep, "no_log": True})
    names = ", ".join(f"kept_{number}" for number in range(len(tasks)))
    content = "{{ [%s] | to_json }}" % names
    write = {"content": content, "dest": str(folder / "results.json"), "mode": "0600"}
    steps.append({"name": "Write", "ansible.builtin.copy": write, "no_log": True})
    play = {"hosts": "all", "gather_facts": False, "vars": {"ansible_python_interpreter": interpreter}, "tasks": steps}
    (folder / "play.yml").write_text(json.dumps([{"name": "Both ways", **play}]))
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-vvv", "-i", "one,", "-c", "local", str(folder / "play.yml")],
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(collections),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_HOME": str(folder / "home"),
            "ANSIBLE_DEPRECATION_WARNINGS": "true",
            **env,
        },
        cwd=folder.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    shown = done.stdout + done.stderr
    assert done.returncode == 0, shown[-4000:]
    return json.loads((folder / "results.json").read_text()), shown


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where both ways run."""
    return tmp_path_factory.mktemp("both")


@pytest.fixture(scope="module")
def both(collections: Path, folder: Path) -> dict[str, tuple[Any, str]]:
    """The same tasks, run here and in processes of their own."""
    return {
        name: run(folder / name, collections, TASKS, python) for name, python in (("here", HERE), ("own", ELSEWHERE))
    }


def test_each_module_has_its_action() -> None:
    modules = {path.name for path in (ROOT / "plugins/modules").glob("*.py")}
    actions = list((ROOT / "plugins/action").glob("*.py"))
    assert {path.name for path in actions} == modules
    assert len({path.read_text() for path in actions}) == 1


def test_the_two_ways_are_two(both: dict[str, tuple[Any, str]]) -> None:
    runs = len(TASKS) + 2  # two loops of two items
    assert both["here"][1].count(MARK) == runs
    assert both["own"][1].count(MARK) == 0
    assert both["here"][1].count("Using module file") < both["own"][1].count("Using module file") - runs + 1


@pytest.mark.parametrize("number", range(len(TASKS)), ids=[one["name"] for one in TASKS])
def test_results_are_the_same(both: dict[str, tuple[Any, str]], number: int) -> None:
    here, own = (both[name][0][number] for name in ("here", "own"))
    name = TASKS[number]["name"]
    if name in ("crash", "nothing"):
        # What Ansible says of a module that does not end as it should is its own affair, and differs by version.
        assert here["failed"] is own["failed"] is True
        return
    assert here == own


def test_results_are_what_was_asked(both: dict[str, tuple[Any, str]]) -> None:
    results = {one["name"]: result for one, result in zip(TASKS, both["here"][0], strict=True)}
    assert results["plain"]["data"] == {"quote": "it's", "percent": "100 %", "brace": "{ }", "word": "grün"}
    assert results["modes"]["check"] and results["modes"]["diff_mode"]
    assert results["relative"]["text"] == "beside the playbook"
    assert results["defaults"]["number"] == 11
    assert results["diff"]["diff"]["after"] == "b\n"
    assert "crashed" in json.dumps(results["crash"])


def test_what_a_process_does_at_its_end_is_done(both: dict[str, tuple[Any, str]], folder: Path) -> None:
    assert not list(folder.rglob("*.key"))


def test_no_secret_is_shown(both: dict[str, tuple[Any, str]]) -> None:
    for results, shown in both.values():
        assert SECRET not in shown
        assert SECRET not in json.dumps(results)


def test_what_libraries_say_is_not_shown(both: dict[str, tuple[Any, str]]) -> None:
    for _results, shown in both.values():
        assert "a library that" not in shown


def test_an_interrupted_run_leaves_no_file(collections: Path, tmp_path: Path) -> None:
    """Ctrl-C and the cancel of an automation platform; nothing helps against kill -9."""
    mark, temporary = tmp_path / "waiting", tmp_path / "tmp"
    temporary.mkdir()
    wait = task("wait", options={"path": str(mark)})
    play = {"hosts": "all", "gather_facts": False, "vars": {"ansible_python_interpreter": HERE}, "tasks": [wait]}
    (tmp_path / "play.yml").write_text(json.dumps([{"name": "Wait", **play}]))
    process = subprocess.Popen(
        [sys.executable, "-m", "ansible", "playbook", "-i", "one,", "-c", "local", str(tmp_path / "play.yml")],
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(collections),
            "ANSIBLE_HOME": str(tmp_path / "home"),
            "TMPDIR": str(temporary),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    limit = time.monotonic() + 60
    while not mark.exists() and time.monotonic() < limit:
        time.sleep(0.1)
    assert mark.exists()
    os.killpg(process.pid, signal.SIGINT)
    process.wait(30)
    # Ansible's own folder goes with its main process, a moment later than the worker at the latest.
    limit = time.monotonic() + 10
    while time.monotonic() < limit and Path(mark.read_text()).exists():
        time.sleep(0.2)
    kept = [str(path) for top in (temporary, tmp_path / "home") for path in top.rglob("*") if path.is_file()]
    assert [path for path in kept if "galaxy" not in path] == []


def test_a_warning_is_shown_once(both: dict[str, tuple[Any, str]]) -> None:
    # The items of a loop share a worker: the second one does not repeat the first one's.
    for _results, shown in both.values():
        assert [shown.count("[WARNING]: once %d" % number) for number in (1, 2, 7)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("keywords", "env"),
    [
        ({"environment": {"TRIED_VARIABLE": "set"}}, {}),
        ({"async": 20, "poll": 1}, {}),
        ({"become": True, "become_method": "ansible.builtin.su"}, {}),
        ({}, {"ANSIBLE_KEEP_REMOTE_FILES": "1"}),
        ({"delegate_to": "another", "vars": {"ansible_connection": "ansible.builtin.local"}}, {}),
    ],
    ids=["environment", "async", "become", "kept files", "a delegate with a Python of its own"],
)
def test_what_needs_a_process_gets_one(
    collections: Path, tmp_path: Path, keywords: dict[str, Any], env: dict[str, str]
) -> None:
    if "delegate_to" in keywords:
        keywords = {**keywords, "vars": {**keywords["vars"], "ansible_python_interpreter": ELSEWHERE}}
    results, shown = run(tmp_path / "run", collections, [task("plain", **keywords)], HERE, **env)
    assert MARK not in shown
    # Ansible began to make a process; whether this machine lets it become somebody is not the question.
    assert "/modules/everything.py" in shown
    if "become" not in keywords:
        assert results[0]["number"] == 7
    if "environment" in keywords:
        assert results[0]["variable"] == "set"
