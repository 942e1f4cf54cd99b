# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
"""PRIVATE. From what is wanted to the settings of one server version: pure, no secret ever in it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from . import generations as gen
from . import presets
from .ownership import owner
from .presets import DENIED_RESOURCES, PRESETS, WRITE_RISK

METRICS_BESIDE = (
    "/metrics and /stats are on the MCP port and need no token: only a proxy in front keeps them from people."
)

#: RFC names of client authentication; what an sts_* server without a strategy does is HTTP Basic, nothing else.
METHODS: tuple[str, ...] = ("private_key_jwt", "client_secret_basic", "client_secret_post", "jwt_file")
SECRET_METHODS: tuple[str, ...] = ("client_secret_basic", "client_secret_post")
STRATEGY = "rfc8693"
DROPIN_NAME = "50-client-secret.toml"

_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "list[str]": (list,),
    "list[table]": (list,),
    "table": (dict,),
}


@dataclass
class Problem:
    """One thing that is wrong, and what to do; only errors stop the rendering."""

    rule: str
    path: str
    message: str
    fix: str = ""
    severity: str = "error"


@dataclass
class Rendered:
    """Everything that a deployment of the server needs to know."""

    version: str
    generation: str
    assumed: str
    config: dict[str, Any] = field(default_factory=dict)
    dropins: list[dict[str, str]] = field(default_factory=list)
    secret_delivery: str = "none"
    args: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def metrics_port(self) -> str:
        """Where the server shows its metrics: beside MCP where it has no port for them."""
        return str(self.config.get("metrics_port") or self.config.get("port") or "")

    @property
    def own_metadata(self) -> bool:
        return bool(self.assumed) and gen.at_least(self.assumed, gen.METADATA_FIRST)

    @property
    def publishes_resource(self) -> bool:
        return bool(self.assumed) and gen.at_least(self.assumed, gen.RESOURCE_FIRST)

    @property
    def errors(self) -> list[Problem]:
        return [problem for problem in self.problems if problem.severity == "error"]

    def problem_dicts(self) -> list[dict[str, str]]:
        return [asdict(problem) for problem in self.problems]


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested and dotted names alike -> dotted names; a free table stays one value."""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        dotted = f"{prefix}.{name}" if prefix else str(name)
        row = gen.KEYS.get(dotted)
        is_group = any(known.startswith(dotted + ".") for known in gen.KEYS)
        if isinstance(value, dict) and (row is None or row.type != "table") and is_group:
            flat.update(flatten(value, dotted))
        else:
            flat[dotted] = value
    return flat


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted names -> tables, plain values before tables, so that the text reads well."""
    tree: dict[str, Any] = {}
    for name in sorted(flat, key=lambda item: (item.count("."), item)):
        parts = name.split(".")
        place = tree
        for part in parts[:-1]:
            place = place.setdefault(part, {})
        place[parts[-1]] = flat[name]
    return tree


class _Builder:
    """Collects keys, and every problem rather than the first."""

    def __init__(self, version: str, known: str, settings: Mapping[str, Any]) -> None:
        self.settings = settings
        self.known = known
        self.flat: dict[str, Any] = {}
        self.out = Rendered(version=version, generation=gen.VERSIONS[known], assumed=known)

    def problem(self, rule: str, path: str, message: str, fix: str = "", severity: str = "error") -> None:
        self.out.problems.append(Problem(rule, path, message, fix, severity))

    def put(self, name: str, value: Any) -> None:
        if value is None or value == "" or value == []:
            return
        self.flat[name] = value

    def put_if_known(self, name: str, value: Any, rule: str, consequence: str) -> None:
        """A default of ours that an old server lacks is a warning, not an error."""
        if gen.knows(self.known, name):
            self.put(name, value)
        elif value not in (None, "", [], False):
            self.problem(rule, name, f"Server {self.known} has no {name}: {consequence}", "Use 0.0.67.", "warning")

    # -- parts --------------------------------------------------------------------------------------------------
    def identity(self) -> None:
        for name in ("issuer_url", "server_url"):
            value = str(self.settings.get(name) or "")
            parts = urlsplit(value)
            if parts.scheme != "https" or not parts.netloc or parts.query or parts.fragment:
                self.problem("url", name, f"{name} must be an https URL without query and fragment, not '{value}'.")
        if not self.settings.get("audience"):
            self.problem("audience", "audience", "Without an audience the server takes any token of the issuer.")
        ca = str(self.settings.get("certificate_authority") or "")
        if ca and not ca.startswith("/"):
            self.problem("path", "certificate_authority", f"'{ca}' must be an absolute path inside the pod.")
        self.put("require_oauth", True)
        self.put("oauth_audience", self.settings.get("audience"))
        self.put("authorization_url", self.settings.get("issuer_url"))
        self.put("server_url", self.settings.get("server_url"))
        self.put("certificate_authority", ca)
        self.put("oauth_scopes", self.settings.get("oauth_scopes"))
        self.put("disable_dynamic_client_registration", True)
        if not self.out.publishes_resource:
            self.problem(
                "metadata",
                "server_url",
                f"Server {self.known} publishes metadata without 'resource' and names itself as authorization server.",
                "Use 0.0.67.",
                "warning",
            )

    def listener(self) -> None:
        port, metrics = str(self.settings.get("port") or "8080"), str(self.settings.get("metrics_port") or "")
        for name, value in (("port", port), ("metrics_port", metrics)):
            if value and not (value.isascii() and value.isdigit() and 0 < int(value) < 65536):
                self.problem("port", name, f"{name} must be a number from 1 to 65535, not '{value}'.")
        if port == metrics:
            self.problem("port", "metrics_port", "metrics_port must differ from port: the server refuses to start.")
        self.put("port", port)
        self.put_if_known("metrics_port", metrics, "metrics", METRICS_BESIDE)
        self.put_if_known(
            "bind_address",
            self.settings.get("bind_address") or "127.0.0.1",
            "loopback",
            "it listens on every address of the pod, past the proxy.",
        )
        stateless = self.settings.get("stateless")
        self.put_if_known(
            "stateless",
            True if stateless is None else bool(stateless),
            "stateless",
            "one person can open another's event stream and end another's session.",
        )
        if gen.knows(self.known, "stateless") and not gen.at_least(self.known, "0.0.66"):
            self.problem(
                "stateless",
                "stateless",
                f"Server {self.known} keeps sessions although stateless is set (seen with 0.0.60): one person can "
                "open another's event stream and end another's session.",
                "Use 0.0.67.",
                "warning",
            )
        if stateless is False and gen.knows(self.known, "stateless"):
            self.problem(
                "stateless",
                "stateless",
                "With sessions one person can open another's event stream and end another's session.",
                "Leave stateless true.",
                "warning",
            )
        level = self.settings.get("log_level") or 0
        self.put("log_level", level)
        if isinstance(level, int):
            self.log_level(level)
        self.put("list_output", self.settings.get("list_output"))

    def tools(self) -> None:
        preset = PRESETS[str(self.settings.get("preset") or "read_only")]
        chosen = {**preset, **{name: value for name, value in self.settings.items() if value is not None}}
        writes = not chosen["read_only"]
        if writes:
            self.problem("write", "preset", WRITE_RISK, "", "warning")
        self.put("read_only", bool(chosen["read_only"]))
        self.put("disable_destructive", bool(chosen.get("disable_destructive")) or None)
        toolsets = chosen.get("toolsets") or ["core"]
        for name in toolsets:
            first, risk = gen.TOOLSETS.get(name, ("", ""))
            known = [item for item, (since, _risk) in gen.TOOLSETS.items() if gen.at_least(self.known, since)]
            if name not in known:
                self.problem("toolset", "toolsets", f"Server {self.known} has no toolset '{name}'.", f"One of {known}.")
            elif risk:
                self.problem("toolset", "toolsets", f"The toolset {name} {risk}.", "", "warning")
        self.put("toolsets", list(toolsets))
        self.put("enabled_tools", chosen.get("enabled_tools"))
        hidden = self.hidden(preset)
        self.put("disabled_tools", hidden)
        denied = chosen.get("denied_resources")
        wanted = list(DENIED_RESOURCES) if denied is None else denied
        self.put("denied_resources", [{k: item.get(k) or "" for k in ("group", "version", "kind")} for item in wanted])
        if not any(item.get("kind") == "Secret" and not item.get("group") for item in wanted):
            self.problem(
                "denied", "denied_resources", "Agents can read Secrets that their person may read.", "", "warning"
            )
        rules = presets.rules(preset, self.settings.get("confirmation_rules"))
        fallback = chosen.get("confirmation_fallback") or "deny"
        if gen.knows(self.known, "confirmation_fallback"):
            self.put("confirmation_fallback", fallback)
            self.put("confirmation_rules", [{k: v for k, v in rule.items() if v is not None} for rule in rules])
            if fallback == "allow" and writes:
                self.problem(
                    "confirmation",
                    "confirmation_fallback",
                    "With allow, a client that cannot ask runs destructive tools at once.",
                    "Use deny.",
                    "warning",
                )
            if writes and not any(map(presets.asks_before_destructive, rules)):
                self.problem(
                    "confirmation",
                    "confirmation_rules",
                    "Nobody is asked before a destructive tool runs.",
                    "Add a rule with destructive: true.",
                    "warning",
                )
        elif writes:
            self.problem(
                "confirmation",
                "confirmation_rules",
                f"Server {self.known} cannot ask before it changes something.",
                "Use 0.0.60 or newer, or read_only.",
            )
        running = presets.running(chosen.get("enabled_tools"), hidden)
        if writes and running:
            text = f"{' and '.join(running)} can read the Secrets that are mounted in pods, past denied_resources."
            self.problem("running", "disabled_tools", text, "Hide them.", "warning")
        self.put("server_instructions", chosen.get("server_instructions"))

    def hidden(self, preset: Mapping[str, Any]) -> list[str]:
        """What the preset hides, less what is named to be shown, and what the user hides beside it."""
        of_preset, shown = preset.get("disabled_tools") or [], self.settings.get("unhidden_tools") or []
        mine = self.settings.get("disabled_tools") or []
        for name in shown:
            if name not in of_preset:
                text = f"The preset does not hide '{name}'."
                self.problem("tools", "unhidden_tools", text, f"It hides {of_preset or 'no tool'}.")
            elif name in mine:
                self.problem("tools", "unhidden_tools", f"'{name}' is in disabled_tools too.", "Take it out of one.")
        return list(dict.fromkeys([name for name in of_preset if name not in shown] + list(mine)))

    def cluster(self) -> None:
        self.put("kubeconfig", self.settings.get("kubeconfig"))
        strategy = self.settings.get("cluster_provider_strategy")
        self.put("cluster_provider_strategy", strategy or ("kubeconfig" if self.settings.get("kubeconfig") else None))

    def exchange(self) -> None:
        wanted: Mapping[str, Any] = self.settings.get("exchange") or {}
        if not wanted:
            return
        method = str(wanted.get("method") or "private_key_jwt")
        strategy = str(wanted.get("strategy") or "")
        for name in ("audience", "client_id"):
            if not wanted.get(name):
                self.problem("exchange", f"exchange.{name}", f"The exchange needs {name}.")
        if gen.at_least(self.known, "0.0.67"):
            self.tables(wanted, method, strategy or STRATEGY)
        else:
            self.sts(wanted, method, strategy)
        if method in SECRET_METHODS:
            self.secret_file()

    def tables(self, wanted: Mapping[str, Any], method: str, strategy: str) -> None:
        self.put("token_exchange.strategy", strategy)
        self.put("token_exchange.audience", wanted.get("audience"))
        self.put("token_exchange.scopes", wanted.get("scopes"))
        self.put("token_exchange.client_auth.method", method)
        self.put("token_exchange.client_auth.client_id", wanted.get("client_id"))
        needed = {"private_key_jwt": ("certificate_file", "private_key_file"), "jwt_file": ("token_file",)}
        for name in needed.get(method, ()):
            if not str(wanted.get(name) or "").startswith("/"):
                self.problem("exchange", f"exchange.{name}", f"{method} needs {name}, an absolute path inside the pod.")
            self.put(f"token_exchange.client_auth.{name}", wanted.get(name))

    def sts(self, wanted: Mapping[str, Any], method: str, strategy: str) -> None:
        keycloak = str(self.settings.get("issuer_product") or "keycloak") == "keycloak"
        if method not in SECRET_METHODS:
            self.problem(
                "exchange_method",
                "exchange.method",
                f"Server {self.known} cannot authenticate with {method} at Keycloak: without a strategy it always "
                "sends HTTP Basic, and with one Keycloak refuses its exchange.",
                "Use 0.0.67, or client_secret_basic.",
            )
        elif method == "client_secret_post" and not strategy:
            self.problem(
                "exchange_method",
                "exchange.method",
                f"Server {self.known} sends HTTP Basic whenever no strategy is set.",
                "Use client_secret_basic.",
            )
        if strategy:
            self.strategy(strategy, keycloak, "exchange.strategy")
            self.put("token_exchange_strategy", strategy)
            if method == "client_secret_basic" and gen.knows(self.known, "sts_auth_style"):
                self.put("sts_auth_style", "header")
        self.put("sts_audience", wanted.get("audience"))
        self.put("sts_scopes", wanted.get("scopes"))
        self.put("sts_client_id", wanted.get("client_id"))

    def strategy(self, strategy: str, keycloak: bool, path: str) -> None:
        if not gen.knows(self.known, "token_exchange_strategy"):
            self.problem("exchange_strategy", path, f"Server {self.known} has no exchange strategies.", "Leave it out.")
        elif keycloak and strategy == STRATEGY:
            self.problem(
                "exchange_strategy",
                path,
                f"Server {self.known} with the strategy rfc8693 sends an empty subject_token_type, and Keycloak "
                "answers \"Parameter 'subject_token' supports access tokens only\".",
                "Leave the strategy out, or use 0.0.67.",
            )

    def secret_file(self) -> None:
        """The client secret travels from a Secret to a file that the server reads, past this renderer."""
        reference = "${" + str(self.settings.get("secret_field") or "client_secret") + ":toml}"
        text = (
            f"[token_exchange.client_auth]\nclient_secret = {reference}\n"
            if gen.at_least(self.known, "0.0.67")
            else f"sts_client_secret = {reference}\n"
        )
        self.out.secret_delivery = "dropin" if gen.at_least(self.known, gen.DROPIN_FIRST) else "whole_file"
        self.out.dropins = [{"name": DROPIN_NAME, "template": text}]
        if self.out.secret_delivery == "whole_file":
            self.problem(
                "dropin",
                "exchange.method",
                f"Server {self.known} reads no drop-in files: the whole configuration has to be a Secret.",
                "Prepend the template of the drop-in to the configuration.",
                "warning",
            )

    # -- what the user adds -------------------------------------------------------------------------------------
    def extra(self) -> None:
        keycloak = str(self.settings.get("issuer_product") or "keycloak") == "keycloak"
        for name, value in flatten(self.settings.get("extra") or {}).items():
            path = f"extra.{name}"
            if name in gen.SECRET_KEYS:
                self.problem(
                    "secret",
                    path,
                    f"{name} is a secret and has no place in the configuration.",
                    "Set exchange.method to client_secret_basic and mount the drop-in from a Secret.",
                )
                continue
            if not self.allowed(name, path):
                continue
            wanted = gen.find(name)
            if wanted is not None and wanted.name == name and not self.right_type(wanted, value):
                self.problem("type", path, f"{name} must be {wanted.type}, not {type(value).__name__}.")
                continue
            if (name, value) in (("require_oauth", False), ("skip_jwt_verification", True)):
                self.problem(
                    "open", path, f"{name} = {str(value).lower()} opens the server to everybody.", "Leave it out."
                )
                continue
            if name == "cluster_auth_mode" and value != "passthrough":
                self.problem("identity", path, "The server would act as itself instead of the person.", "Leave it out.")
                continue
            if owner(name):
                self.problem(
                    "owned",
                    path,
                    f"{name} is written, and checked, by another setting.",
                    f"The setting: {owner(name)}.",
                )
                continue
            if name == "token_exchange_strategy":
                self.strategy(str(value), keycloak, path)
            if name == "log_level":
                self.log_level(value)
            self.flat[name] = value

    def log_level(self, level: int) -> None:
        if not 0 <= level <= 9:
            self.problem("log_level", "log_level", f"log_level is a number from 0 to 9, not {level}.")
        elif level >= 7:
            self.problem("log_level", "log_level", "From level 7 on logs show arguments of tools.", "", "warning")

    def allowed(self, name: str, path: str) -> bool:
        """Known to this version; if not, says why and what to use."""
        if gen.knows(self.known, name):
            return True
        row = gen.find(name)
        if row is None:
            near = _nearest(name, [key.name for key in gen.table(self.known)])
            self.problem(
                "key", path, f"No version of the server knows '{name}'.", f"Did you mean {near}?" if near else ""
            )
        elif row.last is not None and not gen.at_least(row.last, self.known):
            self.problem("key", path, f"{name} ended with {row.last}; this is {self.known}.", f"Use {row.replaced_by}.")
        else:
            fix = f"Use {row.replaced_by}." if row.replaced_by else f"Use {row.first} or newer."
            self.problem("key", path, f"{name} begins with {row.first}; this is {self.known}.", fix)
        return False

    @staticmethod
    def right_type(row: gen.Key, value: Any) -> bool:
        if isinstance(value, bool) and row.type in ("int", "float"):
            return False
        if not isinstance(value, _TYPES[row.type]):
            return False
        if isinstance(value, list):
            inner = str if row.type == "list[str]" else dict
            return all(isinstance(item, inner) for item in value)
        return True

    def finish(self, config_path: str, dropin_dir: str) -> Rendered:
        for name in sorted(self.flat):
            if not gen.knows(self.known, name):
                row = gen.find(name)
                fix = f"Use {row.replaced_by}." if row is not None and row.replaced_by else ""
                self.problem("key", name, f"Server {self.known} has no {name}.", fix)
        self.out.config = nest(self.flat)
        self.out.args = ["--config", config_path]
        if self.out.secret_delivery == "dropin" and gen.at_least(self.known, gen.CONFIG_DIR_FIRST):
            self.out.args += ["--config-dir", dropin_dir]
        return self.out


def _nearest(name: str, names: list[str]) -> str:
    found = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return found[0] if found else ""


def render(
    version: str,
    settings: Mapping[str, Any],
    generation: str | None = None,
    config_path: str = "/etc/mcp-server/config.toml",
    dropin_dir: str = "/etc/mcp-server/conf.d",
) -> Rendered:
    """The settings as ``version`` wants them. Never raises for what a person wrote: see ``problems``."""
    spoken = gen.VERSIONS.get(version)
    if spoken is not None and generation not in (None, "", spoken):
        message = f"MCP server {version} speaks {spoken}, not {generation}."
        return Rendered(version, "", "", problems=[Problem("version", "generation", message, "Leave generation out.")])
    known = gen.resolve(version, generation)
    if known is None:
        names = ", ".join(gen.VERSIONS)
        message = f"MCP server version '{version}' is unknown. Known: {names}."
        fix = "Say which generation it speaks (generation: g1, g2, g3 or g4) once you tried it."
        return Rendered(version, "", "", problems=[Problem("version", "version", message, fix)])
    builder = _Builder(version, known, settings)
    builder.identity()
    builder.listener()
    builder.tools()
    builder.cluster()
    builder.exchange()
    builder.extra()
    if known not in gen.TRIED:
        builder.problem(
            "untried",
            "version",
            f"No tool call through an exchange was tried with {version}; its keys come from its documentation.",
            f"Tried: {', '.join(gen.TRIED)}.",
            "warning",
        )
    return builder.finish(config_path, dropin_dir)
