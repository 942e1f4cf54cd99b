# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The session against a server that misbehaves: refreshes, retries, broken answers, certificates."""

from __future__ import annotations

import datetime
import ipaddress
import json
import pathlib
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak import exchange, plan, read, session
from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak.engine import reconcile
from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak.errors import KeycloakError, Uncertain
from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak.redact import Redactor
from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak.session import Login, Session
from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak.wanted import from_options

from .fake_keycloak import FakeKeycloak, Server, send
from .test_engine import SEED, snapshot

Fault = Callable[[BaseHTTPRequestHandler, str, str], bool]


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits are a hundredth of what they are."""
    sleep = session.time.sleep
    monkeypatch.setattr(session.time, "sleep", lambda seconds: sleep(seconds / 100))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(FakeKeycloak()) as found:
        yield found


def connect(server: Server, **options: Any) -> Session:
    login = options.pop("login", Login(client_id="robot", client_secret="right"))
    return Session(server.url, login, Redactor(), **options)


def converge(api: Session, params: dict[str, Any]) -> Any:
    wanted = from_options(params)
    return reconcile(
        api, lambda: read.read(api, wanted), lambda c: plan.make(wanted, c), lambda current, planned: [], False
    )


def times(count: int, where: Callable[[str, str], bool], act: Callable[[BaseHTTPRequestHandler], None]) -> Fault:
    """A fault that strikes the first requests that match."""
    left = [count]
    lock = threading.Lock()

    def fault(handler: BaseHTTPRequestHandler, method: str, path: str) -> bool:
        with lock:
            if not where(method, path) or left[0] == 0:
                return False
            left[0] -= 1
        act(handler)
        return True

    return fault


def reset(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


def truncate(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'[{"clientId": "mcp-')
    handler.close_connection = True


def cut_json(handler: BaseHTTPRequestHandler) -> None:
    body = b'[{"clientId": "mcp-'
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def gateway(status: int) -> Callable[[BaseHTTPRequestHandler], None]:
    return lambda handler: send(handler, status, {"error": "gateway"})


def read_only(method: str, path: str) -> bool:
    return method == "GET"


def test_one_login_and_our_user_agent(server: Server) -> None:
    with connect(server) as api:
        converge(api, SEED)
        assert api.logins == server.logins == 2  # the roles of a new realm need a new token
        assert api.requests == len(server.seen)
        server.seen.clear()
    with connect(server) as api:
        assert converge(api, SEED).changes == []
        assert api.logins == 1
        assert api.requests == len(server.seen)
    assert {agent for _method, _path, agent in server.seen} == {session.USER_AGENT}


def test_parallel_401_make_one_refresh(server: Server) -> None:
    with connect(server) as api:
        api.get("admin/realms/master")
        server.tokens = set()  # every token of before is worthless now
        gate = threading.Barrier(6)

        def one() -> Any:
            gate.wait(5)
            return api.get("admin/realms/master")

        assert len(api.parallel([one] * 6)) == 6
        assert server.logins == 2


def test_a_token_is_renewed_before_it_dies(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.lifetime = 60
    clock = [1000.0]
    monkeypatch.setattr(session.time, "monotonic", lambda: clock[0])
    with connect(server) as api:
        api.get("admin/realms/master")
        clock[0] += 30
        api.get("admin/realms/master")
        assert server.logins == 1
        clock[0] += 15
        api.get("admin/realms/master")
        assert server.logins == 2
    assert not [entry for entry in server.seen if entry[0] == "401"]


def test_renewing_logs_in_anew(server: Server) -> None:
    with connect(server) as api:
        api.get("admin/realms/master")
        api.renew()
        api.get("admin/realms/master")
    assert server.logins == 2


def test_a_token_that_stays_refused_is_an_error(server: Server) -> None:
    server.fault = times(99, read_only, lambda handler: send(handler, 401, {"error": "HTTP 401 Unauthorized"}))
    with connect(server) as api, pytest.raises(KeycloakError) as error:
        api.get("admin/realms/master")
    assert "fresh token" in error.value.hint
    assert server.logins == 2


def test_a_given_token_is_never_renewed(server: Server) -> None:
    with connect(server, login=Login(token="given-token")) as api, pytest.raises(KeycloakError, match="given token"):
        api.get("admin/realms/master")
    assert server.logins == 0


@pytest.mark.parametrize("status", [502, 503, 504])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_gateway_bursts_are_waited_out(server: Server, status: int, method: str) -> None:
    server.fault = times(4, lambda verb, path: verb == method and path.startswith("admin"), gateway(status))
    server.fake._make({"realm": "one"})
    with connect(server) as api:
        api.request(method, "admin/realms/one", {} if method == "PUT" else None)
    assert Counter(verb for verb, _path, _agent in server.seen)[method] == 5


@pytest.mark.parametrize("act", [reset, truncate, cut_json])
def test_broken_answers_of_reads_are_read_again(server: Server, act: Callable[[BaseHTTPRequestHandler], None]) -> None:
    server.fault = times(3, read_only, act)
    with connect(server) as api:
        assert api.get("admin/realms/master")["realm"] == "master"


def test_a_login_survives_a_burst(server: Server) -> None:
    server.fault = times(3, lambda method, path: path.endswith("/token"), gateway(503))
    with connect(server) as api:
        api.get("admin/realms/master")
        assert server.logins == 1


@pytest.mark.parametrize("status", [400, 403, 404, 409, 429])
def test_other_refusals_are_not_repeated(server: Server, status: int) -> None:
    server.fault = times(99, read_only, lambda handler: send(handler, status, {"error": "no"}))
    with connect(server) as api, pytest.raises(KeycloakError) as error:
        api.get("admin/realms/one/clients")
    assert error.value.code == status
    assert len(server.seen) == 2
    if status == 403:
        assert "view-clients" in error.value.hint


@pytest.mark.parametrize("act", [reset, gateway(502)])
def test_a_creation_is_never_repeated_blindly(server: Server, act: Callable[[BaseHTTPRequestHandler], None]) -> None:
    server.fault = times(1, lambda method, path: method == "POST" and path.endswith("/clients"), act)
    with connect(server) as api, pytest.raises(Uncertain):
        api.request("POST", "admin/realms/master/clients", {"clientId": "a"})
    assert [entry[:2] for entry in server.seen].count(("POST", "admin/realms/master/clients")) == 1


def test_a_creation_without_a_login_was_certainly_not_sent(server: Server) -> None:
    server.fault = times(10**6, lambda method, path: path.endswith("/token"), gateway(503))
    with connect(server, first_contact=0.1) as api, pytest.raises(KeycloakError) as error:
        api.request("POST", "admin/realms/master/clients", {"clientId": "a"})
    assert error.value.reason == "server_error"
    assert {entry[1].rpartition("/")[2] for entry in server.seen} == {"token"}


def away(status: int) -> Callable[[BaseHTTPRequestHandler], None]:
    """How Keycloak answers while its database is gone (seen on 26.4)."""
    words = {500: "unknown_error", 400: "Cannot parse the JSON"}
    return lambda handler: send(handler, status, {"error": words[status]})


def admin_call(method: str) -> Callable[[str, str], bool]:
    return lambda verb, path: verb == method and path.startswith("admin")


@pytest.mark.parametrize(("method", "status"), [("GET", 500), ("GET", 400), ("PUT", 500), ("DELETE", 500)])
def test_a_database_that_restarts_is_waited_out(server: Server, method: str, status: int) -> None:
    server.fake._make({"realm": "one"})
    server.fault = times(8, admin_call(method), away(status))
    with connect(server) as api:
        api.request(method, "admin/realms/one", {} if method == "PUT" else None)
    assert Counter(verb for verb, path, _agent in server.seen if path.startswith("admin"))[method] == 9


@pytest.mark.parametrize(("method", "status"), [("GET", 500), ("GET", 400), ("PUT", 500)])
def test_a_database_that_stays_away_is_a_clear_error(
    server: Server, monkeypatch: pytest.MonkeyPatch, method: str, status: int
) -> None:
    """Six tries are made in any case; then the time that a restart may take is the limit, not the deadline."""
    monkeypatch.setattr(session, "DATABASE_AWAY", 0.0)
    server.fault = times(10**6, admin_call(method), away(status))
    with connect(server) as api, pytest.raises(KeycloakError) as error:
        api.request(method, "admin/realms/master", {} if method == "PUT" else None)
    assert error.value.code == status
    assert f"{method} admin/realms/master was answered {status}" in error.value.message
    assert len([1 for verb, path, _agent in server.seen if verb == method and path.startswith("admin")]) == 6


def test_a_creation_that_is_answered_500_is_not_repeated_blindly(server: Server) -> None:
    server.fault = times(10**6, admin_call("POST"), away(500))
    with connect(server) as api, pytest.raises(Uncertain):
        api.request("POST", "admin/realms/master/clients", {"clientId": "a"})
    assert len([1 for verb, path, _agent in server.seen if verb == "POST" and path.startswith("admin")]) == 1


@pytest.mark.parametrize(("method", "words"), [("PUT", "Cannot parse the JSON"), ("GET", "something else")])
def test_another_400_is_final(server: Server, method: str, words: str) -> None:
    """A write that has a body can be wrong, and another complaint about a read is one."""
    server.fault = times(10**6, admin_call(method), lambda handler: send(handler, 400, {"error": words}))
    with connect(server) as api, pytest.raises(KeycloakError, match=words):
        api.request(method, "admin/realms/master", {} if method == "PUT" else None)
    assert len([1 for verb, path, _agent in server.seen if verb == method and path.startswith("admin")]) == 1


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("kind", ["realms", "clients", "client-scopes", "groups", "users"])
def test_a_creation_with_a_lost_answer_ends_in_the_wanted_state(server: Server, kind: str, done: bool) -> None:
    """The connection breaks at a creation, after or before the server did it."""

    def fault(handler: BaseHTTPRequestHandler, method: str, path: str) -> bool:
        if method != "POST" or not path.endswith("/" + kind) or "protocol" in path:
            return False
        server.fault = lambda *unused: False
        if done:
            server.fake.handle(method, path, {}, json.loads(server.body))
        reset(handler)
        return True

    server.fault = fault
    with connect(server) as api:
        outcome = converge(api, SEED)
    assert outcome.again == 1
    whole = FakeKeycloak()
    with Server(whole) as other, connect(other) as api:
        converge(api, SEED)
    assert snapshot(server.fake) == snapshot(whole)


def test_chaos_ends_in_the_wanted_state(server: Server) -> None:
    """Every seventh request fails in one way or another."""
    acts = [reset, truncate, gateway(502), gateway(503), lambda handler: send(handler, 401, {"error": "HTTP 401"})]
    count = [0]
    lock = threading.Lock()

    def fault(handler: BaseHTTPRequestHandler, method: str, path: str) -> bool:
        with lock:
            count[0] += 1
            number = count[0]
        if number % 7:
            return False
        act = acts[number // 7 % len(acts)]
        if method != "GET" and act is truncate:
            act = reset
        act(handler)
        return True

    server.fault = fault
    with connect(server) as api:
        converge(api, SEED)
    server.fault = lambda *unused: False
    with connect(server) as api:
        assert converge(api, SEED).changes == []


def test_the_deadline_holds(server: Server) -> None:
    server.fault = times(10**6, read_only, gateway(503))
    with connect(server, deadline=1) as api, pytest.raises(KeycloakError, match="Tried"):
        api.get("admin/realms/master")


def test_wrong_credential(server: Server) -> None:
    login = Login(client_id="robot", client_secret="wrong-secret-value")
    with connect(server, login=login) as api, pytest.raises(KeycloakError) as error:
        api.get("admin/realms/master")
    assert error.value.reason == "wrong_credential"
    assert "client robot of realm master" in error.value.message
    assert "wrong-secret-value" not in error.value.text()
    assert len(server.seen) == 1


def test_a_server_that_echoes_a_secret_is_cleaned(server: Server) -> None:
    server.fault = times(1, read_only, lambda handler: send(handler, 400, {"error": "bad right client_secret=abcdef"}))
    with connect(server, login=Login(client_secret="right")) as api:
        api.redactor.learn("right")
        with pytest.raises(KeycloakError) as error:
            api.get("admin/realms/master")
    assert "right" not in error.value.message
    assert "abcdef" not in error.value.message


def test_unknown_host_and_closed_port() -> None:
    with pytest.raises(KeycloakError) as error:
        Session("https://nowhere.invalid", Login(), Redactor(), first_contact=0.1).get("admin/realms/a")
    assert error.value.reason == "name_resolution"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(KeycloakError) as error:
        Session(f"http://127.0.0.1:{port}", Login(), Redactor(), first_contact=0.1).get("admin/realms/a")
    assert error.value.reason == "connection_refused"


@pytest.mark.parametrize("url", ["sso.example.com", "http://sso.example.com", "https://a/?x=1", "ftp://a", ""])
def test_bad_urls(url: str) -> None:
    with pytest.raises(KeycloakError) as error:
        Session(url, Login(), Redactor())
    assert error.value.reason == "url"


def certificate(
    folder: pathlib.Path, name: str, days: tuple[int, int], issuer: tuple[Any, Any] | None = None
) -> tuple[pathlib.Path, pathlib.Path, tuple[Any, Any]]:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    if name == "127.0.0.1":
        names = [x509.IPAddress(ipaddress.ip_address(name))]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0] if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=days[0]))
        .not_valid_after(now + datetime.timedelta(days=days[1]))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    made = builder.sign(issuer[1] if issuer else key, hashes.SHA256())
    place = folder / (name + str(days[1]) + ".crt")
    place.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret = folder / (name + str(days[1]) + ".key")
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return place, secret, (subject, key)


@pytest.mark.parametrize(
    ("name", "days", "right_ca", "reason"),
    [
        ("127.0.0.1", (-1, 5), True, ""),
        ("127.0.0.1", (-9, -1), True, "certificate_expired"),
        ("other.example.com", (-1, 5), True, "certificate_name"),
        ("127.0.0.1", (-1, 5), False, "certificate_ca"),
    ],
)
def test_certificates(tmp_path: pathlib.Path, name: str, days: tuple[int, int], right_ca: bool, reason: str) -> None:
    ca, _unused, issuer = certificate(tmp_path, "ca", (-10, 100))
    foreign, _unused, _issuer = certificate(tmp_path, "foreign", (-10, 100))
    crt, key, _own = certificate(tmp_path, name, days, issuer)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    with Server(FakeKeycloak()) as server:
        server.http.socket = context.wrap_socket(server.http.socket, server_side=True)
        server.url = server.url.replace("http:", "https:")
        given = (ca if right_ca else foreign).read_text()
        api = connect(server, ca=given)
        if not reason:
            assert api.get("admin/realms/master")["realm"] == "master"
            return
        with pytest.raises(KeycloakError) as error:
            api.get("admin/realms/master")
        assert error.value.reason == reason
        assert api.requests == 1


def test_exchange_hints() -> None:
    client = exchange.Client("mcp-server", "x")
    subject = {"aud": ["account"], "azp": "mcp-client", "exp": 1}
    rows = [
        ("access_denied", "Client is not within the token audience", "must have mcp-server"),
        ("invalid_request", "Requested audience not available: openshift", "audience openshift"),
        ("invalid_scope", "Invalid scopes: x", "optional client scopes of mcp-server"),
        ("invalid_request", "Parameter 'subject_token' supports access tokens only", "must be an access token"),
        ("invalid_request", "Standard token exchange is not enabled for the requested client", "switches it on"),
        ("invalid_client", "Audience not found", "must be a client of the realm"),
        ("invalid_client", "Invalid client or Invalid client credentials", "secret is right"),
        ("unauthorized_client", "Invalid client or Invalid client credentials", "secret is right"),
        ("invalid_request", "Invalid token", "expired"),
    ]
    for error, description, words in rows:
        hint = exchange.hint_for(error, description, client, subject, ["openshift"], ["mcp:openshift"])
        assert words in hint, (description, hint)
