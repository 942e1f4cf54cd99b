# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
# Pure. What widens tokens below whole objects and is not named in the input: it is listed, and left alone.

from __future__ import annotations

from . import canonical
from .canonical import BUILTIN_SCOPES, Current
from .wanted import Wanted

# What widens a client when it is on, or set to anything.
_WIDE_FLAGS = (
    "fullScopeAllowed", "directAccessGrantsEnabled", "implicitFlowEnabled", "serviceAccountsEnabled",
    "authorizationServicesEnabled",
)  # fmt: skip
_WIDE_ATTRIBUTES = (
    canonical.EXCHANGE_ENABLED, canonical.EXCHANGE_REFRESH, canonical.LIFESPAN, canonical.POST_LOGOUT,
    "client.session.idle.timeout", "client.session.max.lifespan", "oauth2.device.authorization.grant.enabled",
    "oidc.ciba.grant.enabled",
)  # fmt: skip


def settings(wanted: Wanted, current: Current) -> set[str]:
    """What is set on a client of the input, decides about security, and is not named there."""
    found = set()
    for name in set(wanted.clients) & set(current.clients):
        named, have = wanted.clients[name], current.clients[name]
        found |= {f"{name}: {key}" for key in _WIDE_FLAGS if have.get(key) and key not in named}
        said = set(named.get("attributes", {})) | (
            canonical.EXCHANGE_ATTRIBUTES if name in wanted.requesters else set()
        )
        held = have["attributes"]
        found |= {
            f"{name}: attributes.{key}"
            for key in _WIDE_ATTRIBUTES
            if held.get(key, "false") not in ("false", "NO") and key not in said
        }
    return found


def defaults(wanted: Wanted, current: Current) -> set[str]:
    """Scopes beside the built-in ones that every new client gets though nobody asked for that here."""
    lists = ((wanted.default_scopes, current.default_scopes), (wanted.optional_scopes, current.optional_scopes))
    return {name for named, have in lists if named is None for name in set(have) - BUILTIN_SCOPES}


def mappers(wanted: Wanted, current: Current) -> set[str]:
    """Mappers in built-in scopes that say who a token is for or put fixed values into it."""
    return {
        f"{name}: {mapper} ({item['protocolMapper']})"
        for name in BUILTIN_SCOPES & set(current.client_scopes) - set(wanted.client_scopes)
        for mapper, item in current.client_scopes[name].get("protocolMappers", {}).items()
        if item.get("protocolMapper") in canonical.FOREIGN_MAPPERS
    }
