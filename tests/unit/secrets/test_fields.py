# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import re
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.errors import ClusterError
from ansible_collections.mcp_auth.openshift.plugins.module_utils._secrets.fields import (
    Copy,
    Field,
    check,
    decode,
    derive,
    encode,
    generate,
    mark,
    settle,
)

alphabets = st.sampled_from(["alnum", "hex", "base64", "urlsafe"])
texts = st.text(st.characters(blacklist_categories=("Cs",)), max_size=20)


@given(alphabets, st.integers(16, 80))
def test_a_value_of_so_many_characters(alphabet: str, length: int) -> None:
    value = generate(Field("a", length=length, alphabet=alphabet))
    if alphabet == "base64":
        assert length <= len(value) <= length + 4 and base64.b64decode(value)
    else:
        assert len(value) == length
    assert re.fullmatch(r"[A-Za-z0-9+/=_-]+", value)
    assert value != generate(Field("a", length=length, alphabet=alphabet))


@given(alphabets, st.integers(8, 64))
def test_a_value_of_so_many_bytes(alphabet: str, count: int) -> None:
    value = generate(Field("a", alphabet=alphabet, raw_bytes=count))
    if alphabet == "hex":
        assert len(bytes.fromhex(value)) == count
    elif alphabet == "base64":
        assert len(base64.b64decode(value)) == count
    elif alphabet == "urlsafe":
        assert len(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))) == count
    else:
        assert len(value) * 5.96 >= 8 * count


@given(texts.filter(bool), texts)
def test_what_is_there_stays(present: str, constant: str) -> None:
    fields = [Field("a"), Field("b", value=constant), Field("c", template="${a:url}-${b}"), Field("d")]
    values, made = settle(fields, {"a": present}, "if_missing", False, "x")
    assert values["a"] == present and values["b"] == constant and made == ["d"]
    again, none = settle(fields, values, "if_missing", False, "x")
    assert again == values and not none
    rotated, made = settle(fields, values, "rotate", True, "x")
    assert made == ["a", "d"] and rotated["a"] != present and rotated["b"] == constant


def test_never_says_what_is_missing() -> None:
    with pytest.raises(ClusterError, match="x has no key a, and generate is never"):
        settle([Field("a")], {}, "never", False, "x")


@given(st.dictionaries(st.sampled_from("abc"), texts))
def test_coded_and_decoded(values: dict[str, str]) -> None:
    assert decode(encode(values), "abc", "x") == values


def test_what_is_no_text_is_said() -> None:
    with pytest.raises(ClusterError, match="not text"):
        decode({"a": "/w=="}, ["a"], "x")


@given(st.dictionaries(st.sampled_from("abc"), texts), st.dictionaries(st.sampled_from("abc"), texts))
def test_the_mark_tells_values_apart_and_nothing_else(one: dict[str, str], other: dict[str, str]) -> None:
    assert (mark(one, "u") == mark(other, "u")) == (one == other)
    assert mark(one, "u") != mark(one, "v")
    assert len(mark(one, "u")) == 16


def test_a_copy_holds_what_it_says() -> None:
    values = {"a": "1", "b": "2"}
    assert derive(Copy("n", "c"), values) == values
    assert derive(Copy("n", "c", ("a",), {"f": "x=${b:json}"}), values) == {"a": "1", "f": 'x="2"'}
    assert derive(Copy("n", "c", (), {"f": "${b}"}), values) == {"f": "2"}


BAD: list[tuple[list[Field], list[Copy], str]] = [
    ([Field("a"), Field("a")], [], "given twice"),
    ([Field("a", value="x", template="y")], [], "a value and a template"),
    ([Field("a", length=8)], [], "the least is 64"),
    ([Field("a", raw_bytes=4)], [], "the least is 64"),
    ([Field("a", template="${b}")], [], "refers to 'b'"),
    ([Field("a", template="${a}")], [], "refers to 'a'"),
    ([Field("a")], [Copy("n", "s")], "is the Secret itself"),
    ([Field("a")], [Copy("n", "c"), Copy("n", "c")], "given twice"),
    ([Field("a")], [Copy("n", "c", ("b",))], "refers to 'b'"),
    ([Field("a")], [Copy("n", "c", ("a",), {"a": "x"})], "given twice"),
    ([Field("a")], [Copy("n", "c", (), {"f": "${b}"})], "refers to 'b'"),
    ([Field("a")], [Copy("n", "c", (), {"f": "${a:xml}"})], "is not known"),
]


@pytest.mark.parametrize(("fields", "copies", "match"), BAD)
def test_what_can_not_work_is_refused(fields: list[Field], copies: list[Copy], match: str) -> None:
    with pytest.raises(ClusterError, match=match):
        check(fields, copies, "n/s")


def test_what_can_work_is_taken() -> None:
    templates: dict[str, t.Any] = {"f": "${a:toml}"}
    check([Field("a"), Field("b", template="${a}")], [Copy("m", "s"), Copy("n", "c", ("a",), templates)], "n/s")
