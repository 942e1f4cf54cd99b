# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""PRIVATE: from the module's parameters to a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Callable, cast

from .._chain.shapes import Obj, objects, section, text
from .._cluster.client import Client as ClusterClient
from .._cluster.client import connect, read_reference
from .._cluster.errors import ClusterError
from .._mcp.wire import bearer_value
from . import jose
from .admin import Admin, admin_client
from .apilog import ApiLog
from .bench import Cluster
from .clients import Client, KeyClient, SecretClient
from .fixtures import Fixtures
from .hops import ApiServer, Keycloak, McpServer
from .matrix import BY_ID, CLUSTER, CONSENT_OUTAGE, FIXTURES, REQUESTER
from .model import Evidence
from .people import DEVICE, PASSWORD, TOKEN, UNSEEN, Account
from .run import PARTS, Means, Wishes, plan, run
from .target import Stop, Target, Wanted
from .wire import Wire

Params = Mapping[str, object]
Hide = Callable[[Sequence[str]], None]


def wishes_of(params: Params) -> Wishes:
    """Read what is asked of the run."""
    return Wishes(
        names(params, "rows") or None,
        names(params, "columns") or None,
        names(params, "parts") or PARTS,
        params.get("outage") is True,
        float(str(params.get("expiry_wait") or 120)),
        float(str(params.get("signin_wait") or 300)),
    )


def planned(params: Params) -> list[dict[str, str]]:
    """Say what a run would try; nothing is contacted."""
    consent = {
        FIXTURES: params.get("fixtures") is True,
        REQUESTER: bool(params.get("requester_key_from") or params.get("requester_secret_from")),
        CLUSTER: True,
        CONSENT_OUTAGE: params.get("outage") is True,
    }
    return plan(wishes_of(params), consent)


def verify(params: Params, hide: Hide, say: Callable[[str], None], shown: bool) -> Evidence:
    """Run the verifier as the parameters say."""
    cluster = connect(dict(params))
    target = Target(cast(dict[str, object], params["chain"]))
    checked = params.get("validate_certs") is not False
    timeout = float(str(params.get("request_timeout") or 30))
    secret = secrets_of(cluster, hide)
    target.ca_pem = authority(target, params, cluster)
    wire = Wire(target.ca_pem, timeout, checked)
    keycloak = Keycloak(target, wire, requester_of(params, target, secret))
    api = ApiServer(cluster.server_url, Wire(cluster.ca_data, timeout, checked), ApiLog(cast(Cluster, cluster)))
    accounts = people_of(params, target, secret)
    if not accounts:
        raise Stop("Nobody to walk the chain: name people in O(people), or in the model.")
    see_the_address(accounts, params.get("fixtures") is True, shown)
    admin = admin_of(params, target, wire, secret)
    means = Means(target, keycloak, McpServer(target, wire), api, accounts, say, cluster=cast(Cluster, cluster))
    means.admin, means.shown = admin, shown
    means.cluster_name = f"{cluster.server_url} ({target.platform})"
    means.keycloak_version = keycloak_version(admin, cluster, target)
    if params.get("fixtures") is True:
        if admin is None:
            raise Stop("O(fixtures) needs a credential for Keycloak: set auth_client_secret_from, or auth_username.")
        means.fixtures = Fixtures(admin, target, say)
    return run(wishes_of(params), means)


def secrets_of(cluster: ClusterClient, hide: Hide) -> Callable[[Mapping[str, object], str], str]:
    """Return the reader of an option or its twin C(_from); what it reads is hidden before it is used."""

    def read(params: Mapping[str, object], option: str) -> str:
        value = params.get(option)
        if isinstance(value, str) and value:
            hide([value, value.strip()])
            return value
        reference = params.get(option + "_from")
        if not isinstance(reference, dict):
            return ""
        value = read_reference(cluster, reference)
        hide([value, value.strip()])
        return value

    return read


def authority(target: Target, params: Params, cluster: ClusterClient) -> str:
    """Return the certificates of the authority that vouches for the issuer and the MCP server."""
    model = section(target.chain, "ca")
    source = text(model, "source")
    if source == "given" and text(model, "certificate"):
        return text(model, "certificate")
    if source == "managed":
        return read_reference(cluster, dict(section(model, "from")))
    given = params.get("auth_ca_cert")
    if isinstance(given, str) and given:
        if "BEGIN CERTIFICATE" in given:
            return given
        with open(given, encoding="utf-8") as handle:
            return handle.read()
    reference = params.get("auth_ca_cert_from")
    return read_reference(cluster, reference) if isinstance(reference, dict) else ""


def requester_of(params: Params, target: Target, secret: Callable[[Mapping[str, object], str], str]) -> Client | None:
    """Return the requester, if its credential may be used."""
    if params.get("requester_key_from"):
        try:
            return KeyClient(target.requester, jose.read_key(secret(params, "requester_key")))
        except jose.JoseError as error:
            raise Stop(f"The key in O(requester_key_from) cannot be used: {error}.") from error
    if params.get("requester_secret_from"):
        return SecretClient(target.requester, secret(params, "requester_secret"))
    return None


def people_of(params: Params, target: Target, secret: Callable[[Mapping[str, object], str], str]) -> list[Account]:
    """Return who walks: those who are named, else those whom the model knows."""
    given = params.get("people")
    users = {text(user, "username"): user for user in objects(section(target.chain, "realm"), "users")}
    found: list[Account] = []
    for item in given if isinstance(given, list) and given else [{"username": one.username} for one in target.people]:
        name = str(item.get("username"))
        wanted = target.person(name)
        if wanted is None:
            persona = str(item.get("persona") or "none")
            wanted = target.stranger(name, persona)
        found.append(account_of(item, wanted, users.get(name, {}), target.chain.get("lab") is True, secret))
    return found


def see_the_address(accounts: Sequence[Account], fixtures: bool, shown: bool) -> None:
    """Stop before anything is made for a login of which nobody would hear.

    Without the client of the fixtures there may be nothing to sign in at, and parts of a run need no login.
    """
    asked = [account.username for account in accounts if account.signin == DEVICE]
    if asked and fixtures and not shown:
        raise Stop(UNSEEN.format(", ".join(asked)))


def account_of(
    item: Mapping[str, object],
    wanted: Wanted,
    user: Obj,
    lab: bool,
    secret: Callable[[Mapping[str, object], str], str],
) -> Account:
    """Decide how somebody signs in."""
    token = secret(item, "token")
    if token:
        return Account(wanted, TOKEN, carried(token, f"The token of {wanted.username}"))
    password = secret(item, "password")
    if not password and lab and item.get("signin") != DEVICE and user.get("password_from"):
        password = secret({"password_from": dict(section(user, "password_from"))}, "password")
    if password:
        return Account(wanted, PASSWORD, password)
    return Account(wanted, DEVICE)


def carried(token: str, whose: str) -> str:
    """Return a token as a header can carry it."""
    try:
        return bearer_value(token)
    except ValueError as error:
        raise Stop(f"{whose} cannot be sent. {error}") from None


def admin_of(
    params: Params, target: Target, wire: Wire, secret: Callable[[Mapping[str, object], str], str]
) -> Admin | None:
    """Return the admin API of Keycloak, if there is a credential for it."""
    url = str(params.get("auth_keycloak_url") or target.keycloak_url)
    realm = str(params.get("auth_realm") or "master")
    token = secret(params, "token")
    if token:
        return Admin.with_token(wire, url, carried(token, "The token for Keycloak"))
    if not any(params.get("auth_client_secret" + end) or params.get("auth_password" + end) for end in ("", "_from")):
        return None
    client = admin_client(str(params.get("auth_client_id") or "admin-cli"), secret(params, "auth_client_secret"))
    username = str(params.get("auth_username") or "")
    return Admin(wire, url, realm, client, username, secret(params, "auth_password") if username else "")


def keycloak_version(admin: Admin | None, cluster: ClusterClient, target: Target) -> str:
    """Ask Keycloak for its version, else read it off its image."""
    if admin is not None:
        try:
            version = admin.version()
        except Stop:
            version = ""
        if version:
            return version
    try:
        found = cluster.get("apps/v1", "StatefulSet", "keycloak", target.keycloak_namespace)
    except ClusterError:
        found = None
    if not found:
        return ""
    image = str(found["spec"]["template"]["spec"]["containers"][0].get("image", ""))
    return image.rpartition(":")[2].partition("@")[0].partition("-")[0]


def names(params: Params, key: str) -> list[str]:
    """Return a list of names."""
    value = params.get(key)
    return [str(item) for item in value] if isinstance(value, list) else []


def unknown_rows(params: Params) -> str:
    """Refuse a row that does not exist, rather than try nothing."""
    unknown = [name for name in names(params, "rows") if name not in BY_ID]
    if not unknown:
        return ""
    return "O(rows) has no {}. The rows are: {}.".format(", ".join(unknown), ", ".join(BY_ID))
