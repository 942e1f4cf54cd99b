# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""From the options of generated_secret and generated_certificate to the logic and back."""

from __future__ import annotations

import typing as t

from .._cluster.args import ClusterModule
from .._cluster.client import connect
from .._cluster.module import guarded
from .._cluster.plan import Change
from . import certificate, secret
from .fields import Copy, Field
from .publish import Publication
from .x509 import Order

# Days: valid, and renewed that long before the end. A CA is renewed while it still outlives what it signs.
DAYS = {"ca": (3650, 400), "server": (365, 60), "client_key": (365, 60)}


def result_of(module: ClusterModule, changes: t.Sequence[Change], **more: t.Any) -> dict[str, t.Any]:
    """The part of a result that the modules of this package have in common."""
    out: dict[str, t.Any] = {
        "changed": any(change.changed for change in changes),
        "changes": [change.result() for change in changes],
    }
    if module._diff:
        out["diff"] = [change.diff() for change in changes if change.changed]
    out.update(more)
    return out


def _warn(module: ClusterModule, warnings: t.Iterable[str]) -> None:
    for text in warnings:
        module.warn(text)


def generated_secret(module: ClusterModule) -> None:
    guarded(module, lambda: _generated_secret(module, module.params))


def _generated_secret(module: ClusterModule, params: dict[str, t.Any]) -> dict[str, t.Any]:
    wanted = secret.Wanted(
        namespace=params["namespace"],
        name=params["name"],
        fields=[
            Field(
                name=item["name"],
                length=item["length"],
                alphabet=item["alphabet"],
                raw_bytes=item["bytes"] or 0,
                value=item["value"],
                template=item["template"],
            )
            for item in params["fields"]
        ],
        generate=params["generate"],
        rotation_id=params["rotation_id"] or "",
        copies=[
            Copy(
                namespace=item["namespace"],
                name=item["name"],
                fields=tuple(item["fields"]),
                templates={str(key): str(value) for key, value in item["templates"].items()},
                type=item["type"],
            )
            for item in params["copies"]
        ],
        labels={str(key): str(value) for key, value in params["labels"].items()},
        annotations={str(key): str(value) for key, value in params["annotations"].items()},
        type=params["type"],
        check_mode=module.check_mode,
    )
    client = connect(params)
    if params["state"] == "absent":
        outcome = secret.absent(client, wanted)
    else:
        outcome = secret.present(client, wanted)
    _warn(module, outcome.warnings)
    names = [field.name for field in wanted.fields]
    return result_of(
        module, outcome.changes, fields=names, generated=outcome.generated, fingerprint=outcome.fingerprint
    )


def generated_certificate(module: ClusterModule) -> None:
    guarded(module, lambda: _generated_certificate(module, module.params))


def _generated_certificate(module: ClusterModule, params: dict[str, t.Any]) -> dict[str, t.Any]:
    role = params["role"]
    valid, before = DAYS[role]
    dns = tuple(params["dns_names"])
    if role == "server" and not dns and not params["ip_addresses"]:
        dns = (params["common_name"],)
    wanted = certificate.Wanted(
        namespace=params["namespace"],
        name=params["name"],
        order=Order(
            role,
            params["common_name"],
            dns,
            tuple(params["ip_addresses"]),
            params["valid_days"] or valid,
            # Keycloak's signed JWT of a client is RS256 by default, which wants an RSA key.
            params["key_type"] or ("rsa" if role == "client_key" else "ec"),
        ),
        renew_before_days=before if params["renew_before_days"] is None else params["renew_before_days"],
        generate=params["generate"],
        rotation_id=params["rotation_id"] or "",
        keep_previous=params["previous"] == "keep",
        issuer=(params["issuer_secret"]["namespace"], params["issuer_secret"]["name"])
        if params["issuer_secret"]
        else None,
        ca_certificate=params["ca_certificate"],
        publish=None
        if params["publish"] is None
        else [
            Publication(item["namespace"], item["name"], item["key"], item["content"] or "")
            for item in params["publish"]
        ],
        labels={str(key): str(value) for key, value in params["labels"].items()},
        check_mode=module.check_mode,
    )
    client = connect(params)
    if params["state"] == "absent":
        outcome = certificate.absent(client, wanted)
    else:
        outcome = certificate.present(client, wanted)
    _warn(module, outcome.warnings)
    cert = outcome.certificate
    return result_of(
        module,
        outcome.changes,
        certificate=cert.pem if cert else "",
        ca_bundle=outcome.bundle,
        not_after=cert.not_after.isoformat() if cert else "",
        fingerprint_sha256=cert.fingerprint if cert else "",
        renewed=bool(outcome.renewed),
        reason=outcome.renewed,
    )
