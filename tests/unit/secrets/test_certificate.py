# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import dataclasses
import datetime
import json
import ssl
import typing as t

import pytest
from fake_api import FakeApi, status

from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.client import Client
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.errors import ClusterError
from ansible_collections.mcp_auth.openshift.plugins.module_utils._secrets import certificate, x509
from ansible_collections.mcp_auth.openshift.plugins.module_utils._secrets.certificate import (
    Publication,
    Wanted,
    absent,
    present,
    uncovered,
)
from ansible_collections.mcp_auth.openshift.plugins.module_utils._secrets.x509 import Order, issue, parse, parse_all

PUBLISH = [Publication("demo", "public")]


def ca(**more: t.Any) -> Wanted:
    return Wanted("demo", "ca", Order("ca", "Test CA", (), (), 3650, "ec"), 400, **{"publish": PUBLISH, **more})


def server(*names: str, **more: t.Any) -> Wanted:
    order = Order("server", "web", names or ("web.example.com", "web.demo.svc"), ("127.0.0.1",), 365, "ec")
    return Wanted("demo", "web", order, 60, **{"issuer": ("demo", "ca"), **more})


def held(api: FakeApi, name: str) -> dict[str, str]:
    found = api.get("secrets", "demo", name)
    assert found
    return {key: base64.b64decode(value).decode() for key, value in found["data"].items()}


def store(api: FakeApi, name: str, chain: str, key: str, ca_crt: str = "") -> None:
    values = {"tls.crt": chain, "tls.key": key, **({"ca.crt": ca_crt} if ca_crt else {})}
    data = {name: base64.b64encode(value.encode()).decode() for name, value in values.items()}
    api.put("secrets", "demo", {"metadata": {"name": name}, "type": "kubernetes.io/tls", "data": data}, "v1", "Secret")


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> t.Callable[[int], None]:
    """Makes it so many days later."""

    def go(days: int) -> None:
        moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
        monkeypatch.setattr(certificate, "now", lambda: moment)
        monkeypatch.setattr(x509, "now", lambda: moment)

    return go


def test_made_once_and_published(client: Client, api: FakeApi) -> None:
    assert present(client, server(check_mode=True)).renewed == "missing"
    assert present(client, ca(check_mode=True)).certificate is None and not api.writes()
    first = present(client, ca())
    assert first.renewed == "missing" and first.certificate and first.certificate.is_ca
    public = api.get("configmaps", "demo", "public")
    assert public and public["data"]["ca.crt"] == first.bundle == held(api, "ca")["ca.crt"]
    leaf = present(client, server())
    assert leaf.certificate and leaf.certificate.dns_names == ("web.example.com", "web.demo.svc")
    writes = len(api.writes())
    for again in (present(client, ca()), present(client, server())):
        assert not any(change.changed for change in again.changes) and not again.renewed
    assert len(api.writes()) == writes


def test_a_real_tls_library_takes_it(client: Client, api: FakeApi, tmp_path: t.Any) -> None:
    present(client, ca())
    present(client, server())
    files = held(api, "web")
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    theirs = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
    theirs.verify_flags |= ssl.VERIFY_X509_STRICT
    near, far, there, back = ssl.MemoryBIO(), ssl.MemoryBIO(), ssl.MemoryBIO(), ssl.MemoryBIO()
    one = theirs.wrap_bio(near, there, server_hostname="web.demo.svc")
    two = ours.wrap_bio(far, back, server_side=True)
    for _step in range(4):
        for side in (one, two):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                pass
            far.write(there.read())
            near.write(back.read())
    assert one.getpeercert()


def test_no_key_leaves_but_into_the_secret(client: Client, api: FakeApi) -> None:
    outcomes = [present(client, ca()), present(client, server())]
    shown = json.dumps([[c.result(), c.diff()] for outcome in outcomes for c in outcome.changes]) + outcomes[0].bundle
    for name in ("ca", "web"):
        key = held(api, name)["tls.key"]
        assert key.splitlines()[1] not in shown and base64.b64encode(key.encode()).decode() not in shown
    assert "PRIVATE KEY" not in json.dumps(api.get("configmaps", "demo", "public"))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda w: dataclasses.replace(w, order=w.order._replace(dns_names=("web.example.com",))), "names changed"),
        (lambda w: dataclasses.replace(w, order=w.order._replace(ip_addresses=())), "names changed"),
        (lambda w: dataclasses.replace(w, order=w.order._replace(common_name="other")), "common name changed"),
        (lambda w: dataclasses.replace(w, order=w.order._replace(key_type="rsa")), "key type changed"),
        (lambda w: dataclasses.replace(w, generate="rotate", rotation_id="a"), "rotation asked for"),
    ],
)
def test_made_anew_when_it_does_not_fit(
    client: Client, api: FakeApi, change: t.Callable[[Wanted], Wanted], why: str
) -> None:
    present(client, ca())
    present(client, server())
    wanted = change(server())
    assert present(client, wanted).renewed == why
    assert not present(client, wanted).renewed


def test_renewed_in_time_and_not_before(client: Client, api: FakeApi, later: t.Callable[[int], None]) -> None:
    present(client, ca())
    present(client, server())
    later(300)
    assert not present(client, server()).renewed
    later(306)
    assert present(client, server()).renewed.startswith("expires on")
    assert not present(client, server()).renewed


def test_a_renewed_ca_keeps_its_predecessor_until_that_expires(
    client: Client, api: FakeApi, later: t.Callable[[int], None]
) -> None:
    first = present(client, ca()).certificate
    assert first
    later(3300)
    renewed = present(client, ca())
    assert renewed.renewed.startswith("expires on") and renewed.certificate
    fingerprints = [one.fingerprint for one in parse_all(renewed.bundle, "x")]
    assert fingerprints == [renewed.certificate.fingerprint, first.fingerprint]
    assert not any(change.changed for change in present(client, ca()).changes)
    leaf = present(client, server())
    assert len(parse_all(leaf.bundle, "x")) == 2
    later(3651)
    last = present(client, ca())
    assert [one.fingerprint for one in parse_all(last.bundle, "x")] == [renewed.certificate.fingerprint]


def test_a_predecessor_can_be_dropped(client: Client, api: FakeApi) -> None:
    present(client, ca())
    renewed = present(client, ca(generate="rotate", rotation_id="a", keep_previous=False))
    assert len(parse_all(renewed.bundle, "x")) == 1


def test_another_issuer_means_another_certificate(client: Client, api: FakeApi) -> None:
    present(client, ca())
    present(client, server())
    present(client, ca(generate="rotate", rotation_id="a"))
    assert present(client, server()).renewed == "issuer changed"
    assert not present(client, server()).renewed


def test_one_that_ends_with_its_issuer_is_not_made_again_and_again(
    client: Client, api: FakeApi, later: t.Callable[[int], None]
) -> None:
    short = ca()
    short = dataclasses.replace(short, order=short.order._replace(valid_days=40), renew_before_days=1)
    present(client, short)
    assert present(client, server()).renewed == "missing"
    assert not present(client, server()).renewed


def test_a_key_that_does_not_belong_and_rubbish_are_replaced(client: Client, api: FakeApi) -> None:
    present(client, ca())
    present(client, server())
    chain, _key = held(api, "web")["tls.crt"], ""
    store(api, "web", chain, held(api, "ca")["tls.key"])
    assert present(client, server()).renewed == "the key does not belong to the certificate"
    store(api, "web", "rubbish", "rubbish")
    assert present(client, server()).renewed == "not readable"


def test_the_key_of_a_client_is_rsa_and_signs_itself(client: Client, api: FakeApi) -> None:
    order = Order("client_key", "mcp-server", (), (), 365, "rsa")
    public = [Publication("demo", "client", "tls.crt", "certificate")]
    outcome = present(client, Wanted("demo", "key", order, 60, publish=public))
    assert outcome.certificate and outcome.certificate.key_type == "rsa" and outcome.certificate.self_signed
    published = api.get("configmaps", "demo", "client")
    assert published and published["data"]["tls.crt"] == outcome.certificate.pem


def test_a_published_text_that_was_changed_is_put_back(client: Client, api: FakeApi) -> None:
    bundle = present(client, ca()).bundle
    live = api.get("configmaps", "demo", "public")
    assert live
    live["data"]["ca.crt"] = "other"
    assert [change.operation for change in present(client, ca()).changes] == ["none", "update"]
    assert api.get("configmaps", "demo", "public")["data"]["ca.crt"] == bundle  # type: ignore[index]


def given_server(**more: t.Any) -> Wanted:
    return server(generate="never", **more)


def pair(order: Order, issuer: tuple[str, str] | None = None) -> tuple[str, str]:
    return issue(order, parse(issuer[0], "ca") if issuer else None, issuer[1] if issuer else "")


CA_ORDER = Order("ca", "Theirs", (), (), 100, "ec")


def test_a_given_certificate_is_checked_and_never_written(client: Client, api: FakeApi) -> None:
    theirs = pair(CA_ORDER)
    store(api, "web", *pair(server().order, theirs))
    wanted = given_server(issuer=None, ca_certificate=theirs[0])
    assert not any(change.changed for change in present(client, wanted).changes) and not api.writes()
    # The CA in the Secret itself will do as well.
    store(api, "web", *pair(server().order, theirs), theirs[0])
    present(client, given_server(issuer=None))


def test_a_chain_with_an_intermediate(client: Client, api: FakeApi) -> None:
    root = pair(CA_ORDER)
    middle = pair(CA_ORDER._replace(common_name="Middle"), root)
    leaf = pair(server().order, middle)
    store(api, "web", leaf[0] + middle[0], leaf[1])
    present(client, given_server(issuer=None, ca_certificate=root[0]))
    store(api, "web", *leaf)
    with pytest.raises(ClusterError, match="not signed by the given CA .Theirs."):
        present(client, given_server(issuer=None, ca_certificate=root[0]))


def test_what_is_wrong_with_a_given_certificate(client: Client, api: FakeApi, later: t.Callable[[int], None]) -> None:
    theirs, others = pair(CA_ORDER), pair(CA_ORDER)
    wanted = given_server(issuer=None, ca_certificate=theirs[0])
    with pytest.raises(ClusterError, match="is not there"):
        present(client, wanted)
    leaf = pair(server().order, theirs)
    store(api, "web", leaf[0], others[1])
    with pytest.raises(ClusterError, match="key .* does not belong"):
        present(client, wanted)
    store(api, "web", *pair(server("other.example.com").order, theirs))
    with pytest.raises(ClusterError, match="not valid for web.example.com, web.demo.svc; it is for other.example.com"):
        present(client, wanted)
    store(api, "web", *pair(server().order, others))
    with pytest.raises(ClusterError, match="not signed by the given CA"):
        present(client, wanted)
    store(api, "web", *leaf)
    later(200)
    with pytest.raises(ClusterError, match="expired on"):
        present(client, wanted)
    later(-10)
    with pytest.raises(ClusterError, match="valid only from"):
        present(client, wanted)


def test_a_given_ca_is_only_published(client: Client, api: FakeApi, later: t.Callable[[int], None]) -> None:
    theirs = pair(CA_ORDER)
    assert present(client, ca(ca_certificate=theirs[0])).bundle == theirs[0]
    assert api.get("configmaps", "demo", "public") and not api.get("secrets", "demo", "ca")
    with pytest.raises(ClusterError, match="not one of a CA"):
        present(client, ca(ca_certificate=pair(server().order)[0]))
    with pytest.raises(ClusterError, match="no readable certificate"):
        present(client, ca(ca_certificate="rubbish"))
    later(101)
    with pytest.raises(ClusterError, match="expired"):
        present(client, ca(ca_certificate=theirs[0]))


def test_what_is_wrong_with_an_issuer(client: Client, api: FakeApi) -> None:
    with pytest.raises(ClusterError, match="There is no Secret demo/ca"):
        present(client, server())
    store(api, "ca", *pair(server().order))
    with pytest.raises(ClusterError, match="not one of a CA"):
        present(client, server())
    store(api, "ca", pair(CA_ORDER)[0], pair(CA_ORDER)[1])
    with pytest.raises(ClusterError, match="does not belong"):
        present(client, server())
    assert not api.writes()


def test_options_that_would_renew_for_ever(client: Client) -> None:
    with pytest.raises(ClusterError, match="every run"):
        present(client, dataclasses.replace(server(), renew_before_days=365))


def test_a_secret_of_another_type_is_not_overwritten(client: Client, api: FakeApi) -> None:
    api.put("secrets", "demo", {"metadata": {"name": "ca"}, "data": {}, "type": "Opaque"}, "v1", "Secret")
    with pytest.raises(ClusterError, match="with the type Opaque"):
        present(client, ca())


def test_killed_between_secret_and_publication(client: Client, api: FakeApi) -> None:
    killed = (400, status(400, "BadRequest", "killed"))
    with (
        api.fault(lambda m, p: killed if m == "PATCH" and "dryRun" not in api.log[-1][2] else None),
        pytest.raises(ClusterError),
    ):
        present(client, ca())
    made = held(api, "ca")["tls.crt"]
    outcome = present(client, ca())
    assert not outcome.renewed and outcome.bundle == made
    assert api.get("configmaps", "demo", "public")


def test_removed(client: Client, api: FakeApi) -> None:
    present(client, ca())
    assert len([change for change in absent(client, ca()).changes if change.changed]) == 2
    assert not any(change.changed for change in absent(client, ca()).changes)


def test_names_and_wildcards() -> None:
    cert = parse(pair(Order("server", "x", ("*.example.com", "b.org"), ("10.0.0.1",), 10, "ec"))[0], "x")
    assert uncovered(cert, ["a.example.com", "B.org"], ["10.0.0.1"]) == []
    assert uncovered(cert, ["a.b.example.com", "example.com", "c.org"], ["10.0.0.2"]) == [
        "a.b.example.com",
        "example.com",
        "c.org",
        "10.0.0.2",
    ]
