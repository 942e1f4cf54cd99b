# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
"""PRIVATE: what a user may say about the chain: one table of flat ``chain_*`` variables, checked all at once.

The table is the one source of names, types and defaults. The argument specs and the defaults of role ``chain`` repeat
it for Ansible's sake; a test holds them to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from . import normal
from .normal import coerced, nearest
from .shapes import Json, Obj, Problem, flag, number, objects, text, texts

# Facts that role chain sets: they carry its prefix but are no inputs.
OUTPUTS = ("chain_model", "chain_cluster_connection", "chain_keycloak_connection")

COMPONENTS = ("mcp_server", "llama_stack", "playground", "mcp_inspector")


@dataclass(frozen=True)
class Input:
    """A variable: its Ansible type (``str``, ``int``, ``bool``, ``list``, ``dict``), default, element type and choices."""

    name: str
    type: str
    default: Json
    elements: str = ""
    choices: tuple[str, ...] = ()


def _str(name: str, default: str = "", choices: Sequence[str] = ()) -> Input:
    return Input("chain_" + name, "str", default, choices=tuple(choices))


def _int(name: str, default: int) -> Input:
    return Input("chain_" + name, "int", default)


def _bool(name: str, default: bool) -> Input:
    return Input("chain_" + name, "bool", default)


def _list(name: str, elements: str, default: Sequence[Json] = (), choices: Sequence[str] = ()) -> Input:
    return Input("chain_" + name, "list", list(default), elements, tuple(choices))


def _dict(name: str, default: Obj | None = None) -> Input:
    return Input("chain_" + name, "dict", default if default is not None else {})


INPUTS: tuple[Input, ...] = (
    # the cluster, and how plays reach it
    _str("cluster_name", "local"),
    _str("platform", "auto", ("auto", "kubernetes", "openshift")),
    _bool("lab", False),
    _str("kubeconfig"),
    _str("context"),
    _str("base_domain"),
    _list("components", "str", ("mcp_server",), COMPONENTS),
    _bool("node_ports", False),
    # namespaces
    _str("keycloak_namespace", "redhat-keycloak"),
    _str("agents_namespace", "llama-stack"),
    # the issuer
    _str("realm", "openshift"),
    _bool("keycloak_managed", True),
    _str("keycloak_host"),
    _int("keycloak_port", 443),
    _str("keycloak_admin_url"),
    _str("issuer_url"),
    _str("admin_client_id", "mcp-auth-admin"),
    _str("admin_realm", "master"),
    _dict("admin_secret"),
    # the database of a Keycloak of ours
    _bool("postgres_managed", True),
    _str("postgres_host"),
    _int("postgres_port", 5432),
    _str("postgres_database", "keycloak"),
    _dict("postgres_credentials"),
    # the authority that signs the servers' certificates
    _str("ca_source", "managed", ("managed", "given", "system")),
    _str("ca_certificate"),
    # who takes what
    _str("cluster_audience", "openshift"),
    _list("clusters", "dict"),
    _str("mcp_audience", "mcp-server"),
    _str("llama_stack_audience", "llama-stack"),
    _list("login_clients", "str", ("openshift-cli",)),
    # how the cluster maps a token
    _str("username_claim", "preferred_username"),
    _str("username_prefix"),
    _str("groups_claim", "groups"),
    _str("groups_prefix"),
    _bool("groups_full_path", True),
    _bool("groups_unique_names_checked", False),
    _str("agent_rights", "same", ("same", "separate")),
    # people and their rights
    _str("admin_group", "openshift_admins"),
    _str("developer_group", "openshift_developers"),
    _str("reader_group"),
    _list("developer_namespaces", "str"),
    _list("bindings", "dict"),
    _list("people", "dict"),
    # lifetimes, in seconds
    _int("access_token_lifespan", 300),
    _int("cluster_token_lifespan", 60),
    _int("responses_call_seconds", 180),
    _int("cookie_refresh_seconds", 240),
    _int("session_idle_seconds", 1800),
    _int("session_max_seconds", 36000),
    # the MCP server
    _str("mcp_server_version", "0.0.67"),
    _str("mcp_host"),
    _int("mcp_port", 443),
    _str("mcp_authentication", "private_key_jwt", ("private_key_jwt", "client_secret")),
    _bool("mcp_read_only", True),
    _list("mcp_toolsets", "str", ("core",)),
    _list("mcp_allowed_origins", "str"),
    # the Playground and the Inspector
    _str("playground_host"),
    _int("playground_port", 443),
    _str("inspector_host"),
    _int("inspector_port", 443),
    # what a user adds to the realm, or changes in it
    _dict("realm_settings"),
    _list("realm_client_scopes", "dict"),
    _list("realm_clients", "dict"),
    _list("realm_groups", "dict"),
    _bool("realm_builtin_scopes", True),
    _bool("realm_adopt", False),
    # names that look like ours
    _list("foreign_variables", "str"),
)

NAMES = tuple(item.name for item in INPUTS)


class Inputs:
    """Checked inputs, read by their short name (without ``chain_``): ``inputs.text("realm")``."""

    def __init__(self, values: Obj) -> None:
        self._values: dict[str, Json] = {item.name: item.default for item in INPUTS}
        self._values.update({name: value for name, value in values.items() if value is not None})

    def text(self, name: str) -> str:
        return text(self._values, self._known(name))

    def number(self, name: str) -> int:
        return number(self._values, self._known(name))

    def flag(self, name: str) -> bool:
        return flag(self._values, self._known(name))

    def texts(self, name: str) -> list[str]:
        return texts(self._values, self._known(name))

    def objects(self, name: str) -> list[Obj]:
        return objects(self._values, self._known(name))

    def section(self, name: str) -> Obj:
        value = self._values[self._known(name)]
        return value if isinstance(value, Mapping) else {}

    def _known(self, name: str) -> str:
        full = "chain_" + name
        if full not in NAMES:
            raise KeyError(full)
        return full


def _edits(one: str, other: str) -> int:
    """How many letters are added, left out, changed, or swapped with their neighbour (Damerau-Levenshtein)."""
    rows = [list(range(len(other) + 1))]
    for i, left in enumerate(one, 1):
        row = [i]
        for j, right in enumerate(other, 1):
            cost = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (left != right))
            if i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]


def _mistyped(name: str, known: Iterable[str]) -> str:
    """The known name of a role that this one is one letter off, two in a long name; else it is somebody else's."""
    for meant in sorted(known):
        if abs(len(meant) - len(name)) <= 2 and _edits(name, meant) <= (2 if len(meant.partition("_")[2]) >= 12 else 1):
            return meant
    return ""


def unknown_variables(
    names: Iterable[str], known_of_roles: Iterable[str], foreign: Iterable[str] = ()
) -> list[Problem]:
    """Names that look like ours and are none.

    Everything that begins with ``chain_`` is ours. A name with another role's prefix is refused only where it is plainly
    a mistyped one of ours: ``keycloak_host`` may belong to somebody else's role, and so do those of ``foreign``.
    """
    known = set(NAMES) | set(OUTPUTS) | set(known_of_roles)
    problems: list[Problem] = []
    for name in sorted(set(names) - known - set(foreign)):
        if name.startswith("chain_"):
            meant = nearest(name, known)
            fix = "Write %s." % meant if meant else ""
            fix = fix or "Remove it; ansible-doc -t role mcp_auth.openshift.chain lists the variables there are."
        else:
            meant = _mistyped(name, known)
            if not meant:
                continue
            fix = "Write %s." % meant
        message = "there is no variable of this name."
        if not name.startswith("chain_"):
            message = "there is no variable of this name (one of another role: list it in chain_foreign_variables)."
        problems.append(Problem("unknown-variable", name, message, fix))
    return problems


_TYPES: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "bool": (bool,),
    "list": (list, tuple),
    "dict": (Mapping,),
}
_WORDS: Mapping[str, str] = {
    "str": "a text",
    "int": "a whole number",
    "bool": "true or false",
    "list": "a list",
    "dict": "a mapping",
}


def _is(value: Json, kind: str) -> bool:
    if kind == "int" and isinstance(value, bool):
        return False
    return isinstance(value, _TYPES[kind])


def parse(values: Obj) -> tuple[Inputs, list[Problem]]:
    """Checks names, types and choices of ``chain_*`` values. All problems at once; wrong values are left at their default."""
    problems = unknown_variables(values, ())
    problems += normal.refused_secrets(values)
    good: dict[str, Json] = {}
    for item in INPUTS:
        if values.get(item.name) is None:
            continue
        value = coerced(values[item.name], item.type)
        problem = _problem_of(item, value)
        if problem is not None:
            problems.append(problem)
            continue
        table = normal.TABLES.get(item.name)
        if table is not None and item.elements:
            value = normal.normal_list(value, table, item.name, problems)
        elif table is not None and isinstance(value, Mapping):
            value = normal.normal(value, table, item.name, problems)
        good[item.name] = value
    return Inputs(good), problems


def _problem_of(item: Input, value: Json) -> Problem | None:
    if not _is(value, item.type):
        return Problem(
            "wrong-type",
            item.name,
            # A text in the place of a mapping may be a secret in the place of its reference.
            "it is %s." % ("a text" if item.type == "dict" and isinstance(value, str) else _described(value)),
            "Write %s." % _WORDS[item.type],
        )
    members: Sequence[Json] = value if item.elements and isinstance(value, (list, tuple)) else []
    for index, member in enumerate(members):
        if not _is(member, item.elements):
            return Problem(
                "wrong-type",
                "%s[%d]" % (item.name, index),
                "it is %s." % ("a text" if item.elements == "dict" and isinstance(member, str) else _described(member)),
                "Write %s." % _WORDS[item.elements],
            )
    for chosen in members if item.elements else [value]:
        if item.choices and chosen not in item.choices:
            return Problem(
                "wrong-choice",
                item.name,
                "%s is not a choice." % _described(chosen),
                "Write one of: %s." % ", ".join(item.choices),
            )
    return None


def _described(value: Json) -> str:
    if isinstance(value, str):
        return "the text %r" % value
    if isinstance(value, bool):
        return "the truth value %s" % str(value).lower()
    if isinstance(value, (int, float)):
        return "the number %s" % value
    return "a mapping" if isinstance(value, Mapping) else "a list" if isinstance(value, Sequence) else "nothing"
