# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import copy
import dataclasses
import datetime
import json
import ssl
import typing as t

import pytest
from fake_api import FakeApi, status

from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.client import Client, connect
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.errors import ClusterError, Forbidden
from ansible_collections.mcp_auth.openshift.plugins.module_utils._secrets import certificate, x509
from ansible_collections.mcp_auth.openshift.plugins.module_utils._secrets.certificate import (
    Wanted,
    absent,
    present,
    uncovered,
)
from ansible_collections.mcp_auth.openshift.plugins.module_utils._secrets.fields import MANAGED
from ansible_collections.mcp_auth.openshift.plugins.module_utils._secrets.publish import Publication
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


def store(api: FakeApi, name: str, chain: str, key: str, ca_crt: str = "", **meta: t.Any) -> None:
    """A Secret that somebody else made, unless meta has our label."""
    values = {"tls.crt": chain, "tls.key": key, **({"ca.crt": ca_crt} if ca_crt else {})}
    data = {name: base64.b64encode(value.encode()).decode() for name, value in values.items()}
    held = {"metadata": {"name": name, **meta}, "type": "kubernetes.io/tls", "data": data}
    api.put("secrets", "demo", held, "v1", "Secret")


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
    store(api, "web", chain, held(api, "ca")["tls.key"], labels=MANAGED)
    assert present(client, server()).renewed == "the key does not belong to the certificate"
    store(api, "web", "rubbish", "rubbish", labels=MANAGED)
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


def test_one_of_somebody_else_is_never_replaced(client: Client, api: FakeApi) -> None:
    present(client, ca())
    writes = len(api.writes())
    store(api, "web", *pair(server("other.org").order), annotations={"cert-manager.io/certificate-name": "web"})
    for wanted in (server(), server(check_mode=True), server(generate="rotate", rotation_id="a"), server(issuer=None)):
        with pytest.raises(ClusterError, match="Secret demo/web was not made by this module") as caught:
            present(client, wanted)
        assert caught.value.reason == "NotOurs" and "generate: never" in caught.value.hint
    with pytest.raises(ClusterError, match="was not made by this module"):
        present(client, server(check_mode=True, issuer=("demo", "not-yet")))
    assert len(api.writes()) == writes


def test_one_of_somebody_else_that_will_do_is_left_as_it_is(client: Client, api: FakeApi) -> None:
    present(client, ca())
    mine = held(api, "ca")
    store(api, "web", *pair(server().order, (mine["tls.crt"], mine["tls.key"])))
    writes = len(api.writes())
    outcome = present(client, server(labels={"l": "1"}))
    assert not outcome.renewed and [change.operation for change in outcome.changes] == ["none"]
    assert outcome.certificate and outcome.bundle == mine["ca.crt"] and len(api.writes()) == writes


def test_one_of_somebody_else_is_not_deleted(client: Client, api: FakeApi) -> None:
    theirs = pair(CA_ORDER)
    store(api, "ca", *theirs)
    given = ca(generate="never")
    present(client, given)
    assert absent(client, given).warnings == [] and held(api, "ca")["tls.key"] == theirs[1]
    assert not api.get("configmaps", "demo", "public")
    outcome = absent(client, ca())
    assert held(api, "ca")["tls.key"] == theirs[1] and "demo/ca" in outcome.warnings[0]
    assert not any(change.changed for change in outcome.changes)


def test_never_does_not_delete_what_we_made_either(client: Client, api: FakeApi) -> None:
    present(client, ca())
    absent(client, ca(generate="never"))
    assert held(api, "ca") and not api.get("configmaps", "demo", "public")


def test_our_label_is_not_given_away(client: Client, api: FakeApi) -> None:
    wanted = ca(labels={"app.kubernetes.io/managed-by": "me"})
    present(client, wanted)
    for plural, name in (("secrets", "ca"), ("configmaps", "public")):
        live = api.get(plural, "demo", name)
        assert live and live["metadata"]["labels"] == MANAGED
    absent(client, wanted)
    assert not api.get("secrets", "demo", "ca")


LONG = "keycloak-redhat-keycloak.apps.rosa.a-quite-long-cluster-name.abcd.p3.openshiftapps.com"


def test_a_name_too_long_for_a_subject_stays_in_the_names(client: Client, api: FakeApi, tmp_path: t.Any) -> None:
    present(client, ca())
    order = Order("server", LONG, (LONG,), (), 365, "ec")
    wanted = dataclasses.replace(server(), order=order)
    made = present(client, wanted).certificate
    assert made and made.common_name == "" and made.dns_names == (LONG,)
    assert not present(client, wanted).renewed
    # RFC 5280: critical when the subject is empty. A strict library looks.
    alt = made.certificate.extensions.get_extension_for_class(x509.load_library().x509.SubjectAlternativeName)
    assert alt.critical
    for role in ("ca", "client_key"):
        cut = Wanted("demo", role, Order(role, "é" * 60, (), (), 365, "ec"), 60)
        found = present(client, cut).certificate
        assert found and found.common_name == "é" * 32 and not present(client, cut).renewed


@pytest.mark.parametrize(
    ("names", "addresses", "said"),
    [
        (("a b.example.com",), (), "dns_names: 'a b.example.com'"),
        (("",), (), "dns_names: ''"),
        (("a..example.com",), (), "dns_names"),
        (("a.*.example.com",), (), "dns_names"),
        (("x" * 64 + ".example.com",), (), "dns_names"),
        (("sso.größe.example",), (), "ASCII form"),
        (("a",), ("999.1.1.1",), "ip_addresses: '999.1.1.1'"),
        (("a",), ("10.0.0.0/24",), "ip_addresses"),
        (("a",), ("fe80::1%eth0",), "ip_addresses"),
        ((), (), "no name"),
    ],
)
def test_names_that_no_certificate_can_have(
    client: Client, api: FakeApi, names: tuple[str, ...], addresses: tuple[str, ...], said: str
) -> None:
    for more in ({}, {"generate": "never"}, {"check_mode": True}):
        with pytest.raises(ClusterError, match=said) as caught:
            present(client, Wanted("demo", "web", Order("server", "x", names, addresses, 365, "ec"), 60, **more))
        assert caught.value.reason == "BadOptions"
    with pytest.raises(ClusterError, match="common_name"):
        present(client, Wanted("demo", "ca", Order("ca", "", (), (), 365, "ec"), 60))
    assert not api.log


def test_names_have_one_spelling(client: Client, api: FakeApi) -> None:
    names = ("Web.Example.com", "*.Bücher.example", "my_host")
    order = Order("server", "web", names, ("2001:DB8::0001", "::ffff:0a00:1"), 365, "ec")
    made = present(client, Wanted("demo", "web", order, 60)).certificate
    assert made and made.dns_names == ("web.example.com", "*.xn--bcher-kva.example", "my_host")
    assert "2001:db8::1" in made.ip_addresses
    for more in ({}, {"generate": "never"}):
        outcome = present(client, Wanted("demo", "web", order, 60, **more))
        assert not any(change.changed for change in outcome.changes)


def test_an_empty_ca_is_not_none(client: Client, api: FakeApi) -> None:
    """Where a CA was promised, one of our own must not take its place."""
    for wanted in (ca(ca_certificate=""), ca(ca_certificate=" \n"), server(generate="never", ca_certificate="")):
        for work in (present, absent):
            with pytest.raises(ClusterError, match="ca_certificate is empty") as caught:
                work(client, wanted)
            assert caught.value.reason == "BadOptions"
    assert not api.log


def public(api: FakeApi, name: str = "public") -> dict[str, str]:
    found = api.get("configmaps", "demo", name)
    return found["data"] if found else {}


def test_a_config_map_of_somebody_else_is_not_taken(client: Client, api: FakeApi) -> None:
    theirs = {"other.crt": "X", "ca.crt": "corporate CA"}
    api.put("configmaps", "demo", {"metadata": {"name": "public"}, "data": dict(theirs)}, "v1", "ConfigMap")
    for wanted in (ca(), ca(check_mode=True), ca(ca_certificate=pair(CA_ORDER)[0])):
        with pytest.raises(ClusterError, match="ConfigMap demo/public is somebody else's") as caught:
            present(client, wanted)
        assert caught.value.reason == "NotOurs"
    absent(client, ca())
    assert public(api) == theirs and not api.get("secrets", "demo", "ca")


def test_a_config_map_belongs_to_one_certificate(client: Client, api: FakeApi) -> None:
    present(client, ca())
    before = public(api)
    other = dataclasses.replace(ca(publish=[Publication("demo", "public", "b.crt")]), name="other")
    with pytest.raises(
        ClusterError, match="ConfigMap demo/public is published from demo/ca, not published from demo/other"
    ):
        present(client, other)
    assert public(api) == before and not api.get("secrets", "demo", "other")


def test_several_keys_of_one_config_map(client: Client, api: FakeApi) -> None:
    both = [Publication("demo", "public"), Publication("demo", "public", "tls.crt", "certificate")]
    assert sorted(present(client, ca(publish=both)) and public(api)) == ["ca.crt", "tls.crt"]
    assert not any(change.changed for change in present(client, ca(publish=both)).changes)
    with pytest.raises(ClusterError, match="demo/public, key ca.crt, is given twice"):
        present(client, ca(publish=PUBLISH * 2))


def test_two_who_publish_the_same_given_ca_agree(client: Client, api: FakeApi) -> None:
    """The roles keycloak and mcp_server do: each names it by a place of its own, and neither has a Secret."""
    first, second = pair(CA_ORDER)[0], pair(CA_ORDER)[0]
    one, two = ca(ca_certificate=first), dataclasses.replace(ca(ca_certificate=first), name="elsewhere")
    present(client, one)
    for wanted in (two, one, two):
        assert not any(change.changed for change in present(client, wanted).changes)
    assert present(client, dataclasses.replace(two, ca_certificate=second)).changes[0].changed
    assert public(api)["ca.crt"] == second
    assert not any(change.changed for change in present(client, ca(ca_certificate=second)).changes)


def test_a_publication_that_is_not_named_any_more_goes(client: Client, api: FakeApi) -> None:
    two = [*PUBLISH, Publication("demo", "second")]
    present(client, ca(publish=two))
    # Not said is not none: a task that only looks takes nothing away.
    assert not any(change.changed for change in present(client, ca(publish=None)).changes)
    planned = present(client, ca(check_mode=True))
    assert [change.operation for change in planned.changes] == ["update", "none", "delete"] and public(api, "second")
    done = present(client, ca())
    assert [change.operation for change in done.changes] == ["update", "none", "delete"]
    assert public(api) and not public(api, "second")
    assert not any(change.changed for change in present(client, ca()).changes)
    present(client, ca(publish=two))
    assert len([change for change in absent(client, ca(publish=None)).changes if change.changed]) == 3
    assert not public(api) and not public(api, "second")


def test_what_somebody_else_made_of_a_publication_is_not_deleted(client: Client, api: FakeApi) -> None:
    present(client, ca())
    api.put("configmaps", "demo", {"metadata": {"name": "public"}, "data": {"a": "b"}}, "v1", "ConfigMap")
    present(client, ca(publish=[]))
    assert public(api) == {"a": "b"}


@pytest.mark.parametrize("start", ["nothing", "narrow", "rotation"])
def test_killed_at_any_write_the_next_run_ends_well(api: FakeApi, start: str) -> None:
    two = [*PUBLISH, Publication("demo", "second")]
    if start != "nothing":
        present(connect({"host": api.url}), ca(publish=two))
    more = {"narrow": {"publish": PUBLISH}, "rotation": {"publish": two, "generate": "rotate", "rotation_id": "r"}}
    wanted = ca(**more.get(start, {"publish": two}))
    begin = copy.deepcopy(api.objects)
    for kill_at in range(1, 8):
        api.objects = copy.deepcopy(begin)
        count, answered = 0, False

        def kill(method: str, path: str, at: int = kill_at) -> t.Any:
            nonlocal count
            if method in ("POST", "PUT", "PATCH", "DELETE") and "dryRun" not in api.log[-1][2]:
                count += 1
                if count == at:
                    return 400, status(400, "BadRequest", "killed")
            return None

        with api.fault(kill):
            try:
                present(connect({"host": api.url}), wanted)
                answered = True
            except ClusterError:
                pass
        bundle = present(connect({"host": api.url}), wanted).bundle
        assert public(api)["ca.crt"] == bundle == held(api, "ca")["ca.crt"]
        assert public(api, "second").get("ca.crt") == (None if start == "narrow" else bundle)
        assert not any(change.changed for change in present(connect({"host": api.url}), wanted).changes)
        if answered:
            break
    assert answered


def test_what_can_not_be_published_is_found_before_the_first_write(client: Client, api: FakeApi) -> None:
    with pytest.raises(ClusterError, match='namespaces "far" not found'):
        present(client, ca(publish=[*PUBLISH, Publication("far", "public")]))
    denied = (403, status(403, "Forbidden", 'secrets is forbidden: User "bob" cannot create resource "secrets"'))
    with api.fault(lambda method, path: denied if method == "POST" else None), pytest.raises(Forbidden):
        present(client, ca())
    assert not api.writes()


def test_names_and_wildcards() -> None:
    cert = parse(pair(Order("server", "x", ("*.example.com", "b.org"), ("10.0.0.1",), 10, "ec"))[0], "x")
    assert uncovered(cert, ["a.example.com", "B.org"], ["10.0.0.1"]) == []
    assert uncovered(cert, ["a.b.example.com", "example.com", "c.org"], ["10.0.0.2"]) == [
        "a.b.example.com",
        "example.com",
        "c.org",
        "10.0.0.2",
    ]
