# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A person signs in by device flow (RFC 8628), is told where, and is asked once a run."""

from __future__ import annotations

import json
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.progress import ENV
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence import entry, hops, people, wire
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence.target import Stop, Target
from ansible_collections.mcp_auth.openshift.plugins.modules import chain_verify

from .test_walk import CHAIN, good_m, token

WHERE = "https://sso.example.com/device?user_code=ABCD-EFGH"


class Issuer:
    """A device endpoint and a token endpoint: what the latter says to each poll, and what it was sent."""

    def __init__(self, *polls, life=60, refresh=True):
        self.polls = list(polls)
        self.life = life
        self.refresh = refresh
        self.sent = []

    def device(self, form):
        return 200, {
            "device_code": "secret-device-code",
            "user_code": "ABCD-EFGH",
            "verification_uri": "https://sso.example.com/device",
            "verification_uri_complete": WHERE,
            "expires_in": 600,
            "interval": 1,
        }

    def token(self, form):
        if form["grant_type"] == "refresh_token":
            return self.given() if self.refresh and form["refresh_token"] == "r" else (400, {"error": "invalid_grant"})
        assert form["grant_type"] == people.DEVICE_GRANT and form["device_code"] == "secret-device-code"
        said = self.polls.pop(0) if self.polls else "authorization_pending"
        return self.given() if said == "signed in" else (400, {"error": said, "error_description": "in words"})

    def given(self):
        text = token(**good_m(), exp=int(time.time()) + self.life).text
        return 200, {"access_token": text, "refresh_token": "r", "id_token": "a.b.c"}

    def kinds(self):
        """What was asked for, in order."""
        return [form.get("grant_type", "device").rpartition(":")[2] for form in self.sent]


@pytest.fixture
def serve():
    """Serve an issuer over HTTP; return a chain that it issues for."""
    running = []

    def started(issuer):
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *arguments):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                form = dict(urllib.parse.parse_qsl(body))
                issuer.sent.append(form)
                status, data = (issuer.device if self.path == "/device" else issuer.token)(form)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(data).encode())

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        running.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        target = Target(CHAIN)
        target.device_url = f"http://127.0.0.1:{server.server_port}/device"
        target.token_url = f"http://127.0.0.1:{server.server_port}/token"
        return target

    yield started
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture
def clock(monkeypatch):
    """Let waiting cost nothing; return how long each wait was."""
    waits = []
    monkeypatch.setattr(
        people,
        "time",
        SimpleNamespace(sleep=waits.append, monotonic=lambda: time.monotonic() + sum(waits), time=time.time),
    )
    return waits


def signing_in(target, said, **options):
    signin = people.SignIn(target, hops.Keycloak(target, wire.Wire(), None), said.append, **options)
    return signin, people.Account(target.stranger("jdoe", "developer"), people.DEVICE)


def test_the_token_is_asked_for_until_the_person_has_signed_in(serve, clock):
    issuer, said = Issuer("authorization_pending", "slow_down", "authorization_pending", "signed in"), []
    signin, account = signing_in(serve(issuer), said)
    login = signin.whole(account)
    assert login.access.claims["aud"] == "mcp-server"
    assert (login.refresh_token, login.id_token) == ("r", "a.b.c")
    # RFC 8628, 3.5: slow_down adds five seconds to this and all later waits.
    assert clock == [1, 1, 6, 6]
    assert issuer.kinds() == ["device"] + ["device_code"] * 4
    assert {form["client_id"] for form in issuer.sent} == {"chain-verify"}
    scope = signin.target.audience_scope("mcp-server")
    assert issuer.sent[0]["scope"] == f"openid {scope}" and scope
    assert WHERE in said[0] and "ABCD-EFGH" in said[0] and "jdoe" in said[0]
    assert "secret-device-code" not in "".join(said)


def test_a_token_that_is_about_to_end_is_refreshed_and_nobody_is_asked_again(serve, clock):
    issuer = Issuer("signed in", life=int(people.FRESH_SECONDS) - 5)
    signin, account = signing_in(serve(issuer), [])
    first = signin.m(account)
    issuer.life = 60
    second = signin.m(account)
    assert signin.m(account) is second is not first
    assert issuer.kinds() == ["device", "device_code", "refresh_token"]


def test_the_person_is_asked_again_when_the_session_has_ended(serve, clock):
    issuer = Issuer("signed in", "signed in", life=5, refresh=False)
    signin, account = signing_in(serve(issuer), [])
    signin.m(account)
    issuer.life = 60
    signin.m(account)
    assert issuer.kinds() == ["device", "device_code", "refresh_token", "device", "device_code"]


def test_who_does_not_come_is_told_where_the_login_would_have_been(serve, clock):
    signin, account = signing_in(serve(Issuer()), [], wait=30.0)
    with pytest.raises(Stop) as error:
        signin.m(account)
    assert "jdoe did not sign in within 30 s" in str(error.value)
    assert WHERE in str(error.value) and "ABCD-EFGH" in str(error.value)
    assert "secret-device-code" not in str(error.value)
    assert 25 <= sum(clock) <= 31


@pytest.mark.parametrize("said", ["access_denied", "expired_token"])
def test_a_login_that_was_refused_ends_at_once(serve, clock, said):
    issuer = Issuer("authorization_pending", said)
    signin, account = signing_in(serve(issuer), [])
    with pytest.raises(Stop, match=f"login of jdoe failed: {said}"):
        signin.m(account)
    assert len(clock) == 2


def test_nobody_is_waited_for_who_cannot_see_the_address(serve, clock):
    issuer = Issuer()
    signin, account = signing_in(serve(issuer), [], shown=False)
    with pytest.raises(Stop, match=r"callbacks_enabled = mcp_auth\.openshift\.progress.*token_from"):
        signin.m(account)
    assert (clock, issuer.kinds()) == ([], ["device"])


@pytest.mark.parametrize(
    ("signin", "fixtures", "shown", "stops"),
    [
        (people.DEVICE, True, False, True),
        (people.DEVICE, True, True, False),
        # Without the client of the fixtures there may be no login at all, and parts of the run need none.
        (people.DEVICE, False, False, False),
        (people.PASSWORD, True, False, False),
        (people.TOKEN, True, False, False),
    ],
)
def test_a_run_that_would_wait_for_nobody_stops_before_anything_is_made(signin, fixtures, shown, stops):
    account = people.Account(Target(CHAIN).stranger("jdoe", "developer"), signin)
    if stops:
        with pytest.raises(Stop, match="jdoe.*callbacks_enabled"):
            entry.see_the_address([account], fixtures, shown)
    else:
        entry.see_the_address([account], fixtures, shown)


def test_the_module_says_whether_its_words_are_seen(monkeypatch, tmp_path):
    monkeypatch.delenv(ENV, raising=False)
    assert not chain_verify.heard()
    monkeypatch.setenv(ENV, str(tmp_path / "gone"))
    assert not chain_verify.heard()
    (tmp_path / "lines").touch()
    monkeypatch.setenv(ENV, str(tmp_path / "lines"))
    assert chain_verify.heard()
