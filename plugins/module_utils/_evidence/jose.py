# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""PRIVATE: as much of JOSE as a forger needs, with nothing but the standard library.

Keys made here are thrown away with the run and are trusted by nobody. The one real key that is ever read is the
requester's, on the controller, to sign the assertion that the MCP server would sign.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

# DigestInfo of PKCS #1 v1.5 for SHA-256 (RFC 8017, 9.2).
SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")
RSA_ALGORITHM = bytes.fromhex("300d06092a864886f70d0101010500")
SMALL_PRIMES = (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97)


class JoseError(ValueError):
    """A text is not the token that it should be."""


def b64encode(data: bytes) -> str:
    """Encode as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def b64decode(text: str) -> bytes:
    """Decode base64url without padding."""
    try:
        return base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (ValueError, binascii.Error) as error:
        raise JoseError("not base64url") from error


def pack(value: Mapping[str, object]) -> str:
    """Encode an object as one part of a token."""
    return b64encode(json.dumps(value, separators=(",", ":")).encode("utf-8"))


@dataclass(frozen=True)
class Token:
    """A token taken apart. Its text is a secret and stays out of repr."""

    header: Mapping[str, object]
    claims: Mapping[str, object]
    parts: tuple[str, str, str]

    def __repr__(self) -> str:
        return "Token(jti={!r})".format(self.claims.get("jti"))

    @property
    def text(self) -> str:
        """Return the token as it travels."""
        return ".".join(self.parts)

    @property
    def expires(self) -> float:
        """Return the time of expiry, 0 when there is none."""
        value = self.claims.get("exp")
        return float(value) if isinstance(value, (int, float)) else 0.0


def read(text: str) -> Token:
    """Take a token apart without judging its signature."""
    parts = text.split(".")
    if len(parts) != 3:
        raise JoseError("a token has three parts, this has %d" % len(parts))
    objects: list[Mapping[str, object]] = []
    for part in parts[:2]:
        try:
            value = json.loads(b64decode(part).decode("utf-8"))
        except ValueError as error:
            raise JoseError("a part of the token is not JSON") from error
        if not isinstance(value, dict):
            raise JoseError("a part of the token is not an object")
        objects.append(value)
    return Token(objects[0], objects[1], (parts[0], parts[1], parts[2]))


def build(header: Mapping[str, object], claims: Mapping[str, object], signature: bytes = b"") -> Token:
    """Put a token together with a signature that exists already."""
    return Token(header, claims, (pack(header), pack(claims), b64encode(signature)))


@dataclass(frozen=True)
class RsaKey:
    """A private key."""

    n: int
    e: int
    d: int

    def __repr__(self) -> str:
        return "RsaKey(%d bits)" % self.n.bit_length()

    def sign(self, message: bytes) -> bytes:
        """Sign as RS256."""
        size = (self.n.bit_length() + 7) // 8
        digest = SHA256_PREFIX + hashlib.sha256(message).digest()
        padded = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
        return pow(int.from_bytes(padded, "big"), self.d, self.n).to_bytes(size, "big")

    def jwk(self, kid: str) -> dict[str, object]:
        """Return the public half as a JSON web key."""
        return {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": kid, "n": _number(self.n), "e": _number(self.e)}


def verify(n: int, e: int, message: bytes, signature: bytes) -> bool:
    """Check an RS256 signature (used by the tests of the forger)."""
    size = (n.bit_length() + 7) // 8
    digest = SHA256_PREFIX + hashlib.sha256(message).digest()
    padded = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
    return hmac.compare_digest(pow(int.from_bytes(signature, "big"), e, n).to_bytes(size, "big"), padded)


def make_key(bits: int = 2048) -> RsaKey:
    """Make a throw-away RSA key."""
    exponent = 65537
    while True:
        p, q = _prime(bits // 2), _prime(bits // 2)
        totient = (p - 1) * (q - 1)
        if p != q and totient % exponent:
            return RsaKey(p * q, exponent, pow(exponent, -1, totient))


def sign_rs256(header: Mapping[str, object], claims: Mapping[str, object], key: RsaKey) -> Token:
    """Sign with a throw-away key."""
    signed = pack(header) + "." + pack(claims)
    return Token(header, claims, (pack(header), pack(claims), b64encode(key.sign(signed.encode("ascii")))))


def sign_hs256(header: Mapping[str, object], claims: Mapping[str, object], secret: bytes) -> Token:
    """Sign with a shared secret."""
    signed = pack(header) + "." + pack(claims)
    mac = hmac.new(secret, signed.encode("ascii"), hashlib.sha256).digest()
    return Token(header, claims, (pack(header), pack(claims), b64encode(mac)))


def public_pem(jwk: Mapping[str, object]) -> bytes:
    """Write a public RSA key as the PEM that libraries of old took as an HMAC secret."""
    n, e = jwk.get("n"), jwk.get("e")
    if not isinstance(n, str) or not isinstance(e, str):
        raise JoseError("not an RSA key")
    numbers = b"".join(_der_integer(b64decode(item)) for item in (n, e))
    bits = b"\x00" + _der(0x30, numbers)
    spki = _der(0x30, RSA_ALGORITHM + _der(0x03, bits))
    text = base64.b64encode(spki).decode("ascii")
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return ("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n".format("\n".join(lines))).encode("ascii")


def find_key(jwks: object, kid: object | None) -> Mapping[str, object]:
    """Find the RSA signing key of that name in a key set."""
    keys = jwks.get("keys") if isinstance(jwks, Mapping) else None
    for key in keys if isinstance(keys, list) else []:
        if isinstance(key, Mapping) and key.get("kty") == "RSA" and key.get("kid") == kid:
            return key
    raise JoseError("the issuer publishes no RSA key of that name")


def read_key(pem: str) -> RsaKey:
    """Read an RSA private key, in PKCS #8 or PKCS #1."""
    lines = [line.strip() for line in pem.strip().splitlines()]
    if len(lines) < 3 or "PRIVATE KEY" not in lines[0] or "ENCRYPTED" in lines[0]:
        raise JoseError("not an unencrypted private key in PEM")
    try:
        fields = _sequence(base64.b64decode("".join(line for line in lines[1:-1] if ":" not in line)))
        if len(fields) == 3 or fields[1][0] == 0x30:
            if fields[1][1] != RSA_ALGORITHM[2:]:
                raise JoseError("not an RSA key")
            fields = _sequence(fields[2][1])
        n, e, d = (int.from_bytes(value, "big") for _tag, value in fields[1:4])
    except (ValueError, IndexError) as error:
        if isinstance(error, JoseError):
            raise
        raise JoseError("not an RSA private key") from error
    return RsaKey(n, e, d)


def _sequence(data: bytes) -> list[tuple[int, bytes]]:
    (tag, content), rest = _element(data)
    if tag != 0x30 or rest.strip(b"\x00"):
        raise JoseError("not a DER sequence")
    found: list[tuple[int, bytes]] = []
    while content:
        element, content = _element(content)
        found.append(element)
    return found


def _element(data: bytes) -> tuple[tuple[int, bytes], bytes]:
    tag, size, start = data[0], data[1], 2
    if size & 0x80:
        start += size & 0x7F
        size = int.from_bytes(data[2:start], "big")
    if len(data) < start + size:
        raise JoseError("DER ends too early")
    return (tag, data[start : start + size]), data[start + size :]


def _number(value: int) -> str:
    return b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 128:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def _der_integer(value: bytes) -> bytes:
    value = value.lstrip(b"\x00") or b"\x00"
    return _der(0x02, b"\x00" + value if value[0] & 0x80 else value)


def _prime(bits: int) -> int:
    while True:
        # The two top bits are set, so that the product has its full length.
        candidate = secrets.randbits(bits) | (3 << (bits - 2)) | 1
        if all(candidate % small for small in SMALL_PRIMES) and _is_prime(candidate):
            return candidate


def _is_prime(number: int, rounds: int = 8) -> bool:
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _index in range(rounds):
        value = pow(secrets.randbelow(number - 3) + 2, odd, number)
        if value in (1, number - 1):
            continue
        for _square in range(twos - 1):
            value = pow(value, 2, number)
            if value == number - 1:
                break
        else:
            return False
    return True
