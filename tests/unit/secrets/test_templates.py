# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any value that Unicode has comes back as it was from the language that it was written in."""

from __future__ import annotations

import base64
import json
import urllib.parse

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.errors import ClusterError
from ansible_collections.mcp_auth.openshift.plugins.module_utils._secrets.templates import names_in, render

texts = st.text(st.characters(blacklist_categories=("Cs",)), max_size=40) | st.sampled_from(
    [
        "quote\"s' and \\ back",
        "new\nline\r\n",
        "100%",
        "{braces}",
        "${password}",
        "$$",
        "äöü€漢😀",
        "\x00\x07\x7f",
        "${a:toml}",
    ]
)


@given(texts)
def test_toml(value: str) -> None:
    text = render("a = ${x:toml}\nb = 1\n", {"x": value})
    assert tomlkit.parse(text).unwrap() == {"a": value, "b": 1}


@given(texts)
def test_json(value: str) -> None:
    assert json.loads(render('{"a": ${x:json}, "b": [${x:json}]}', {"x": value})) == {"a": value, "b": [value]}


@given(texts)
def test_url(value: str) -> None:
    text = render("x://${x:url}:${x:url}@host/p", {"x": value})
    user, _colon, password = text[len("x://") : text.index("@host")].partition(":")
    assert urllib.parse.unquote(user) == value == urllib.parse.unquote(password)


@given(texts)
def test_base64_and_plain(value: str) -> None:
    assert base64.b64decode(render("${x:base64}", {"x": value})).decode() == value
    assert render("<${x}>", {"x": value}) == "<%s>" % value


@given(texts, texts)
def test_a_value_is_never_a_template(one: str, two: str) -> None:
    assert render("${a}|${b}", {"a": one, "b": two}) == one + "|" + two


def test_a_dollar_sign() -> None:
    assert render("$$ $$${a} $x", {"a": "1"}) == "$ $1 $x"
    assert names_in("$${a} ${b} ${c:toml}", "x") == {"b", "c"}


@pytest.mark.parametrize("bad", ["${}", "${a:}", "${a:yaml}", "${:toml}"])
def test_what_can_not_be_meant_is_refused(bad: str) -> None:
    with pytest.raises(ClusterError, match="is not known"):
        names_in(bad, "x")
