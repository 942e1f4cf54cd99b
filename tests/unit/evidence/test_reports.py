# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reports hold what was found, nothing from elsewhere, and nothing secret."""

from __future__ import annotations

import json
import re
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence import hops, model, page, text
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence.wire import Reply

from . import sample

CANARY = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl"
VOID = {"meta", "br", "hr", "img", "input", "link"}


class Outline(HTMLParser):
    """Checks that what is opened is closed, and collects what would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        for name in ("src", "srcset", "action", "data", "poster"):
            if values.get(name):
                self.fetched.append(values[name])
        if tag in ("link", "iframe", "object", "embed", "img", "base"):
            self.fetched.append(tag)
        if values.get("href"):
            self.links.append(values["href"])
        if values.get("id"):
            self.ids.append(values["id"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("broken", [False, True])
def test_the_page_is_whole_and_fetches_nothing(broken):
    html = page.page(sample.evidence(broken=broken))
    outline = Outline()
    outline.feed(html)
    assert outline.open == []
    assert outline.fetched == []
    assert len(outline.ids) == len(set(outline.ids))
    assert {link[1:] for link in outline.links if link.startswith("#")} <= set(outline.ids)
    assert not [link for link in outline.links if not link.startswith("#")]
    style = re.findall(r"url\(([^)]*)\)", html)
    assert all(item.startswith("#") for item in style)
    assert "@import" not in html
    assert "default-src 'none'" in html


def test_the_page_says_what_matters_first():
    html = page.page(sample.evidence())
    assert "The chain holds</h1>" in html
    broken = page.page(sample.evidence(broken=True))
    assert "The chain is broken</h1>" in broken
    assert broken.index("What failed") < broken.index('<svg class="drawing')
    assert "The chain holds where it was tried" in page.page(sample.evidence(gaps=True))


def test_each_row_and_person_is_on_the_page():
    found = sample.evidence()
    html = page.page(found)
    for row in found.rows:
        assert f">{escape(row.title)}<small>" in html
    for person in found.people:
        assert f"<h3>{person.username}</h3>" in html


def test_names_cannot_break_the_page():
    found = sample.evidence()
    evil = "\"><script>alert(1)</script>'&"
    found.people[0].username = evil
    for hop in found.hops[:5]:
        hop.person = evil
        hop.sent = {evil: evil}
        hop.check(evil, evil, evil)
    found.cells[0].got_reason = evil
    found.chain["name"] = evil
    found.versions["kubernetes"] = evil
    found.posture[0].found = evil
    html = page.page(found)
    assert "<script>alert" not in html
    outline = Outline()
    outline.feed(html)
    assert outline.open == []


def test_junit_is_xml_and_counts():
    found = sample.evidence(broken=True)
    found.cells[0].got_reason = "\x00\x1b[31m"
    root = ElementTree.fromstring(text.junit(found))
    suites = {suite.get("name"): suite for suite in root}
    assert set(suites) == {"hops", "keycloak", "mcp_server", "kube_apiserver", "posture"}
    assert suites["mcp_server"].get("failures") == "1"
    assert suites["kube_apiserver"].get("failures") == "1"
    assert suites["posture"].get("failures") == "1"
    assert suites["hops"].get("failures") == "1"
    for suite in root:
        assert int(suite.get("tests")) == len(suite.findall("testcase"))


def test_in_junit_nothing_that_was_not_tested_passes():
    found = sample.evidence(gaps=True)
    root = ElementTree.fromstring(text.junit(found))
    passed = [
        case.get("name") for case in root.iter("testcase") if len(case) == 0 and "matrix" in case.get("classname")
    ]
    refused = [cell.row for cell in found.cells if cell.verdict == model.REFUSED]
    assert sorted(passed) == sorted(refused)


def test_json_is_the_evidence():
    data = json.loads(text.as_json(sample.evidence(broken=True)))
    assert data["summary"]["verdict"] == "failed"
    assert data["summary"]["taken"] == 1
    assert {cell["verdict"] for cell in data["cells"]} <= set(model.VERDICTS)


def test_the_terminal_is_narrow_and_says_all():
    found = sample.evidence(broken=True)
    said = text.terminal(found)
    for row in found.rows:
        assert row.title[:42] in said
    assert "TAKEN" in said
    assert "WRONG REASON" in said
    matrix_lines = [line for line in said.splitlines() if "refused" in line and "tried:" not in line]
    assert max(map(len, matrix_lines)) <= 100


def test_a_token_in_an_answer_reaches_no_report():
    reply = Reply(400, {}, json.dumps({"error": "invalid_token", "error_description": f"bad {CANARY} here"}).encode())
    said = hops.oauth_reason(reply)
    assert said == "invalid_token: bad <token> here"
    said = hops.mcp_reason(Reply(401, {"www-authenticate": f'Bearer error="x{CANARY}"'}, CANARY.encode()))
    assert "eyJ" not in said
    assert CANARY not in repr(reply)


def test_the_page_writes_no_file_of_its_own():
    sources = Path(page.__file__).read_text(encoding="utf-8") + Path(text.__file__).read_text(encoding="utf-8")
    assert "open(" not in sources.replace("handle_open(", "")


@pytest.mark.parametrize("odd", ["\ud800", "\ufffe", "\uffff", "\x0b", "a\udfff"])
def test_a_character_that_cannot_be_written_loses_no_report(odd):
    found = sample.evidence(broken=True)
    found.chain["name"] = found.people[0].username = found.hops[0].person = odd
    found.cells[0].got_reason = found.posture[0].found = odd
    found.hops[0].received = {odd: odd}
    found.hops[0].check(odd, "a", odd)
    for made in (text.junit(found), page.page(found), text.as_json(found)):
        made.encode("utf-8")
    ElementTree.fromstring(text.junit(found))
