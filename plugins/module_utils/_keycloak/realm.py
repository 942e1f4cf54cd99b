# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
# What the module keycloak_realm does.

from __future__ import annotations

import copy
from typing import Any

from . import canonical, plan, read, validate
from .canonical import Current
from .engine import Outcome, reconcile
from .errors import InputProblems, KeycloakError
from .module import KeycloakModule, Reader, Say, placeholder
from .plan import Change, Plan
from .redact import Redactor, Reference
from .session import Session
from .wanted import Wanted, from_options

# References of one object: option -> (is it needed to compare)
_REFERENCES = (("clients", "secret", True), ("clients", "certificate", True), ("users", "password", False))


def _against_empty(params: dict[str, Any], outcome: Outcome) -> None:
    """Keycloak is not there yet: the plan for a realm that this run would make."""
    current = Current(params["realm"])
    read.assume_fresh(current)
    if params["state"] == "present":
        outcome.changes = plan.make(from_options(params), current).changes


def resolved(module: KeycloakModule, reader: Reader) -> dict[str, Any]:
    """The options with references read where a comparison needs the value; passwords wait until they are written."""
    params: dict[str, Any] = copy.deepcopy(module.params)
    if params["state"] == "absent":
        # Only the name counts then, and it goes into a URL that is deleted.
        wrong = validate.options({"realm": params["realm"]})
        if wrong:
            raise InputProblems(wrong)
        return params
    problems = []
    for option, key, compared in _REFERENCES:
        for index, item in enumerate(params.get(option) or []):
            reference = item.get(key + "_from")
            if not reference or item.get("state") == "absent":
                continue
            where = f"{option}[{index}].{key}_from"
            if item.get(key) is not None:
                problems.append(validate.problem(where, f"is given together with {key}"))
                continue
            item[key] = placeholder(reference)
            if not compared:
                continue
            try:
                item[key] = module.read(reader, reference, secret=key != "certificate")
            except KeycloakError as error:
                if not (module.check_mode and error.code == 404):
                    problems.append(validate.problem(where, error.text()))
    problems += validate.options(params)
    if problems:
        raise InputProblems(problems)
    return params


def run(module: KeycloakModule, reader: Reader, say: Say) -> None:
    outcome = Outcome()
    counts: dict[str, Any] = {"requests": 0, "writes": 0}
    against_empty = False
    try:
        params = resolved(module, reader)
        try:
            with module.open(reader, say) as session:
                try:
                    if params["state"] == "absent":
                        _remove(module, session, outcome)
                    else:
                        _present(module, reader, session, params, outcome)
                        _issuer(session, params, module.check_mode)
                finally:
                    counts = {"requests": session.requests, "writes": session.writes}
        except KeycloakError as error:
            if not module.empty_instead(error):
                raise
            _against_empty(params, outcome)
            against_empty = True
    except InputProblems as error:
        module.fail_input(error, "Realm {}".format(module.params["realm"]), **_result(module, outcome, counts))
    except KeycloakError as error:
        module.fail_keycloak(error, **_result(module, outcome, counts))
    if outcome.current is not None:
        taken = plan.contested(from_options(params), outcome.current, outcome.changes)
        for name, scopes in taken.items():
            module.warn(
                f"Client {name} exchanges tokens and loses the scopes {', '.join(scopes)}, by which it reaches its targets. If "
                "keycloak_token_exchange_client gave them to it, say requester: true here."
            )
    if outcome.hidden:
        module.warn(
            f"Realm {module.params['realm']}: the server hides {', '.join(outcome.hidden)}, so it was neither compared nor "
            "written. reset_secrets: true writes it, on every run."
        )
    module.exit_json(against_empty=against_empty, **_result(module, outcome, counts))


def _present(
    module: KeycloakModule, reader: Reader, session: Session, params: dict[str, Any], outcome: Outcome
) -> None:
    wanted = from_options(params)

    def checker(current: Current, planned: Plan) -> list[dict[str, str]]:
        problems = validate.adoption(wanted, current, params["adopt"])
        if problems:
            return problems
        if validate.mappers_to_check(wanted, planned) and current.mapper_types is None:
            info = session.get("admin/serverinfo")
            types = info.get("protocolMapperTypes") or {}
            current.mapper_types = {key: {item["id"] for item in value} for key, value in types.items()}
        return validate.references(wanted, current, planned)

    def prepare(planned: Plan) -> None:
        fetch_passwords(module, reader, planned)

    reconcile(
        session,
        lambda: read.read(session, wanted),
        lambda current: plan.make(wanted, current),
        checker,
        module.check_mode,
        outcome,
        prepare,
    )


def _issuer(session: Session, params: dict[str, Any], check_mode: bool) -> None:
    """The issuer that the realm's discovery document tells must be the expected one to the letter."""
    expected = params["issuer"]
    if not expected:
        return
    try:
        told = str(session.discovery(params["realm"]).get("issuer", ""))
    except KeycloakError as error:
        if check_mode and error.code == 404:
            return
        raise
    if told != expected:
        raise KeycloakError(
            f"The discovery document of realm {params['realm']} tells the issuer {told!r}, expected is {expected!r}.",
            "issuer",
            None,
            "Every token would be refused: set Keycloak's hostname, or the issuer, so that they are equal to the letter.",
        )


def fetch_passwords(module: KeycloakModule, reader: Reader, planned: Plan) -> None:
    problems = []
    for change in planned.changes:
        value = (change.after or {}).get("password")
        if isinstance(value, Reference) and value.source:
            try:
                (change.after or {})["password"] = module.read(reader, value.source)
            except KeycloakError as error:
                problems.append(validate.problem(f"users[{change.name}].password_from", error.text()))
    if problems:
        raise InputProblems(problems)


def _remove(module: KeycloakModule, session: Session, outcome: Outcome) -> None:
    """Only what we made, for the same owner to the letter; force removes anything."""
    name, owner = module.params["realm"], module.params["owner"] or canonical.NOBODY
    if name == "master":
        raise KeycloakError("Realm master is never removed.", "input")
    raw = session.get(read.base(name), missing=True)
    if raw is None:
        return
    current = canonical.realm(raw)
    mark, origin = canonical.mark(current)
    why = ""
    if not mark:
        why = f"has no attribute {canonical.OWNER}: it was not made by this collection"
    elif mark != owner:
        why = f"belongs to {mark!r}, not to {owner!r}"
    elif origin != canonical.MADE:
        why = "was there before this collection took it over, and may hold what others need"
    if why and not module.params["force"]:
        raise KeycloakError(
            f"Realm {name} {why}.",
            "foreign",
            None,
            "force: true (role realm: realm_force: true) removes it all the same, with everything in it.",
        )
    outcome.changes = [Change("realm", name, "delete", {"realm": name, "attributes": current["attributes"]}, None)]
    if not module.check_mode:
        session.request("DELETE", read.base(name), accept=(404,))


def _result(module: KeycloakModule, outcome: Outcome, counts: dict[str, Any]) -> dict[str, Any]:
    redactor: Redactor = module.redactor
    shown = [change.shown(redactor) for change in outcome.changes]
    result: dict[str, Any] = {
        "changed": bool(shown) or bool(counts["writes"]),
        "realm": module.params["realm"],
        "changes": shown,
        "unmanaged": outcome.unmanaged,
        **counts,
    }
    if module._diff:
        result["diff"] = [diff_of(change) for change in shown]
    return result


def diff_of(shown: dict[str, Any]) -> dict[str, Any]:
    header = f"{shown['kind']} {shown['name']} ({shown['operation']})"
    return {
        "before_header": header,
        "after_header": header,
        "before": shown["before"] or {},
        "after": shown["after"] or {},
    }


__all__ = ["Wanted", "diff_of", "fetch_passwords", "resolved", "run"]
