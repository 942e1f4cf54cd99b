# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""generated_certificate: what is there, whether it will do, and what to write instead."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from .._cluster.client import Client
from .._cluster.errors import ClusterError, Conflict, NotThere
from .._cluster.plan import Change, Object, Ref, changed_paths, clean, plan_delete
from .fields import (
    MANAGED,
    PUBLISHED,
    ROTATION,
    annotations_of,
    decode,
    encode,
    is_ours,
    left,
    not_ours,
    note,
    places_noted,
)
from .publish import Publication, check_publications, plan_gone, plan_publication
from .x509 import Order, Parsed, chains_to, fitted, issue, key_matches, now, parse, parse_all, signed_by

TLS = "kubernetes.io/tls"
KEYS = ("tls.crt", "tls.key", "ca.crt")
ATTEMPTS = 5


@dataclasses.dataclass
class Wanted:
    """What the module was asked for."""

    namespace: str
    name: str
    order: Order
    renew_before_days: int
    generate: str = "if_needed"
    rotation_id: str = ""
    keep_previous: bool = True
    issuer: tuple[str, str] | None = None
    ca_certificate: str | None = None
    publish: list[Publication] | None = None
    labels: dict[str, str] = dataclasses.field(default_factory=dict)
    check_mode: bool = False

    @property
    def place(self) -> str:
        return self.namespace + "/" + self.name

    @property
    def role(self) -> str:
        return self.order.role

    @property
    def given(self) -> bool:
        """Whether somebody else keeps the certificate."""
        return self.generate == "never" or (self.role == "ca" and self.ca_certificate is not None)


@dataclasses.dataclass
class Outcome:
    changes: list[Change]
    certificate: Parsed | None = None
    bundle: str = ""
    renewed: str = ""
    warnings: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Issuer:
    certificate: Parsed
    key: str
    bundle: str


def present(client: Client, wanted: Wanted) -> Outcome:
    """Key and certificate are written in one request, so a killed run leaves none without the other."""
    _check(wanted)
    wanted = dataclasses.replace(wanted, order=fitted(wanted.order))
    if wanted.renew_before_days >= wanted.order.valid_days:
        raise ClusterError(
            "renew_before_days (%d) is not below valid_days (%d): every run would make a new certificate."
            % (wanted.renew_before_days, wanted.order.valid_days),
            reason="BadOptions",
        )
    for attempt in range(ATTEMPTS):
        try:
            return _once(client, wanted)
        except Conflict as exc:
            if attempt == ATTEMPTS - 1 or exc.details.get("causes"):
                raise
    raise AssertionError("unreachable")


def _check(wanted: Wanted) -> None:
    """Refuses what can not work, before anything is read."""
    if wanted.ca_certificate is not None and not wanted.ca_certificate.strip():
        raise ClusterError(
            "ca_certificate is empty.",
            reason="BadOptions",
            hint="Give the certificates (PEM) of the CA that somebody else keeps, or leave the option out.",
        )
    check_publications(wanted.publish or [])


def _once(client: Client, wanted: Wanted) -> Outcome:
    if wanted.role == "ca" and wanted.ca_certificate is not None:
        return _given_ca(client, wanted, wanted.ca_certificate)
    live = client.get("v1", "Secret", wanted.name, wanted.namespace)
    held = decode((live or {}).get("data"), KEYS, "Secret " + wanted.place)
    if wanted.generate == "never":
        cert, bundle = _given(client, wanted, held, live)
        return Outcome(_carry_out(client, wanted, _publications(client, wanted, cert.pem, bundle)), cert, bundle)
    _check_type(wanted, live)
    issuer = _issuer(client, wanted)
    if wanted.issuer and issuer is None:
        # Check mode on an empty cluster: the CA would be made by the task before.
        _may_replace(wanted, live, "its issuer is not there")
        return Outcome([_unknown(wanted, live)] + _publications(client, wanted, "", ""), None, "", "missing")
    rotate = _rotate(wanted, live)
    why = "rotation asked for" if rotate else trouble(wanted, held, issuer)
    chain, key = held.get("tls.crt", ""), held.get("tls.key", "")
    if why:
        _may_replace(wanted, live, why)
        chain, key = issue(wanted.order, issuer.certificate if issuer else None, issuer.key if issuer else "")
    cert = parse(chain, "Secret " + wanted.place)
    bundle = _bundle(wanted, cert, held, issuer)
    known = not (wanted.check_mode and why)
    copies = _publications(client, wanted, cert.pem if known else "", bundle if known else "")
    if live is not None and not is_ours(live):
        # It will do, and is left as it is.
        source = Change(Ref("v1", "Secret", wanted.namespace, wanted.name), "none", {}, True, [], clean(live), {}, live)
        changes = _carry_out(client, wanted, [source] + copies)
    else:
        values = {"tls.crt": chain, "tls.key": key, "ca.crt": bundle}
        changes = _keep(client, wanted, live, values, rotate, copies)
    return Outcome(changes, cert if known else None, bundle if known else "", why)


def _keep(
    client: Client, wanted: Wanted, live: Object | None, values: dict[str, str], rotate: bool, copies: list[Change]
) -> list[Change]:
    """Our Secret, what is published of it, and what no longer is."""
    before = places_noted(annotations_of(live).get(PUBLISHED))
    final = before if wanted.publish is None else sorted({item.place for item in wanted.publish})
    gone = [plan_gone(client, wanted.place, place) for place in before if place not in final]
    # First the union: what was published is known even when this run is killed before it ends.
    source = _plan(wanted, live, values, rotate, sorted(set(before) | set(final)))
    changes = _carry_out(client, wanted, [source] + copies + gone)
    if gone:
        settled = live
        if not wanted.check_mode:
            settled = client.get("v1", "Secret", wanted.name, wanted.namespace)
            _write(client, _plan(wanted, settled, values, False, final), False)
        if not source.changed:
            changes[0] = dataclasses.replace(source, operation="update", paths=["metadata.annotations." + PUBLISHED])
    return changes


# -- is what is there good enough? -----------------------------------------------------------------------------------


def trouble(wanted: Wanted, held: t.Mapping[str, str], issuer: Issuer | None) -> str:
    """Why a new certificate is needed; empty when the present one will do."""
    if not held.get("tls.crt") or not held.get("tls.key"):
        return "missing"
    try:
        cert = parse(held["tls.crt"], wanted.place)
    except ClusterError:
        return "not readable"
    order = wanted.order
    if not key_matches(held["tls.key"], cert):
        return "the key does not belong to the certificate"
    limit = now() + datetime.timedelta(days=wanted.renew_before_days)
    # One that ends with its issuer can not be made to last longer: the issuer has to be renewed first.
    capped = issuer is not None and cert.not_after >= issuer.certificate.not_after and cert.not_after > now()
    if cert.not_after <= limit and not capped:
        return "expires on %s" % cert.not_after.date().isoformat()
    if cert.common_name != order.common_name:
        return "common name changed"
    if {name.lower() for name in cert.dns_names} != set(order.dns_names):
        return "names changed"
    if set(cert.ip_addresses) != set(order.ip_addresses):
        return "names changed"
    if cert.key_type != order.key_type:
        return "key type changed"
    if cert.is_ca != (order.role == "ca"):
        return "role changed"
    if issuer is not None and not signed_by(cert, issuer.certificate):
        return "issuer changed"
    return ""


def _rotate(wanted: Wanted, live: Object | None) -> bool:
    if wanted.generate != "rotate":
        return False
    done = (((live or {}).get("metadata") or {}).get("annotations") or {}).get(ROTATION)
    return not wanted.rotation_id or done != wanted.rotation_id


def _bundle(wanted: Wanted, cert: Parsed, held: t.Mapping[str, str], issuer: Issuer | None) -> str:
    """What those who check should trust. A renewed CA keeps its predecessors until they expire: certificates that
    they signed are still in use."""
    if issuer is not None:
        return issuer.bundle
    if wanted.role != "ca":
        return cert.pem
    out = [cert]
    if wanted.keep_previous and (held.get("ca.crt") or held.get("tls.crt")):
        try:
            older = parse_all(held.get("tls.crt", "") + "\n" + held.get("ca.crt", ""), wanted.place)
        except ClusterError:
            older = []
        for one in older:
            if one.not_after > now() and one.fingerprint not in [other.fingerprint for other in out]:
                out.append(one)
    return "".join(one.pem for one in out)


def _issuer(client: Client, wanted: Wanted) -> Issuer | None:
    if not wanted.issuer:
        return None
    namespace, name = wanted.issuer
    where = "Secret %s/%s (issuer_secret)" % (namespace, name)
    live = client.get("v1", "Secret", name, namespace)
    if live is None:
        if wanted.check_mode:
            return None
        raise NotThere(
            "There is no %s to sign the certificate with." % where,
            reason="NotFound",
            code=404,
            hint="Make it with role: ca first.",
        )
    held = decode(live.get("data"), KEYS, where)
    if not held.get("tls.crt") or not held.get("tls.key"):
        raise ClusterError("%s has no tls.crt and tls.key." % where, reason="BadCertificate")
    cert = parse(held["tls.crt"], where)
    if not cert.is_ca:
        raise ClusterError("The certificate in %s is not one of a CA." % where, reason="BadCertificate")
    if not key_matches(held["tls.key"], cert):
        raise ClusterError("The key in %s does not belong to its certificate." % where, reason="BadCertificate")
    if cert.not_after <= now():
        raise ClusterError("The CA in %s expired on %s." % (where, cert.not_after.date()), reason="Expired")
    return Issuer(cert, held["tls.key"], held.get("ca.crt") or cert.pem)


# -- certificates that somebody else provides ------------------------------------------------------------------------


def _given(client: Client, wanted: Wanted, held: t.Mapping[str, str], live: Object | None) -> tuple[Parsed, str]:
    where = "Secret " + wanted.place
    if live is None or not held.get("tls.crt") or not held.get("tls.key"):
        raise ClusterError(
            "%s %s." % (where, "is not there" if live is None else "has no tls.crt and tls.key"),
            reason="SecretMissing",
            hint="Create it (kubectl create secret tls), or use generate: if_needed.",
        )
    chain = parse_all(held["tls.crt"], where)
    cert = chain[0]
    if not key_matches(held["tls.key"], cert):
        raise ClusterError("The key in %s does not belong to its certificate." % where, reason="BadCertificate")
    _in_time(cert, "The certificate in " + where)
    if wanted.role == "server":
        missing = uncovered(cert, wanted.order.dns_names, wanted.order.ip_addresses)
        if missing:
            raise ClusterError(
                "The certificate in %s is not valid for %s; it is for %s."
                % (where, ", ".join(missing), ", ".join(cert.dns_names + cert.ip_addresses) or "no name"),
                reason="WrongName",
                hint="Get one whose subjectAltName has all of these names.",
            )
    if wanted.role == "ca":
        if not cert.is_ca:
            raise ClusterError("The certificate in %s is not one of a CA." % where, reason="BadCertificate")
        return cert, held.get("ca.crt") or cert.pem
    if wanted.role == "client_key":
        return cert, cert.pem
    bundle = wanted.ca_certificate or ""
    if not bundle and wanted.issuer:
        issuer = client.get("v1", "Secret", wanted.issuer[1], wanted.issuer[0])
        kept = decode((issuer or {}).get("data"), KEYS, "issuer_secret")
        bundle = kept.get("ca.crt") or kept.get("tls.crt") or ""
    bundle = bundle or held.get("ca.crt", "")
    if bundle and not chains_to(chain, parse_all(bundle, "The CA")):
        raise ClusterError(
            "The certificate in %s is not signed by the given CA (%s)."
            % (where, ", ".join(one.common_name for one in parse_all(bundle, "The CA"))),
            reason="WrongIssuer",
            hint="Give the CA that signed it, with any intermediate certificates after the leaf in tls.crt.",
        )
    return cert, bundle


def _in_time(cert: Parsed, what: str) -> None:
    if cert.not_after <= now():
        raise ClusterError("%s expired on %s." % (what, cert.not_after.date()), reason="Expired", hint="Get a new one.")
    if cert.not_before > now():
        raise ClusterError(
            "%s is valid only from %s on." % (what, cert.not_before.date()),
            reason="NotYetValid",
            hint="Check the clocks.",
        )


def uncovered(cert: Parsed, dns_names: t.Iterable[str], ip_addresses: t.Iterable[str]) -> list[str]:
    """The names that a certificate is not for; a wildcard stands for one label."""
    out = []
    for name in dns_names:
        wild = "*." + name.partition(".")[2]
        if not any(have.lower() in (name.lower(), wild.lower()) for have in cert.dns_names):
            out.append(name)
    return out + [ip for ip in ip_addresses if ip not in cert.ip_addresses]


def _given_ca(client: Client, wanted: Wanted, pem: str) -> Outcome:
    """Only published: somebody else keeps the CA, and its key is nowhere near."""
    found = parse_all(pem, "ca_certificate")
    for one in found:
        if not one.is_ca:
            raise ClusterError(
                "ca_certificate has a certificate (%s) that is not one of a CA."
                % (one.common_name or one.fingerprint[:16]),
                reason="BadCertificate",
            )
        _in_time(one, "The CA %s" % one.common_name)
    bundle = "".join(one.pem for one in found)
    copies = _publications(client, wanted, found[0].pem, bundle)
    return Outcome(_carry_out(client, wanted, copies), found[0], bundle)


# -- plan ------------------------------------------------------------------------------------------------------------


def _check_type(wanted: Wanted, live: Object | None) -> None:
    if live is not None and live.get("type") not in (TLS, None):
        raise ClusterError(
            "Secret %s is there with the type %s, not %s." % (wanted.place, live.get("type"), TLS),
            reason="NotOurs",
            hint="Give another name, or delete it.",
        )


def _may_replace(wanted: Wanted, live: Object | None, why: str) -> None:
    if live is not None and not is_ours(live):
        raise not_ours(
            wanted.namespace,
            wanted.name,
            "its certificate and key are not replaced (%s)" % why,
            "Use it as it is (generate: never), give another name",
        )


def _unknown(wanted: Wanted, live: Object | None) -> Change:
    return Change(Ref("v1", "Secret", wanted.namespace, wanted.name), "update" if live else "create", {}, False)


def _plan(wanted: Wanted, live: Object | None, values: dict[str, str], rotate: bool, published: list[str]) -> Change:
    ref = Ref("v1", "Secret", wanted.namespace, wanted.name)
    meta: Object = dict((live or {}).get("metadata") or {}, name=wanted.name, namespace=wanted.namespace)
    meta.pop("managedFields", None)
    meta["labels"] = dict(meta.get("labels") or {}, **dict(wanted.labels, **MANAGED))
    notes = dict(annotations_of(live), **{PUBLISHED: note(published)})
    if rotate and wanted.rotation_id:
        notes[ROTATION] = wanted.rotation_id
    meta["annotations"] = {key: value for key, value in notes.items() if value}
    data = dict((live or {}).get("data") or {}, **encode(values))
    manifest: Object = {"apiVersion": "v1", "kind": "Secret", "type": TLS, "metadata": meta, "data": data}
    before, after = clean(live), clean(manifest)
    if live is None:
        return Change(ref, "create", manifest, True, ["data"], None, after)
    paths = changed_paths(before, after)
    return Change(ref, "update" if paths else "none", manifest, True, paths, before, after, live)


def _publications(client: Client, wanted: Wanted, certificate: str, bundle: str) -> list[Change]:
    texts: dict[tuple[str, str], dict[str, str]] = {}
    for item in wanted.publish or []:
        content = item.content or ("certificate" if wanted.role == "client_key" else "ca")
        data = texts.setdefault((item.namespace, item.name), {})
        data[item.key] = certificate if content == "certificate" else bundle
    labels = dict(wanted.labels, **MANAGED)
    return [
        plan_publication(client, wanted.place, Ref("v1", "ConfigMap", *where), data, labels, wanted.check_mode)
        for where, data in texts.items()
    ]


# -- write -----------------------------------------------------------------------------------------------------------


def _carry_out(client: Client, wanted: Wanted, changes: list[Change]) -> list[Change]:
    """Tries all, then writes all, so that nothing is half done when one can not be made."""
    todo = [change for change in changes if change.changed]
    if wanted.check_mode or len(todo) > 1:
        for change in todo:
            # Applies were tried when they were planned.
            if change.ref.kind == "Secret" or change.operation == "delete":
                _write(client, change, True, wanted.check_mode)
    if not wanted.check_mode:
        for change in todo:
            _write(client, change)
    return changes


def _write(client: Client, change: Change, dry_run: bool = False, check_mode: bool = False) -> None:
    ref = change.ref
    try:
        if change.operation == "delete":
            uid = str(((change.live or {}).get("metadata") or {}).get("uid") or "")
            client.delete(ref.api_version, ref.kind, ref.name, ref.namespace, dry_run, uid)
        elif ref.kind == "ConfigMap":
            # A published copy that was changed by hand is put back.
            client.apply(change.manifest, dry_run, force=True)
        elif change.operation == "create":
            client.create(change.manifest, dry_run)
        else:
            client.replace(change.manifest, dry_run)
    except NotThere:
        if not check_mode:
            raise
        change.validated = False


def absent(client: Client, wanted: Wanted) -> Outcome:
    """Deletes what was published, now and earlier, and the Secret, when it is ours."""
    _check(wanted)
    places = {item.place for item in wanted.publish or []}
    live = None
    if wanted.role != "ca" or wanted.ca_certificate is None:
        live = client.get("v1", "Secret", wanted.name, wanted.namespace)
        places |= set(places_noted(annotations_of(live).get(PUBLISHED)))
    changes = [plan_gone(client, wanted.place, place) for place in sorted(places)]
    warnings = []
    if not wanted.given:
        ours = live if live is not None and is_ours(live) else None
        changes.append(plan_delete(Ref("v1", "Secret", wanted.namespace, wanted.name), ours))
        warnings = [left(wanted.place)] if live is not None and ours is None else []
    for change in changes:
        if change.changed:
            _write(client, change, wanted.check_mode)
    return Outcome(changes, warnings=warnings)
