# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as a secret by its name, and what only speaks about one."""

from __future__ import annotations

import json

import pytest

from ansible_collections.mcp_auth.openshift.plugins.module_utils._keycloak.redact import (
    Redactor,
    is_secret,
    secret_leaves,
)

CANARY = "canary of 1 secret"
SECRET = [
    "secret", "clientSecret", "client_secret", "client.secret", "clientsecret", "secretKey", "x.secret.key",
    "secretAnswer", "secret_data", "client.secret.rotated", "credentials", "bindCredential", "credentialData",
    "privateKeyPem", "private_key", "saml.signing.private.key", "signingKey", "accessKey", "aws_access_key", "apiKey",
    "api-key", "passcode", "passphrase", "passwords", "password", "dbPasswd", "keystorePassword2", "token",
    "access_token", "registrationAccessToken", "client_assertion",
]  # fmt: skip
HARMLESS = [
    "accessTokenLifespan", "access.token.lifespan", "access.token.claim", "id.token.claim", "passwordPolicy",
    "resetPasswordAllowed", "revokeRefreshToken2Count", "client.secret.creation.time", "client.secret.expiration.time",
    "token.endpoint.auth.signing.alg", "requiredCredentials", "resetCredentialsFlow", "jwt.credential.certificate",
    "webAuthnPolicyPasswordlessRpId", "standard.token.exchange.enableRefreshRequestedTokenType", "use.refresh.tokens",
    "tls.client.certificate.bound.access.tokens", "disableableCredentialTypes", "accessKeyId", "secretName",
    "jwt.credential.public.key", "clientAuthenticatorType", "displayName", "claim.name", "redirectUris",
    "cibaBackchannelTokenDeliveryMode",
]  # fmt: skip


@pytest.mark.parametrize("key", SECRET)
def test_a_key_with_a_secrets_name_is_hidden(key: str) -> None:
    assert is_secret("realm", (key,), CANARY)
    shown = Redactor().render("client", {"attributes": {key: CANARY, "plain": "text"}})
    assert CANARY not in json.dumps(shown)
    assert shown["attributes"]["plain"] == "text"
    assert secret_leaves("client", {"attributes": {key: CANARY}}) == {CANARY}


@pytest.mark.parametrize("key", HARMLESS)
def test_a_key_that_speaks_about_a_secret_is_shown(key: str) -> None:
    assert not is_secret("realm", (key,), "60 and more")
    assert secret_leaves("realm", {key: ["password"]}) == set()


def test_what_is_below_a_secret_name_is_secret_but_for_what_describes_it() -> None:
    given = {"credentials": [{"type": "password", "value": CANARY, "temporary": "no"}]}
    assert secret_leaves("user", given) == {CANARY}


def test_a_private_key_is_one_under_any_name() -> None:
    pem = "-----BEGIN EC PRIVATE KEY-----\nAAAA"
    assert is_secret("realm", ("note",), pem)


def test_flags_and_numbers_are_no_secrets() -> None:
    for value in (True, 5, None, "true", "false", "", "**********"):
        assert not is_secret("client", ("secret",), value)


@pytest.mark.parametrize("text", ['{"password":"a b, c} d"}', '"client_secret": "a b\\"c d"', "password=abcd"])
def test_a_text_is_cleaned_to_the_end_of_the_value(text: str) -> None:
    said = Redactor().text(text)
    assert "********" in said
    assert not any(part in said for part in ("a b", " c", " d", "abcd"))
    assert Redactor().text('"reset_password": true') == '"reset_password": true'
