# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
# What the module keycloak_token_exchange_client does: the exchange fields of one client, with the planner and the
# read of keycloak_realm. The plan is pure.

from __future__ import annotations

from typing import Any

from . import canonical, plan, read, validate
from .canonical import EXCHANGE_ENABLED, EXCHANGE_REFRESH, LIFESPAN, Current, Object
from .engine import Outcome, reconcile
from .errors import InputProblems, KeycloakError
from .exchange import Client, audience_list, exchange
from .module import KeycloakModule, Reader, Say
from .plan import Change, Plan, change_of
from .realm import diff_of
from .session import Session
from .validate import problem


def audience_scope(client_id: str, name: str) -> Object:
    """The scope whose mapper puts the requester into the audience of subject tokens."""
    config = {"included.client.audience": client_id, "id.token.claim": "false", "access.token.claim": "true"}
    mapper = canonical.mapper({"protocolMapper": canonical.AUDIENCE_MAPPER, "config": config})
    return {
        "name": name,
        "protocol": "openid-connect",
        "attributes": {"include.in.token.scope": "true", "display.on.consent.screen": "false"},
        "protocolMappers": {"audience-" + client_id: mapper},
    }


def make(params: dict[str, Any], current: Current) -> Plan:
    """Only the exchange fields: the switch, refresh tokens, the lifespan, the scopes that reach the targets, and
    full scope off."""
    name = params["client_id"]
    changes: list[Change | None] = []
    scopes = dict(current.client_scopes)
    managed = params.get("subject_token_audience_scope") if params.get("audience_scope_managed") else None
    if managed and params["state"] == "present":
        before = scopes.get(managed)
        if before is None or name not in canonical.audiences(before):
            model = audience_scope(name, managed)
            after = model
            if before is not None:
                after = dict(before, protocolMappers=dict(before["protocolMappers"], **model["protocolMappers"]))
            changes.append(change_of("client_scope", managed, before, after))
            scopes[managed] = after
    client = current.clients.get(name)
    if client is not None:
        changes.append(change_of("client", name, client, client_after(params, client, scopes)))
    return Plan([change for change in changes if change is not None])


def client_after(params: dict[str, Any], before: Object, scopes: dict[str, Object]) -> Object:
    name = params["client_id"]
    present = params["state"] == "present"
    after = dict(before)
    wanted: Object = {EXCHANGE_ENABLED: None, EXCHANGE_REFRESH: None, LIFESPAN: None}
    if present:
        wanted = {EXCHANGE_ENABLED: "true", EXCHANGE_REFRESH: params["refresh_tokens"]}
        wanted[LIFESPAN] = str(params["access_token_lifespan"])
        if before.get("fullScopeAllowed"):
            after["fullScopeAllowed"] = False
    after["attributes"] = canonical.overlay(before["attributes"], wanted)
    # Every optional scope with a foreign audience widens what the requester can ask for: exactly the named ones.
    targets = {scope for scope, item in scopes.items() if canonical.audiences(item) - {name}}
    named = set(params.get("scopes") or []) if present else set()
    after["optionalClientScopes"] = sorted((set(before["optionalClientScopes"]) - targets) | named)
    return after


def problems(params: dict[str, Any], current: Current, planned: Plan) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    name, realm = params["client_id"], current.name
    if not current.exists:
        return [problem("realm", f"there is no realm {realm}; keycloak_realm makes it")]
    client = current.clients.get(name)
    if params["state"] == "absent":
        return found
    if client is None:
        near = validate._nearest(name, current.clients)
        return [problem("client_id", f"there is no client {name} in realm {realm}{near}; keycloak_realm makes it")]
    if client.get("publicClient"):
        found.append(problem("client_id", f"{name} is a public client; a requester must be confidential"))
    if client.get("bearerOnly"):
        found.append(problem("client_id", f"{name} is bearer-only; it cannot ask for tokens"))
    scopes = {change.name: change.after or {} for change in planned.changes if change.kind == "client_scope"}
    scopes = dict(current.client_scopes, **scopes)
    reached: set[str] = set()
    for scope in params["scopes"] or []:
        if scope not in scopes:
            near = validate._nearest(scope, scopes)
            found.append(problem("scopes", f"there is no client scope {scope} in realm {realm}{near}"))
            continue
        adds = canonical.audiences(scopes[scope])
        reached |= adds
        for audience in sorted(adds - set(params["audiences"] or [])):
            found.append(
                problem("scopes", f"scope {scope} adds the audience {audience}, which audiences does not name")
            )
        if scope in client["defaultClientScopes"]:
            found.append(
                problem(
                    "scopes",
                    f"{scope} is a default scope of {name}: every token of it would reach the target. Take it out of "
                    "default_client_scopes in keycloak_realm",
                )
            )
    for audience in params["audiences"] or []:
        if audience == name:
            found.append(problem("audiences", f"{audience} is the requester itself"))
        elif audience not in current.clients:
            near = validate._nearest(audience, current.clients)
            found.append(
                problem("audiences", f"{audience} is no client of realm {realm}{near}; each audience must be one")
            )
        elif audience not in reached:
            found.append(problem("audiences", f"no scope of scopes adds the audience {audience} (audience mapper)"))
    subject = params.get("subject_token_audience_scope")
    if subject:
        if subject not in scopes:
            found.append(
                problem(
                    "subject_token_audience_scope",
                    f"there is no client scope {subject}; keycloak_realm makes it, or audience_scope_managed: true",
                )
            )
        elif name not in canonical.audiences(scopes[subject]):
            found.append(
                problem("subject_token_audience_scope", f"scope {subject} does not put {name} into a token's audience")
            )
    return found


def holders(current: Current, scopes: list[str], but: str) -> dict[str, list[str]]:
    """Which other clients hold a scope."""
    found: dict[str, list[str]] = {}
    for name, client in sorted(current.clients.items()):
        for scope in set(scopes) & set(client["defaultClientScopes"] + client["optionalClientScopes"]):
            if name != but:
                found.setdefault(scope, []).append(name)
    for scope in scopes:
        if scope in current.default_scopes or scope in current.optional_scopes:
            found.setdefault(scope, []).append("(every new client of the realm)")
    return found


def run(module: KeycloakModule, reader: Reader, say: Say) -> None:
    outcome = Outcome()
    counts: dict[str, Any] = {"requests": 0, "writes": 0}
    params = module.params
    extra: dict[str, Any] = {"others_with_scope": {}, "subject_clients": [], "proof": None}
    try:
        try:
            with module.open(reader, say) as session:
                try:
                    _reconcile(module, session, outcome)
                    extra.update(_report(module, outcome))
                    extra["proof"] = _prove(module, reader, session, outcome)
                finally:
                    counts = {"requests": session.requests, "writes": session.writes}
        except KeycloakError as error:
            if not module.empty_instead(error):
                raise
            _against_empty(module, outcome)
    except InputProblems as error:
        module.fail_input(error, f"Requester {params['client_id']} of realm {params['realm']}")
    except KeycloakError as error:
        module.fail_keycloak(error, **_result(module, outcome, counts, extra))
    for scope, names in extra["others_with_scope"].items():
        module.warn(
            f"Scope {scope} reaches the target of requester {params['client_id']}, and is assigned to "
            f"{', '.join(names)} as well."
        )
    module.exit_json(**_result(module, outcome, counts, extra))


def _against_empty(module: KeycloakModule, outcome: Outcome) -> None:
    """Keycloak, the realm or the client is not there yet: what this run would set on it."""
    if module.params["state"] == "absent":
        return
    birth: Object = {"attributes": {}, "optionalClientScopes": [], "defaultClientScopes": []}
    change = change_of("client", module.params["client_id"], birth, client_after(module.params, birth, {}))
    outcome.changes = [change] if change else []


def _reconcile(module: KeycloakModule, session: Session, outcome: Outcome) -> None:
    params = module.params

    def reader() -> Current:
        current = read.read_clients(session, params["realm"])
        if params["plan_against_empty"] and module.check_mode and params["client_id"] not in current.clients:
            raise KeycloakError(f"Client {params['client_id']} is not there yet.", "absent")
        return current

    reconcile(
        session,
        reader,
        lambda current: make(params, current) if current.exists else Plan(),
        lambda current, planned: _checked(module, current, planned),
        module.check_mode,
        outcome,
    )


def _checked(module: KeycloakModule, current: Current, planned: Plan) -> list[dict[str, str]]:
    if module.params["state"] == "absent" and not current.exists:
        return []
    return problems(module.params, current, planned)


def _report(module: KeycloakModule, outcome: Outcome) -> dict[str, Any]:
    params, current = module.params, outcome.current
    if current is None or params["state"] == "absent":
        return {}
    subject = params.get("subject_token_audience_scope")
    return {
        "others_with_scope": holders(current, params["scopes"] or [], params["client_id"]),
        "subject_clients": holders(current, [subject], params["client_id"]).get(subject, []) if subject else [],
    }


def _prove(module: KeycloakModule, reader: Reader, session: Session, outcome: Outcome) -> dict[str, Any] | None:
    """A real exchange with a subject token that the user gives."""
    params = module.params
    module.resolve(reader, "subject_token", "client_secret", "client_key")
    if not params["subject_token"] or params["state"] == "absent" or (module.check_mode and outcome.changes):
        return None
    secret = params["client_secret"]
    if not secret and not params["client_key"] and outcome.current is not None:
        secret = outcome.current.ids.get(("secret", params["client_id"]))
    client = Client(params["client_id"], secret or None, params["client_key"])
    done = exchange(session, params["realm"], client, params["subject_token"], params["audiences"], params["scopes"])
    lifetime = int(done.claims.get("exp", 0)) - int(done.claims.get("iat", 0))
    wrong = []
    if sorted(audience_list(done.claims)) != sorted(params["audiences"]):
        wrong.append("the audience is {}".format(", ".join(audience_list(done.claims)) or "none"))
    if done.claims.get("azp") != params["client_id"]:
        wrong.append(f"azp is {done.claims.get('azp')}")
    if lifetime > params["access_token_lifespan"]:
        wrong.append(f"it lives {lifetime} s")
    if done.subject.get("sub") != done.claims.get("sub"):
        wrong.append("sub is not the subject token's")
    if wrong:
        raise KeycloakError(
            f"The exchanged token of {params['client_id']} is not what was asked for: {'; '.join(wrong)}.", "proof"
        )
    return {"claims": done.claims, "lifetime": lifetime, "scope": done.scope}


def _result(module: KeycloakModule, outcome: Outcome, counts: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    shown = [change.shown(module.redactor) for change in outcome.changes]
    result: dict[str, Any] = {
        "changed": bool(shown) or bool(counts["writes"]),
        "realm": module.params["realm"],
        "client_id": module.params["client_id"],
        "changes": shown,
        **extra,
        **counts,
    }
    if module._diff:
        result["diff"] = [diff_of(change) for change in shown]
    return result


__all__ = ["make", "plan", "problems", "run"]
