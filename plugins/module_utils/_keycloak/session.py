# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
# The only place that knows python-keycloak (and jwcrypto, which it brings): transport, login, retries, errors.

from __future__ import annotations

import base64
import json
import os
import random
import tempfile
import threading
import time
import traceback
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Callable, TypeVar
from urllib.parse import quote, urlsplit

from .diagnose import connection_error, login_error, server_error
from .errors import KeycloakError, Uncertain
from .redact import Redactor

KEYCLOAK_IMPORT_ERROR: str | None = None
try:
    import urllib3
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
    from keycloak import KeycloakOpenID
    from keycloak.connection import ConnectionManager
    from keycloak.exceptions import KeycloakConnectionError
    from keycloak.exceptions import KeycloakError as LibraryError
except ImportError:
    KEYCLOAK_IMPORT_ERROR = traceback.format_exc()

if TYPE_CHECKING:
    from keycloak.connection import ConnectionManager as Connection

KEYCLOAK_REQUIREMENT = "python-keycloak >= 6.0.0"
USER_AGENT = "mcp_auth.openshift (Ansible collection)"
GATEWAY = frozenset([502, 503, 504])
# Seconds for which a database that restarts is waited for; longer, a 500 is a fault that stays.
DATABASE_AWAY = 60.0
FIRST_CONTACT = 60.0
PARALLEL = 6
SLOW = 90.0
T = TypeVar("T")


class Response:
    __slots__ = ("status", "data", "location")

    def __init__(self, status: int, data: Any, location: str = "") -> None:
        self.status = status
        self.data = data
        self.location = location

    @property
    def created_id(self) -> str:
        return self.location.rstrip("/").rsplit("/", 1)[-1] if self.location else ""


class Login:
    """How to get a token: a client's credentials, a person's password, or a token that somebody else got."""

    def __init__(
        self,
        realm: str = "master",
        client_id: str = "admin-cli",
        client_secret: str | None = None,
        username: str | None = None,
        password: str | None = None,
        token: str | None = None,
    ) -> None:
        self.realm = realm
        self.client_id = client_id
        self.client_secret = client_secret
        self.username = username
        self.password = password
        self.token = token

    def who(self) -> str:
        if self.token:
            return "the given token"
        if self.username:
            return f"user {self.username} of realm {self.realm}"
        return f"client {self.client_id} of realm {self.realm}"


class Session:
    def __init__(
        self,
        url: str,
        login: Login,
        redactor: Redactor,
        ca: str | None = None,
        validate_certs: bool = True,
        timeout: float = 10,
        deadline: float = 300,
        first_contact: float = FIRST_CONTACT,
        say: Callable[[str], None] | None = None,
    ) -> None:
        if KEYCLOAK_IMPORT_ERROR is not None:
            raise KeycloakError(f"The Python library {KEYCLOAK_REQUIREMENT} is missing.", "library")
        self.url = _checked_url(url, validate_certs)
        self.login = login
        self.redactor = redactor
        redactor.learn(login.client_secret, login.password, login.token)
        self.requests = 0
        self.logins = 0
        self.writes = 0
        self._timeout = timeout
        self._end = time.monotonic() + deadline
        self._first_contact = first_contact
        self._say = say or (lambda text: None)
        self._ca_file = ""
        self._verify: bool | str = self._verification(ca, validate_certs)
        self._lock = threading.Lock()
        self._count_lock = threading.Lock()
        self._generation = 0
        self._expires = 0.0
        self._refresh = ""
        self._answered = False
        self._started = time.monotonic()
        self._api = self._connection()
        # A connection of its own for logins: python-keycloak changes its connection's headers while it logs in.
        self._openid: Any = None

    # -- construction ----------------------------------------------------------------------------------------------
    def _verification(self, ca: str | None, validate_certs: bool) -> bool | str:
        if not validate_certs:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
            return False
        if not ca:
            return True
        if "-----BEGIN CERTIFICATE-----" not in ca:
            if not os.path.isfile(ca):
                raise KeycloakError(f"auth_ca_cert is neither a PEM text nor a file that exists: {ca[:200]}", "ca")
            return ca
        handle, self._ca_file = tempfile.mkstemp(prefix="mcp-auth-ca-", suffix=".pem")
        with os.fdopen(handle, "w", encoding="ascii", errors="replace") as file:
            file.write(ca)
        return self._ca_file

    def _connection(self) -> Connection:
        try:
            connection = ConnectionManager(
                base_url=self.url,
                headers=dict(_headers()),
                timeout=int(self._timeout),
                verify=self._verify,
                max_retries=0,  # the library's adapter would repeat POST
                pool_maxsize=PARALLEL * 2,
            )
        except OSError as error:
            raise KeycloakError(f"The CA bundle cannot be read: {error}", "ca") from error
        return connection

    def close(self) -> None:
        if self._refresh and self.login.username:
            # A password login leaves a session behind in Keycloak: end it.
            try:
                self._openid.logout(self._refresh)
                self._count("POST", True)
            except LibraryError:
                self._refresh = ""
        if self._ca_file and os.path.exists(self._ca_file):
            os.unlink(self._ca_file)
            self._ca_file = ""

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    # -- login -----------------------------------------------------------------------------------------------------
    def _authorize(self, rejected: int = -1) -> int:
        """A token that should be good; with rejected = the generation of a token that got 401. One lock: of N
        parallel 401 answers the first refreshes, the others find a newer generation."""
        with self._lock:
            if self._generation and self._generation != rejected and time.monotonic() < self._expires:
                return self._generation
            if self.login.token:
                if rejected >= 0:
                    raise KeycloakError(
                        "Keycloak refuses the given token (expired, or of another server).", "unauthorized", 401
                    )
                self._use(self.login.token, 10**9)
                return self._generation
            answer = self._retrying("POST", "login", self._fetch_token, True)
            token = str(answer.get("access_token", ""))
            if not token:
                raise KeycloakError("The login answered without an access token.", "login")
            self._refresh = str(answer.get("refresh_token", ""))
            self.redactor.learn(token, self._refresh)
            lifetime = float(answer.get("expires_in", 60))
            self._use(token, lifetime - min(30.0, lifetime * 0.3))
            return self._generation

    def _login(self, rejected: int = -1) -> int:
        """A token for a request. Without one the request is never sent, so a failure is certain."""
        try:
            return self._authorize(rejected)
        except KeycloakError as error:
            raise _NotSent(error) from error

    def renew(self) -> None:
        """The next request logs in anew: a token knows only the roles that there were when it was made."""
        with self._lock:
            self._expires = 0.0
            self._refresh = ""

    def _use(self, token: str, lifetime: float) -> None:
        self._expires = time.monotonic() + lifetime
        self._api.headers = _headers(token)
        self._generation += 1

    def _fetch_token(self) -> dict[str, Any]:
        login = self.login
        if self._openid is None:
            self._openid = KeycloakOpenID(
                server_url=self.url,
                realm_name=login.realm,
                client_id=login.client_id,
                client_secret_key=login.client_secret,
                verify=self._verify,
                timeout=int(self._timeout),
                custom_headers={"User-Agent": USER_AGENT},
                max_retries=0,
            )
        self.logins += 1
        self._count("POST", True)
        if self._refresh:
            try:
                refreshed: dict[str, Any] = self._openid.refresh_token(self._refresh)
                return refreshed
            except LibraryError as error:
                if not isinstance(error.response_code, int) or error.response_code >= 500:
                    raise
                self._refresh = ""
                self._count("POST", True)
        if login.username:
            answer: dict[str, Any] = self._openid.token(login.username, login.password, grant_type="password")
        else:
            answer = self._openid.token(grant_type="client_credentials")
        return answer

    # -- requests --------------------------------------------------------------------------------------------------
    def get(self, path: str, missing: bool = False, **params: Any) -> Any:
        """The decoded answer of a read; None where missing is true and the server says 404."""
        response = self.request("GET", path, params=params, accept=(404,) if missing else ())
        return None if response.status == 404 else response.data

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        params: dict[str, Any] | None = None,
        safe: bool | None = None,
        accept: Iterable[int] = (),
    ) -> Response:
        """One call of the Admin API. safe: may be repeated when it is not known whether it was done (everything
        but POST, unless said)."""
        repeatable = method != "POST" if safe is None else safe

        def call() -> Response:
            generation = self._login()
            response = self._send(method, path, body, params)
            if response.status == 401:
                self._login(rejected=generation)
                response = self._send(method, path, body, params)
            if response.status >= 400 and response.status not in accept:
                raise server_error(method, path, response.status, response.data, self.login.who(), self.redactor)
            return response

        return self._retrying(method, path, call, repeatable)

    def post_form(
        self, path: str, form: Callable[[], dict[str, str]], basic: tuple[str, str] | None = None
    ) -> Response:
        """A call of an OpenID endpoint without the administrator's token. The form is built for each try (a signed
        assertion is good for one use)."""
        connection = self._connection()
        headers = {"User-Agent": USER_AGENT, "Content-Type": "application/x-www-form-urlencoded"}
        if basic:
            pair = "{}:{}".format(quote(basic[0], safe=""), quote(basic[1], safe=""))
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        connection.headers = headers

        def call() -> Response:
            self._count("POST", True)
            raw = connection.raw_post(path, data=form())
            response = self._decode(raw, "POST", path)
            if response.status in GATEWAY:
                raise server_error("POST", path, response.status, response.data, "", self.redactor)
            return response

        return self._retrying("POST", path, call, True)

    def discovery(self, realm: str) -> dict[str, Any]:
        """The discovery document of a realm, as anybody sees it."""
        path = "realms/{}/.well-known/openid-configuration".format(quote(realm, safe=""))
        connection = self._connection()
        connection.headers = {"User-Agent": USER_AGENT}

        def call() -> Response:
            self._count("GET")
            response = self._decode(connection.raw_get(path), "GET", path)
            if response.status >= 400:
                raise server_error("GET", path, response.status, response.data, "", self.redactor)
            return response

        data = self._retrying("GET", path, call, True).data
        return data if isinstance(data, dict) else {}

    def parallel(self, calls: list[Callable[[], T]]) -> list[T]:
        """Reads side by side, bounded; the first error wins."""
        if len(calls) < 2:
            return [call() for call in calls]
        self._authorize()
        with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
            return [future.result() for future in [pool.submit(call) for call in calls]]

    # -- inner -----------------------------------------------------------------------------------------------------
    def _send(self, method: str, path: str, body: Any, params: dict[str, Any] | None) -> Response:
        query = {key: _text(value) for key, value in (params or {}).items() if value is not None}
        data = "" if body is None else json.dumps(body)
        self._count(method)
        # Making a realm takes its keys' time.
        timeout = max(self._timeout, SLOW) if (method, path) == ("POST", "admin/realms") else self._timeout
        self._api.timeout = max(1, int(min(timeout, self._end - time.monotonic())))
        if method == "GET":
            raw = self._api.raw_get(path, **query)
        elif method == "POST":
            raw = self._api.raw_post(path, data, **query)
        elif method == "PUT":
            raw = self._api.raw_put(path, data, **query)
        else:
            payload: Any = data
            raw = self._api.raw_delete(path, payload, **query)
        return self._decode(raw, method, path)

    def _decode(self, raw: Any, method: str, path: str) -> Response:
        data: Any = None
        if raw.content:
            try:
                data = raw.json()
            except ValueError:
                if raw.status_code < 300 and "json" in raw.headers.get("Content-Type", "json"):
                    raise _Broken(
                        f"{method} {path}: the answer is cut off or no JSON ({len(raw.content)} bytes)."
                    ) from None
                data = raw.text[:2000]
        elif method == "GET" and raw.status_code == 200:
            raise _Broken(f"{method} {path}: the answer is empty.")
        return Response(raw.status_code, data, raw.headers.get("Location", ""))

    def _count(self, method: str, login: bool = False) -> None:
        with self._count_lock:
            self.requests += 1
            if method != "GET" and not login:
                self.writes += 1

    def _retrying(self, method: str, path: str, call: Callable[[], T], safe: bool) -> T:
        tries = 0
        began = time.monotonic()
        while True:
            tries += 1
            failure: KeycloakError
            again = False
            try:
                result = call()
                self._answered = True
                return result
            except _NotSent as error:
                # The login has been tried long enough by itself.
                raise error.error from error
            except KeycloakConnectionError as error:
                failure, again = connection_error(error, self.url, method, path)
            except _Broken as error:
                failure, again = KeycloakError(str(error), "broken_answer", None, "", method, path), True
            except LibraryError as error:
                code = error.response_code if isinstance(error.response_code, int) else None
                failure = login_error(error, self.url, self.login.who(), self.login.realm, self.redactor)
                # A 404 that is not Keycloak's own words comes from a proxy that does not know it yet.
                again = code in GATEWAY or code == 500 or (code == 404 and b"ealm" not in (error.response_body or b""))
            except KeycloakError as error:
                failure = error
                # Without its database Keycloak answers 500, and 400 to a request that has no body to be wrong.
                lost = error.code == 500 or (
                    error.code == 400 and method == "GET" and "Cannot parse the JSON" in error.message
                )
                again = error.code in GATEWAY or (lost and (tries < 6 or time.monotonic() - began < DATABASE_AWAY))
                if error.code is not None and error.code < 500:
                    self._answered = True
            if not again:
                raise failure
            if not safe:
                raise Uncertain(failure)
            now = time.monotonic()
            end = self._end if self._answered else min(self._end, self._started + self._first_contact)
            pause = min(8.0, 0.25 * 2 ** min(tries - 1, 6)) * (0.5 + random.random())
            if now + pause >= end:
                failure.message = f"{failure.message} Tried {tries} times in {int(now - self._started)} s."
                raise failure
            self._say("Keycloak {}: {} Trying again.".format(self.url.rstrip("/"), failure.message))
            time.sleep(pause)


class _Broken(Exception):
    pass


class _NotSent(Exception):
    """A request that there was no login for."""

    def __init__(self, error: KeycloakError) -> None:
        super().__init__(error.message)
        self.error = error


def _headers(token: str = "") -> dict[str, str]:
    headers = {"User-Agent": USER_AGENT, "Content-Type": "application/json", "Accept": "application/json"}
    if token:
        headers["Authorization"] = "Bearer " + token
    return headers


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _checked_url(url: str, validate_certs: bool) -> str:
    parts = urlsplit(url or "")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise KeycloakError(
            f"auth_keycloak_url is not a plain https URL of a server: {url!r}",
            "url",
            hint="Example: https://sso.example.com or https://sso.example.com/auth.",
        )
    loopback = parts.hostname in ("localhost", "::1") or parts.hostname.startswith("127.")
    if parts.scheme == "http" and not loopback and validate_certs:
        raise KeycloakError(
            f"auth_keycloak_url is plain http: credentials would travel in clear to {parts.hostname}.", "url"
        )
    return url.rstrip("/") + "/"


def sign_assertion(key_pem: str, claims: dict[str, Any], header: dict[str, Any]) -> str:
    """A signed JWT (client assertion of RFC 7523): RS256 with an RSA key, ES256 with a P-256 key."""
    try:
        key = serialization.load_pem_private_key(key_pem.encode("utf-8"), None)
        header = dict(header, typ="JWT", alg="ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "RS256")
        signed = ".".join(_base64url(json.dumps(part).encode("utf-8")) for part in (header, claims))
        if isinstance(key, rsa.RSAPrivateKey):
            signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        elif isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name == "secp256r1":
            one, other = utils.decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
            signature = one.to_bytes(32, "big") + other.to_bytes(32, "big")
        else:
            raise ValueError("neither RSA nor P-256")
    except (ValueError, TypeError) as error:
        raise KeycloakError(
            f"The client's private key cannot sign ({type(error).__name__}).",
            "client_key",
            hint="It must be an unencrypted PEM private key, RSA or P-256.",
        ) from None
    return signed + "." + _base64url(signature)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
