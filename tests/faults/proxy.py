# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small TLS-ending HTTP proxy that counts requests and can disturb each of them.

It stands between a run and the API server, or a run and Keycloak. Standard library only. As a command:

    python3 -m faults.proxy --name api --listen 127.0.0.1:0 --certificate c.pem --key k.pem \
        --upstream https://127.0.0.1:6443 --upstream-ca ca.pem [--client-ca ca.pem --upstream-certificate c --upstream-key k] --log log.jsonl
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import http.server
import json
import signal
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from .ledger import Entry, Fault, Ledger

HOP_BY_HOP = (
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailers",
    "transfer-encoding",
    "upgrade",
)
TIMEOUT_SECONDS = 330.0


@dataclass(frozen=True)
class Upstream:
    """Where a proxy forwards to, and whom it trusts there."""

    url: str
    ca_file: Path | None = None
    # Shown to the upstream only on behalf of a client that has shown a certificate itself: a person's token or no
    # credential at all must not turn into an administrator.
    certificate: Path | None = None
    key: Path | None = None
    # Connect to another address than the URL's name says (the name may not resolve here).
    address: str = ""

    @property
    def netloc(self) -> str:
        """The upstream's own name, for the Host header."""
        return urlsplit(self.url).netloc


class Connection(http.client.HTTPSConnection):
    """A connection to the upstream, with or without its certificate."""

    def __init__(self, upstream: Upstream, with_certificate: bool) -> None:
        self.shown = with_certificate
        self.upstream = upstream
        self.tls = ssl.create_default_context(cafile=str(upstream.ca_file) if upstream.ca_file else None)
        if with_certificate and upstream.certificate:
            self.tls.load_cert_chain(upstream.certificate, upstream.key)
        parts = urlsplit(upstream.url)
        super().__init__(parts.hostname or "", parts.port or 443, timeout=TIMEOUT_SECONDS, context=self.tls)

    def connect(self) -> None:
        raw = socket.create_connection((self.upstream.address or self.host, self.port), timeout=TIMEOUT_SECONDS)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = self.tls.wrap_socket(raw, server_hostname=self.host)


def server_tls(certificate: Path, key: Path, client_ca: Path | None = None) -> ssl.SSLContext:
    """What a server shows; with client_ca it also takes a client's certificate, if one is shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if client_ca:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(client_ca)
    return context


class Dropped(Exception):
    """The connection was cut on purpose."""


class Server(http.server.ThreadingHTTPServer):
    """Accepts connections; the handshake happens in the connection's own thread."""

    daemon_threads = True
    allow_reuse_address = True
    # Plain TCP backlog of the base class is 5: too few for a run with parallel requests.
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], proxy: Proxy) -> None:
        self.proxy = proxy
        super().__init__(address, Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in the middle is what this is for."""


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        self.request.settimeout(TIMEOUT_SECONDS)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request = self.server.proxy.tls().wrap_socket(self.request, server_side=True)
        self.upstream: Connection | None = None
        super().setup()

    def finish(self) -> None:
        if self.upstream:
            self.upstream.close()
        with contextlib.suppress(OSError, ValueError):
            super().finish()

    def log_message(self, format: str, *args: object) -> None:
        """The ledger is the log."""

    def do_any(self) -> None:
        """Count the request, disturb it if it is its turn, else pass it on."""
        body = self.read_body()
        proxy = self.server.proxy
        entry, faults = proxy.ledger.open(proxy.name, self.command, self.path, body)
        try:
            for fault in faults:
                self.before(fault, entry)
            if any(fault.action == "answer" for fault in faults):
                return
            self.forward(entry, body, faults)
        except Dropped:
            self.close_connection = True
        except (OSError, http.client.HTTPException) as exc:
            entry.fault = entry.fault or f"{type(exc).__name__}"
            self.close_connection = True
        finally:
            proxy.ledger.close(entry)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_any

    def read_body(self) -> bytes:
        """The request's body, by its length or in chunks."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def before(self, fault: Fault, entry: Entry) -> None:
        """What happens before the upstream hears of the request."""
        if fault.action == "delay":
            time.sleep(fault.seconds)
        elif fault.action in ("call", "kill_before"):
            assert fault.call
            fault.call()
        if fault.action in ("kill_before", "reset"):
            self.cut()
        if fault.action == "answer":
            self.answer(fault, entry)

    def after(self, fault: Fault, entry: Entry) -> bool:
        """What happens when the upstream has done it and the client does not know it yet; true: it was answered."""
        if fault.action == "kill_after":
            assert fault.call
            fault.call()
        if fault.action in ("kill_after", "reset_after"):
            self.cut()
        if fault.action == "answer_after":
            self.answer(fault, entry)
            return True
        return False

    def cut(self) -> None:
        """Cut the connection with a reset."""
        # Linger 0 makes close() send RST.
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Dropped

    def answer(self, fault: Fault, entry: Entry) -> None:
        """An answer of our own in place of the upstream's, in the shape that the API server gives."""
        reason = http.client.responses.get(fault.status, "Injected").replace(" ", "")
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": fault.status, "reason": reason}
        content = json.dumps({**status, "message": "injected by the test's proxy"}).encode()
        entry.status = fault.status
        self.send_response(fault.status)
        for name, value in {"Content-Type": "application/json", **fault.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def forward(self, entry: Entry, body: bytes, faults: list[Fault]) -> None:
        """Pass a request on and its answer back."""
        shown = bool(self.request.getpeercert())
        if self.headers.get("Authorization"):
            shown = False
        own = (*HOP_BY_HOP, "content-length", "host")
        headers = {name: value for name, value in self.headers.items() if name.lower() not in own}
        headers["Host"] = self.server.proxy.upstream.netloc
        if body or self.command in ("POST", "PUT", "PATCH"):
            headers["Content-Length"] = str(len(body))
        response = self.ask(shown, body, headers)
        entry.status = response.status
        answered = [fault for fault in faults if self.after(fault, entry)]
        if answered:
            response.read()
            return
        self.send_response_only(response.status, response.reason)
        length = response.getheader("Content-Length")
        for name, value in response.getheaders():
            if name.lower() not in HOP_BY_HOP and name.lower() != "content-length":
                self.send_header(name, value)
        empty = self.command == "HEAD" or response.status in (204, 304)
        if length is not None:
            self.send_header("Content-Length", length)
        elif not empty:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if empty:
            response.read()
            return
        while piece := response.read1(65536):
            self.wfile.write(piece if length is not None else b"%x\r\n%s\r\n" % (len(piece), piece))
        # read1 stops at the announced length without noticing that this was the end.
        response.read()
        if length is None:
            self.wfile.write(b"0\r\n\r\n")

    def ask(self, with_certificate: bool, body: bytes, headers: dict[str, str]) -> http.client.HTTPResponse:
        """Send to the upstream, on this connection's own connection; once more when that one was found closed."""
        for fresh in (False, True):
            if self.upstream is None or fresh or self.upstream.shown != with_certificate:
                if self.upstream:
                    self.upstream.close()
                self.upstream = Connection(self.server.proxy.upstream, with_certificate)
                fresh = True
            try:
                self.upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in headers.items():
                    self.upstream.putheader(name, value)
                self.upstream.endheaders(body or None)
                return self.upstream.getresponse()
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                if fresh:
                    raise
        raise AssertionError("not reached")


class Proxy:
    """A proxy that runs in threads of this process."""

    def __init__(
        self,
        name: str,
        upstream: Upstream,
        ledger: Ledger,
        tls: Callable[[], ssl.SSLContext],
        listen: tuple[str, int] = ("127.0.0.1", 0),
    ) -> None:
        self.name = name
        self.upstream = upstream
        self.ledger = ledger
        # Asked at each connection: Keycloak's certificate is not there yet when a run from empty begins.
        self.tls = tls
        self.server = Server(listen, self)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.server.server_address[1])

    @contextmanager
    def running(self) -> Iterator[Proxy]:
        """Serve until the block ends."""
        self.thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            self.server.server_close()


def main() -> int:
    """Serve until a signal comes."""
    parser = argparse.ArgumentParser(description="A counting proxy; prints its port, and the counts at its end.")
    parser.add_argument("--name", default="proxy")
    parser.add_argument("--listen", default="127.0.0.1:0")
    for option in ("certificate", "key"):
        parser.add_argument(f"--{option}", type=Path, required=True)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--upstream-address", default="")
    for option in ("upstream-ca", "upstream-certificate", "upstream-key", "client-ca", "log"):
        parser.add_argument(f"--{option}", type=Path)
    asked = parser.parse_args()
    host, _colon, port = asked.listen.rpartition(":")
    upstream = Upstream(
        asked.upstream, asked.upstream_ca, asked.upstream_certificate, asked.upstream_key, asked.upstream_address
    )
    ledger = Ledger(asked.log)
    context = server_tls(asked.certificate, asked.key, asked.client_ca)
    proxy = Proxy(asked.name, upstream, ledger, lambda: context, (host, int(port)))
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with proxy.running():
        print(json.dumps({"port": proxy.port}), flush=True)
        ended.wait()
    ledger.end()
    print(json.dumps({"requests": ledger.requests, "writes": ledger.writes}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
