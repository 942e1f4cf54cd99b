# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each forged token differs from its twin in exactly one property, and the primitives do what JOSE says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence import forge, jose

ISSUER_KEY = jose.make_key(1024)
OWN_KEY = jose.make_key(1024)
JWKS = {"keys": [{"kty": "EC", "kid": "k1"}, ISSUER_KEY.jwk("k1")]}
TEXT = st.text(max_size=20)
CLAIMS = st.fixed_dictionaries(
    {"sub": TEXT, "iss": TEXT, "exp": st.integers(0, 2**40)},
    optional={
        "aud": st.one_of(TEXT, st.lists(TEXT, max_size=3)),
        "groups": st.lists(TEXT, max_size=3),
        "preferred_username": TEXT,
    },
)
HEADERS = st.fixed_dictionaries({"alg": st.just("RS256"), "kid": st.just("k1")}, optional={"typ": st.just("JWT")})


@settings(max_examples=40, deadline=None)
@given(HEADERS, CLAIMS, st.sampled_from(sorted(forge.Forger.rows())))
def test_each_forgery_differs_in_exactly_one_property(header, claims, row):
    good = jose.sign_rs256(header, claims, ISSUER_KEY)
    wrong = forge.Forger(JWKS, OWN_KEY).make(row, good)
    assert forge.differences(good, wrong.text) == wrong.property
    assert len(wrong.property) == 1
    assert wrong.difference


@settings(max_examples=20, deadline=None)
@given(HEADERS, CLAIMS)
def test_the_twin_itself_does_not_differ(header, claims):
    good = jose.sign_rs256(header, claims, ISSUER_KEY)
    assert forge.differences(good, good.text) == frozenset()


@pytest.mark.parametrize("row", sorted(forge.Forger.rows() - {"no_token", "garbage"}))
def test_no_forgery_carries_a_signature_of_the_issuer_over_itself(row):
    good = jose.sign_rs256({"alg": "RS256", "kid": "k1"}, {"sub": "a", "groups": ["/x"]}, ISSUER_KEY)
    head, payload, signature = forge.Forger(JWKS, OWN_KEY).make(row, good).text.split(".")
    signed = jose.b64decode(signature)
    if len(signed) == 128:
        assert not jose.verify(ISSUER_KEY.n, ISSUER_KEY.e, f"{head}.{payload}".encode(), signed)


def test_tampering_asks_for_more_power():
    good = jose.sign_rs256({"alg": "RS256", "kid": "k1"}, {"sub": "a", "groups": ["/x"]}, ISSUER_KEY)
    wrong = jose.read(forge.Forger(JWKS, OWN_KEY).make("tampered", good).text)
    assert wrong.claims["groups"] == ["system:masters"]


def test_hs256_uses_the_pem_of_the_public_key():
    good = jose.sign_rs256({"alg": "RS256", "kid": "k1"}, {"sub": "a"}, ISSUER_KEY)
    head, payload, signature = forge.Forger(JWKS, OWN_KEY).make("hs256_public_key", good).text.split(".")
    secret = jose.public_pem(ISSUER_KEY.jwk("k1"))
    want = hmac.new(secret, f"{head}.{payload}".encode(), hashlib.sha256).digest()
    assert jose.b64decode(signature) == want


def test_hs256_without_the_key_of_the_issuer_says_so():
    good = jose.sign_rs256({"alg": "RS256", "kid": "gone"}, {"sub": "a"}, ISSUER_KEY)
    with pytest.raises(jose.JoseError, match="no RSA key"):
        forge.Forger(JWKS, OWN_KEY).make("hs256_public_key", good)


def test_public_pem_and_signature_are_what_other_tools_take():
    cryptography = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    public = cryptography.load_pem_public_key(jose.public_pem(ISSUER_KEY.jwk("k1")))
    assert public.public_numbers().n == ISSUER_KEY.n
    public.verify(ISSUER_KEY.sign(b"text"), b"text", padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize("form", ["PKCS8", "TraditionalOpenSSL"])
def test_a_private_key_of_other_tools_is_read(form):
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(65537, 2048)
    kind = getattr(serialization.PrivateFormat, form)
    pem = key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()).decode()
    mine = jose.read_key(pem)
    assert (mine.n, mine.e, mine.d) == (
        key.public_key().public_numbers().n,
        65537,
        key.private_numbers().d,
    )
    assert jose.verify(mine.n, mine.e, b"x", mine.sign(b"x"))


def test_other_keys_are_refused_in_words():
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    from cryptography.hazmat.primitives.asymmetric import ec

    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(jose.JoseError, match="not an RSA"):
        jose.read_key(pem.decode())


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_bad_pem_is_an_error_in_words(text):
    for given_text in (text, f"-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n"):
        with pytest.raises(jose.JoseError):
            jose.read_key(given_text)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_bad_der_is_an_error_in_words(data):
    body = base64.b64encode(data).decode()
    with pytest.raises(jose.JoseError):
        jose.read_key(f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=100))
def test_reading_garbage_is_an_error_in_words(text):
    with pytest.raises(jose.JoseError):
        jose.read(text)


@given(st.binary(max_size=100))
def test_base64url_round_trip(data):
    text = jose.b64encode(data)
    assert "=" not in text
    assert jose.b64decode(text) == data


def test_a_token_and_a_key_never_show_in_a_repr():
    good = jose.sign_rs256({"alg": "RS256", "kid": "k1"}, {"jti": "j1", "sub": "a"}, ISSUER_KEY)
    assert good.text not in repr(good)
    assert good.parts[2] not in repr(good)
    assert str(ISSUER_KEY.d) not in repr(ISSUER_KEY)
    wrong = forge.Forger(JWKS, OWN_KEY).make("tampered", good)
    assert wrong.text not in repr(wrong)


def test_openssl_agrees_with_the_signature(tmp_path):
    (tmp_path / "key.pem").write_bytes(jose.public_pem(ISSUER_KEY.jwk("k1")))
    (tmp_path / "sig").write_bytes(ISSUER_KEY.sign(b"text"))
    (tmp_path / "text").write_bytes(b"text")
    command = ["openssl", "dgst", "-sha256", "-verify", "key.pem", "-signature", "sig", "text"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "Verified OK"
