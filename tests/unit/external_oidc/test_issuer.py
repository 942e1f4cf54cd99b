# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proofs about the issuer, against a real TLS server."""

from __future__ import annotations

import socket
import ssl
import sys
from pathlib import Path

import pytest

from ansible_collections.mcp_auth.openshift.plugins.module_utils._external_oidc import issuer, pem

sys.path.insert(0, str(Path(__file__).parent))
from stand_in import Authority, Issuer


@pytest.fixture
def served():
    made = Issuer()
    yield made
    made.close()


def rules(seen: issuer.Seen) -> list[str]:
    return [one["rule"] for one in seen.problems]


def test_all_proofs(served):
    seen = issuer.examine(served.url, served.authority.pem)
    assert seen.problems == []
    assert seen.signing_keys == [{"kid": "one", "alg": "RS256", "kty": "RSA"}]
    assert seen.certificate["names"] == ["127.0.0.1"]
    assert seen.as_result()["ok"]


def test_a_ca_that_does_not_sign(served):
    assert rules(issuer.examine(served.url, Authority().pem)) == ["issuer-ca"]
    assert rules(issuer.examine(served.url)) == ["issuer-ca"]
    assert rules(issuer.examine(served.url, "no certificate")) == ["issuer-ca"]


def test_expired_and_for_another_name():
    authority = Authority()
    for certificate, rule in (
        (authority.server("127.0.0.1", -1), "issuer-expired"),
        (authority.server("a.b"), "issuer-hostname"),
    ):
        served = Issuer(certificate=certificate)
        try:
            assert rules(issuer.examine(served.url, authority.pem)) == [rule]
        finally:
            served.close()


@pytest.mark.parametrize("told", ["{}/", "HTTPS{}", "https://other.example"])
def test_the_issuer_to_the_letter(served, told):
    served.publish(issuer=told.format(served.url) if told.startswith("{") else told)
    seen = issuer.examine(served.url, served.authority.pem)
    assert rules(seen) == ["issuer-differs"]
    if told == "{}/":
        assert "by a slash" in seen.problems[0]["message"]


@pytest.mark.parametrize("keys", [[], [{"kty": "RSA", "use": "enc"}], [{"kty": "oct", "alg": "HS256"}], ["x"]])
def test_no_signing_key(served, keys):
    served.publish(keys=keys)
    assert rules(issuer.examine(served.url, served.authority.pem)) == ["issuer-keys"]


def test_realm_not_there_yet(served):
    seen = issuer.examine(served.url + "x", served.authority.pem)
    assert rules(seen) == ["issuer-discovery"]
    assert "create the realm" in seen.problems[0]["fix"]


def test_no_json(served):
    served.page("/realms/x/.well-known/openid-configuration", b"<html>")
    assert rules(issuer.examine(served.url, served.authority.pem)) == ["issuer-discovery"]


def test_waits_for_what_passes(served):
    said = []

    def say(text):
        said.append(text)
        served.publish()

    served.page("/realms/x/.well-known/openid-configuration", b"{}", 503)
    assert issuer.examine(served.url, served.authority.pem, say=say).problems == []
    assert len(said) == 1


def test_nobody_there():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    assert rules(issuer.examine(f"https://127.0.0.1:{port}/x", patience=0)) == ["issuer-unreachable"]
    assert rules(issuer.examine("https://nowhere.invalid/x", patience=0)) == ["issuer-name"]
    assert rules(issuer.examine("http://a.example", patience=0)) == ["url"]


def test_a_port_that_only_forwards():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        import threading

        def close_each():
            while True:
                try:
                    server.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=close_each, daemon=True).start()
        found = issuer.examine(f"https://127.0.0.1:{server.getsockname()[1]}/x", patience=0)
        assert rules(found) == ["issuer-unreachable"]


def test_tls_as_the_api_server_does_it():
    context = issuer.context_for("")
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
    assert context.check_hostname


def test_not_by_the_proxy_of_this_machine(served, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    assert rules(issuer.examine(served.url, served.authority.pem, patience=0)) == []


@pytest.mark.parametrize("port", ["99999", "abc"])
def test_a_port_that_is_none(served, port):
    assert rules(issuer.examine(f"https://127.0.0.1:{port}/realms/x", patience=0)) == ["url"]
    where = f"https://127.0.0.1:{port}/x"
    assert rules(issuer.examine(served.url, served.authority.pem, discovery_url=where, patience=0)) == ["url"]
    served.page("/realms/x/.well-known/openid-configuration", {"issuer": served.url, "jwks_uri": where})
    assert rules(issuer.examine(served.url, served.authority.pem, patience=0)) == ["issuer-jwks"]


def test_a_certificate_that_is_cut_off(served):
    lines = served.authority.pem.splitlines()
    cut = "\n".join([lines[0], *lines[1:3], lines[-1]])
    assert rules(issuer.examine(served.url, cut, patience=0)) == ["issuer-ca"]
    both = served.authority.pem + "\n" + cut
    assert "cut off" in pem.problem_with_certificates(both)
