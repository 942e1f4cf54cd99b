# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
# What the modules of the action group "keycloak" share: the module object that hides the secrets of free
# dictionaries, reading of references, the session, the way to fail.

from __future__ import annotations

from typing import Any, Callable, NoReturn

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from .._cluster.client import connect, read_reference
from .._cluster.errors import ClusterError
from . import session as transport
from .args import KEYCLOAK_ARGS, KEYCLOAK_EXCLUSIVE
from .errors import InputProblems, KeycloakError
from .redact import Redactor, Reference, secret_leaves
from .session import Login, Session

Reader = Callable[[dict[str, Any]], str]
Say = Callable[[str], None]
# What a Keycloak that this run has yet to make looks like (a port mapping with nothing behind it accepts, then closes).
# A server that answers, in whatever way, is there.
NOT_THERE_YET = frozenset(["reference_notfound", "connection_refused", "connection_lost", "name_resolution", "absent"])


class KeycloakModule(AnsibleModule):  # type: ignore[misc]  # ansible-core has no types
    """Free dictionaries (representation, attributes, config) escape the no_log of an argument spec, and Ansible logs
    the invocation when the module is made: their secret leaves are added to the values to hide before that."""

    def __init__(self, argument_spec: dict[str, Any], **options: Any) -> None:
        self.redactor = Redactor()
        spec = dict(KEYCLOAK_ARGS)
        spec.update(argument_spec)
        exclusive = KEYCLOAK_EXCLUSIVE + list(options.pop("mutually_exclusive", []))
        super().__init__(argument_spec=spec, supports_check_mode=True, mutually_exclusive=exclusive, **options)

    def _log_invocation(self) -> None:
        self.hide(_free_secrets(self.params))
        super()._log_invocation()

    def fail_json(self, msg: str, **details: Any) -> NoReturn:
        self.hide(_free_secrets(self.params))
        super().fail_json(self.redactor.text(msg), **details)
        raise SystemExit(1)

    def hide(self, values: Any) -> None:
        """Short values would mask half of every text."""
        values = {value for value in values if isinstance(value, str) and len(value) >= 4}
        self.no_log_values.update(values)
        self.redactor.learn(*values)

    # -- references ------------------------------------------------------------------------------------------------
    def resolve(self, reader: Reader, *names: str) -> None:
        """Reads <name>_from into <name>."""
        for name in names:
            reference = self.params.get(name + "_from")
            if reference and self.params.get(name) is None:
                self.params[name] = self.read(reader, reference)

    def read(self, reader: Reader, reference: dict[str, Any], secret: bool = True) -> str:
        value = reader(reference).rstrip("\r\n")
        if secret:
            self.hide([value])
        return value

    def open(self, reader: Reader, say: Say) -> Session:
        if transport.KEYCLOAK_IMPORT_ERROR is not None:
            self.fail_json(
                missing_required_lib("python-keycloak", reason=f"(wanted: {transport.KEYCLOAK_REQUIREMENT})"),
                exception=transport.KEYCLOAK_IMPORT_ERROR,
            )
        if not self.params["auth_keycloak_url"]:
            raise KeycloakError("auth_keycloak_url is missing: the URL of the Keycloak server.", "url")
        self.resolve(reader, "auth_client_secret", "auth_password")
        if self.params["auth_ca_cert_from"]:
            self.params["auth_ca_cert"] = self.read(reader, self.params["auth_ca_cert_from"], secret=False)
        params = self.params
        wait = params["auth_wait"]
        if self.check_mode and params.get("plan_against_empty"):
            wait = min(5, wait)
        login = Login(
            params["auth_realm"],
            params["auth_client_id"],
            params["auth_client_secret"],
            params["auth_username"],
            params["auth_password"],
            params["token"],
        )
        return Session(
            params["auth_keycloak_url"],
            login,
            self.redactor,
            params["auth_ca_cert"],
            params["validate_certs"],
            params["connection_timeout"],
            params["auth_deadline"],
            wait,
            say,
        )

    def empty_instead(self, error: KeycloakError) -> bool:
        """Whether a failure only means that this run has not made the Keycloak (or its credential) yet: the caller
        says that it would, and what went wrong is what that looks like."""
        if not (self.check_mode and self.params["plan_against_empty"] and error.reason in NOT_THERE_YET):
            return False
        self.warn("Planned as if for an empty Keycloak: " + self.redactor.text(error.message))
        return True

    # -- ends ------------------------------------------------------------------------------------------------------
    def fail_keycloak(self, error: KeycloakError, **details: Any) -> NoReturn:
        shown = {key: self.redactor.text(v) if isinstance(v, str) else v for key, v in error.as_dict().items()}
        self.fail_json(error.text(), error=shown, **details)

    def fail_input(self, error: InputProblems, what: str, **details: Any) -> NoReturn:
        lines = [f"- {item['path']}: {item['message']}" for item in error.problems]
        count = len(lines)
        text = f"{what}: {count} problem{'s' if count > 1 else ''} with the input, nothing was changed.\n"
        self.fail_json(text + "\n".join(lines), error={"reason": "input"}, problems=error.problems, **details)


def cluster_reader(params: dict[str, Any]) -> Reader:
    """Reads references with the cluster options; the cluster is asked once for each Secret or ConfigMap."""
    memory: dict[str, Any] = {}

    def reader(reference: dict[str, Any]) -> str:
        try:
            if "client" not in memory:
                memory["client"] = _Remembering(connect(params))
            return str(read_reference(memory["client"], reference))
        except ClusterError as error:
            raise KeycloakError(str(error), f"reference_{error.reason}".lower(), error.code or None) from error

    return reader


class _Remembering:
    def __init__(self, client: Any) -> None:
        self._client = client
        self._found: dict[tuple[Any, ...], Any] = {}

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Any:
        key = (api_version, kind, name, namespace)
        if key not in self._found:
            self._found[key] = self._client.get(api_version, kind, name, namespace)
        return self._found[key]


def placeholder(reference: dict[str, Any]) -> Reference:
    """Stands for what a reference points at, until it is read."""
    found = Reference(
        "of {} {}/{}, key {}".format(
            reference.get("kind") or "Secret", reference["namespace"], reference["name"], reference["key"]
        )
    )
    found.source = reference
    return found


def _free_secrets(params: dict[str, Any]) -> set[str]:
    found = secret_leaves("realm", params.get("representation") or {})
    settings = params.get("settings")
    if isinstance(settings, dict):
        found |= secret_leaves("realm", settings.get("attributes") or {})
    kinds = (("clients", "client"), ("client_scopes", "client_scope"), ("groups", "group"), ("users", "user"))
    for option, kind in kinds:
        for item in params.get(option) or []:
            if not isinstance(item, dict):
                continue
            for key in ("representation", "attributes", "secret", "password"):
                found |= secret_leaves(kind, {key: item.get(key)})
            for mapper in item.get("protocol_mappers") or []:
                if isinstance(mapper, dict):
                    found |= secret_leaves(kind, mapper.get("config") or {})
    return found
