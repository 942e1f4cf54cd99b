# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy: what it counts, what it passes on and what it does at the n-th write."""

from __future__ import annotations

import http.client
import http.server
import json
import pathlib
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from faults.ledger import Fault, Ledger, is_write
from faults.pki import Authority, Pair
from faults.proxy import Proxy, Upstream, server_tls


class Echo(http.server.BaseHTTPRequestHandler):
    """An upstream that tells what it got."""

    server: Upstairs
    connection: ssl.SSLSocket
    protocol_version = "HTTP/1.1"

    def do_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        shown = self.connection.getpeercert()
        content = json.dumps(
            {
                "method": self.command,
                "path": self.path,
                "body": body,
                "certificate": bool(shown),
                "host": self.headers["Host"],
            }
        ).encode()
        self.server.seen.append(self.command)
        self.send_response(200)
        if self.path.startswith("/chunked"):
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in (content[:10], content[10:], b""):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            return
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_any

    def log_message(self, format: str, *args: object) -> None:
        pass


class Upstairs(http.server.ThreadingHTTPServer):
    """The upstream, which remembers the methods that it saw."""

    daemon_threads = True

    def __init__(self) -> None:
        self.seen: list[str] = []
        super().__init__(("127.0.0.1", 0), Echo)


class Bed:
    """An upstream behind a proxy."""

    def __init__(self, folder: pathlib.Path, stack: ExitStack) -> None:
        self.authority = Authority(folder)
        self.client: Pair = self.authority.server("admin")
        server = self.authority.server("127.0.0.1")
        self.upstream = Upstairs()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(server.certificate, server.key)
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(self.authority.file)
        self.upstream.socket = context.wrap_socket(self.upstream.socket, server_side=True)
        threading.Thread(target=self.upstream.serve_forever, daemon=True).start()
        stack.callback(self.upstream.server_close)
        stack.callback(self.upstream.shutdown)
        self.log = folder / "log.jsonl"
        self.ledger = Ledger(self.log)
        url = f"https://127.0.0.1:{self.upstream.server_address[1]}"
        to = Upstream(url, self.authority.file, self.client.certificate, self.client.key)
        front = self.authority.server("127.0.0.1")
        tls = server_tls(front.certificate, front.key, self.authority.file)
        self.proxy = Proxy("api", to, self.ledger, lambda: tls)
        stack.enter_context(self.proxy.running())

    def connection(self, certificate: bool = True) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=str(self.authority.file))
        if certificate:
            context.load_cert_chain(self.client.certificate, self.client.key)
        return http.client.HTTPSConnection("127.0.0.1", self.proxy.port, context=context, timeout=10)

    def ask(
        self, method: str, path: str, body: bytes | None = None, certificate: bool = True, **headers: str
    ) -> dict[str, object]:
        connection = self.connection(certificate)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        found = {**json.loads(answer.read()), "status": answer.status}
        connection.close()
        return found

    @property
    def seen(self) -> list[str]:
        return self.upstream.seen


@pytest.fixture
def bed(tmp_path: pathlib.Path) -> Iterator[Bed]:
    with ExitStack() as stack:
        yield Bed(tmp_path, stack)


@pytest.mark.parametrize(
    ("method", "target", "body", "write"),
    [
        ("GET", "/api/v1/pods", b"", False),
        ("POST", "/api/v1/namespaces/a/pods", b"{}", True),
        ("PATCH", "/api/v1/namespaces/a/secrets/b?fieldManager=x&force=true", b"{}", True),
        ("PATCH", "/api/v1/namespaces/a/secrets/b?fieldManager=x&dryRun=All", b"{}", False),
        ("DELETE", "/api/v1/namespaces/a", b"", True),
        ("DELETE", "/api/v1/namespaces/a", b'{"dryRun": ["All"]}', False),
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", b"{}", False),
        ("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", b"{}", False),
        ("POST", "/apis/authentication.k8s.io/v1/tokenreviews", b"{}", False),
        ("POST", "/api/v1/namespaces/a/serviceaccounts/b/token", b"{}", False),
        ("POST", "/realms/master/protocol/openid-connect/token", b"a=b", False),
        ("POST", "/admin/realms", b"{}", True),
        ("PUT", "/admin/realms/openshift/clients/1", b"{}", True),
    ],
)
def test_what_a_write_is(method: str, target: str, body: bytes, write: bool) -> None:
    assert is_write(method, target, body) is write


def test_passes_on_and_counts(bed: Bed) -> None:
    first = bed.ask("POST", "/api/v1/things?x=1", b'{"a": 1}')
    assert (first["method"], first["path"], first["body"]) == ("POST", "/api/v1/things?x=1", '{"a": 1}')
    assert first["host"] == f"127.0.0.1:{bed.upstream.server_address[1]}"
    assert bed.ask("GET", "/chunked")["status"] == 200
    assert (bed.ledger.requests, bed.ledger.writes) == (2, 1)
    entry = json.loads(bed.log.read_text().splitlines()[0])
    assert (entry["method"], entry["path"], entry["write"], entry["status"]) == ("POST", "/api/v1/things", 1, 200)


def test_one_connection_for_many_requests(bed: Bed) -> None:
    connection = bed.connection()
    for number in range(5):
        path = f"/{'chunked' if number % 2 else 'plain'}/{number}"
        connection.request("POST", path, b"x")
        assert json.loads(connection.getresponse().read())["path"] == path
    assert bed.ledger.writes == 5


def test_nobody_becomes_administrator_by_the_proxy(bed: Bed) -> None:
    assert bed.ask("GET", "/")["certificate"] is True
    assert bed.ask("GET", "/", certificate=False)["certificate"] is False
    assert bed.ask("GET", "/", Authorization="Bearer x")["certificate"] is False


@pytest.mark.parametrize(
    ("action", "arrived"), [("kill_before", 1), ("kill_after", 2), ("reset", 1), ("reset_after", 2)]
)
def test_the_second_write_is_cut(bed: Bed, action: str, arrived: int) -> None:
    calls: list[int] = []
    bed.ledger.faults.append(Fault(action, at=2, call=lambda: calls.append(len(bed.seen))))
    bed.ask("POST", "/one")
    bed.ask("GET", "/between")
    with pytest.raises((ConnectionError, ssl.SSLError, http.client.HTTPException)):
        bed.ask("POST", "/two")
    assert bed.seen.count("POST") == arrived
    assert len(calls) == (1 if action.startswith("kill") else 0)
    assert bed.ask("POST", "/three")["status"] == 200


def test_injected_answers(bed: Bed) -> None:
    bed.ledger.faults.append(Fault("answer", at=1, times=2, status=429, headers={"Retry-After": "1"}, path="^/busy"))
    bed.ledger.faults.append(Fault("answer_after", status=500, path="^/late"))
    assert [bed.ask("PUT", "/busy")["status"] for _try in range(3)] == [429, 429, 200]
    assert bed.ask("PUT", "/late")["status"] == 500
    assert bed.seen == ["PUT", "PUT"]


def test_a_fault_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="one of"):
        Fault("explode")
    with pytest.raises(ValueError, match="whom"):
        Fault("kill_after")
