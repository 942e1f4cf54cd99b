# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
"""PRIVATE. The settings of kubernetes-mcp-server, key by key and version by version.

Servers older than the planned one ignore a key that they do not know, so this table is what notices a typing error,
a key that came later and a key that is gone.

Where a row comes from (``source``):

* ``binary``: the struct tags in the published binaries of 0.0.54, 0.0.59, 0.0.60, 0.0.66 and 0.0.67. A key that first
  shows up in 0.0.59 may exist in 0.0.57 and 0.0.58 too: nobody looked, so it is refused there.
* ``docs``: docs/configuration.md of that tag, for a version whose binary was not looked at.
* ``changes``: docs/configuration-changes.md and docs/specs/config.md on main, for what is planned.
"""

from __future__ import annotations

from dataclasses import dataclass

NEXT = "next"

#: Versions that are known, oldest first, with the generation that each speaks.
VERSIONS: dict[str, str] = {
    "0.0.54": "g1",
    "0.0.55": "g1",
    "0.0.57": "g2",
    "0.0.58": "g2",
    "0.0.59": "g2",
    "0.0.60": "g2",
    "0.0.61": "g2",
    "0.0.62": "g2",
    "0.0.63": "g2",
    "0.0.64": "g2",
    "0.0.65": "g2",
    "0.0.66": "g2",
    "0.0.67": "g3",
    NEXT: "g4",
}

#: Versions whose published binary ran a tool call through a real exchange.
TRIED: tuple[str, ...] = ("0.0.54", "0.0.60", "0.0.66", "0.0.67")

#: An unknown version of a generation is taken for this one.
REPRESENTATIVE: dict[str, str] = {"g1": "0.0.55", "g2": "0.0.66", "g3": "0.0.67", "g4": NEXT}

TOOLSETS: dict[str, tuple[str, str]] = {
    "config": ("0.0.54", "shows the server's own kubeconfig"),
    "core": ("0.0.54", ""),
    "helm": ("0.0.54", "keeps its releases in Secrets, which are denied by default"),
    "kcp": ("0.0.59", ""),
    "kiali": ("0.0.59", ""),
    "kubevirt": ("0.0.59", ""),
    "netobserv": ("0.0.66", ""),
    "tekton": ("0.0.66", ""),
}


@dataclass(frozen=True)
class Key:
    """One setting: its dotted name, its type, and the versions that know it."""

    name: str
    type: str
    first: str
    last: str | None
    replaced_by: str
    source: str


_STS = "token_exchange"
_AUTH = "token_exchange.client_auth"

_ROWS: list[tuple[str, str, str, str | None, str, str]] = [
    # name, type, first, last, what to use after last (or instead, before first), source
    ("authorization_url", "str", "0.0.54", None, "", "binary"),
    ("bind_address", "str", "0.0.64", None, "a NetworkPolicy: the server listens on every address", "docs"),
    ("certificate_authority", "str", "0.0.54", None, "", "binary"),
    ("cluster_auth_mode", "str", "0.0.62", None, "nothing: the token is always passed on", "docs"),
    ("cluster_provider_configs", "table", "0.0.54", None, "", "binary"),
    ("cluster_provider_strategy", "str", "0.0.54", None, "", "binary"),
    ("confirmation_fallback", "str", "0.0.60", None, "read_only or disable_destructive", "binary"),
    ("confirmation_rules", "list[table]", "0.0.60", None, "read_only or disable_destructive", "binary"),
    ("denied_resources", "list[table]", "0.0.54", None, "", "binary"),
    ("disable_destructive", "bool", "0.0.54", None, "", "binary"),
    ("disable_dynamic_client_registration", "bool", "0.0.54", None, "", "binary"),
    ("disabled_tools", "list[str]", "0.0.54", None, "", "binary"),
    ("enabled_tools", "list[str]", "0.0.54", None, "", "binary"),
    ("experimental_enable_target_compatibility_tool_filters", "bool", "0.0.66", None, "", "binary"),
    ("http.max_body_bytes", "int", "0.0.62", None, "the limit of the proxy in front", "docs"),
    ("http.rate_limit_burst", "int", "0.0.66", None, "the limit of the proxy in front", "binary"),
    ("http.rate_limit_rps", "float", "0.0.66", None, "the limit of the proxy in front", "binary"),
    ("http.read_header_timeout", "str", "0.0.62", None, "the limit of the proxy in front", "docs"),
    ("kubeconfig", "str", "0.0.54", None, "", "binary"),
    ("list_output", "str", "0.0.54", None, "", "binary"),
    ("log_file", "str", "0.0.64", None, "", "docs"),
    ("log_level", "int", "0.0.54", None, "", "binary"),
    ("metrics_port", "str", "0.0.67", None, "the path filter of the proxy in front (/metrics is on port)", "binary"),
    ("oauth_audience", "str", "0.0.54", None, "", "binary"),
    ("oauth_scopes", "list[str]", "0.0.54", None, "", "binary"),
    ("port", "str", "0.0.54", None, "", "binary"),
    ("prompts", "list[table]", "0.0.59", None, "", "binary"),
    ("read_only", "bool", "0.0.54", None, "", "binary"),
    ("require_oauth", "bool", "0.0.54", None, "", "binary"),
    ("require_tls", "bool", "0.0.60", None, "", "binary"),
    ("server_instructions", "str", "0.0.59", None, "", "binary"),
    ("server_url", "str", "0.0.54", None, "", "binary"),
    ("skip_jwt_verification", "bool", "0.0.62", None, "", "docs"),
    ("sse_base_url", "str", "0.0.54", "0.0.66", "nothing: /sse is gone, /mcp stays", "binary"),
    ("stateless", "bool", "0.0.57", None, "nothing: sessions are always kept", "docs"),
    ("sts_audience", "str", "0.0.54", "0.0.66", _STS + ".audience", "binary"),
    ("sts_auth_style", "str", "0.0.62", "0.0.66", _AUTH + ".method", "docs"),
    ("sts_client_cert_file", "str", "0.0.62", "0.0.66", _AUTH + ".certificate_file", "docs"),
    ("sts_client_id", "str", "0.0.54", "0.0.66", _AUTH + ".client_id", "binary"),
    ("sts_client_key_file", "str", "0.0.62", "0.0.66", _AUTH + ".private_key_file", "docs"),
    ("sts_client_secret", "str", "0.0.54", "0.0.66", _AUTH + ".client_secret", "binary"),
    ("sts_federated_token_file", "str", "0.0.64", "0.0.66", _AUTH + ".token_file", "docs"),
    ("sts_scopes", "list[str]", "0.0.54", "0.0.66", _STS + ".scopes", "binary"),
    ("telemetry.enabled", "bool", "0.0.57", None, "", "docs"),
    ("telemetry.endpoint", "str", "0.0.57", None, "", "docs"),
    ("telemetry.protocol", "str", "0.0.57", None, "", "docs"),
    ("telemetry.traces_sampler", "str", "0.0.57", None, "", "docs"),
    ("telemetry.traces_sampler_arg", "float", "0.0.57", None, "", "docs"),
    ("tls_cert", "str", "0.0.59", None, "the proxy in front", "binary"),
    ("tls_cipher_suites", "list[str]", "0.0.66", None, "", "binary"),
    ("tls_key", "str", "0.0.59", None, "the proxy in front", "binary"),
    ("tls_min_version", "str", "0.0.66", None, "", "docs"),
    ("token_exchange.audience", "str", "0.0.67", None, "sts_audience", "binary"),
    ("token_exchange.client_auth.certificate_file", "str", "0.0.67", None, "sts_client_cert_file", "binary"),
    ("token_exchange.client_auth.client_id", "str", "0.0.67", None, "sts_client_id", "binary"),
    ("token_exchange.client_auth.client_secret", "str", "0.0.67", None, "sts_client_secret", "binary"),
    ("token_exchange.client_auth.method", "str", "0.0.67", None, "sts_auth_style", "binary"),
    ("token_exchange.client_auth.private_key_file", "str", "0.0.67", None, "sts_client_key_file", "binary"),
    ("token_exchange.client_auth.token_file", "str", "0.0.67", None, "sts_federated_token_file", "binary"),
    ("token_exchange.requested_token_type", "str", "0.0.67", None, "nothing: access tokens only", "binary"),
    ("token_exchange.scopes", "list[str]", "0.0.67", None, "sts_scopes", "binary"),
    ("token_exchange.strategy", "str", "0.0.67", None, "token_exchange_strategy", "binary"),
    ("token_exchange.subject_token_type", "str", "0.0.67", None, "nothing: access tokens only", "binary"),
    ("token_exchange_strategy", "str", "0.0.62", "0.0.66", _STS + ".strategy", "docs"),
    ("tool_overrides", "table", "0.0.60", None, "", "binary"),
    ("toolset_configs", "table", "0.0.59", None, "", "binary"),
    ("toolsets", "list[str]", "0.0.54", None, "", "binary"),
    ("trust_proxy_headers", "bool", "0.0.66", None, "", "binary"),
    (
        "validate_token",
        "bool",
        "0.0.54",
        "0.0.55",
        "nothing: the issuer's keys decide; later servers ignore the key in silence",
        "binary",
    ),
    ("validation_enabled", "bool", "0.0.58", None, "", "docs"),
    # planned
    ("apps_enabled", "bool", NEXT, None, "", "changes"),
    ("cluster_state_debounce_window", "str", NEXT, None, "CLUSTER_STATE_DEBOUNCE_WINDOW_MS (environment)", "changes"),
    ("cluster_state_poll_interval", "str", NEXT, None, "CLUSTER_STATE_POLL_INTERVAL_MS (environment)", "changes"),
    ("disable_localhost_protection", "bool", NEXT, None, "a proxy that sends a loopback Host", "changes"),
    ("kube_client_burst", "int", NEXT, None, "KUBE_CLIENT_BURST (environment)", "changes"),
    ("kube_client_qps", "float", NEXT, None, "KUBE_CLIENT_QPS (environment)", "changes"),
    ("kubeconfig_debounce_window", "str", NEXT, None, "KUBECONFIG_DEBOUNCE_WINDOW_MS (environment)", "changes"),
    ("max_list_page_size", "int", NEXT, None, "", "changes"),
    ("max_log_tail_lines", "int", NEXT, None, "", "changes"),
    ("max_tool_response_bytes", "int", NEXT, None, "", "changes"),
    ("response_limits", "table", NEXT, None, "", "changes"),
    ("telemetry.logs_exporter", "str", NEXT, None, "OTEL_LOGS_EXPORTER (environment)", "changes"),
    ("telemetry.metrics_exporter", "str", NEXT, None, "OTEL_METRICS_EXPORTER (environment)", "changes"),
    ("workspace_debounce_window", "str", NEXT, None, "WORKSPACE_DEBOUNCE_WINDOW_MS (environment)", "changes"),
    ("workspace_poll_interval", "str", NEXT, None, "WORKSPACE_POLL_INTERVAL_MS (environment)", "changes"),
]

KEYS: dict[str, Key] = {row[0]: Key(*row) for row in _ROWS}

#: Keys whose value is a secret: they belong into a file that is mounted from a Secret.
SECRET_KEYS: tuple[str, ...] = ("sts_client_secret", "token_exchange.client_auth.client_secret")

#: The first version that reads drop-in files, and the first that needs the folder to be named.
DROPIN_FIRST = "0.0.57"
CONFIG_DIR_FIRST = "0.0.59"

#: The first version whose metadata fail when the issuer is lost, and the first whose metadata name the server itself.
METADATA_FIRST = "0.0.66"
RESOURCE_FIRST = "0.0.67"


def order(version: str) -> tuple[int, ...]:
    """A version as something that can be compared; the planned one comes last."""
    if version == NEXT:
        return (1 << 30,)
    return tuple(int(part) for part in version.split("."))


def at_least(version: str, first: str) -> bool:
    return order(version) >= order(first)


def resolve(version: str, generation: str | None) -> str | None:
    """The known version that stands for ``version``; None when it is unknown and no generation was told."""
    if version in VERSIONS:
        return version
    if generation:
        return REPRESENTATIVE[generation]
    return None


def knows(version: str, name: str) -> bool:
    """Whether a known version has this key; anything inside a free table counts as the table's."""
    key = find(name)
    if key is None:
        return False
    return at_least(version, key.first) and (key.last is None or order(version) <= order(key.last))


def find(name: str) -> Key | None:
    """The row of a dotted name, or of the free table that it lies in."""
    if name in KEYS:
        return KEYS[name]
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        key = KEYS.get(".".join(parts[:length]))
        if key is not None and key.type == "table":
            return key
    return None


def table(version: str) -> list[Key]:
    """Every key that a known version has."""
    return [key for name, key in sorted(KEYS.items()) if knows(version, name)]
