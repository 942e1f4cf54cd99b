# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
"""PRIVATE: the normal form of nested inputs, so that lint judges what the modules will do, not how it was written.

Types are made right as Ansible makes them, options that do not exist are refused, and so is what would go round an
option that lint judges: the same field by ``representation`` or ``attributes``. The tables repeat the options of
``keycloak_realm``, less what a user of the chain may not say; a test holds them to it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .shapes import Json, Obj, Problem, section

_TRUE = frozenset(["y", "yes", "on", "1", "true", "t"])
_FALSE = frozenset(["n", "no", "off", "0", "false", "f"])
_WORDS: Mapping[str, str] = {
    "str": "a text",
    "int": "a whole number",
    "bool": "true or false",
    "list": "a list",
    "dict": "a mapping",
    "texts": "a list of texts",
    "objects": "a list of mappings",
}


@dataclass(frozen=True)
class Option:
    """A nested option: ``str``, ``int``, ``bool``, ``dict``, ``texts`` or ``objects``; ``options`` are those of its mappings."""

    type: str
    required: bool = False
    choices: tuple[str, ...] = ()
    options: Mapping[str, Option] = field(default_factory=dict)


Table = Mapping[str, Option]


def _all(kind: str, names: str) -> dict[str, Option]:
    return {name: Option(kind) for name in names.split()}


REFERENCE: Table = {**_all("str", "namespace name key"), "kind": Option("str", choices=("Secret", "ConfigMap"))}
# What a module reads itself has to be said whole.
WHOLE_REFERENCE: Table = {
    **{name: Option("str", required=True) for name in ("namespace", "name", "key")},
    "kind": REFERENCE["kind"],
}
CREDENTIALS: Table = _all("str", "namespace name username_key password_key")
STATE = Option("str", choices=("present", "absent"))
MAPPER: Table = {
    "name": Option("str", required=True),
    "protocol": Option("str", choices=("openid-connect",)),
    "protocol_mapper": Option("str", required=True),
    "config": Option("dict"),
}
SETTINGS: Table = {
    **_all("str", "display_name password_policy default_signature_algorithm"),
    "ssl_required": Option("str", choices=("all", "external", "none")),
    **_all(
        "bool",
        "enabled registration_allowed remember_me verify_email login_with_email_allowed duplicate_emails_allowed "
        "reset_password_allowed edit_username_allowed offline_session_max_lifespan_enabled revoke_refresh_token "
        "brute_force_protected permanent_lockout events_enabled admin_events_enabled admin_events_details_enabled",
    ),
    **_all(
        "int",
        "access_token_lifespan access_token_lifespan_for_implicit_flow access_code_lifespan "
        "access_code_lifespan_user_action access_code_lifespan_login sso_session_idle_timeout sso_session_max_lifespan "
        "client_session_idle_timeout client_session_max_lifespan offline_session_idle_timeout "
        "offline_session_max_lifespan refresh_token_max_reuse failure_factor wait_increment_seconds "
        "max_failure_wait_seconds minimum_quick_login_wait_seconds quick_login_check_milli_seconds "
        "max_delta_time_seconds events_expiration",
    ),
    **_all("texts", "events_listeners enabled_event_types"),
    "attributes": Option("dict"),
}
CLIENT_SCOPE: Table = {
    "name": Option("str", required=True),
    "state": STATE,
    "description": Option("str"),
    "protocol": Option("str", choices=("openid-connect", "saml")),
    "attributes": Option("dict"),
    "protocol_mappers": Option("objects", options=MAPPER),
}
CLIENT: Table = {
    "client_id": Option("str", required=True),
    "state": STATE,
    **_all("str", "name description client_authenticator_type certificate root_url base_url"),
    **_all(
        "bool",
        "enabled public_client bearer_only standard_flow_enabled implicit_flow_enabled direct_access_grants_enabled "
        "service_accounts_enabled device_flow_enabled frontchannel_logout full_scope_allowed consent_required",
    ),
    "secret_from": Option("dict", options=WHOLE_REFERENCE),
    "certificate_from": Option("dict", options=WHOLE_REFERENCE),
    "pkce_code_challenge_method": Option("str", choices=("", "S256")),
    **_all("texts", "redirect_uris web_origins post_logout_redirect_uris default_client_scopes optional_client_scopes"),
    "protocol_mappers": Option("objects", options=MAPPER),
    "access_token_lifespan": Option("int"),
    "attributes": Option("dict"),
    "service_account_realm_roles": Option("texts"),
    "service_account_client_roles": Option("dict"),
    "representation": Option("dict"),
}
GROUP: Table = {
    "path": Option("str", required=True),
    "state": STATE,
    "attributes": Option("dict"),
    "realm_roles": Option("texts"),
    "client_roles": Option("dict"),
}
PERSON: Table = {
    "username": Option("str", required=True),
    "persona": Option("str", choices=("admin", "developer", "reader", "none")),
    **_all("str", "email first_name last_name"),
    "groups": Option("texts"),
    "password_from": Option("dict", options=WHOLE_REFERENCE),
}
BINDING: Table = {
    "name": Option("str", required=True),
    "group": Option("str", required=True),
    "cluster_role": Option("str", required=True),
    "agent_cluster_role": Option("str"),
    "namespaces": Option("texts"),
}
CLUSTER: Table = {"name": Option("str", required=True), "audience": Option("str", required=True)}

# The inputs that are mappings, or lists of them.
TABLES: Mapping[str, Table] = {
    "chain_admin_secret": REFERENCE,
    "chain_postgres_credentials": CREDENTIALS,
    "chain_clusters": CLUSTER,
    "chain_bindings": BINDING,
    "chain_people": PERSON,
    "chain_realm_settings": SETTINGS,
    "chain_realm_client_scopes": CLIENT_SCOPE,
    "chain_realm_clients": CLIENT,
    "chain_realm_groups": GROUP,
}

# Attributes of any client that an option says, or that change its tokens in a way that is not predicted.
_ATTRIBUTES: Mapping[str, str] = {
    "oauth2.device.authorization.grant.enabled": "device_flow_enabled",
    "pkce.code.challenge.method": "pkce_code_challenge_method",
    "post.logout.redirect.uris": "post_logout_redirect_uris",
    "access.token.lifespan": "access_token_lifespan",
    "client.session.max.lifespan": "",
    "jwt.credential.certificate": "certificate_from",
    "standard.token.exchange.enabled": "",
    "standard.token.exchange.enableRefreshRequestedTokenType": "",
    "client.use.lightweight.access.token.enabled": "",
    "oidc.ciba.grant.enabled": "",
    "jwt.authorization.grant.enabled": "",
    "jwks.string": "",
    "jwks.url": "",
    "use.jwks.string": "",
    "use.jwks.url": "",
}
# All that a client of the chain may say in attributes: looks, logout, how strong a login must be. What the rest does
# to its tokens or its login (signatures, bindings to a key, request objects, ...) is not predicted.
CHAIN_ATTRIBUTES = frozenset(
    [
        "acr.loa.map",
        "backchannel.logout.revoke.offline.tokens",
        "backchannel.logout.session.required",
        "backchannel.logout.url",
        "consent.screen.text",
        "default.acr.values",
        "display.on.consent.screen",
        "frontchannel.logout.session.required",
        "frontchannel.logout.url",
        "login_theme",
        "logoUri",
        "logout.confirmation.enabled",
        "minimum.acr.value",
        "policyUri",
        "tosUri",
    ]
)
# Fields of Keycloak's own client that no option says, but that change its tokens, or whether they are taken.
_FIELDS = frozenset(["protocol", "authorizationServicesEnabled", "clientTemplate", "notBefore"])

# Attributes of a realm that change its issuer, or what its clients must do. Keycloak keeps many settings as attributes too.
_REALM_ATTRIBUTES = frozenset(["frontendUrl", "client-policies.policies", "client-policies.profiles"])

_KNOWN = frozenset(name for table in (*TABLES.values(), MAPPER) for name in table)
_SECRET = re.compile(
    r"secret|passwor[dt]|passwd|passphrase|passcode|credential|(?:private|api|signing).?key|token$", re.I
)


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that a mistyped one most probably meant, or an empty string."""
    found = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.75)
    return found[0] if found else ""


def coerced(value: Json, kind: str) -> Json:
    """The value in its type, as Ansible makes it: surveys and ``-e name=value`` give texts."""
    if isinstance(value, str):
        word = value.strip().lower()
        if kind == "int" and re.fullmatch(r"[+-]?[0-9]{1,18}", word):
            return int(word)
        if kind == "bool" and word in _TRUE | _FALSE:
            return word in _TRUE
        if kind == "texts":
            return [item.strip() for item in value.split(",") if item.strip()]
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if kind == "bool" and value in (0, 1):
            return bool(value)
        if kind == "str":
            return str(value)
        if kind == "int" and isinstance(value, float) and value.is_integer():
            return int(value)
    elif kind == "texts" and isinstance(value, Sequence):
        return [coerced(item, "str") for item in value]
    return value


def plain(value: Json) -> Json:
    """A value of a free mapping as Keycloak stores it: truth values and numbers are texts."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return "##".join(str(plain(item)) for item in value)
    return value if value is None or isinstance(value, (str, Mapping)) else str(value)


def normal_list(value: Json, table: Table, path: str, problems: list[Problem]) -> list[Obj]:
    """The mappings of a list, each in its normal form."""
    if isinstance(value, (str, Mapping)) or not isinstance(value, Sequence):
        problems.append(_wrong_type(path, "objects"))
        return []
    found: list[Obj] = []
    for index, item in enumerate(value):
        where = "%s[%d]" % (path, index)
        if isinstance(item, Mapping):
            found.append(normal(item, table, where, problems))
        else:
            problems.append(_wrong_type(where, "dict"))
    return found


def normal(value: Obj, table: Table, path: str, problems: list[Problem]) -> Obj:
    """A mapping in its normal form, without what is wrong in it; nothing said means that the option is not there."""
    found: dict[str, Json] = {}
    for name, said in value.items():
        where = "%s.%s" % (path, name)
        option = table.get(str(name))
        if said is None:
            continue
        if option is None:
            if not is_inline_secret(str(name), said):
                problems.append(_unknown(str(name), table, where))
            continue
        made = _value(said, option, where, problems)
        if made is not None:
            found[str(name)] = made
    for name, option in table.items():
        if option.required and found.get(name) in (None, ""):
            problems.append(Problem("name-missing", path, "this entry has no %s." % name, "Write its %s." % name))
    if table is CLIENT:
        _refuse_ways_round(found, path, problems)
    elif table is SETTINGS:
        fields = {camel(name): name for name in SETTINGS if name != "attributes"}
        fields.update(dict.fromkeys(_REALM_ATTRIBUTES, ""))
        _refuse_keys(found.get("attributes"), fields, path + ".attributes", problems)
    elif table is MAPPER:
        found["config"] = {key: plain(item) for key, item in section(found, "config").items() if item is not None}
    elif table is GROUP and isinstance(found.get("path"), str):
        found["path"] = "/" + "/".join(part for part in str(found["path"]).split("/") if part)
    elif table is PERSON and isinstance(found.get("username"), str):
        # Keycloak keeps user names in lower case, and so do its tokens.
        found["username"] = str(found["username"]).lower()
    return found


def _value(said: Json, option: Option, path: str, problems: list[Problem]) -> Json:
    if option.type == "objects":
        return normal_list(said, option.options, path, problems)
    value = coerced(said, option.type)
    if not _fits(value, option.type):
        problems.append(_wrong_type(path, option.type))
        return None
    if option.choices and value not in option.choices:
        problems.append(
            Problem(
                "wrong-choice",
                path,
                "this is not a choice.",
                "Write one of: %s." % ", ".join(choice or "an empty text" for choice in option.choices),
            )
        )
        return None
    if option.options and isinstance(value, Mapping):
        return normal(value, option.options, path, problems)
    return value


def _fits(value: Json, kind: str) -> bool:
    if kind == "texts":
        return isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)
    if kind == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, {"str": str, "bool": bool}.get(kind, Mapping))


def _wrong_type(path: str, kind: str) -> Problem:
    # What was written is not repeated: it may be a secret in the place of a reference.
    return Problem("wrong-type", path, "this is not %s." % _WORDS[kind], "Write %s." % _WORDS[kind])


def _unknown(name: str, table: Table, path: str) -> Problem:
    meant = nearest(name, table)
    if name == "requester":
        fix = "Take it away: which clients exchange tokens follows from the chain."
    else:
        fix = "Write %s." % meant if meant else "Write one of: %s." % ", ".join(sorted(table))
    return Problem("unknown-option", path, "there is no option of this name.", fix)


def camel(name: str) -> str:
    """The name of an option as Keycloak writes it."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def _refuse_ways_round(client: Obj, path: str, problems: list[Problem]) -> None:
    """A field that has an option is said by that option, where lint sees it."""
    raw = section(client, "representation")
    fields = {camel(name): name for name in CLIENT if name not in ("state", "representation", "attributes")}
    fields.update(dict.fromkeys(_FIELDS, ""))
    _refuse_keys(raw, fields, path + ".representation", problems)
    for attributes, where in ((client.get("attributes"), ""), (raw.get("attributes"), ".representation")):
        _refuse_keys(attributes, _ATTRIBUTES, path + where + ".attributes", problems)


def unchecked_attributes(client: Obj) -> Iterator[str]:
    """Where a client of the chain sets attributes that it may not. An empty value removes one, which is sound."""
    raw = section(client, "representation")
    ways_round = {name.lower() for name in _ATTRIBUTES}
    for attributes, where in ((section(client, "attributes"), ""), (section(raw, "attributes"), "representation.")):
        for name, value in attributes.items():
            if str(name) in CHAIN_ATTRIBUTES or str(name).lower() in ways_round or plain(value) in (None, ""):
                continue
            yield "%sattributes.%s" % (where, name)


def _refuse_keys(value: Json, refused: Mapping[str, str], path: str, problems: list[Problem]) -> None:
    by_lower = {name.lower(): option for name, option in refused.items()}
    for name in value if isinstance(value, Mapping) else ():
        option = by_lower.get(str(name).lower())
        if option is None:
            continue
        problems.append(
            Problem(
                "way-round",
                "%s.%s" % (path, name),
                "said here, it is not checked against the rest of the chain.",
                "Write the option %s." % option if option else "Take it away.",
            )
        )


def is_inline_secret(name: str, value: Json) -> bool:
    """Whether a secret stands here itself. Options that are no secret, such as ``password_policy``, are known by name."""
    if name in _KNOWN or not _SECRET.search(name):
        return False
    return isinstance(value, str) and bool(value) and value.lower() not in _TRUE | _FALSE


def inline_secrets(value: Json, path: str = "") -> Iterator[tuple[str, str]]:
    """``(path, secret)`` of each secret that is written into nested inputs in place of a reference."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            where = "%s.%s" % (path, name) if path else str(name)
            if is_inline_secret(str(name), item):
                yield where, str(item)
            else:
                yield from inline_secrets(item, where)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from inline_secrets(item, "%s[%d]" % (path, index))


def refused_secrets(values: Obj) -> Iterator[Problem]:
    """Secrets travel as references: what is an input becomes a fact and is printed."""
    for name in TABLES:
        for path, _secret in inline_secrets(values.get(name), name):
            last = path.rpartition(".")[2]
            twin = last + "_from" if last in ("secret", "password") else "a Secret and its reference"
            yield Problem(
                "inline-secret",
                path,
                "a secret is written here, and inputs are printed and kept as facts.",
                "Put it into a Secret and write %s." % twin,
            )
