# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
#
# PRIVATE: for the modules of this collection only; may change without notice.
"""What kube-apiserver would refuse in an AuthenticationConfiguration, told before it reads it: everything at once.

The rules are those of apiserver/pkg/apis/apiserver/validation (1.34) and of its strict decoding. CEL is compiled by
the API server alone; here are only the mistakes that can be seen in the text (module cel), the rest is the trial's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from . import cel, pem
from .kubernetes import API_VERSIONS, KIND, Config, issuer_url
from .problems import Problem, problem

MAX_ISSUERS = 64

_SUBDOMAIN = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
_HTTP_PATH = re.compile(r"^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$")

Report = Callable[[str, str, str, str], None]


def validate(config: Config, minor: int = 34, service_account_issuers: Iterable[str] = ()) -> list[Problem]:
    """Every reason why Kubernetes 1.``minor`` would not take this file."""
    found: list[Problem] = []

    def report(rule: str, path: str, message: str, fix: str) -> None:
        found.append(problem(rule, path, message, fix))

    _head(config, minor, report)
    entries = config.get("jwt")
    if not isinstance(entries, list):
        if entries is not None:
            report("type", "jwt", "is not a list.", "give a list of issuers, [] for none")
        return found
    if len(entries) > MAX_ISSUERS:
        report("limit", "jwt", f"has {len(entries)} issuers, the API server takes {MAX_ISSUERS}.", "take some out")
    seen: dict[str, dict[str, str]] = {"url": {}, "discoveryURL": {}}
    for index, entry in enumerate(entries):
        path = f"jwt[{index}]"
        _entry(entry, path, minor, set(service_account_issuers), report)
        issuer = entry.get("issuer") if isinstance(entry, dict) else None
        for name, places in seen.items():
            value = issuer.get(name) if isinstance(issuer, dict) else None
            if isinstance(value, str) and value:
                if value in places:
                    report(
                        "duplicate",
                        f"{path}.issuer.{name}",
                        f"{value} is that of {places[value]} too.",
                        "keep one of them",
                    )
                places.setdefault(value, path)
    return found


def _head(config: Config, minor: int, report: Report) -> None:
    version = config.get("apiVersion")
    if version not in API_VERSIONS:
        report("version", "apiVersion", f"{version!r} is unknown.", "use " + " or ".join(API_VERSIONS[:2]))
    elif version == API_VERSIONS[0] and minor < 34:
        report("version", "apiVersion", f"Kubernetes 1.{minor} does not read {version}.", f"use {API_VERSIONS[1]}")
    elif version == API_VERSIONS[1] and minor < 30:
        report(
            "version", "apiVersion", f"Kubernetes 1.{minor} does not read {version}.", "use Kubernetes 1.30 or newer"
        )
    if config.get("kind") != KIND:
        report("version", "kind", f"is {config.get('kind')!r}.", f"use {KIND}")
    _fields(config, "", {"apiVersion", "kind", "jwt", "anonymous"}, report)
    anonymous = config.get("anonymous")
    if anonymous is None:
        return
    if not isinstance(anonymous, dict):
        report("type", "anonymous", "is not an object.", "give {enabled, conditions}")
        return
    if minor < 31:
        report("version", "anonymous", f"Kubernetes 1.{minor} does not know this field.", "take it out")
    _fields(anonymous, "anonymous", {"enabled", "conditions"}, report)
    if not anonymous.get("enabled") and anonymous.get("conditions"):
        report(
            "anonymous",
            "anonymous.conditions",
            "are given while enabled is not true.",
            "set enabled: true, or take them out",
        )


def _entry(entry: Any, path: str, minor: int, reserved: set[str], report: Report) -> None:
    if not isinstance(entry, dict):
        report("type", path, "is not an object.", "give issuer and claimMappings")
        return
    _fields(entry, path, {"issuer", "claimValidationRules", "claimMappings", "userValidationRules"}, report)
    issuer = entry.get("issuer")
    if isinstance(issuer, dict):
        _issuer(issuer, f"{path}.issuer", minor, reserved, report)
    else:
        report("required", f"{path}.issuer", "is missing.", "give url and audiences")
    mappings = entry.get("claimMappings")
    if isinstance(mappings, dict):
        _mappings(mappings, f"{path}.claimMappings", report)
    else:
        report("required", f"{path}.claimMappings", "is missing.", "give at least username")
    _claim_rules(entry.get("claimValidationRules"), f"{path}.claimValidationRules", report)
    _user_rules(entry.get("userValidationRules"), f"{path}.userValidationRules", report)
    _email(entry, path, report)


def _issuer(issuer: dict[str, Any], path: str, minor: int, reserved: set[str], report: Report) -> None:
    known = {"url", "discoveryURL", "certificateAuthority", "audiences", "audienceMatchPolicy", "egressSelectorType"}
    _fields(issuer, path, known, report)
    url = issuer.get("url")
    if not isinstance(url, str) or not url:
        report("required", f"{path}.url", "is missing.", "give the issuer's URL, to the letter as in the claim iss")
        url = ""
    else:
        _url(url, f"{path}.url", report)
        if url in reserved:
            report(
                "reserved",
                f"{path}.url",
                f"{url} issues the cluster's own service account tokens.",
                "use another issuer",
            )
    discovery = issuer.get("discoveryURL")
    if discovery:
        _url(str(discovery), f"{path}.discoveryURL", report)
        if url and url.rstrip("/") == str(discovery).rstrip("/"):
            report(
                "discovery",
                f"{path}.discoveryURL",
                "is the issuer's URL itself.",
                "leave it out, or give the document's URL",
            )
    audiences = issuer.get("audiences")
    if not isinstance(audiences, list) or not audiences:
        report(
            "required",
            f"{path}.audiences",
            "is missing or empty.",
            "name the audience that tokens for this cluster carry",
        )
        audiences = []
    for index, audience in enumerate(audiences):
        if not isinstance(audience, str) or not audience:
            report("required", f"{path}.audiences[{index}]", "is empty or no text.", "name the audience")
        elif audience in audiences[:index]:
            report("duplicate", f"{path}.audiences[{index}]", f"{audience} is there twice.", "name it once")
    policy = issuer.get("audienceMatchPolicy") or ""
    if len(audiences) > 1 and policy != "MatchAny":
        report("audiences", f"{path}.audienceMatchPolicy", f"is {policy!r} with several audiences.", "set MatchAny")
    elif policy not in ("", "MatchAny"):
        report("audiences", f"{path}.audienceMatchPolicy", f"{policy!r} is unknown.", "set MatchAny, or leave it out")
    authority = issuer.get("certificateAuthority")
    if authority:
        wrong = pem.problem_with_certificates(str(authority))
        if wrong:
            report("certificate", f"{path}.certificateAuthority", wrong, "give the CA's certificates in PEM")
    egress = issuer.get("egressSelectorType")
    if egress:
        if minor < 34:
            report(
                "version",
                f"{path}.egressSelectorType",
                f"Kubernetes 1.{minor} does not know this field.",
                "take it out",
            )
        if egress not in ("controlplane", "cluster"):
            report("egress", f"{path}.egressSelectorType", f"{egress!r} is unknown.", "use controlplane or cluster")


def issuer_url_problems(url: str, path: str) -> list[Problem]:
    """The rules of an issuer's URL alone."""
    found: list[Problem] = []
    _url(url, path, lambda rule, where, message, fix: found.append(problem(rule, where, message, fix)))
    return found


def _url(url: str, path: str, report: Report) -> None:
    if re.search(r"[\s\x00-\x1f\x7f]", url):
        report("url", path, "contains white space or control characters.", "take them out")
        return
    try:
        parts = urlsplit(url)
        # Asking for the port raises on what is none.
        host, _port = parts.hostname, parts.port
    except ValueError as exc:
        report("url", path, f"is no URL ({exc}).", "give https://host[:port][/path]")
        return
    if parts.scheme != "https":
        report("url", path, f"{url} is not https.", "the API server takes https issuers only")
    if not host:
        report("url", path, f"{url} names no host.", "give https://host[:port][/path]")
    if "@" in parts.netloc:
        report("url", path, "holds a user name or password.", "take it out")
    if parts.query or url.endswith("?"):
        report("url", path, "has a query.", "take it out")
    if parts.fragment or url.endswith("#"):
        report("url", path, "has a fragment.", "take it out")


def _mappings(mappings: dict[str, Any], path: str, report: Report) -> None:
    _fields(mappings, path, {"username", "groups", "uid", "extra"}, report)
    _prefixed(mappings.get("username"), f"{path}.username", True, report)
    _prefixed(mappings.get("groups"), f"{path}.groups", False, report)
    uid = mappings.get("uid")
    if uid is not None:
        if not isinstance(uid, dict):
            report("type", f"{path}.uid", "is not an object.", "give claim or expression")
        else:
            _fields(uid, f"{path}.uid", {"claim", "expression"}, report)
            if uid.get("claim") and uid.get("expression"):
                report("either", f"{path}.uid", "has both claim and expression.", "keep one of them")
            if uid.get("expression"):
                cel.lint(uid["expression"], f"{path}.uid.expression", "claims", report)
    extra = mappings.get("extra")
    if extra is None:
        return
    if not isinstance(extra, list):
        report("type", f"{path}.extra", "is not a list.", "give a list of {key, valueExpression}")
        return
    keys: list[str] = []
    for index, mapping in enumerate(extra):
        here = f"{path}.extra[{index}]"
        if not isinstance(mapping, dict):
            report("type", here, "is not an object.", "give key and valueExpression")
            continue
        _fields(mapping, here, {"key", "valueExpression"}, report)
        _extra_key(str(mapping.get("key") or ""), f"{here}.key", keys, report)
        if not mapping.get("valueExpression"):
            report("required", f"{here}.valueExpression", "is missing.", "give a CEL expression over claims")
        else:
            cel.lint(mapping["valueExpression"], f"{here}.valueExpression", "claims", report)


def _extra_key(key: str, path: str, keys: list[str], report: Report) -> None:
    domain, slash, rest = key.partition("/")
    if not slash or not domain or not rest:
        report("key", path, f"{key!r} is not domain/path.", "use a domain of your own, as example.com/session")
    else:
        if key != key.lower():
            report("key", path, f"{key!r} has capital letters.", "use small letters")
        elif not _SUBDOMAIN.match(domain) or len(domain) > 253:
            report("key", path, f"{domain!r} is no domain name.", "use a domain of your own before the slash")
        if not _HTTP_PATH.match(rest):
            report("key", path, f"{rest!r} has characters that a path cannot have.", "use letters, digits, - and .")
        for reserved in ("kubernetes.io", "k8s.io"):
            if domain.lower() == reserved or domain.lower().endswith("." + reserved):
                report(
                    "reserved", path, f"{reserved} and what is under it is Kubernetes' own.", "use a domain of your own"
                )
    if key and key in keys:
        report("duplicate", path, f"{key} is there twice.", "keep one of them")
    keys.append(key)


def _prefixed(mapping: Any, path: str, required: bool, report: Report) -> None:
    if mapping is None:
        if required:
            report("required", path, "is missing.", "give claim and prefix, or expression")
        return
    if not isinstance(mapping, dict):
        report("type", path, "is not an object.", "give claim and prefix, or expression")
        return
    _fields(mapping, path, {"claim", "prefix", "expression"}, report)
    claim, prefix, expression = mapping.get("claim"), mapping.get("prefix"), mapping.get("expression")
    if claim and expression:
        report("either", path, "has both claim and expression.", "keep one of them")
    elif expression:
        if prefix is not None:
            report("either", f"{path}.prefix", "cannot stand beside an expression.", "put it into the expression")
        cel.lint(expression, f"{path}.expression", "claims", report)
    elif claim:
        if prefix is None:
            report("required", f"{path}.prefix", "is missing, and has no default.", 'set it, to "" for none')
        elif not isinstance(prefix, str):
            report("type", f"{path}.prefix", "is no text.", "give a text")
        elif prefix.startswith("system:"):
            report("reserved", f"{path}.prefix", "begins with system:, which is Kubernetes' own.", "use another prefix")
    elif required:
        report("required", path, "has neither claim nor expression.", "give one of them")


def _claim_rules(rules: Any, path: str, report: Report) -> None:
    for here, rule in _rules(rules, path, {"claim", "requiredValue", "expression", "message"}, report):
        claim, expression = rule.get("claim"), rule.get("expression")
        if claim and expression:
            report("either", here, "has both claim and expression.", "keep one of them")
        elif not claim and not expression:
            report("required", here, "has neither claim nor expression.", "give one of them")
        elif claim and rule.get("message"):
            report("either", f"{here}.message", "is for expressions only.", "take it out")
        elif expression:
            if rule.get("requiredValue"):
                report("either", f"{here}.requiredValue", "is for a claim only.", "put it into the expression")
            cel.lint(expression, f"{here}.expression", "claims", report)
    _unique(rules, path, ("claim", "expression"), report)


def _user_rules(rules: Any, path: str, report: Report) -> None:
    for here, rule in _rules(rules, path, {"expression", "message"}, report):
        if not rule.get("expression"):
            report("required", f"{here}.expression", "is missing.", "give a CEL expression over user")
        else:
            cel.lint(rule["expression"], f"{here}.expression", "user", report)
    _unique(rules, path, ("expression",), report)


def _rules(rules: Any, path: str, known: set[str], report: Report) -> list[tuple[str, dict[str, Any]]]:
    if rules is None:
        return []
    if not isinstance(rules, list):
        report("type", path, "is not a list.", "give a list of rules")
        return []
    good = []
    for index, rule in enumerate(rules):
        if isinstance(rule, dict):
            _fields(rule, f"{path}[{index}]", known, report)
            good.append((f"{path}[{index}]", rule))
        else:
            report("type", f"{path}[{index}]", "is not an object.", "give an object")
    return good


def _unique(rules: Any, path: str, names: tuple[str, ...], report: Report) -> None:
    for name in names:
        seen = []
        for index, rule in enumerate(rules if isinstance(rules, list) else []):
            value = rule.get(name) if isinstance(rule, dict) else None
            if value and value in seen:
                report("duplicate", f"{path}[{index}].{name}", "is there twice.", "keep one of them")
            seen.append(value)


def _email(entry: dict[str, Any], path: str, report: Report) -> None:
    """The API server's own rule: who maps claims.email has to look at claims.email_verified somewhere."""
    mappings = entry.get("claimMappings")
    username = mappings.get("username") if isinstance(mappings, dict) else None
    expression = username.get("expression") if isinstance(username, dict) else None
    if not isinstance(expression, str) or not cel.uses(expression, "claims", "email"):
        return
    texts: list[Any] = [expression]
    for rule in (mappings or {}).get("extra") or []:
        texts.append(rule.get("valueExpression") if isinstance(rule, dict) else None)
    for rule in entry.get("claimValidationRules") or []:
        texts.append(rule.get("expression") if isinstance(rule, dict) else None)
    if not any(isinstance(text, str) and cel.uses(text, "claims", "email_verified") for text in texts):
        report(
            "email",
            f"{path}.claimMappings.username.expression",
            "uses claims.email, and nothing looks at claims.email_verified.",
            "add the rule claims.?email_verified.orValue(true) == true to claimValidationRules",
        )


def _fields(value: dict[str, Any], path: str, known: set[str], report: Report) -> None:
    """The API server decodes strictly: an unknown field is an error, not a comment."""
    for name in value:
        if name not in known:
            place = f"{path}.{name}" if path else str(name)
            report("unknown", place, "is no field of this object.", "known are " + ", ".join(sorted(known)))


def only_of(problems: list[Problem], config: Config, urls: Iterable[str]) -> list[Problem]:
    """The problems that lie in the entries of these issuers."""
    wanted = set(urls)
    places = [f"jwt[{i}]" for i, entry in enumerate(config.get("jwt") or []) if issuer_url(entry) in wanted]
    return [entry for entry in problems if any(entry["path"].startswith(place) for place in places)]
