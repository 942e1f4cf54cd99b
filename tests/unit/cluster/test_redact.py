# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.plan import Change, Ref
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.redact import (
    LAST_APPLIED,
    fingerprint,
    redact,
    redact_text,
    secret_key,
)

# Long enough that it can not stand in a text by accident.
canary = st.text(alphabet=string.ascii_letters + string.digits + "\"'{}%\n\\äß", min_size=1, max_size=20).map(
    lambda text: "CANARY7x" + text
)
plain = st.dictionaries(st.sampled_from(["name", "image", "port", "realm", "scopes"]), st.text(max_size=5), max_size=3)
SECRET_KEYS = [
    "password",
    "client_secret",
    "clientSecret",
    "secret",
    "token",
    "private_key",
    "api_key",
    "registrationAccessToken",
]
SAFE_KEYS = [
    "secretName",
    "tokenUrl",
    "token_endpoint",
    "client-secret-file",
    "accessTokenLifespan",
    "issuer_secret_name",
]


def shown(value: object) -> str:
    return json.dumps(value) + json.dumps(value, ensure_ascii=False)


@given(canary, plain)
def test_a_secret_of_kubernetes_is_never_shown(secret: str, rest: dict[str, str]) -> None:
    encoded = base64.b64encode(secret.encode()).decode()
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "x", "annotations": {LAST_APPLIED: json.dumps({"data": {"a": encoded}})}},
        "data": {"a": encoded, **rest},
        "stringData": {"b": secret},
    }
    for value in (
        body,
        [body],
        {"items": [body]},
        Change(Ref("v1", "Secret", "n", "x"), "update", {}, before=body, after=body).diff(),
    ):
        text = shown(redact(value))
        assert "CANARY7x" not in text and encoded not in text


@given(canary, st.sampled_from(SECRET_KEYS))
def test_a_key_that_sounds_secret_hides_its_text(secret: str, key: str) -> None:
    for value in (
        {key: secret},
        {"a": [{key: secret}]},
        {"env": [{"name": key.upper(), "value": secret}]},
        {key: [secret]},
    ):
        assert "CANARY7x" not in shown(redact(value))


@given(canary)
def test_a_path_hides_everything_below_it(secret: str) -> None:
    value = {"clients": [{"note": {"deep": secret}, "id": "x"}]}
    assert "CANARY7x" not in shown(redact(value, ["clients.*.note"]))
    assert redact(value, ["clients.*.note"])["clients"][0]["id"] == "x"


@given(canary)
def test_the_same_value_has_the_same_mark_and_another_has_another(secret: str) -> None:
    assert fingerprint(secret) == fingerprint(secret)
    assert fingerprint(secret) != fingerprint(secret + "x")


@pytest.mark.parametrize("key", SAFE_KEYS)
def test_names_of_places_and_durations_are_shown(key: str) -> None:
    assert not secret_key(key)
    assert redact({key: "visible"}) == {key: "visible"}


def test_structures_under_a_secret_key_are_walked() -> None:
    value = {
        "secret": {"secretName": "a", "items": [{"key": "k", "path": "p"}]},
        "secretKeyRef": {"name": "a", "key": "b"},
    }
    assert redact(value) == value


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PRIVATE KEY-----\nCANARY7x\n-----END PRIVATE KEY-----",
        "-----BEGIN EC PRIVATE KEY-----\nCANARY7x cut off",
        "Authorization: Bearer CANARY7xCANARY7x",
        "token eyJhbGciOiJSUzI1NiJ9.CANARY7xCANARY7x.sig",
        "postgresql://user:CANARY7x@host/db",
        'client_secret = "a\\"CANARY7x"',
        "client_secret=CANARY7x&grant_type=x",
        '{"password": "CANARY7x and more"}',
        "password: 'CANARY7x'",
    ],
)
def test_free_text(text: str) -> None:
    once = redact_text(text)
    assert "CANARY7x" not in once
    assert redact_text(once) == once


@given(st.text(max_size=60))
def test_free_text_stays_free_text(text: str) -> None:
    assert isinstance(redact_text(text), str)


def test_what_is_no_secret_is_left_alone() -> None:
    value = {"a": 1, "b": [True, None, "x"], "c": {"d": 1.5}}
    assert redact(value) == value
