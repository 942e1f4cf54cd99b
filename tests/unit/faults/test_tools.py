# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit log's parser, the search for planted secrets and the choice of kill points."""

from __future__ import annotations

import base64
import json
import os
import pathlib
import subprocess
import sys
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from faults.audit import AuditLog
from faults.canary import Canary
from faults.kill import MARKER, Point, differences, in_a_row, kill_marked, spread
from faults.ledger import Ledger
from hypothesis import given
from hypothesis import strategies as st

NASTY = "quo'te\"d {{ brace }} %(x)s %d\nü€漢 & <b>"


def line(verb: str, uri: str, user: str = "kubernetes-admin", code: int = 201, stage: str = "ResponseComplete") -> str:
    event = {
        "stage": stage,
        "verb": verb,
        "requestURI": uri,
        "user": {"username": user},
        "userAgent": "mcp-auth-openshift-ansible",
        "objectRef": {"resource": "secrets", "namespace": "a", "name": "b"},
        "responseStatus": {"code": code},
    }
    return json.dumps(event) + "\n"


def test_only_what_a_play_has_written_counts(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "audit.log"
    log.write_text(line("create", "/api/v1/namespaces/a/secrets"))
    audit = AuditLog(log)
    mark = audit.mark()
    with log.open("a") as file:
        file.write(line("patch", "/api/v1/namespaces/a/secrets/b?fieldManager=x&dryRun=All", code=200))
        file.write(line("create", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"))
        file.write(line("get", "/api/v1/namespaces/a/secrets/b", code=200))
        file.write(line("update", "/api/v1/namespaces/a/secrets/b", user="system:kube-controller-manager"))
        file.write(line("patch", "/api/v1/namespaces/a/secrets/b", code=403))
        file.write(line("patch", "/api/v1/namespaces/a/secrets/b", stage="ResponseStarted"))
        file.write(line("patch", "/api/v1/namespaces/a/secrets/b", code=200))
        file.write('{"half')
    assert [str(event) for event in audit.writes_since(mark)] == [
        "kubernetes-admin patch secrets/a/b -> 200 (mcp-auth-openshift-ansible)"
    ]


def test_a_service_account_that_runs_a_play_is_found_by_its_name(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "audit.log"
    log.write_text("")
    audit = AuditLog(log)
    mark = audit.mark()
    account = "system:serviceaccount:a:nobody"
    log.write_text(line("patch", "/api/v1/namespaces/a/secrets/b", user=account, code=403) + line("get", "/api"))
    assert audit.writes_since(mark) == []
    assert [(event.user, event.write) for event in audit.of(account, mark)] == [(account, True)]


def test_a_rotated_log_is_read_too_and_a_lost_one_proves_nothing(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "audit.log"
    log.write_text(line("create", "/one"))
    audit = AuditLog(log)
    mark = audit.mark()
    with log.open("a") as file:
        file.write(line("create", "/two"))
    log.rename(tmp_path / "audit-2026-11-23T06-00-00.000.log")
    log.write_text(line("delete", "/three"))
    assert [event.path for event in audit.writes_since(mark)] == ["/two", "/three"]
    (tmp_path / "audit-2026-11-23T06-00-00.000.log").unlink()
    with pytest.raises(LookupError, match="rotated"):
        audit.writes_since(mark)


@pytest.mark.parametrize(
    "content",
    [
        NASTY,
        json.dumps({"a": NASTY}),
        json.dumps({"a": NASTY}, ensure_ascii=False),
        json.dumps({"message": json.dumps({"a": NASTY})}),
        repr({"a": NASTY}),
        base64.b64encode(NASTY.encode()).decode(),
        "x = eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2EifQ.c2lnbmF0dXJlLXNpZ25hdHVyZS1zaWc",
        "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
    ],
)
def test_a_planted_secret_is_found_in_any_shape(tmp_path: pathlib.Path, content: str) -> None:
    (tmp_path / "clean.txt").write_text("nothing to see")
    (tmp_path / "out.log").write_text("first\n" + content)
    leaks = list(Canary({"planted": NASTY.encode()}).search([tmp_path]))
    assert leaks and all(leak.file.name == "out.log" and leak.line == 2 for leak in leaks)
    assert NASTY not in str(leaks[0])


def test_public_things_are_no_secrets(tmp_path: pathlib.Path) -> None:
    (tmp_path / "out.log").write_text(
        "-----BEGIN CERTIFICATE-----\nMIIB\neyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2EifQ.<removed>"
    )
    certificate = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    canary = Canary({"tls.crt": certificate, "user": b"keycloak"[:4]})
    assert list(canary.search([tmp_path])) == []
    assert canary.left_out == ["user"]


def test_the_public_half_of_a_key_is_no_secret(tmp_path: pathlib.Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    lines = pem.decode().splitlines()[1:-1]
    (tmp_path / "certificate.pem").write_text(
        f"-----BEGIN CERTIFICATE-----\nabc{lines[-1]}\n-----END CERTIFICATE-----\n"
    )
    certificate = (tmp_path / "certificate.pem").read_bytes()
    assert list(Canary({"key": pem}, [certificate]).search([tmp_path])) == []
    (tmp_path / "out.log").write_text(f"key: {lines[1]}")
    assert [leak.file.name for leak in Canary({"key": pem}, [certificate]).search([tmp_path])] == ["out.log"]


@given(total=st.integers(5, 300), count=st.integers(1, 5), seed=st.integers())
def test_kill_points_are_spread_and_repeatable(total: int, count: int, seed: int) -> None:
    points = spread(total, count, seed)
    assert points == spread(total, count, seed)
    writes = [point.write for point in points]
    assert writes == sorted(set(writes)) and writes[0] >= 1 and writes[-1] <= total
    assert all(abs(a.after - b.after) == 1 for a, b in zip(points, points[1:], strict=False))
    # Replayed on a system that remembers what was done, the steps in a row die at the same writes.
    done = 0
    for step, point in zip(in_a_row(points), points, strict=True):
        assert done + step.write == point.write
        done = point.write if point.after else point.write - 1


def test_kills_what_left_the_group_as_well() -> None:
    code = "import os, time; pid = os.fork(); pid or os.setsid(); print(flush=True); time.sleep(60)"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, MARKER: "unit-test-kill"},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout
    process.stdout.readline()
    process.stdout.readline()
    began = time.monotonic()
    assert kill_marked("unit-test-kill") == 2
    assert process.wait() == -9 and time.monotonic() - began < 10
    process.stdout.close()


def test_the_same_secrets() -> None:
    before = {"ns/a:password": "1", "ns/bootstrap:secret": "2", "ns/c:key": "3", "ns/d:key": "4"}
    after = {"ns/a:password": "1", "ns/c:key": "other", "ns/new:key": "5"}
    assert differences(before, after, may_go=("ns/bootstrap:",)) == ["ns/c:key has another value", "ns/d:key is gone"]
    assert str(Point(3, True)) == "write 3 (done, answer lost)"


@pytest.mark.parametrize(
    ("method", "path", "body", "what"),
    [
        (
            "POST",
            "/api/v1/namespaces/a/secrets",
            {"metadata": {"name": "one"}},
            "POST api:/api/v1/namespaces/a/secrets one",
        ),
        (
            "POST",
            "/api/v1/namespaces/a/pods",
            {"metadata": {"name": "trial-0123abcd"}},
            "POST api:/api/v1/namespaces/a/pods trial-*",
        ),
        ("DELETE", "/api/v1/namespaces/a/pods/trial-0123abcd", None, "DELETE api:/api/v1/namespaces/a/pods/trial-*"),
        (
            "PUT",
            "/admin/realms/r/clients/261c068d-b5f5-48d0-bf27-8a006a0c0a55",
            {"id": "x"},
            "PUT api:/admin/realms/r/clients/*",
        ),
        ("POST", "/admin/realms", ["a list"], "POST api:/admin/realms"),
    ],
)
def test_a_write_is_called_the_same_in_every_run(method: str, path: str, body: object, what: str) -> None:
    entry, _due = Ledger().open("api", method, path, b"" if body is None else json.dumps(body).encode())
    assert (entry.what, entry.write) == (what, 1)
