# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wire says what came and nothing else; fixtures touch only what carries their mark."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence import fixtures, outage, wire
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence.bench import Trial
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence.hops import Answer
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence.target import Stop, Target
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence.wire import Reply

from .test_walk import CHAIN

STREAM = (
    b'event: message\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error"}}\n\n'
    b'event: message\ndata: {"jsonrpc":"2.0","id":1,\ndata: "result":{"ok":true}}\n\n'
    b'data: {"never": "read"}\n\n'
)


class Server(BaseHTTPRequestHandler):
    """Answers with what it got, a stream, a redirect, or rubbish."""

    def log_message(self, *arguments):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        kind, status, content = "application/json", 200, body or b"{}"
        if self.path == "/stream":
            kind, content = "text/event-stream", STREAM
        elif self.path == "/rubbish":
            content = b"\xff\xfe not json"
        elif self.path == "/redirect":
            status = 302
        elif self.path == "/headers":
            content = json.dumps({key.lower(): value for key, value in self.headers.items()}).encode()
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST


@pytest.fixture(scope="module")
def url():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://any.localhost:{server.server_port}"
    server.shutdown()


def test_a_name_below_localhost_is_this_machine(url):
    assert wire.Wire().send("GET", url + "/").status == 200
    assert wire.address_of("sso.example.com") == "sso.example.com"


def test_a_stream_is_read_as_far_as_the_answer(url):
    reply = wire.Wire().send("POST", url + "/stream", {}, {"a": 1})
    assert reply.json() == {"jsonrpc": "2.0", "id": 1, "result": {"ok": True}}


def test_a_redirect_is_an_answer(url):
    reply = wire.Wire().send("GET", url + "/redirect")
    assert (reply.status, reply.headers["location"]) == (302, "/elsewhere")


def test_rubbish_and_silence_are_answers_too(url):
    assert wire.Wire().send("GET", url + "/rubbish").json() == {}
    silent = wire.Wire().send("GET", "http://127.0.0.1:1/", timeout=1.0)
    assert silent.status == 0
    assert "refused" in silent.error


def test_only_what_is_given_is_sent(url):
    sent = wire.Wire().send("GET", url + "/headers").json()
    assert "authorization" not in sent
    assert wire.Wire().send("GET", url + "/headers", {"Host": "evil.example"}).json()["host"] == "evil.example"


def test_an_authority_that_cannot_be_read_is_said():
    with pytest.raises(Stop, match="authority cannot be read"):
        wire.Wire("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")


class Realm:
    """A Keycloak with some objects in it."""

    def __init__(self, **objects):
        self.objects = objects
        self.deleted = []

    def forget(self):
        pass

    def items(self, path):
        for kind, items in self.objects.items():
            if f"/{kind}" in path:
                return [item for item in items if item["id"] not in self.deleted]
        return []

    def call(self, method, path, body=None):
        if method == "DELETE":
            self.deleted.append(path.rpartition("/")[2])
            return Reply(204)
        return Reply(404)


TARGET = Target({"issuer": {"realm": "openshift"}, "clients": {"verify": "chain-verify"}})
MARK = {fixtures.OWNER_KEY: fixtures.OWNER}


def test_what_carries_the_mark_is_swept():
    realm = Realm(
        **{
            "client-scopes": [
                {"id": "s1", "name": fixtures.OTHER_SCOPE, "attributes": MARK},
                {"id": "s2", "name": "profile", "attributes": {}},
            ],
            "users": [
                {"id": "u1", "username": fixtures.PROBES[0], "email": "a.1@" + fixtures.MAIL_DOMAIN},
                {"id": "u2", "username": "chain-verify-somebody", "email": "b@example.com"},
            ],
        }
    )
    removed = fixtures.Fixtures(realm, TARGET, print).sweep()
    assert realm.deleted == ["s1", "u1"]
    assert len(removed) == 2


@pytest.mark.parametrize(
    "objects",
    [
        {"client-scopes": [{"id": "s1", "name": fixtures.OTHER_SCOPE, "attributes": {}}]},
        {"client-scopes": [{"id": "s1", "name": fixtures.OTHER_SCOPE}]},
        {"clients": [{"id": "c1", "clientId": "chain-verify", "attributes": {fixtures.OWNER_KEY: "somebody"}}]},
        {"users": [{"id": "u1", "username": fixtures.PROBES[0], "email": "a@example.com"}]},
    ],
)
def test_what_lacks_the_mark_stops_the_run_and_stays(objects):
    realm = Realm(**objects)
    with pytest.raises(Stop, match="not of the verifier's making"):
        fixtures.Fixtures(realm, TARGET, print).sweep()
    assert realm.deleted == []


class Maker:
    """A Keycloak that makes everything and remembers what it was asked for."""

    def __init__(self):
        self.made = {}

    def must(self, method, path, body):
        kinds = {"clientId": "client", "username": "user", "realm": "realm", "name": "client scope"}
        key = next(key for key in kinds if key in body)
        self.made[f"{kinds[key]} {body[key]}"] = body
        return Reply(201, {"location": f"https://sso/{body[key]}"})

    def forget(self):
        pass


def made(whole):
    """Make the fixtures of a chain."""
    maker = Maker()
    target = Target(CHAIN)
    tested = fixtures.Fixtures(maker, target, lambda said: None)
    tested.make(target.person("testdeveloper"), target.person("testdeveloper"), whole=whole)
    return tested, maker


@pytest.mark.parametrize("whole", [True, False])
def test_the_sentence_names_each_thing_that_was_made_and_nothing_else(whole):
    tested, maker = made(whole)
    said = {part.partition(" (")[0] for part in tested.sentence().partition(": ")[2].split("; ")}
    users = {f"user {name}" for name in fixtures.PROBES}
    told = {item for item in said if not item.startswith("users ")}
    told |= users if "users " + ", ".join(fixtures.PROBES) in said else set()
    assert told == set(maker.made)
    assert ({f"client {fixtures.BRIEF}", f"client scope {fixtures.AZP_SCOPE}", *users} <= told) == whole
    if not whole:
        # A login needs one client and nothing else.
        assert told == {"client chain-verify"}
        scope = tested.target.audience_scope("mcp-server")
        assert maker.made["client chain-verify"]["optionalClientScopes"] == [scope]


def test_the_sentence_says_what_the_made_clients_may_do():
    tested, maker = made(whole=True)
    parts = dict(re.findall(r"client (\S+) \((.*?)\)", tested.sentence()))
    for name in ("chain-verify", fixtures.STRANGER, fixtures.BRIEF):
        assert ("password" in parts[name]) == maker.made[f"client {name}"]["directAccessGrantsEnabled"]
        assert ("public" in parts[name]) == maker.made[f"client {name}"]["publicClient"]
    assert "in the name of mcp-server for the API server" in parts[fixtures.BRIEF]
    assert "llama-stack" in parts["chain-verify"]


def test_nothing_made_makes_no_sentence():
    assert fixtures.Fixtures(Maker(), Target(CHAIN), print).sentence() == ""


def test_everything_that_is_made_is_swept():
    _tested, maker = made(whole=True)
    kinds = {"client ": "clients", "user ": "users", "client scope ": "client-scopes"}
    objects = {kind: [] for kind in kinds.values()}
    for name, body in maker.made.items():
        prefix = max((key for key in kinds if name.startswith(key)), key=len, default="")
        if prefix:
            objects[kinds[prefix]].append({**body, "id": name})

    class Live(Realm):
        def items(self, path):
            wanted = re.search("clientId=(.*)", path)
            return [one for one in super().items(path) if wanted is None or one["clientId"] == wanted.group(1)]

        def call(self, method, path, body=None):
            if method == "GET":
                return Reply(200, {}, json.dumps(maker.made[f"realm {fixtures.OTHER_REALM}"]).encode())
            return super().call(method, path, body)

    realm = Live(**objects)
    fixtures.Fixtures(realm, Target(CHAIN), print).sweep()
    assert sorted(realm.deleted) == sorted([*(one for one in maker.made if "realm" not in one), fixtures.OTHER_REALM])


def test_a_child_cleans_up_when_its_parent_is_killed(tmp_path):
    mark = tmp_path / "cleaned"
    parent = os.fork()
    if parent == 0:
        fixtures.undertaker(lambda: mark.write_text("yes"))
        os.kill(os.getpid(), 9)
    os.waitpid(parent, 0)
    deadline = time.monotonic() + 10
    while not (mark.exists() and mark.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert mark.read_text() == "yes"


def test_the_child_does_nothing_when_its_parent_has_cleaned_up(tmp_path):
    mark = tmp_path / "cleaned"
    done = fixtures.undertaker(lambda: mark.write_text("yes"))
    done()
    time.sleep(0.2)
    assert not mark.exists()


class Cluster:
    """A StatefulSet that can be scaled; like an API server it notes who owns which field."""

    def __init__(self):
        owners = [{"manager": "role", "operation": "Apply"}, {"manager": "kcm", "subresource": "status", "seen": 1}]
        metadata = {"annotations": {"mine": "x"}, "managedFields": owners}
        self.set = {"metadata": metadata, "spec": {"replicas": 2}}
        self.writes = 0

    def request(self, method, path, body=None, headers=None, token=None):
        if method == "PUT":
            self.writes += 1
            fresh = json.loads(json.dumps(body))
            if "managedFields" not in fresh["metadata"]:
                now = {"manager": "kcm", "subresource": "status", "seen": 2}
                fresh["metadata"]["managedFields"] = [{"manager": "role"}, {"manager": "verifier"}, now]
            self.set = fresh
        return 200, json.loads(json.dumps(self.set))


def test_an_outage_writes_down_what_it_takes_and_gives_it_back():
    cluster = Cluster()
    outage.Outage(cluster, "redhat-keycloak").begin()
    assert cluster.set["spec"]["replicas"] == 0
    assert json.loads(cluster.set["metadata"]["annotations"][outage.ANNOTATION])["replicas"] == 2
    assert outage.Outage(cluster, "redhat-keycloak").end()
    assert cluster.set["spec"]["replicas"] == 2
    assert cluster.set["metadata"]["annotations"] == {"mine": "x"}
    assert cluster.set["metadata"]["managedFields"] == [
        {"manager": "role", "operation": "Apply"},
        {"manager": "kcm", "subresource": "status", "seen": 2},
    ]
    writes = cluster.writes
    assert not outage.Outage(cluster, "redhat-keycloak").end()
    assert cluster.writes == writes


def test_a_strange_note_is_left_alone():
    cluster = Cluster()
    cluster.set["metadata"]["annotations"][outage.ANNOTATION] = "what is this"
    assert not outage.Outage(cluster, "redhat-keycloak").end()
    assert cluster.writes == 0


def test_a_trial_shows_no_token():
    assert "eyJ" not in repr(Trial(Answer(200, "token issued", True, token="eyJabc.def.ghi"), None, "d"))
