# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
# The options that every module of the action group "keycloak" shares (doc fragment mcp_auth.openshift.keycloak), and
# the options of a realm.

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import env_fallback

from .._cluster.args import CLUSTER_ARGS, reference_arg

KEYCLOAK_ARGS: dict[str, dict[str, Any]] = dict(
    CLUSTER_ARGS,
    auth_keycloak_url={"type": "str", "no_log": False, "fallback": (env_fallback, ["KEYCLOAK_URL"])},
    auth_realm={"type": "str", "default": "master"},
    auth_client_id={"type": "str", "default": "admin-cli"},
    auth_client_secret={"type": "str", "no_log": True},
    auth_client_secret_from=reference_arg(),
    auth_username={"type": "str"},
    auth_password={"type": "str", "no_log": True},
    auth_password_from=reference_arg(),
    token={"type": "str", "no_log": True},
    auth_ca_cert={"type": "str"},
    auth_ca_cert_from=reference_arg(),
    connection_timeout={"type": "int", "default": 10},
    auth_deadline={"type": "int", "default": 300},
    auth_wait={"type": "int", "default": 60},
)
KEYCLOAK_EXCLUSIVE = [
    ("auth_client_secret", "auth_client_secret_from"),
    ("auth_password", "auth_password_from"),
    ("auth_ca_cert", "auth_ca_cert_from"),
    ("token", "auth_username"),
]


def _list(options: dict[str, Any]) -> dict[str, Any]:
    return {"type": "list", "elements": "dict", "options": options}


def _names() -> dict[str, Any]:
    return {"type": "list", "elements": "str"}


STATE: dict[str, Any] = {"type": "str", "choices": ["present", "absent"], "default": "present"}

MAPPER: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "protocol": {"type": "str"},
    "protocol_mapper": {"type": "str", "required": True},
    "config": {"type": "dict", "default": {}},
}

SETTINGS: dict[str, Any] = {
    "display_name": {"type": "str"},
    "enabled": {"type": "bool"},
    "ssl_required": {"type": "str", "choices": ["all", "external", "none"]},
    "registration_allowed": {"type": "bool"},
    "remember_me": {"type": "bool"},
    "verify_email": {"type": "bool"},
    "login_with_email_allowed": {"type": "bool"},
    "duplicate_emails_allowed": {"type": "bool"},
    "reset_password_allowed": {"type": "bool", "no_log": False},
    "edit_username_allowed": {"type": "bool"},
    "password_policy": {"type": "str", "no_log": False},
    "access_token_lifespan": {"type": "int", "no_log": False},
    "access_token_lifespan_for_implicit_flow": {"type": "int", "no_log": False},
    "access_code_lifespan": {"type": "int"},
    "access_code_lifespan_user_action": {"type": "int"},
    "access_code_lifespan_login": {"type": "int"},
    "sso_session_idle_timeout": {"type": "int"},
    "sso_session_max_lifespan": {"type": "int"},
    "client_session_idle_timeout": {"type": "int"},
    "client_session_max_lifespan": {"type": "int"},
    "offline_session_idle_timeout": {"type": "int"},
    "offline_session_max_lifespan_enabled": {"type": "bool"},
    "offline_session_max_lifespan": {"type": "int"},
    "revoke_refresh_token": {"type": "bool", "no_log": False},
    "refresh_token_max_reuse": {"type": "int", "no_log": False},
    "default_signature_algorithm": {"type": "str"},
    "brute_force_protected": {"type": "bool"},
    "permanent_lockout": {"type": "bool"},
    "failure_factor": {"type": "int"},
    "wait_increment_seconds": {"type": "int"},
    "max_failure_wait_seconds": {"type": "int"},
    "minimum_quick_login_wait_seconds": {"type": "int"},
    "quick_login_check_milli_seconds": {"type": "int"},
    "max_delta_time_seconds": {"type": "int"},
    "events_enabled": {"type": "bool"},
    "events_expiration": {"type": "int"},
    "events_listeners": _names(),
    "enabled_event_types": _names(),
    "admin_events_enabled": {"type": "bool"},
    "admin_events_details_enabled": {"type": "bool"},
    "attributes": {"type": "dict"},
}

CLIENT_SCOPE: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "state": STATE,
    "description": {"type": "str"},
    "protocol": {"type": "str", "choices": ["openid-connect", "saml"], "default": "openid-connect"},
    "attributes": {"type": "dict"},
    "protocol_mappers": _list(MAPPER),
}

CLIENT: dict[str, Any] = {
    "client_id": {"type": "str", "required": True},
    "state": STATE,
    "name": {"type": "str"},
    "description": {"type": "str"},
    "enabled": {"type": "bool"},
    "public_client": {"type": "bool"},
    "bearer_only": {"type": "bool"},
    "client_authenticator_type": {"type": "str"},
    "secret": {"type": "str", "no_log": True},
    "secret_from": reference_arg(),
    "certificate": {"type": "str"},
    "certificate_from": reference_arg(),
    "standard_flow_enabled": {"type": "bool"},
    "implicit_flow_enabled": {"type": "bool"},
    "direct_access_grants_enabled": {"type": "bool"},
    "service_accounts_enabled": {"type": "bool"},
    "device_flow_enabled": {"type": "bool"},
    "frontchannel_logout": {"type": "bool"},
    "full_scope_allowed": {"type": "bool"},
    "consent_required": {"type": "bool"},
    "pkce_code_challenge_method": {"type": "str", "choices": ["", "S256"]},
    "redirect_uris": _names(),
    "web_origins": _names(),
    "post_logout_redirect_uris": _names(),
    "root_url": {"type": "str"},
    "base_url": {"type": "str"},
    "default_client_scopes": _names(),
    "optional_client_scopes": _names(),
    "protocol_mappers": _list(MAPPER),
    "access_token_lifespan": {"type": "int", "no_log": False},
    "attributes": {"type": "dict"},
    "service_account_realm_roles": _names(),
    "service_account_client_roles": {"type": "dict"},
    "requester": {"type": "bool", "default": False},
    "representation": {"type": "dict"},
}

GROUP: dict[str, Any] = {
    "path": {"type": "str", "required": True},
    "state": STATE,
    "attributes": {"type": "dict"},
    "realm_roles": _names(),
    "client_roles": {"type": "dict"},
}

USER: dict[str, Any] = {
    "username": {"type": "str", "required": True},
    "state": STATE,
    "email": {"type": "str"},
    "email_verified": {"type": "bool"},
    "first_name": {"type": "str"},
    "last_name": {"type": "str"},
    "enabled": {"type": "bool"},
    "groups": _names(),
    "attributes": {"type": "dict"},
    "required_actions": _names(),
    "password": {"type": "str", "no_log": True},
    "password_from": reference_arg(),
    "reset_password": {"type": "bool", "default": False, "no_log": False},
}

REALM_ROLE: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "state": STATE,
    "description": {"type": "str"},
    "composites": _names(),
}

PURGE: dict[str, Any] = {
    "clients": {"type": "bool", "default": False},
    "client_scopes": {"type": "bool", "default": False},
    "groups": {"type": "bool", "default": False},
    "users": {"type": "bool", "default": False},
    "realm_roles": {"type": "bool", "default": False},
    "group_members": {"type": "bool", "default": False},
    "redirect_uris": {"type": "bool", "default": True},
    "web_origins": {"type": "bool", "default": True},
    "post_logout_redirect_uris": {"type": "bool", "default": True},
    "protocol_mappers": {"type": "bool", "default": True},
    "client_scopes_of_client": {"type": "bool", "default": True},
    "default_client_scopes": {"type": "bool", "default": True},
    "role_mappings": {"type": "bool", "default": True},
    "group_membership": {"type": "bool", "default": True},
}

REALM_ARGS: dict[str, Any] = {
    "realm": {"type": "str", "required": True},
    "state": STATE,
    "adopt": {"type": "bool", "default": False},
    "owner": {"type": "str"},
    "force": {"type": "bool", "default": False},
    "settings": {"type": "dict", "options": SETTINGS},
    "representation": {"type": "dict"},
    "reset_secrets": {"type": "bool", "default": False, "no_log": False},
    "builtin_scopes": {"type": "bool", "default": True},
    "client_scopes": _list(CLIENT_SCOPE),
    "default_default_client_scopes": _names(),
    "default_optional_client_scopes": _names(),
    "clients": _list(CLIENT),
    "groups": _list(GROUP),
    "users": _list(USER),
    "realm_roles": _list(REALM_ROLE),
    "purge": {"type": "dict", "options": PURGE, "apply_defaults": True},
    "issuer": {"type": "str"},
    "plan_against_empty": {"type": "bool", "default": False},
}

# The requester's own proof of who it is.
REQUESTER_AUTH: dict[str, Any] = {
    "client_secret": {"type": "str", "no_log": True},
    "client_secret_from": reference_arg(),
    "client_key": {"type": "str", "no_log": True},
    "client_key_from": reference_arg(),
    "subject_token": {"type": "str", "no_log": True},
    "subject_token_from": reference_arg(),
}
REQUESTER_EXCLUSIVE = [
    ("client_secret", "client_secret_from", "client_key", "client_key_from"),
    ("subject_token", "subject_token_from"),
]

REQUESTER_ARGS: dict[str, Any] = dict(
    REQUESTER_AUTH,
    realm={"type": "str", "required": True},
    client_id={"type": "str", "required": True},
    state=STATE,
    audiences=_names(),
    scopes=_names(),
    access_token_lifespan={"type": "int", "default": 60, "no_log": False},
    refresh_tokens={"type": "str", "choices": ["NO", "SAME_SESSION"], "default": "NO", "no_log": False},
    subject_token_audience_scope={"type": "str", "no_log": False},
    audience_scope_managed={"type": "bool", "default": False},
    plan_against_empty={"type": "bool", "default": False},
)

EXCHANGE_ARGS: dict[str, Any] = dict(
    REQUESTER_AUTH,
    realm={"type": "str", "required": True},
    client_id={"type": "str", "required": True},
    audience={"type": "list", "elements": "str", "default": []},
    scopes={"type": "list", "elements": "str", "default": []},
    requested_token_type={
        "type": "str",
        "choices": ["access_token", "id_token", "refresh_token"],
        "default": "access_token",
    },
    return_token={"type": "bool", "default": False, "no_log": False},
)
