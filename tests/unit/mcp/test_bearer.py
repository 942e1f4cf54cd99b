# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A token that no header can carry is refused in words that do not hold it."""

from __future__ import annotations

import traceback
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence import entry
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence.target import Stop, Wanted
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence.wire import Wire as PlainWire
from ansible_collections.mcp_auth.openshift.plugins.module_utils._mcp import access, wire
from ansible_collections.mcp_auth.openshift.plugins.module_utils._mcp.client import McpClient, McpError

CANARY = "eyJhbGciOiJSUzI1NiJ9.SECRETCANARY"
BROKEN = (f"{CANARY}\n.sig", f"{CANARY}\r\nX-Other: 1", f"{CANARY} sig", f"{CANARY}\x00", f"{CANARY}\u00e9")


def said(error: BaseException) -> str:
    """All that a traceback of it would show."""
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))


@pytest.mark.parametrize("end", ["\n", "\r\n", " \n", ""])
def test_a_line_break_at_the_end_is_left_out(end: str) -> None:
    assert wire.bearer_value(CANARY + end) == CANARY
    assert McpClient("http://127.0.0.1:1/mcp", CANARY + end).token == CANARY


@pytest.mark.parametrize("token", BROKEN)
def test_what_no_header_carries_is_refused_without_its_value(token: str) -> None:
    with pytest.raises(ValueError) as first:
        wire.bearer_value(token)
    with pytest.raises(McpError) as second:
        McpClient("http://127.0.0.1:1/mcp", token)
    assert "on one line" in str(first.value) and "on one line" in second.value.message
    for error in (first.value, second.value):
        assert "SECRETCANARY" not in f"{error}{error.args}"
    assert "SECRETCANARY" not in repr(second.value.as_dict())


@pytest.mark.parametrize("option", ["token", "token_from"])
def test_the_modules_hide_what_is_sent_and_not_only_what_was_given(
    option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden: list[str] = []
    params: dict[str, Any] = dict.fromkeys([*access.MCP_ARGS, "token_from", "server_ca_from"])
    params.update(url="http://127.0.0.1:1/mcp", timeout=1.0, validate_certs=True)
    params[option] = CANARY + "\n" if option == "token" else {"name": "x"}
    monkeypatch.setattr(access, "connect", lambda params: None)
    monkeypatch.setattr(access, "read_reference", lambda cluster, reference: CANARY + "\n")
    module: Any = SimpleNamespace(params=params, hide=hidden.extend)
    assert access.client_for(module).token == CANARY
    assert CANARY in hidden


@pytest.mark.parametrize("token", BROKEN[:2])
def test_a_header_with_a_line_break_reaches_neither_the_wire_nor_a_message(token: str, fake_url: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    with pytest.raises(McpError) as caught:
        wire.Wire(fake_url, None, 2).fetch("POST", "/", headers, b"", "initialize")
    assert "SECRETCANARY" not in said(caught.value)
    assert "nothing was sent" in caught.value.message
    reply = PlainWire().send("GET", fake_url, headers)
    assert reply.status == 0 and "nothing was sent" in reply.error
    assert "SECRETCANARY" not in repr(reply)


@pytest.fixture
def fake_url() -> Any:
    from .fake_mcp import FakeMcp

    fake = FakeMcp()
    yield fake.url
    fake.close()


def test_the_verifier_takes_people_s_tokens_and_the_administrator_s_only_whole() -> None:
    wanted = Wanted("jdoe", "none", (), "jdoe", (), (), ())

    def secret(params: Any, option: str) -> str:
        return str(params.get(option) or "")

    assert entry.account_of({"token": CANARY + "\n"}, wanted, {}, False, secret).secret == CANARY
    with pytest.raises(Stop) as person:
        entry.account_of({"token": BROKEN[0]}, wanted, {}, False, secret)
    target: Any = SimpleNamespace(keycloak_url="https://sso.example.com")
    with pytest.raises(Stop) as admin:
        entry.admin_of({"token": BROKEN[0]}, target, PlainWire(), secret)
    assert "jdoe" in str(person.value) and "Keycloak" in str(admin.value)
    for error in (person.value, admin.value):
        assert "SECRETCANARY" not in said(error).replace(repr(BROKEN[0]), "")
        assert error.__cause__ is None and error.__suppress_context__
