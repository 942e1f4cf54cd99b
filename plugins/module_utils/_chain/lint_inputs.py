# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
"""PRIVATE: what is refused in entries of lists: people, bindings, clusters, and objects that the chain cannot miss."""

from __future__ import annotations

import re
from collections.abc import Iterator

from . import realm
from .lint import Draft
from .shapes import Problem, flag, objects, text, texts

# What Keycloak refuses in a user name (its validator of user names), control characters aside. A colon is left to the
# rule about system:.
_NOT_IN_A_USERNAME = re.compile(r"[\s<>&\"'$%!#?;*~/\\|^=\[\]{}()]")
_RESERVED_BINDINGS = ("admin", "developer", "reader")
# What Kubernetes refuses in the name of a RoleBinding.
_NOT_IN_A_BINDING = re.compile(r"[/%\s]|\A.{200}")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z")


def people(draft: Draft) -> Iterator[Problem]:
    for index, person in enumerate(draft.inputs.objects("people")):
        name = text(person, "username")
        if _NOT_IN_A_USERNAME.search(name) or not name.isprintable() or len(name) > 255:
            yield Problem(
                "username-text",
                "chain_people[%d].username" % index,
                "%r has characters that Keycloak refuses in a user name, or is too long." % name,
                "Write letters, digits, -, _, dots, + and @.",
            )
        email = text(person, "email")
        if email and not re.match(r"[^@\s]+@[^@\s]+\Z", email):
            yield Problem(
                "email-text",
                "chain_people[%d].email" % index,
                "%r is no e-mail address." % email,
                "Write one, or none.",
            )


def bindings(draft: Draft) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, binding in enumerate(draft.inputs.objects("bindings")):
        name, path = text(binding, "name"), "chain_bindings[%d].name" % index
        if name in _RESERVED_BINDINGS or (name.endswith("-agent") and name[:-6] in {*seen, *_RESERVED_BINDINGS}):
            yield Problem(
                "binding-reserved",
                path,
                "a binding %s is made by the chain itself." % name,
                "Write another name; chain_%s_group says who has that one."
                % (name if name in _RESERVED_BINDINGS else "admin"),
            )
        elif _NOT_IN_A_BINDING.search(name):
            yield Problem(
                "binding-name", path, "%r is no name of an object." % name, "Write small letters, digits, - and dots."
            )
        elif name in seen:
            yield Problem("binding-doubled", path, "the binding %s occurs twice." % name, "Rename one.")
        seen.add(name)
        for namespace in texts(binding, "namespaces"):
            if not _NAMESPACE.match(namespace):
                yield Problem(
                    "namespace-name",
                    "chain_bindings[%d].namespaces" % index,
                    "%r is no name of a namespace." % namespace,
                    "Write small letters, digits and -.",
                )


def personas(draft: Draft) -> Iterator[Problem]:
    """One group for two personas has the rights of the stronger: developers would be administrators."""
    seen: dict[str, str] = {}
    for persona in ("admin", "developer", "reader"):
        name = "%s_group" % persona
        group = draft.inputs.text(name)
        path = realm.group_path(group)
        if group and path in seen:
            yield Problem(
                "group-of-two",
                "chain_" + name,
                "%s is the group of %s as well, so its people have the rights of both." % (group, seen[path]),
                "Name another group, or leave it empty.",
            )
        elif group:
            seen[path] = "chain_" + name


def clusters(draft: Draft) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, cluster in enumerate(draft.inputs.objects("clusters")):
        name = text(cluster, "name")
        if name and name in seen:
            yield Problem(
                "cluster-doubled",
                "chain_clusters[%d].name" % index,
                "the cluster %s occurs twice." % name,
                "Leave one, or rename it.",
            )
        seen.add(name)


def needed(draft: Draft) -> Iterator[Problem]:
    """What the chain consists of can be changed, but not taken away or switched off."""
    own = realm.own(draft.inputs)
    for name, key in (("realm_client_scopes", "name"), ("realm_clients", "client_id"), ("realm_groups", "path")):
        seen: set[str] = set()
        for index, item in enumerate(draft.inputs.objects(name)):
            said = text(item, key)
            if said in seen:
                yield Problem(
                    "entry-doubled",
                    "chain_%s[%d].%s" % (name, index, key),
                    "there is an entry for %s before, which this one would replace." % said,
                    "Write one entry for it.",
                )
            seen.add(said)
            if said not in own[name]:
                continue
            if text(item, "state") == "absent":
                yield Problem(
                    "needed-absent",
                    "chain_%s[%d].state" % (name, index),
                    "%s is part of the chain, which cannot work without it." % said,
                    "Take the entry away, or change the input that the name comes from.",
                )
            elif not flag(item, "enabled", True) or flag(item, "bearer_only"):
                yield Problem(
                    "needed-disabled",
                    "chain_%s[%d]" % (name, index),
                    "the client %s is part of the chain; disabled or bearer-only it gets no token." % said,
                    "Leave out enabled and bearer_only.",
                )
    if not flag(draft.inputs.section("realm_settings"), "enabled", True):
        yield Problem(
            "needed-disabled",
            "chain_realm_settings.enabled",
            "nobody can sign in to a disabled realm.",
            "Leave it out.",
        )
    present = {text(item, "path") for item in objects(draft.realm, "groups")}
    for index, item in enumerate(draft.inputs.objects("realm_groups")):
        path = text(item, "path")
        below = sorted(other for other in present if other.startswith(path + "/"))
        if text(item, "state") == "absent" and below:
            yield Problem(
                "group-parent-absent",
                "chain_realm_groups[%d].state" % index,
                "%s is to be absent, and with it goes %s, which is to be there." % (path, below[0]),
                "Take one of them away.",
            )


RULES = (people, bindings, personas, clusters, needed)
