# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""PRIVATE: the drawing of the chain, as inline SVG, once for a wide page and once for a phone."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from .model import NOT_TESTED, PARTLY, RIGHT, WRONG, Evidence, joined

STATE_CLASS = {RIGHT: "good", WRONG: "bad", PARTLY: "warn", NOT_TESTED: "open"}
STATE_WORD = {RIGHT: "holds", WRONG: "broken", PARTLY: "holds where tried", NOT_TESTED: "not tested"}


@dataclass(frozen=True)
class Node:
    """A party of the drawing."""

    title: str
    sub: str
    state: str
    target: str


@dataclass(frozen=True)
class Link:
    """What travels from one party to the next."""

    token: str
    sub: str
    state: str


def party(evidence: Evidence, column: str, *hops: str) -> str:
    """Join the verdicts on one party; a part of the run that was not asked for takes no part in it."""
    states = list(hops) if evidence.hops else []
    if any(cell.column == column for cell in evidence.cells):
        states.append(evidence.column_state(column))
    return joined(states)


def parties(evidence: Evidence) -> tuple[list[Node], list[Link], Link]:
    """Return the parties, what travels between them, and the exchange on the way."""
    login, mcp = evidence.hop_state("keycloak-login"), evidence.hop_state("mcp-server")
    exchange, api = evidence.hop_state("exchange"), evidence.hop_state("kube-apiserver")
    rbac = evidence.hop_state("rbac")
    people = str(len(evidence.people))
    nodes = [
        Node("Person" if len(evidence.people) == 1 else "People", people + " walked it", login, "people"),
        Node(
            "Keycloak",
            evidence.versions.get("keycloak", "signs in, exchanges"),
            party(evidence, "keycloak", login, exchange),
            "hop-keycloak-login",
        ),
        Node(
            "MCP server",
            evidence.versions.get("mcp_server", "runs the tools"),
            party(evidence, "mcp_server", mcp),
            "hop-mcp-server",
        ),
        Node(
            "API server",
            evidence.versions.get("kubernetes", "maps name and groups"),
            party(evidence, "kube_apiserver", api),
            "hop-kube-apiserver",
        ),
        Node("RBAC", "allows or forbids", rbac, "hop-rbac"),
    ]
    links = [
        Link("login", "", login),
        Link("token M", "aud " + evidence.chain.get("mcp_audience", "MCP server"), mcp),
        Link("token K", "aud " + evidence.chain.get("cluster_audience", "cluster"), api),
        Link("identity", "name, groups", rbac),
    ]
    return nodes, links, Link("exchanges M for K", "", exchange)


def wide(evidence: Evidence) -> str:
    """Draw from left to right."""
    nodes, links, exchange = parties(evidence)
    width, box, gap, top, height = 1120, 132, 115, 84, 84
    parts = [
        '<svg class="drawing wide" viewBox="0 0 %d 178" role="img" aria-label="%s">' % (width, escape(spoken(evidence)))
    ]
    parts.append(MARKERS % {"id": "w"})
    for index, link in enumerate(links):
        left = index * (box + gap) + box
        middle = left + gap / 2
        parts.append(
            '<g class="link %s"><path d="M%d %d H%d" marker-end="url(#w-%s)"/>%s</g>'
            % (
                STATE_CLASS[link.state],
                left + 4,
                top + height / 2,
                left + gap - 10,
                STATE_CLASS[link.state],
                label(middle, top + height / 2, link),
            )
        )
    keycloak, mcp = box + gap + box / 2, 2 * (box + gap) + box / 2
    parts.append(
        '<g class="link exchange %s"><path d="M%d %d C %d 22 %d 22 %d %d" '
        'marker-end="url(#w-%s)"/><text x="%d" y="26" class="t">%s</text></g>'
        % (
            STATE_CLASS[exchange.state],
            mcp,
            top - 6,
            mcp,
            keycloak,
            keycloak,
            top - 9,
            STATE_CLASS[exchange.state],
            (keycloak + mcp) / 2,
            escape(exchange.token),
        )
    )
    for index, node in enumerate(nodes):
        parts.append(draw_node(node, index * (box + gap), top, box, height))
    parts.append("</svg>")
    return "".join(parts)


def tall(evidence: Evidence) -> str:
    """Draw from top to bottom, for a narrow page."""
    nodes, links, exchange = parties(evidence)
    box, height, gap, left = 190, 74, 62, 20
    total = len(nodes) * height + (len(nodes) - 1) * gap + 20
    parts = [
        '<svg class="drawing tall" viewBox="0 0 340 %d" role="img" aria-label="%s">' % (total, escape(spoken(evidence)))
    ]
    parts.append(MARKERS % {"id": "t"})
    for index, link in enumerate(links):
        start = index * (height + gap) + height + 12
        x = left + box / 2
        parts.append(
            '<g class="link %s"><path d="M%d %d V%d" marker-end="url(#t-%s)"/>'
            '<text x="%d" y="%d" class="t start">%s</text><text x="%d" y="%d" class="s start">%s</text></g>'
            % (
                STATE_CLASS[link.state],
                x,
                start + 2,
                start + gap - 12,
                STATE_CLASS[link.state],
                x + 14,
                start + gap / 2 - (8 if link.sub else 0),
                escape(link.token),
                x + 14,
                start + gap / 2 + 9,
                escape(link.sub),
            )
        )
    upper, lower = (height + gap) + height / 2 + 10, 2 * (height + gap) + height / 2 + 10
    x = left + box
    parts.append(
        '<g class="link exchange %s"><path d="M%d %d C %d %d %d %d %d %d" marker-end="url(#t-%s)"/>'
        '<text x="%d" y="%d" class="t start">exchanges</text><text x="%d" y="%d" class="s start">M for K</text></g>'
        % (
            STATE_CLASS[exchange.state],
            x + 4,
            lower,
            x + 44,
            lower,
            x + 44,
            upper,
            x + 10,
            upper,
            STATE_CLASS[exchange.state],
            x + 42,
            (upper + lower) / 2 - 2,
            x + 42,
            (upper + lower) / 2 + 15,
        )
    )
    for index, node in enumerate(nodes):
        parts.append(draw_node(node, left, index * (height + gap) + 10, box, height))
    parts.append("</svg>")
    return "".join(parts)


def label(x: float, y: float, link: Link) -> str:
    """Write on a link what travels there."""
    lines = '<text x="%d" y="%d" class="t">%s</text>' % (x - 3, y - 12, escape(link.token))
    if link.sub:
        lines += '<text x="%d" y="%d" class="s">%s</text>' % (x - 3, y + 22, escape(link.sub))
    return lines


def draw_node(node: Node, x: float, y: float, width: float, height: float) -> str:
    """Draw a party with its name and its verdict."""
    state = STATE_CLASS[node.state]
    return (
        '<a href="#%s"><g class="node %s"><rect x="%d" y="%d" width="%d" height="%d" rx="12"/>'
        '<text x="%d" y="%d" class="n">%s</text><text x="%d" y="%d" class="s">%s</text>%s</g></a>'
        % (
            node.target,
            state,
            x + 1,
            y,
            width - 2,
            height,
            x + width / 2,
            y + height / 2 - 1,
            escape(node.title),
            x + width / 2,
            y + height / 2 + 20,
            escape(node.sub),
            badge(x + width - 12, y + 5, node.state),
        )
    )


def badge(x: float, y: float, state: str) -> str:
    """Draw the verdict, readable without its colour."""
    mark = {
        RIGHT: '<path d="M-4.5 .2 -1.3 3.4 4.8 -3.2"/>',
        WRONG: '<path d="M-3.8 -3.8 3.8 3.8M3.8 -3.8 -3.8 3.8"/>',
        PARTLY: '<path d="M0 -5V1M0 4.4V4.6"/>',
        NOT_TESTED: '<path d="M-4 0H4"/>',
    }
    return '<g class="badge" transform="translate(%d %d)"><circle r="11"/>%s</g>' % (x, y, mark[state])


def spoken(evidence: Evidence) -> str:
    """Say the drawing to those who do not see it."""
    nodes, _links, exchange = parties(evidence)
    said = [f"{node.title} {STATE_WORD[node.state]}" for node in nodes]
    return "The chain: {}; exchange {}.".format(", ".join(said), STATE_WORD[exchange.state])


MARKERS = (
    "<defs>"
    + "".join(
        f'<marker id="%(id)s-{name}" class="{name}" viewBox="0 0 10 10" refX="6" refY="5" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0 10 5 0 10z"/></marker>'
        for name in ("good", "bad", "warn", "open")
    )
    + "</defs>"
)
