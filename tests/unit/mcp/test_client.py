# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The MCP client against answers that are slow, cut, split, wrong or hostile."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mcp_auth.openshift.plugins.module_utils._mcp import guard, wire
from ansible_collections.mcp_auth.openshift.plugins.module_utils._mcp.client import McpClient, McpError
from ansible_collections.mcp_auth.openshift.plugins.modules import mcp_info, mcp_tool_call

from .fake_mcp import INITIALIZED, FakeMcp, Request, as_json, as_stream, chunked, reply, result

TOKEN = "canary-token-4711"
Send = Callable[[bytes], None]


@pytest.fixture
def server() -> Iterator[FakeMcp]:
    fake = FakeMcp()
    yield fake
    fake.close()


def client(server: FakeMcp, timeout: float = 5) -> McpClient:
    return McpClient(server.url, TOKEN, timeout=timeout)


def event(message: object, *more: str) -> bytes:
    lines = [*more, *(f"data: {line}" for line in json.dumps(message, indent=1).splitlines())]
    return ("\n".join(lines) + "\n\n").encode()


def tools(*names: str, **annotations: bool) -> dict[str, object]:
    return {"tools": [{"name": name, "annotations": annotations, "inputSchema": {}} for name in names]}


# -- the conversation ------------------------------------------------------------------------------------------------
def test_initialize_sends_token_version_and_session(server: FakeMcp) -> None:
    server.on("initialize", lambda request, send: send(as_json(result(request, INITIALIZED), ("Mcp-Session-Id", "s1"))))
    server.on("tools/list", lambda request, send: send(as_json(result(request, tools("a")))))
    server.on("DELETE", reply(405))
    made = client(server)
    assert made.initialize()["serverInfo"]["name"] == "fake"
    assert [tool["name"] for tool in made.list_tools()] == ["a"]
    made.close()
    first, noted, listed, ended = server.requests
    assert "mcp-session-id" not in first.headers and "mcp-protocol-version" not in first.headers
    assert first.headers["accept"] == "application/json, text/event-stream"
    for request in (noted, listed, ended):
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        assert request.headers["mcp-session-id"] == "s1"
        assert request.headers["mcp-protocol-version"] == "2025-06-18"
    assert ended.method == "DELETE"


def test_unknown_protocol_version_is_refused(server: FakeMcp) -> None:
    answer = {**INITIALIZED, "protocolVersion": "1999-01-01"}
    server.on("initialize", lambda request, send: send(as_json(result(request, answer))))
    with pytest.raises(McpError, match="1999-01-01") as caught:
        client(server).initialize()
    assert caught.value.kind == "protocol"


def test_pages_are_joined_and_a_circle_is_noticed(server: FakeMcp) -> None:
    def page(request: Request, send: Send) -> None:
        cursor = request.message["params"].get("cursor")
        send(as_json(result(request, tools("b") if cursor else {**tools("a"), "nextCursor": "two"})))

    server.on("tools/list", page)
    assert [tool["name"] for tool in client(server).list_tools()] == ["a", "b"]
    server.on("tools/list", lambda request, send: send(as_json(result(request, {**tools("a"), "nextCursor": "x"}))))
    with pytest.raises(McpError, match="do not end"):
        client(server).list_tools()


# -- event streams ---------------------------------------------------------------------------------------------------
def test_several_events_multi_line_data_comments_and_foreign_ids(server: FakeMcp) -> None:
    def answer(request: Request, send: Send) -> None:
        number = request.message["id"]
        text = b"\xef\xbb\xbf: welcome\n\n"
        text += event({"jsonrpc": "2.0", "method": "notifications/progress", "params": {}})
        text += b"event: other\ndata: not even json\n\n"
        text += event({"jsonrpc": "2.0", "id": 999, "result": {"wrong": True}})
        text += event(
            {"jsonrpc": "2.0", "id": number, "result": {"content": [], "right": True}}, "event: message", "id: 1"
        )
        send(as_stream(text))

    server.on("tools/call", answer)
    assert client(server).call_tool("x")["right"] is True


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_streams_may_be_cut_anywhere(server: FakeMcp, size: int, end: bytes) -> None:
    def answer(request: Request, send: Send) -> None:
        text = event(result(request, {"text": "Zoë \u2028 ☃"})).replace(b"\n", end)
        send(chunked([text[at : at + size] for at in range(0, len(text), size)]))

    server.on("tools/call", answer)
    assert client(server).call_tool("x") == {"text": "Zoë \u2028 ☃"}


def test_a_stream_that_stays_open_does_not_hold_the_answer_back(server: FakeMcp) -> None:
    done = threading.Event()

    def answer(request: Request, send: Send) -> None:
        send(as_stream(event(result(request, {"ok": 1}))))
        done.wait(10)

    server.on("tools/call", answer)
    started = time.monotonic()
    assert client(server, 8).call_tool("x") == {"ok": 1}
    assert time.monotonic() - started < 4
    done.set()


def test_a_stream_without_an_answer(server: FakeMcp) -> None:
    server.on("tools/call", as_stream(b": nothing\n\n"))
    with pytest.raises(McpError, match="ended without an answer") as caught:
        client(server).call_tool("x")
    assert caught.value.kind == "protocol"


def test_an_unfinished_event_is_no_answer(server: FakeMcp) -> None:
    server.on("tools/call", lambda request, send: send(as_stream(event(result(request, {}))[:-1])))
    with pytest.raises(McpError, match="ended without an answer"):
        client(server).call_tool("x")


def test_questions_of_the_server_are_answered(server: FakeMcp) -> None:
    def answer(request: Request, send: Send) -> None:
        text = event({"jsonrpc": "2.0", "id": "p", "method": "ping"})
        text += event({"jsonrpc": "2.0", "id": "e", "method": "elicitation/create", "params": {}})
        send(as_stream(text + event(result(request, {"ok": 1}))))

    server.on("tools/call", answer).on("response", reply(202))
    assert client(server).call_tool("x") == {"ok": 1}
    replies = {item.message["id"]: item.message for item in server.requests if "method" not in item.message}
    assert replies["p"]["result"] == {}
    assert replies["e"]["error"]["code"] == -32601


# -- broken and slow answers -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (b"", "connect", "gave no answer"),
        (b"SMTP ready\r\n", "protocol", "gave no answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{", "protocol", "broke off"),
        (chunked([b"data: {"], end=False), "protocol", "broke off"),
        (reply(200, b"<html>", (("Content-Type", "text/html"),)), "protocol", "text/html"),
        (reply(200, b"{", (("Content-Type", "application/json"),)), "protocol", "broken JSON"),
        (reply(200, b"[]", (("Content-Type", "application/json"),)), "protocol", "no JSON-RPC message"),
        (as_json({"jsonrpc": "2.0", "id": 77, "result": {}}), "protocol", "another request"),
        (as_json({"jsonrpc": "2.0", "id": 1}), "protocol", "neither result nor error"),
        (as_json({"jsonrpc": "2.0", "id": 1, "result": "text"}), "protocol", "neither result nor error"),
        (reply(500, b"it broke"), "http", "it broke"),
        (reply(302, b"", (("Location", "https://elsewhere/"),)), "http", "302"),
    ],
)
def test_broken_answers(server: FakeMcp, answer: bytes, kind: str, words: str) -> None:
    server.on("tools/call", answer)
    with pytest.raises(McpError) as caught:
        client(server).call_tool("x")
    assert (caught.value.kind, words in caught.value.message) == (kind, True), caught.value.message


def test_a_server_that_drips_is_given_up(server: FakeMcp) -> None:
    def drip(request: Request, send: Send) -> None:
        send(as_stream(b""))
        for _tick in range(100):
            send(b": tick\n")
            time.sleep(0.05)

    server.on("tools/call", drip)
    started = time.monotonic()
    with pytest.raises(McpError) as caught:
        client(server, 0.6).call_tool("x")
    assert caught.value.kind == "timeout"
    assert time.monotonic() - started < 3


def test_a_server_that_never_answers(server: FakeMcp) -> None:
    server.on("tools/call", lambda request, send: time.sleep(3))
    with pytest.raises(McpError) as caught:
        client(server, 0.5).call_tool("x")
    assert caught.value.kind == "timeout"


def test_nobody_listens() -> None:
    fake = FakeMcp()
    fake.close()
    with pytest.raises(McpError) as caught:
        McpClient(fake.url, timeout=2).initialize()
    assert caught.value.kind == "connect"


@pytest.mark.parametrize("url", ["ftp://x/mcp", "https:///mcp", "mcp"])
def test_no_url(url: str) -> None:
    with pytest.raises(McpError, match="no http or https URL"):
        McpClient(url)


def test_a_ca_that_is_none() -> None:
    with pytest.raises(McpError, match="no PEM certificate"):
        McpClient("https://127.0.0.1/mcp", ca_pem="-----BEGIN CERTIFICATE-----\nnope\n-----END CERTIFICATE-----\n")


# -- errors ----------------------------------------------------------------------------------------------------------
def test_401_comes_with_its_challenge_and_without_the_token(server: FakeMcp) -> None:
    challenge = 'Bearer realm="Kubernetes MCP Server", audience="mcp-server", error="invalid_token"'
    server.on("initialize", reply(401, f"bad token {TOKEN}".encode(), (("WWW-Authenticate", challenge),)))
    with pytest.raises(McpError) as caught:
        client(server).initialize()
    error = caught.value
    assert error.status == 401
    assert error.www_authenticate[0]["params"]["error"] == "invalid_token"
    assert TOKEN not in json.dumps(error.as_dict()) and TOKEN not in str(error)


def test_a_json_rpc_error(server: FakeMcp) -> None:
    error = {"code": -32602, "message": f"unknown tool; you sent {TOKEN}", "data": {"tool": "x"}}
    server.on("tools/call", lambda request, send: send(as_json({"jsonrpc": "2.0", "id": 1, "error": error})))
    with pytest.raises(McpError) as caught:
        client(server).call_tool("x")
    assert caught.value.kind == "jsonrpc"
    assert caught.value.jsonrpc_error is not None and caught.value.jsonrpc_error["code"] == -32602
    assert TOKEN not in json.dumps(caught.value.as_dict())


def test_raw_sends_only_the_token_that_it_is_given(server: FakeMcp) -> None:
    server.on("GET", reply(418, b"teapot"))
    made = client(server)
    assert made.raw("GET").status == 418
    assert made.raw("GET", headers={"Origin": "https://x"}, token="other").text() == "teapot"
    assert "authorization" not in server.requests[0].headers
    assert server.requests[1].headers["authorization"] == "Bearer other"
    assert server.requests[1].headers["origin"] == "https://x"


def test_metadata_is_found_at_both_places(server: FakeMcp) -> None:
    def answer(request: Request, send: Send) -> None:
        long = request.path.endswith("/mcp")
        send(reply(404) if long else as_json({"resource": "https://x/mcp"}))

    server.on("GET", answer)
    found = client(server).metadata()
    assert found["status"] == 200 and found["document"] == {"resource": "https://x/mcp"}
    assert found["url"].endswith("/.well-known/oauth-protected-resource")


# -- parsers ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Bearer", [("Bearer", {}, "")]),
        ('Bearer realm="a b", error="x"', [("Bearer", {"realm": "a b", "error": "x"}, "")]),
        ('Bearer realm="a \\"q\\" \\\\", error=x', [("Bearer", {"realm": 'a "q" \\', "error": "x"}, "")]),
        ("Negotiate YWJj==, Basic realm=x", [("Negotiate", {}, "YWJj=="), ("Basic", {"realm": "x"}, "")]),
        ('Bearer a="1, b=2", c=3', [("Bearer", {"a": "1, b=2", "c": "3"}, "")]),
        ('Bearer a="unfinished', [("Bearer", {}, "")]),
        ("", []),
    ],
)
def test_challenges(header: str, expected: list[tuple[str, dict[str, str], str]]) -> None:
    parsed = wire.parse_challenges([header])
    assert [(item["scheme"], item["params"], item["token68"]) for item in parsed][: len(expected)] == expected


@given(st.text(max_size=200))
def test_any_header_is_survived(text: str) -> None:
    for item in wire.parse_challenges([text]):
        assert set(item) == {"scheme", "params", "token68"}


@given(st.lists(st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"])), min_size=1), st.data())
def test_any_event_survives_any_cut(lines: list[str], data: st.DataObject) -> None:
    text = "".join(f"data: {line}\n" for line in lines).encode() + b"\n"
    pieces, rest = [], text
    while rest:
        at = data.draw(st.integers(1, len(rest)))
        pieces.append(rest[:at])
        rest = rest[at:]
    events = list(wire.parse_events(wire.split_lines(iter(pieces))))
    assert [item["data"] for item in events] == ["\n".join(lines)]


# -- the modules' own part -------------------------------------------------------------------------------------------
def tool_server(server: FakeMcp, answer: dict[str, object], **annotations: bool) -> McpClient:
    server.on("tools/list", lambda request, send: send(as_json(result(request, tools("act", **annotations)))))
    server.on("tools/call", lambda request, send: send(as_json(result(request, answer))))
    return client(server)


@pytest.mark.parametrize(
    ("annotations", "changed"), [({"readOnlyHint": True}, False), ({}, True), ({"readOnlyHint": False}, True)]
)
def test_annotations_decide_what_is_a_change(server: FakeMcp, annotations: dict[str, bool], changed: bool) -> None:
    made = tool_server(
        server, {"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, **annotations
    )
    found = mcp_tool_call.call(made, {"tool": "act", "arguments": {}}, check_mode=False)
    assert (found["changed"], found["called"], found["text"]) == (changed, True, "a\nb")


def test_check_mode_calls_only_what_reads(server: FakeMcp) -> None:
    made = tool_server(server, {"content": []})
    found = mcp_tool_call.call(made, {"tool": "act", "arguments": {}}, check_mode=True)
    assert (found["changed"], found["called"]) == (True, False)
    assert "tools/call" not in [item.message.get("method") for item in server.requests]
    made = tool_server(server, {"content": []}, readOnlyHint=True)
    assert mcp_tool_call.call(made, {"tool": "act", "arguments": {}}, check_mode=True)["called"] is True


def rpc_error(code: int) -> Callable[[Request, Send], None]:
    error = {"code": code, "message": "no"}
    return lambda request, send: send(as_json({"jsonrpc": "2.0", "id": request.message["id"], "error": error}))


@pytest.mark.parametrize(
    ("answer", "called"),
    [
        (reply(401), False),
        (reply(429), False),
        (rpc_error(-32602), False),
        (rpc_error(-32603), True),
        (reply(502), True),
        (reply(504), True),
        (b"", True),
        (chunked([b": still at it\n\n"], end=False), True),
        (as_stream(b""), True),
        (as_json({"jsonrpc": "2.0", "id": 4711, "result": {}}), True),
        (lambda request, send: time.sleep(2), True),
    ],
)
@pytest.mark.parametrize("reads", [True, False])
def test_a_call_that_may_have_run_is_never_said_not_to_have(
    server: FakeMcp, answer: object, called: bool, reads: bool
) -> None:
    made = tool_server(server, {}, readOnlyHint=reads)
    made.wire.timeout = 0.5
    server.on("tools/call", answer)
    found = mcp_tool_call.call(made, {"tool": "act", "arguments": {}}, check_mode=False)
    assert (found["called"], found["changed"]) == (called, called and not reads)
    assert found["error"] and ("look before" in found["msg"]) == called


def test_a_call_that_finds_nobody_was_none(server: FakeMcp) -> None:
    made = tool_server(server, {})
    asked = made.list_tools

    def then_gone() -> list[dict[str, object]]:
        found = asked()
        server.close()
        made.wire = wire.Wire("http://127.0.0.1:9/mcp", None, 2)
        return found

    made.list_tools = then_gone
    found = mcp_tool_call.call(made, {"tool": "act", "arguments": {}}, check_mode=False)
    assert (found["called"], found["changed"], found["error"]["kind"]) == (False, False, "connect")


def test_a_session_that_cannot_be_ended_takes_nothing_from_the_answer(server: FakeMcp) -> None:
    made = tool_server(server, {"content": [{"type": "text", "text": "deleted"}]})
    server.on("initialize", lambda request, send: send(as_json(result(request, INITIALIZED), ("Mcp-Session-Id", "s1"))))
    server.on("DELETE", b"")
    found = mcp_tool_call.call(made, {"tool": "act", "arguments": {}}, check_mode=False)
    assert (found["called"], found["changed"], found["text"]) == (True, True, "deleted")
    assert server.requests[-1].method == "DELETE"


def test_an_unknown_tool_is_named_with_its_neighbour(server: FakeMcp) -> None:
    made = tool_server(server, {})
    with pytest.raises(McpError, match="no tool 'acts'") as caught:
        mcp_tool_call.call(made, {"tool": "acts", "arguments": {}}, check_mode=False)
    assert "act?" in caught.value.hint


def test_mcp_info_reads_what_is_asked(server: FakeMcp) -> None:
    made = tool_server(server, {})
    found = mcp_info.read(made, {"gather": ["server", "tools"], "issuer_url": "", "audience": ""})
    assert found["tool_names"] == ["act"] and "metadata" not in found


def test_the_guard_sees_an_open_server(server: FakeMcp) -> None:
    server.on("GET", reply(200, b"hello"))
    found = {item["name"]: item for item in guard.check(client(server), "https://iss", "aud")}
    assert not any(item["ok"] for item in found.values())
    assert found["no token"]["status"] == 200 and found["path /metrics"]["expected"] == 404


def test_the_guard_sees_a_shut_server(server: FakeMcp) -> None:
    place = server.url.replace("/mcp", "/.well-known/oauth-protected-resource/mcp")

    def answer(request: Request, send: Send) -> None:
        if "origin" in request.headers:
            return send(reply(403))
        error = "invalid_token" if "authorization" in request.headers else "missing_token"
        return send(reply(401, b"", (("WWW-Authenticate", f'Bearer error="{error}", resource_metadata="{place}"'),)))

    server.on("initialize", answer)
    assert [item for item in guard.check(client(server), "https://iss", "aud") if not item["ok"]] == []
