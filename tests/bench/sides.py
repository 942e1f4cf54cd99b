# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The other side of each figure: the same objects, one task each, by the modules that people use today."""

from __future__ import annotations

from typing import Any

Task = dict[str, Any]

PLAY = {
    "hosts": "localhost",
    "connection": "local",
    "gather_facts": False,
    "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
}

# Fields that the API server writes: no user's manifest has them.
SERVER_FIELDS = (
    "managedFields",
    "resourceVersion",
    "uid",
    "creationTimestamp",
    "generation",
    "selfLink",
    "ownerReferences",
)


def play(name: str, tasks: list[Task], **extra: Any) -> list[dict[str, Any]]:
    """One play on the controller."""
    return [{"name": name, **PLAY, **extra, "tasks": tasks}]


def ping() -> list[dict[str, Any]]:
    """What Ansible itself costs: taken off both sides."""
    return play("Ping", [{"name": "Ping", "ansible.builtin.ping": {}}])


def realm_tasks(realm: dict[str, Any]) -> list[Task]:
    """The realm of the model by community.general, one task an object. Its own option names, the same values."""
    name = realm["realm"]
    tasks = [_task("keycloak_realm", name, {"id": name, "realm": name, **_realm_settings(realm["settings"])})]
    for scope in realm["client_scopes"]:
        options = {
            "realm": name,
            "name": scope["name"],
            "description": scope["description"],
            "protocol": scope["protocol"],
            "attributes": scope["attributes"],
            "protocol_mappers": [_mapper(mapper) for mapper in scope["protocol_mappers"]],
        }
        tasks.append(_task("keycloak_clientscope", scope["name"], options))
    tasks += [_task("keycloak_client", client["client_id"], _client(name, client)) for client in realm["clients"]]
    for group in realm["groups"]:
        tasks.append(_task("keycloak_group", group["path"], {"realm": name, "name": group["path"].lstrip("/")}))
    for user in realm["users"]:
        options = {
            "realm": name,
            "username": user["username"],
            "email": user["email"],
            "enabled": user["enabled"],
            "email_verified": user["email_verified"],
            "first_name": user["first_name"],
            "last_name": user["last_name"],
            "groups": [{"name": path.lstrip("/"), "state": "present"} for path in user["groups"]],
        }
        tasks.append(_task("keycloak_user", user["username"], options))
    return tasks


def object_tasks(objects: list[dict[str, Any]], kubeconfig: str) -> list[Task]:
    """Each object of the cluster by kubernetes.core, as its users write it: one task each."""
    tasks = []
    for item in objects:
        tasks.append(
            {
                "name": "%s %s" % (item["kind"], item["metadata"]["name"]),
                "kubernetes.core.k8s": {"kubeconfig": kubeconfig, "state": "present", "definition": as_written(item)},
                "no_log": item["kind"] == "Secret",
            }
        )
    return tasks


def as_written(item: dict[str, Any]) -> dict[str, Any]:
    """A live object without what the server added to its metadata and status."""
    metadata = {key: value for key, value in item["metadata"].items() if key not in SERVER_FIELDS}
    return {**{key: value for key, value in item.items() if key != "status"}, "metadata": metadata}


def _task(module: str, name: str, options: dict[str, Any]) -> Task:
    return {"name": "%s %s" % (module, name), "community.general." + module: options}


def _realm_settings(settings: dict[str, Any]) -> dict[str, Any]:
    known = (
        "enabled display_name ssl_required registration_allowed access_token_lifespan sso_session_idle_timeout "
        "sso_session_max_lifespan revoke_refresh_token refresh_token_max_reuse events_enabled events_expiration "
        "admin_events_enabled admin_events_details_enabled"
    ).split()
    chosen = {key: settings[key] for key in known if key in settings}
    return {**chosen, "brute_force_protected": settings["brute_force_protected"]}


def _mapper(mapper: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": mapper["name"],
        "protocol": "openid-connect",
        "protocolMapper": mapper["protocol_mapper"],
        "config": mapper["config"],
    }


def _client(realm: str, client: dict[str, Any]) -> dict[str, Any]:
    copied = (
        "client_id description enabled public_client full_scope_allowed redirect_uris web_origins default_client_scopes "
        "optional_client_scopes standard_flow_enabled implicit_flow_enabled direct_access_grants_enabled "
        "service_accounts_enabled client_authenticator_type"
    ).split()
    return {"realm": realm, **{key: client[key] for key in copied if key in client}}
