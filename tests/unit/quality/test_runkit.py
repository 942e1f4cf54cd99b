# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test runner counts right, refuses a wrong table, and never takes a check that did not run for a good one."""

from __future__ import annotations

import sys
import threading
import time
import uuid
from pathlib import Path

import pytest
from labkit import child
from labkit.store import locked
from runkit import __main__ as runner
from runkit import counts, engine, table, tools

SANITY = """Running sanity test "compile" on Python 3.11
Running sanity test "pep8"
WARNING: Required program "shellcheck" not found.
Running sanity test "shellcheck"
"""
JUNIT = """<testsuites><testsuite>
<testcase classname="a" name="good"/>
<testcase classname="a" name="bad"><failure/></testcase>
<testcase classname="a" name="error"><error/></testcase>
<testcase classname="a" name="left out"><skipped/></testcase>
</testsuite></testsuites>"""


def judge(kind: str, code: int, output: str, tmp_path: Path, **may_skip: str) -> tuple[int, int, str]:
    count, problem = counts.judge(kind, code, output, tmp_path / "junit.xml", may_skip)
    return count.passed, count.failed, problem


def test_a_command_is_one_check(tmp_path: Path) -> None:
    assert judge("one", 0, "", tmp_path) == (1, 0, "")
    assert judge("one", 3, "", tmp_path) == (0, 1, "")


def test_sanity(tmp_path: Path) -> None:
    passed, failed, problem = judge("ansible-test", 0, SANITY, tmp_path)
    assert (passed, failed) == (3, 1)
    assert "shellcheck" in problem
    assert judge("ansible-test", 0, SANITY, tmp_path, shellcheck="why not") == (3, 0, "")
    output = (
        SANITY + "FATAL: The 2 sanity test(s) listed below (out of 3) failed. See error output above for details.\n"
    )
    assert judge("ansible-test", 1, output, tmp_path, shellcheck="why not") == (1, 2, "")


def test_junit(tmp_path: Path) -> None:
    (tmp_path / "junit.xml").write_text(JUNIT, encoding="utf-8")
    passed, failed, problem = judge("tests", 1, "", tmp_path)
    assert (passed, failed) == (1, 3)
    assert "a.left out" in problem
    assert judge("tests", 1, "", tmp_path, **{"left out": "why not"}) == (1, 2, "")


def test_closing_line(tmp_path: Path) -> None:
    assert judge("closing-line", 0, "noise\n1 passed, 0 failed\nkind: 12 passed, 0 failed\n", tmp_path) == (12, 0, "")
    assert judge("closing-line", 0, "12 passed, 0 failed, 2 skipped\n", tmp_path)[:2] == (12, 1)


@pytest.mark.parametrize("kind", ["ansible-test", "closing-line"])
def test_nothing_ran(kind: str, tmp_path: Path) -> None:
    assert judge(kind, 0, "", tmp_path) == (0, 1, "it ran no check")


def test_no_junit_file(tmp_path: Path) -> None:
    assert judge("tests", 0, "", tmp_path) == (0, 1, "it wrote no JUnit file")


def test_exit_code_and_count_disagree(tmp_path: Path) -> None:
    assert judge("closing-line", 4, "3 passed, 0 failed\n", tmp_path)[:2] == (3, 1)
    assert "exit code 0" in judge("closing-line", 0, "3 passed, 1 failed\n", tmp_path)[2]


ROW = {"name": "a", "stage": "static", "about": "A.", "run": ["true"], "timeout": 5}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"stage": "later"}, "stage"),
        ({"counts": "some"}, "counts"),
        ({"place": "somewhere"}, "place"),
        ({"environment": "none"}, "environment"),
        ({"needs": ["b"]}, "needs"),
        ({"retries": 3}, "retries"),
    ],
)
def test_wrong_rows(row: dict[str, object], message: str) -> None:
    with pytest.raises(table.TableError, match=message):
        table.parse({"checks": [{**ROW, **row}]})


def test_two_of_one_name() -> None:
    with pytest.raises(table.TableError, match="two checks"):
        table.parse({"checks": [ROW, ROW]})


def test_our_table(root: Path) -> None:
    ours = table.load(root / "tests/checks.toml")
    assert {check.stage for check in ours.checks} == set(table.STAGES)
    for environment in ours.environments.values():
        assert (root / environment.lock).is_file()


def test_locks_have_hashes_and_no_addresses(root: Path) -> None:
    for path in (root / "tests/requirements").glob("*.lock"):
        text = path.read_text(encoding="utf-8")
        pins = text.count("==")
        assert pins
        assert text.count("--hash=sha256:") >= pins
        assert "://" not in text
        assert "--index" not in text
        assert "--find-links" not in text


def run(
    tmp_path: Path,
    rows: list[dict[str, object]],
    jobs: int = 2,
    stop_after: float = 0,
    stop_when: Path | None = None,
) -> tuple[dict[str, engine.Result], list[str]]:
    """Run a table of the test's own in an empty tree."""
    said: list[str] = []
    ours = table.parse({"checks": [{**ROW, "place": "checkout", **row} for row in rows]})
    results = tmp_path / "results"
    results.mkdir()
    runner = engine.Run(tmp_path, ours, results, jobs, said.append)
    if stop_after:
        threading.Timer(stop_after, runner.stop, ["stopped by the test"]).start()
    if stop_when:
        file = stop_when

        def stop() -> None:
            until = time.monotonic() + 30
            while not file.exists() and time.monotonic() < until:
                time.sleep(0.05)
            runner.stop("stopped by the test")

        threading.Thread(target=stop).start()
    found = runner.all(ours.checks)
    return {result.check.name: result for result in found}, said


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches the real cache; a tree without git has no files to copy."""
    monkeypatch.setenv("MCP_AUTH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(tools, "tree_files", lambda root: [])


def python(code: str) -> list[str]:
    """A command of this Python."""
    return [sys.executable, "-c", code]


def test_results_and_logs(tmp_path: Path) -> None:
    results, said = run(
        tmp_path,
        [{"name": "good", "run": python("print('hello')")}, {"name": "bad", "run": python("print('why'); exit(2)")}],
    )
    assert results["good"].good
    assert not results["bad"].good
    assert "hello" in (tmp_path / "results/good.log").read_text(encoding="utf-8")
    assert any("why" in line for line in said)
    assert not list((tmp_path / "cache/runs").glob("*"))


def test_time_limit_ends_children_too(tmp_path: Path) -> None:
    note = tmp_path / "late"
    child = f"import time, pathlib; time.sleep(3); pathlib.Path({str(note)!r}).write_text('x')"
    code = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(30)"
    results, _said = run(tmp_path, [{"name": "slow", "run": python(code), "timeout": 1}])
    assert "no end after 1 s" in results["slow"].problem
    time.sleep(3)
    assert not note.exists()


def test_missing_program_is_a_failure(tmp_path: Path) -> None:
    results, _said = run(tmp_path, [{"name": "gone", "run": ["no-such-program-here"]}])
    assert not results["gone"].good
    assert "no-such-program-here" in results["gone"].problem


def test_needs(tmp_path: Path) -> None:
    rows = [
        {"name": "bad", "run": python("exit(1)")},
        {"name": "after bad", "run": python("print('ran')"), "needs": ["bad"]},
    ]
    results, _said = run(tmp_path, rows)
    assert results["after bad"].problem == "not run: bad failed"
    assert not (tmp_path / "results/after bad.log").exists()


def test_lanes_and_stages(tmp_path: Path) -> None:
    stamp = "import time; print(time.monotonic()); time.sleep(2); print(time.monotonic())"
    rows: list[dict[str, object]] = [
        {"name": "build", "stage": "kind", "run": python(stamp), "background": True},
        {"name": "one", "run": python(stamp)},
        {"name": "two", "run": python(stamp)},
        {"name": "lab one", "stage": "kind", "lane": "kind", "run": python(stamp), "needs": ["build"]},
        {"name": "lab two", "stage": "kind", "lane": "kind", "run": python(stamp)},
    ]
    results, _said = run(tmp_path, rows)
    assert all(result.good for result in results.values())
    spans = {}
    for row in rows:
        lines = (tmp_path / f"results/{row['name']}.log").read_text(encoding="utf-8").split("\n")
        spans[row["name"]] = [float(line) for line in lines if line.replace(".", "").isdigit()]
    assert spans["one"][0] < spans["two"][1]
    assert spans["two"][0] < spans["one"][1], "two cores, two checks at a time"
    assert spans["build"][0] < spans["one"][1], "a build goes on beside the static checks"
    assert spans["lab one"][0] > max(spans["one"][1], spans["two"][1]), "the lab waits for the stages before it"
    assert spans["lab two"][0] > spans["lab one"][1] or spans["lab one"][0] > spans["lab two"][1], (
        "one at a time in a lane"
    )


def test_stop(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"name": "long", "run": python("import time; time.sleep(60)"), "timeout": 100},
        {"name": "later"},
    ]
    began = time.monotonic()
    results, _said = run(tmp_path, rows, jobs=1, stop_after=0.5)
    assert time.monotonic() - began < 20
    assert "stopped by the test" in results["long"].problem
    assert "stopped by the test" in results["later"].problem


@pytest.mark.parametrize(("grace", "tidied"), [(20, True), (1, False)])
def test_a_stopped_command_has_its_time_to_put_things_back(
    tmp_path: Path, root: Path, grace: int, tidied: bool
) -> None:
    code = f"""
import pathlib, signal, sys, time
sys.path.insert(0, {str(root / "tests" / "lab")!r})
from labkit import child
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
try:
    child.run(["sh", "-c", "touch '{tmp_path}/began'; sleep 60"], start_new_session=True)
finally:
    time.sleep(2)
    pathlib.Path({str(tmp_path)!r}, "tidied").touch()
"""
    marker = uuid.uuid4().hex
    row = {"name": "lab", "run": python(code), "timeout": 100, "grace": grace, "set": {child.MARKER: marker}}
    results, said = run(tmp_path, [row], stop_when=tmp_path / "began")
    assert "stopped by the test" in results["lab"].problem
    assert not list(child.marked(marker))
    assert (tmp_path / "tidied").exists() is tidied
    assert any("lab has 20 s to put back what it holds" in line for line in said) is tidied


def test_the_lab_has_time_to_go_down(root: Path) -> None:
    ours = table.load(root / "tests/checks.toml")
    assert {check.grace for check in ours.checks if check.lane == "kind"} == {120}


def test_two_runs_never_share_their_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["tests/run", "--only", "ruff", f"--results={tmp_path}"])
    monkeypatch.setattr(tools, "lacking", lambda *_: [])
    with locked(tmp_path / ".lock", "the test"):
        assert runner.main() == 2
    assert "is busy with the results" in capsys.readouterr().out


def test_bootstrap_script_is_python() -> None:
    compile(tools.bootstrap_script(), "get_pip.py", "exec")


def test_interpreter_is_real() -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    path = tools.interpreter(version)
    assert "shims" not in path.parts
    with pytest.raises(tools.ToolError, match=r"Python 3\.99"):
        tools.interpreter("3.99")


def test_all_that_is_lacking_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    wanted = [table.Environment(name, python, "x.lock") for name, python in (("a", here), ("b", "3.98"), ("c", "3.99"))]
    assert [line.split(" with ")[0] for line in tools.lacking(wanted)] == ["Python 3.98", "Python 3.99"]
    assert tools.lacking(wanted[:1]) == []
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert "git" in tools.lacking([])[0]


def test_what_the_lab_lacks_is_told_too(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGES", "pull")
    monkeypatch.setenv("LAB_STATE", str(tmp_path))
    monkeypatch.setattr("labkit.needs.shutil.which", lambda name: "/bin/true" if name == "git" else None)
    assert any("npm was not found" in line for line in tools.lacking([], root / "tests" / "lab"))
    monkeypatch.setenv("LAB_NAME", "Not A Name")
    assert any("LAB_NAME" in line for line in tools.lacking([], root / "tests" / "lab"))


def test_a_machine_that_lacks_something_runs_no_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["run", "--only", "sanity-2.21", "lab-images", "--results", str(tmp_path)])
    monkeypatch.setattr(
        tools, "lacking", lambda environments, lab: [f"{e.python} is gone" for e in environments] + [lab.name]
    )
    assert runner.main() == 2
    said = capsys.readouterr().out
    assert "  - 3.12 is gone\n" in said
    assert "  - lab\n" in said
    assert said.endswith("0 passed, 1 failed\n")
    assert not list(tmp_path.glob("*.log"))


def test_what_failed_is_told_in_one_line_each(tmp_path: Path) -> None:
    junit = tmp_path / "j.xml"
    junit.write_text(
        '<s><testcase classname="a" name="good"/><testcase classname="a" name="bad">'
        "<failure>it ended\nwhy\n\nbecause of this</failure></testcase></s>"
    )
    assert counts.failures(junit) == ["a: bad: it ended ... because of this"]
