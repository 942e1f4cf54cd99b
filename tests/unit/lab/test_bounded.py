# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runtime wrapper: nothing is asked of runc that the machine does not hold, nothing is taken where all is held."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest
from labkit import bounded

ALL = {f"CAP_{name}" for name in bounded.NAMES}


def process() -> dict[str, object]:
    """A process of an OCI spec as docker writes it for a privileged container."""
    return {
        "capabilities": {"bounding": sorted(ALL), "effective": sorted(ALL), "ambient": None},
        "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 2**40, "soft": 2**40}],
        "oomScoreAdj": -500,
    }


def test_the_bounding_set_is_read_by_its_bits() -> None:
    assert bounded.held("Name:\tx\nCapBnd:\t000001ffffffffff\n") == ALL
    assert ALL - bounded.held("CapBnd:\t000001fffeffffff\n") == {"CAP_SYS_RESOURCE"}
    assert bounded.held("CapBnd:\t0000000000000001\n") == {"CAP_CHOWN"}
    with pytest.raises(ValueError, match="CapBnd"):
        bounded.held("Name:\tx\n")


def test_the_kernel_s_numbers() -> None:
    assert [bounded.NAMES.index(name) for name in ("CHOWN", "NET_ADMIN", "SYS_ADMIN", "SYS_RESOURCE", "BPF")] == [
        0,
        12,
        21,
        24,
        39,
    ]


def test_what_is_not_held_is_taken_out() -> None:
    spec = process()
    bounded.bound(spec, ALL - {"CAP_SYS_RESOURCE", "CAP_BPF"})
    assert spec["capabilities"] == {
        "bounding": sorted(ALL - {"CAP_SYS_RESOURCE", "CAP_BPF"}),
        "effective": sorted(ALL - {"CAP_SYS_RESOURCE", "CAP_BPF"}),
        "ambient": [],
    }
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert spec["rlimits"] == [{"type": "RLIMIT_NOFILE", "hard": most, "soft": most}]
    assert spec["oomScoreAdj"] == 0


def test_a_complete_machine_changes_nothing_but_null_lists() -> None:
    spec, wanted = process(), process()
    bounded.bound(spec, ALL)
    wanted["capabilities"]["ambient"] = []  # type: ignore[index]
    assert spec == wanted


@pytest.mark.parametrize(
    ("argv", "whole"),
    [
        (["--root", "/r", "create", "--bundle", "{dir}", "id"], True),
        (["run", "-b={dir}", "id"], True),
        (["exec", "--process", "{dir}/config.json", "id"], False),
        (["exec", "-p={dir}/config.json", "id"], False),
    ],
)
def test_each_call_that_starts_something_is_bounded(tmp_path: Path, argv: list[str], whole: bool) -> None:
    spec = {"process": process()} if whole else process()
    (tmp_path / "config.json").write_text(json.dumps(spec))
    bounded.rewrite([item.format(dir=tmp_path) for item in argv], {"CAP_CHOWN"})
    after = json.loads((tmp_path / "config.json").read_text())
    assert (after["process"] if whole else after)["capabilities"]["bounding"] == ["CAP_CHOWN"]


def test_other_calls_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    bounded.rewrite(["--root", "/r", "delete", "id"], set())
    bounded.rewrite(["exec", "id", "true"], set())
