# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of each server version: the table, the rules, the text."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mcp_auth.openshift.plugins.module_utils._mcp import (
    config,
    generations,
    options,
    ownership,
    presets,
    toml,
)
from ansible_collections.mcp_auth.openshift.plugins.module_utils._secrets import templates

SETTINGS: dict[str, Any] = {
    "issuer_url": "https://sso.example.com/realms/openshift",
    "audience": "mcp-server",
    "server_url": "https://mcp.example.com/mcp",
    "certificate_authority": "/etc/ca/ca.crt",
    "metrics_port": "9091",
    "kubeconfig": "/etc/mcp-server/kubeconfig",
    "exchange": {
        "audience": "openshift",
        "scopes": ["mcp:openshift"],
        "client_id": "mcp-server",
        "certificate_file": "/k/tls.crt",
        "private_key_file": "/k/tls.key",
    },
}
KNOWN = list(generations.VERSIONS)


def wanted(**changes: Any) -> dict[str, Any]:
    exchange = {**SETTINGS["exchange"], **changes.pop("exchange", {})}
    return {**SETTINGS, "exchange": exchange, **changes}


def for_version(version: str, **changes: Any) -> dict[str, Any]:
    """Settings that the version can work with."""
    method = "private_key_jwt" if generations.at_least(version, "0.0.67") else "client_secret_basic"
    exchange = {"method": method, **changes.pop("exchange", {})}
    return wanted(exchange=exchange, **changes)


def rules(made: config.Rendered, severity: str = "error") -> set[tuple[str, str]]:
    return {(item.rule, item.path) for item in made.problems if item.severity == severity}


# -- the table -------------------------------------------------------------------------------------------------------
def test_every_row_is_in_order() -> None:
    for key in generations.KEYS.values():
        assert key.first in generations.VERSIONS, key
        assert key.source in ("binary", "docs", "changes"), key
        assert key.type in config._TYPES, key
        if key.last is not None:
            assert key.last in generations.VERSIONS and generations.at_least(key.last, key.first), key
            assert key.replaced_by, f"{key.name} ended: say what replaces it"
        if key.source == "changes":
            assert key.first == generations.NEXT, key


def test_replacements_that_are_keys_exist_when_they_are_needed() -> None:
    versions = list(generations.VERSIONS)
    for key in generations.KEYS.values():
        if key.last is not None and key.replaced_by in generations.KEYS:
            following = versions[versions.index(key.last) + 1]
            assert generations.knows(following, key.replaced_by), key


def test_every_generation_has_versions_and_one_that_stands_for_it() -> None:
    assert set(generations.VERSIONS.values()) == set(generations.REPRESENTATIVE)
    for generation, version in generations.REPRESENTATIVE.items():
        assert generations.VERSIONS[version] == generation
    assert set(generations.TRIED) <= set(generations.VERSIONS)


def test_secrets_are_keys_and_never_ours_to_write() -> None:
    for version in KNOWN:
        for method in config.METHODS:
            made = config.render(version, wanted(exchange={"method": method}))
            assert not set(generations.SECRET_KEYS) & set(config.flatten(made.config)), (version, method)


# -- versions --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("version", KNOWN)
def test_every_known_version_renders_only_what_it_knows(version: str) -> None:
    made = config.render(version, for_version(version))
    assert not made.errors, made.errors
    for name in config.flatten(made.config):
        assert generations.knows(version, name), name
    assert made.config["require_oauth"] is True and made.config["read_only"] is True
    assert made.config["toolsets"] == ["core"]
    assert {item["kind"] for item in made.config["denied_resources"]} >= {"Secret", "ClusterRoleBinding"}
    assert tomllib.loads(toml.dumps(made.config)) == made.config


def test_an_unknown_version_needs_a_generation() -> None:
    made = config.render("0.0.99", SETTINGS)
    assert rules(made) == {("version", "version")} and made.config == {}
    assert "generation" in made.errors[0].fix
    told = config.render("0.0.99", SETTINGS, "g3")
    assert not told.errors and told.assumed == "0.0.67"


@pytest.mark.parametrize(
    ("version", "generation", "port", "metadata", "resource"),
    [
        ("0.0.54", None, "8080", False, False),
        ("0.0.66", None, "8080", True, False),
        ("0.0.67", None, "9091", True, True),
        ("next", "g4", "9091", True, True),
        ("v0.0.68", "g3", "9091", True, True),
        ("1.0.0", "g2", "8080", True, False),
        ("main", "g1", "8080", False, False),
    ],
)
def test_what_hangs_on_the_version_hangs_on_what_stands_for_it(
    version: str, generation: str | None, port: str, metadata: bool, resource: bool
) -> None:
    settings = wanted(exchange={} if resource else {"method": "client_secret_basic"})
    made = config.render(version, settings, generation)
    assert not made.errors, made.errors
    assert (made.metrics_port, made.own_metadata, made.publishes_resource) == (port, metadata, resource)


@pytest.mark.parametrize("version", KNOWN)
@pytest.mark.parametrize("generation", sorted(generations.REPRESENTATIVE))
def test_a_version_that_is_known_speaks_its_own_generation(version: str, generation: str) -> None:
    made = config.render(version, for_version(version), generation)
    if generation == generations.VERSIONS[version]:
        assert not made.errors and made.assumed == version
    else:
        assert rules(made) == {("version", "generation")} and made.config == {}
        assert f"speaks {generations.VERSIONS[version]}" in made.errors[0].message


@pytest.mark.parametrize(
    "extra",
    [
        {"oauth_audience": ""},
        {"read_only": False},
        {"confirmation_fallback": "allow"},
        {"denied_resources": []},
        {"stateless": False},
        {"disabled_tools": []},
        {"bind_address": "0.0.0.0"},
        {"authorization_url": "http://evil"},
        {"certificate_authority": ""},
        {"server_url": ""},
        {"toolsets": ["nosuch"]},
        {"token_exchange": {"strategy": ""}},
        {"token_exchange.client_auth.method": "client_secret_post"},
        {"port": "70000"},
        {"log_level": 10},
    ],
)
def test_extra_does_not_go_around_the_checks_of_a_setting(extra: dict[str, Any]) -> None:
    made = config.render("0.0.67", wanted(extra=extra))
    assert len(made.errors) == 1, made.errors
    assert made.errors[0].rule in ("owned", "log_level")


def test_everything_that_settings_write_is_owned() -> None:
    made = config.render("0.0.67", wanted(extra={}, list_output="yaml", preset="write", enabled_tools=["pods_list"]))
    free = {name for name in config.flatten(made.config) if not ownership.owner(name)}
    assert free <= {"log_level"}


def test_a_loud_log_by_extra_is_warned_of() -> None:
    made = config.render("0.0.67", wanted(extra={"log_level": 9}))
    assert ("log_level", "log_level") in rules(made, "warning")


def test_untried_versions_say_so() -> None:
    assert ("untried", "version") in rules(config.render("0.0.61", for_version("0.0.61")), "warning")
    assert ("untried", "version") not in rules(config.render("0.0.67", SETTINGS), "warning")


@pytest.mark.parametrize(
    ("version", "extra", "message", "fix"),
    [
        ("0.0.67", {"sts_audience": "x"}, "ended with 0.0.66", "Use token_exchange.audience."),
        ("0.0.67", {"token_exchange_strategy": "rfc8693"}, "ended with 0.0.66", "Use token_exchange.strategy."),
        ("0.0.57", {"validate_token": True}, "ended with 0.0.55", "Use nothing: the issuer's keys decide"),
        ("0.0.66", {"token_exchange": {"audience": "x"}}, "begins with 0.0.67", "Use sts_audience."),
        ("0.0.66", {"token_exchange.client_auth.method": "x"}, "begins with 0.0.67", "Use sts_auth_style."),
        ("0.0.60", {"http": {"max_body_bytes": 1}}, "begins with 0.0.62", "Use the limit of the proxy in front."),
        ("0.0.67", {"read_onyl": True}, "No version of the server knows", "Did you mean read_only?"),
        ("0.0.67", {"require_oauth": False}, "opens the server", "Leave it out."),
        ("0.0.67", {"skip_jwt_verification": True}, "opens the server", "Leave it out."),
        ("0.0.67", {"cluster_auth_mode": "kubeconfig"}, "act as itself", "Leave it out."),
        ("0.0.67", {"log_level": "high"}, "must be int", ""),
        ("0.0.67", {"read_only": 1}, "must be bool", ""),
        ("0.0.67", {"http.rate_limit_burst": True}, "must be int", ""),
        ("0.0.67", {"toolsets": [1]}, "must be list[str]", ""),
        ("0.0.67", {"sts_client_secret": "s"}, "is a secret", "Set exchange.method"),
        ("0.0.67", {"token_exchange": {"client_auth": {"client_secret": "s"}}}, "is a secret", "Set exchange.method"),
    ],
)
def test_extra_keys_are_refused_with_what_to_do(version: str, extra: dict[str, Any], message: str, fix: str) -> None:
    made = config.render(version, for_version(version, extra=extra))
    assert len(made.errors) == 1, made.errors
    assert message in made.errors[0].message and fix in made.errors[0].fix
    assert "'s'" not in made.errors[0].message


def test_good_extra_keys_win() -> None:
    extra = {"http": {"max_body_bytes": 5}, "telemetry.enabled": False, "toolset_configs": {"helm": {"any": [1]}}}
    made = config.render("0.0.67", wanted(extra={**extra, "log_level": 3}))
    assert not made.errors
    assert made.config["http"] == {"max_body_bytes": 5} and made.config["log_level"] == 3
    assert made.config["toolset_configs"] == {"helm": {"any": [1]}}


# -- what cannot work ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("version", ["0.0.62", "0.0.66"])
def test_the_explicit_strategy_fails_with_keycloak_before_0_0_67(version: str) -> None:
    for settings in (
        for_version(version, exchange={"strategy": "rfc8693"}),
        for_version(version, extra={"token_exchange_strategy": "rfc8693"}),
    ):
        made = config.render(version, settings)
        assert {rule for rule, _path in rules(made)} == {"exchange_strategy"}
        assert "0.0.67" in made.errors[0].fix
    other = for_version(version, exchange={"strategy": "rfc8693"}, issuer_product="other")
    made = config.render(version, other)
    assert not made.errors and made.config["sts_auth_style"] == "header"
    assert "strategy" in config.render("0.0.67", SETTINGS).config["token_exchange"]


def test_strategies_do_not_exist_before_0_0_62() -> None:
    made = config.render("0.0.60", for_version("0.0.60", exchange={"strategy": "rfc8693"}))
    assert ("exchange_strategy", "exchange.strategy") in rules(made)


@pytest.mark.parametrize("method", ["private_key_jwt", "jwt_file", "client_secret_post"])
@pytest.mark.parametrize("version", ["0.0.54", "0.0.60", "0.0.66"])
def test_before_0_0_67_only_basic_works(version: str, method: str) -> None:
    made = config.render(version, wanted(exchange={"method": method}))
    assert ("exchange_method", "exchange.method") in rules(made)


def test_a_key_has_to_be_mounted() -> None:
    made = config.render("0.0.67", wanted(exchange={"private_key_file": "relative.key"}))
    assert rules(made) == {("exchange", "exchange.private_key_file")}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"issuer_url": "http://sso"}, "issuer_url"),
        ({"issuer_url": "https://sso?x=1"}, "issuer_url"),
        ({"server_url": "https://mcp/mcp#x"}, "server_url"),
        ({"audience": ""}, "audience"),
        ({"certificate_authority": "ca.crt"}, "certificate_authority"),
        ({"port": "0"}, "port"),
        ({"port": "\u0661"}, "port"),
        ({"port": "9091"}, "metrics_port"),
        ({"toolsets": ["corr"]}, "toolsets"),
    ],
)
def test_values_that_no_server_takes(change: dict[str, Any], path: str) -> None:
    assert path in {where for _rule, where in rules(config.render("0.0.67", wanted(**change)))}


def test_every_problem_is_told_at_once() -> None:
    made = config.render("0.0.66", wanted(issuer_url="x", audience="", port="x", toolsets=["y"], extra={"z": 1}))
    assert len(made.errors) >= 6


# -- safety ----------------------------------------------------------------------------------------------------------
def test_the_write_preset_says_its_risk_and_asks() -> None:
    made = config.render("0.0.67", wanted(preset="write"))
    assert not made.errors and ("write", "preset") in rules(made, "warning")
    assert made.config["read_only"] is False
    assert made.config["disabled_tools"] == ["pods_exec", "pods_run"]
    assert (
        made.config["confirmation_fallback"] == "deny" and made.config["confirmation_rules"][0]["destructive"] is True
    )
    assert {item["kind"] for item in made.config["denied_resources"]} >= {"Secret"}


def test_hiding_one_more_tool_shows_no_other() -> None:
    made = config.render("0.0.67", wanted(preset="write", disabled_tools=["helm_install", "pods_run"]))
    assert made.config["disabled_tools"] == ["pods_exec", "pods_run", "helm_install"]
    assert rules(made, "warning") == {("write", "preset")}


def test_a_tool_that_the_preset_hides_is_shown_only_by_name() -> None:
    made = config.render("0.0.67", wanted(preset="write", unhidden_tools=["pods_exec"]))
    assert not made.errors and made.config["disabled_tools"] == ["pods_run"]
    told = next(item.message for item in made.problems if item.rule == "running")
    assert "pods_exec" in told and "pods_run" not in told


@pytest.mark.parametrize(
    "change",
    [
        {"unhidden_tools": ["pods_exec"]},
        {"preset": "write", "unhidden_tools": ["pod_exec"]},
        {"preset": "write", "unhidden_tools": ["pods_exec"], "disabled_tools": ["pods_exec"]},
    ],
)
def test_only_what_is_hidden_can_be_shown(change: dict[str, Any]) -> None:
    assert rules(config.render("0.0.67", wanted(**change))) == {("tools", "unhidden_tools")}


def test_one_rule_more_leaves_the_question_before_destructive_tools() -> None:
    for mine in ({"tool": "helm_install"}, {"tool": "pods_delete", "destructive": True}):
        made = config.render("0.0.67", wanted(preset="write", confirmation_rules=[{**mine, "message": "Sure?"}]))
        assert [{**mine, "message": "Sure?"}, *presets.PRESETS["write"]["confirmation_rules"]] == made.config[
            "confirmation_rules"
        ]
    own = {"destructive": True, "message": "Really?"}
    assert config.render("0.0.67", wanted(preset="write", confirmation_rules=[own])).config["confirmation_rules"] == [
        own
    ]


def test_writing_without_the_preset_has_nothing_of_it_and_says_so() -> None:
    made = config.render("0.0.67", wanted(read_only=False))
    assert "disabled_tools" not in made.config
    assert {("running", "disabled_tools"), ("confirmation", "confirmation_rules")} <= rules(made, "warning")
    few = config.render("0.0.67", wanted(read_only=False, enabled_tools=["pods_delete"]))
    assert ("running", "disabled_tools") not in rules(few, "warning")


def test_writing_needs_a_server_that_can_ask() -> None:
    assert ("confirmation", "confirmation_rules") in rules(
        config.render("0.0.59", for_version("0.0.59", preset="write"))
    )


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"denied_resources": []}, "denied"),
        ({"stateless": False}, "stateless"),
        ({"log_level": 9}, "log_level"),
        ({"toolsets": ["core", "helm"]}, "toolset"),
        ({"preset": "write", "confirmation_fallback": "allow"}, "confirmation"),
    ],
)
def test_weaker_settings_are_warned_about(change: dict[str, Any], rule: str) -> None:
    made = config.render("0.0.67", wanted(**change))
    assert not made.errors and rule in {name for name, _path in rules(made, "warning")}


def test_what_an_old_server_lacks_is_warned_about() -> None:
    found = {name for name, _path in rules(config.render("0.0.54", for_version("0.0.54")), "warning")}
    assert {"stateless", "metrics", "loopback", "metadata", "dropin"} <= found


def test_the_default_warns_about_nothing() -> None:
    assert config.render("0.0.67", SETTINGS).problems == []


# -- the secret ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("version", "delivery"), [("0.0.54", "whole_file"), ("0.0.60", "dropin"), ("0.0.67", "dropin")]
)
def test_how_the_secret_gets_there(version: str, delivery: str) -> None:
    made = config.render(version, wanted(exchange={"method": "client_secret_basic"}), dropin_dir="/d")
    assert made.secret_delivery == delivery and len(made.dropins) == 1
    assert ("--config-dir" in made.args) == (delivery == "dropin")
    assert config.render("0.0.67", SETTINGS).dropins == []


@given(st.text(max_size=60), st.sampled_from(["0.0.54", "0.0.60", "0.0.67"]), st.sampled_from(["client-secret", "a b"]))
def test_any_secret_survives_the_template(secret: str, version: str, field: str) -> None:
    if any(0xD800 <= ord(char) <= 0xDFFF for char in secret):
        return  # no text that could be encoded
    made = config.render(version, wanted(exchange={"method": "client_secret_basic"}, secret_field=field))
    text = templates.render(made.dropins[0]["template"], {field: secret})
    if made.secret_delivery == "whole_file":
        text += toml.dumps(made.config)
    found = config.flatten(tomllib.loads(text))
    name = generations.SECRET_KEYS[1] if version == "0.0.67" else generations.SECRET_KEYS[0]
    assert found[name] == secret
    assert json.dumps(secret)[1:-1] == "" or secret not in made.dropins[0]["template"] or len(secret) < 24


# -- TOML ------------------------------------------------------------------------------------------------------------
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
VALUES = st.one_of(TEXT, st.booleans(), st.integers(-(2**53), 2**53), st.lists(TEXT, max_size=4))
TREES = st.recursive(
    st.dictionaries(TEXT, VALUES, max_size=4),
    lambda inner: st.dictionaries(TEXT, st.one_of(VALUES, inner, st.lists(inner, min_size=1, max_size=3)), max_size=4),
    max_leaves=12,
)


@given(TREES)
def test_any_tree_is_read_back_as_it_was(tree: dict[str, Any]) -> None:
    text = toml.dumps(tree, "first\nsecond")
    assert tomllib.loads(text) == tree
    assert toml.loads(text) == tree


@given(TEXT.filter(lambda text: text.strip()))
def test_any_name_goes_through_the_settings(text: str) -> None:
    made = config.render("0.0.67", wanted(audience=text, server_instructions=text, exchange={"client_id": text}))
    read = tomllib.loads(toml.dumps(made.config))
    assert read["oauth_audience"] == text and read["server_instructions"] == text
    assert read["token_exchange"]["client_auth"]["client_id"] == text


@given(st.permutations(sorted(SETTINGS)))
def test_the_order_of_the_settings_changes_nothing(order: list[str]) -> None:
    shuffled = {name: SETTINGS[name] for name in order}
    assert toml.dumps(config.render("0.0.67", shuffled).config) == toml.dumps(config.render("0.0.67", SETTINGS).config)


# -- options ---------------------------------------------------------------------------------------------------------
def test_every_option_is_read_by_the_renderer() -> None:
    """An option that nothing reads would be accepted in silence."""
    source = Path(config.__file__).read_text(encoding="utf-8")
    for name in (*options.SETTINGS, *options.EXCHANGE):
        assert f'"{name}"' in source, name
