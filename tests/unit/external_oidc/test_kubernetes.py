# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building, merging and checking an AuthenticationConfiguration."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mcp_auth.openshift.plugins.module_utils._external_oidc import host, kubernetes, reader
from ansible_collections.mcp_auth.openshift.plugins.module_utils._external_oidc.validate import validate

OURS = "https://sso.example.com/realms/openshift"
OTHER = "https://login.example.org"


def entry(url: str = OURS, **more) -> dict:
    return {
        "issuer": {"url": url, "audiences": ["openshift"]},
        "claimMappings": {"username": {"claim": "preferred_username", "prefix": ""}},
        **more,
    }


def config(*entries: dict, **more) -> dict:
    return {**kubernetes.empty(), "jwt": list(entries), **more}


# -- merge -------------------------------------------------------------------------------------------------------------


def test_beside_another_issuer_and_anonymous():
    before = config(entry(OTHER), anonymous={"enabled": True, "conditions": [{"path": "/livez"}]})
    after = kubernetes.merge(before, [entry()])
    assert kubernetes.issuers(after) == [OTHER, OURS]
    assert after["anonymous"] == before["anonymous"]
    assert after["jwt"][0] == before["jwt"][0]


def test_replaces_in_place_and_whole():
    before = config(entry(OURS, userValidationRules=[{"expression": "true"}]), entry(OTHER))
    after = kubernetes.merge(before, [entry()])
    assert kubernetes.issuers(after) == [OURS, OTHER]
    assert after["jwt"][0] == entry()


def test_absent_takes_out_ours_only():
    assert kubernetes.merge(config(entry(), entry(OTHER)), [], [OURS]) == config(entry(OTHER))


def test_the_version_of_the_file_stays():
    before = config(api := entry(OTHER)) | {"apiVersion": kubernetes.API_VERSIONS[1]}
    assert kubernetes.merge(before, [api])["apiVersion"] == kubernetes.API_VERSIONS[1]
    assert kubernetes.merge(before, [api], api_version=kubernetes.API_VERSIONS[0])["apiVersion"].endswith("/v1")


@pytest.mark.parametrize(
    "current",
    [
        [],
        "text",
        {},
        config() | {"kind": "AuthorizationConfiguration"},
        config() | {"apiVersion": "apiserver.config.k8s.io/v2"},
        config() | {"whatever": 1},
        config() | {"jwt": {}},
        config({"issuer": {}}),
        config(entry(), entry()),
    ],
)
def test_what_is_not_understood_is_not_touched(current):
    with pytest.raises(kubernetes.Unmergeable) as refused:
        kubernetes.merge(current, [entry()])
    assert refused.value.fix


urls = st.lists(st.integers(0, 9).map(lambda n: f"https://issuer{n}.example.com"), unique=True, max_size=6)


@given(others=urls, ours=urls, remove=urls)
def test_merge_keeps_others_and_settles(others, ours, remove):
    before = config(*[entry(url, userValidationRules=[{"expression": "user.username != 'x'"}]) for url in others])
    untouched = copy.deepcopy(before)
    after = kubernetes.merge(before, [entry(url) for url in ours], remove)
    assert before == untouched
    assert set(kubernetes.issuers(after)) == (set(others) - set(remove)) | set(ours)
    kept = [url for url in others if url not in remove and url not in ours]
    assert [one for one in after["jwt"] if kubernetes.issuer_url(one) in kept] == [
        one for one in before["jwt"] if kubernetes.issuer_url(one) in kept
    ]
    assert kubernetes.merge(after, [entry(url) for url in ours], remove) == after
    assert json.loads(kubernetes.render(after)) == after


def test_the_ca_goes_into_the_issuer():
    made = kubernetes.entry_for(entry(), "PEM\n\n")
    assert made["issuer"]["certificateAuthority"] == "PEM\n"
    assert "certificateAuthority" not in kubernetes.entry_for(entry(), " ")["issuer"]


@pytest.mark.parametrize(("minor", "version"), [(30, "v1beta1"), (33, "v1beta1"), (34, "v1"), (40, "v1")])
def test_version_by_release(minor, version):
    assert kubernetes.api_version_for(minor).endswith("/" + version)


def test_too_old():
    with pytest.raises(kubernetes.Unmergeable):
        kubernetes.api_version_for(29)


# -- read --------------------------------------------------------------------------------------------------------------


def test_reads_yaml_by_hand(monkeypatch):
    text = b"# ours\napiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt: []\n"
    assert reader.parse(text) == config()
    monkeypatch.setattr(reader, "HAS_YAML", False)
    with pytest.raises(kubernetes.Unmergeable, match="PyYAML") as refused:
        reader.parse(text)
    assert "python3-yaml" in refused.value.fix
    assert reader.parse(kubernetes.render(config())) == config()


@pytest.mark.parametrize("text", [b"", b"  \n", b"\xff\xfe", b"a: [", b"{}\n---\n{}\n", b'{"a": 1, "a": 2}'])
def test_unreadable(text):
    with pytest.raises(kubernetes.Unmergeable):
        reader.parse(text)


# -- plan --------------------------------------------------------------------------------------------------------------


def wanted(**more) -> host.Wanted:
    return host.Wanted(path="/x", **{"state": "present", "jwt": [entry()], **more})


def test_the_same_meaning_is_left_byte_for_byte():
    text = b"kind: AuthenticationConfiguration\napiVersion: apiserver.config.k8s.io/v1\njwt:\n" + (
        b"- issuer: {url: https://sso.example.com/realms/openshift, audiences: [openshift]}\n"
        b"  claimMappings: {username: {claim: preferred_username, prefix: ''}}\n"
    )
    planned = host.plan(wanted(), text)
    assert not planned.changed
    assert planned.content == text
    assert planned.sha256_after == planned.sha256_before


def test_plan_names_what_changes():
    before = kubernetes.render(config(entry(OTHER), entry("https://old.example.com")))
    planned = host.plan(wanted(remove_issuers=["https://old.example.com"]), before)
    assert planned.changes == [
        {"path": "jwt[https://old.example.com]", "operation": "delete"},
        {"path": f"jwt[{OURS}]", "operation": "create"},
    ]
    assert planned.sha256_after == kubernetes.sha256(planned.content)


def test_a_wrong_file_is_not_planned_and_all_is_told():
    with pytest.raises(host.Refused) as refused:
        host.plan(wanted(jwt=[{"issuer": {"url": "http://x?a=b"}, "claimMappings": {}}]), None)
    paths = [one["path"] for one in refused.value.problems]
    assert paths.count("jwt[0].issuer.url") == 2
    assert "jwt[0].issuer.audiences" in paths
    assert "jwt[0].claimMappings.username" in paths


def test_absent_without_a_file():
    planned = host.plan(wanted(state="absent"), None)
    assert not planned.changed


# -- validate ----------------------------------------------------------------------------------------------------------

MODEL = {
    "issuer": {"url": OURS, "audiences": ["openshift", "openshift-cli"], "audienceMatchPolicy": "MatchAny"},
    "claimValidationRules": [
        {"expression": "claims.azp in ['mcp-server', 'openshift-cli']", "message": "unknown client"},
        {"expression": "claims.exp - claims.iat <= 900", "message": "lives too long"},
    ],
    "claimMappings": {
        "username": {"claim": "preferred_username", "prefix": ""},
        "groups": {
            "expression": "(has(claims.groups) ? dyn(claims.groups) : dyn([])).map(g, string(g).startsWith('/') ? "
            "string(g).substring(1) : string(g))"
        },
        "uid": {"claim": "sub"},
        "extra": [{"key": "mcp-auth.example/client", "valueExpression": "claims.azp"}],
    },
    "userValidationRules": [
        {"expression": "!user.username.startsWith('system:')", "message": "no system: users"},
        {"expression": "user.groups.all(g, !g.startsWith('system:'))", "message": "no system: groups"},
    ],
}


def test_what_the_model_makes_is_right():
    assert validate(config(MODEL)) == []


def change(path: str, value) -> dict:
    made = copy.deepcopy(config(MODEL))
    at = made["jwt"][0]
    *parents, last = path.split(".")
    for name in parents:
        at = at[int(name)] if name.isdigit() else at[name]
    if value is None:
        del at[last]
    elif isinstance(at, list):
        at[int(last)] = value
    else:
        at[last] = value
    return made


@pytest.mark.parametrize(
    ("path", "value", "where", "rule"),
    [
        ("issuer.url", "http://a.example", "issuer.url", "url"),
        ("issuer.url", "https://u:p@a.example", "issuer.url", "url"),
        ("issuer.url", "https://a.example/#x", "issuer.url", "url"),
        ("issuer.url", "https://a.example/?", "issuer.url", "url"),
        ("issuer.url", "https://a.example/ x", "issuer.url", "url"),
        ("issuer.url", "https://[", "issuer.url", "url"),
        ("issuer.url", "", "issuer.url", "required"),
        ("issuer.discoveryURL", OURS + "/", "issuer.discoveryURL", "discovery"),
        ("issuer.audiences", [], "issuer.audiences", "required"),
        ("issuer.audiences", ["a", ""], "issuer.audiences[1]", "required"),
        ("issuer.audiences", ["a", "a"], "issuer.audiences[1]", "duplicate"),
        ("issuer.audienceMatchPolicy", None, "issuer.audienceMatchPolicy", "audiences"),
        ("issuer.audienceMatchPolicy", "All", "issuer.audienceMatchPolicy", "audiences"),
        ("issuer.certificateAuthority", "no PEM", "issuer.certificateAuthority", "certificate"),
        ("issuer.egressSelectorType", "etcd", "issuer.egressSelectorType", "egress"),
        ("issuer.clientID", "x", "issuer.clientID", "unknown"),
        ("claimMappings.username", {}, "claimMappings.username", "required"),
        ("claimMappings.username", {"claim": "sub"}, "claimMappings.username.prefix", "required"),
        ("claimMappings.username", {"claim": "sub", "prefix": "system:"}, "claimMappings.username.prefix", "reserved"),
        ("claimMappings.username", {"claim": "sub", "expression": "claims.sub"}, "claimMappings.username", "either"),
        (
            "claimMappings.username",
            {"expression": "claims.sub", "prefix": "x"},
            "claimMappings.username.prefix",
            "either",
        ),
        ("claimMappings.username", {"expression": "claims.email"}, "claimMappings.username.expression", "email"),
        ("claimMappings.uid", {"claim": "sub", "expression": "claims.sub"}, "claimMappings.uid", "either"),
        ("claimMappings.extra.0.key", "client", "claimMappings.extra[0].key", "key"),
        ("claimMappings.extra.0.key", "a.example/Client", "claimMappings.extra[0].key", "key"),
        ("claimMappings.extra.0.key", "x.kubernetes.io/client", "claimMappings.extra[0].key", "reserved"),
        ("claimMappings.extra.0.key", "k8s.io/client", "claimMappings.extra[0].key", "reserved"),
        ("claimMappings.extra.0.valueExpression", "", "claimMappings.extra[0].valueExpression", "required"),
        ("claimValidationRules.0", {"claim": "a", "message": "x"}, "claimValidationRules[0].message", "either"),
        ("claimValidationRules.0", {"claim": "a", "expression": "true"}, "claimValidationRules[0]", "either"),
        ("claimValidationRules.0", {}, "claimValidationRules[0]", "required"),
        (
            "claimValidationRules.1",
            {"expression": "claims.azp in ['mcp-server', 'openshift-cli']"},
            "claimValidationRules[1].expression",
            "duplicate",
        ),
        ("userValidationRules.0", {"message": "x"}, "userValidationRules[0].expression", "required"),
        ("userValidationRules.0", {"expression": "user.name != 'x'"}, "userValidationRules[0].expression", "cel"),
        ("userValidationRules.0", {"expression": "claims.sub != 'x'"}, "userValidationRules[0].expression", "cel"),
    ],
)
def test_each_rule(path, value, where, rule):
    found = validate(change(path, value))
    assert [(one["path"], one["rule"]) for one in found] == [("jwt[0]." + where, rule)]
    assert all(one["message"] and one["fix"] for one in found)


@pytest.mark.parametrize(
    "expression",
    [
        "(has(claims.groups) ? claims.groups : []).map(g, g)",
        "(has(claims.groups) ? [] : claims.groups).filter(g, g != 'x')",
        "(has(claims.groups) ? claims.groups : ['x']).exists(g, g == 'a') ? 'x' : 'y'",
        "claims.groups.map(g, g)",
        "claims.groups.map(g, g",
        "claims.groups)",
        "claims.sub = 'x' ? 'a' : 'b'",
        "claims.sub == 'x' & true ? 'a' : 'b'",
        "claims.sub == 'x' and true ? 'a' : 'b'",
        "claims.sub + 'x",
        "claims.sub + \u201cx\u201d",
        "user.username",
        " ",
    ],
)
def test_cel_that_cannot_be(expression):
    found = validate(change("claimMappings.groups.expression", expression))
    assert found
    assert {one["rule"] for one in found} == {"cel"}


@pytest.mark.parametrize(
    "expression",
    [
        "claims.groups",
        "'a=b & c | d (' + claims.sub",
        "claims.?groups.orValue([])",
        "claims[\"x/y\"] == 'z' ? 'a' : 'b'",
        "claims.roles.split(',')",
        "claims.roles.split(',').map(r, 'x:' + r)",
        "dyn(claims.groups).map(g, string(g)).filter(g, g != 'a')",
        "has(claims.groups) ? [] : claims.groups",
        "(has(claims.a) ? claims.a : '').startsWith('x') ? 'a' : 'b'",
        "has(claims.a) && claims.a != 'or' ? [string(claims.a)] : []",
        "claims.name.matches(r'^\\d+$') ? ['x'] : []",
        "claims.realm_access.roles.map(r, 'kc:' + r)",
        "claims.?user.orValue('x')",
        "claims.?or.orValue('x')",
        "claims.groups // people don't nest\n",
        "dyn(claims.groups).filter(user, user != 'x')",
        "[R'a\\' + claims.sub]",
        "'https://' + claims.sub",
    ],
)
def test_cel_that_may_be(expression):
    assert validate(change("claimMappings.groups.expression", expression)) == []


def test_cel_of_others_is_not_ours_to_refuse():
    theirs = entry("https://theirs.example.com")
    theirs["claimMappings"]["groups"] = {"expression": "claims.groups.map(g, g)"}
    current = kubernetes.render(config(theirs))
    assert host.plan(wanted(), current).changed
    with pytest.raises(host.Refused):
        host.plan(wanted(jwt=[theirs | {"userValidationRules": []}]), current)


def test_email_with_its_rule():
    made = change("claimMappings.username", {"expression": "claims.email"})
    made["jwt"][0]["claimValidationRules"].append({"expression": "claims.?email_verified.orValue(true) == true"})
    assert validate(made) == []


def test_by_version():
    assert [one["path"] for one in validate(config(MODEL), minor=33)] == ["apiVersion"]
    older = config(MODEL) | {"apiVersion": kubernetes.API_VERSIONS[1]}
    assert validate(older, minor=30) == []
    assert [one["path"] for one in validate(older | {"anonymous": {"enabled": True}}, minor=30)] == ["anonymous"]


def test_over_the_whole_file():
    found = validate(config(MODEL, MODEL))
    assert [(one["path"], one["rule"]) for one in found] == [("jwt[1].issuer.url", "duplicate")]
    assert validate(config(*[entry(f"https://a{n}.example") for n in range(65)]))[0]["rule"] == "limit"
    assert validate(config(MODEL), service_account_issuers=[OURS])[0]["rule"] == "reserved"
    assert (
        validate(config(anonymous={"enabled": False, "conditions": [{"path": "/"}]}))[0]["path"]
        == "anonymous.conditions"
    )


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=5),
        lambda s: (
            st.lists(s, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "issuer",
                        "url",
                        "audiences",
                        "claimMappings",
                        "username",
                        "groups",
                        "extra",
                        "key",
                        "uid",
                        "claimValidationRules",
                        "userValidationRules",
                        "expression",
                        "x",
                    ]
                ),
                s,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_never_a_traceback(anything):
    for made in (config(anything), config() | {"jwt": anything}, config() | {"anonymous": anything}):
        for one in validate(made):
            assert one["path"] and one["message"] and one["fix"]
