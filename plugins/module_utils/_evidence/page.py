# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""PRIVATE: the page: one file that holds all it needs, for people who were not there."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from html import escape

from . import drawing
from .html_style import SCRIPT, STYLE
from .model import (
    BAD,
    BAD_VERDICTS,
    COLUMN_TITLES,
    HOP_TITLES,
    NOT_APPLICABLE,
    NOT_TESTED,
    NOTE,
    OK,
    PARTLY,
    REFUSED,
    RIGHT,
    TAKEN,
    UNKNOWN,
    UNPROVEN,
    WRONG,
    WRONG_REASON,
    Cell,
    Check,
    Evidence,
    Hop,
    Posture,
    text_of,
)
from .text import clean

# How a page shows a refusal by its status alone.
REFUSED_UNSEEN = "refused, reason not seen"
# verdict: (class, mark, short word)
CHIPS: Mapping[str, tuple[str, str, str]] = {
    REFUSED: ("good", "✓", "refused"),
    REFUSED_UNSEEN: ("warn", "✓", "refused, reason not seen"),
    TAKEN: ("bad", "✕", "TAKEN"),
    WRONG_REASON: ("bad", "!", "wrong reason"),
    UNPROVEN: ("bad", "✕", "nothing proven"),
    NOT_APPLICABLE: ("na", "–", "n/a"),
    NOT_TESTED: ("open", "○", "not tested"),
    RIGHT: ("good", "✓", "right"),
    WRONG: ("bad", "✕", "wrong"),
    OK: ("good", "✓", "ok"),
    NOTE: ("warn", "i", "note"),
    BAD: ("bad", "✕", "bad"),
    PARTLY: ("warn", "○", "right where tried"),
    UNKNOWN: ("open", "○", "not seen"),
}
SEALS: Mapping[str, tuple[str, str]] = {
    "passed": ("good", '<path d="M5 12.5 10 17.5 19.5 7"/>'),
    "passed with gaps": ("warn", '<path d="M12 6v7M12 17.4v.1"/>'),
    "failed": ("bad", '<path d="M6.5 6.5l11 11M17.5 6.5l-11 11"/>'),
}
HEADLINES: Mapping[str, str] = {
    "passed": "The chain holds",
    "passed with gaps": "The chain holds where it was tried",
    "failed": "The chain is broken",
}


def page(evidence: Evidence) -> str:
    """Write the whole page."""
    name = evidence.chain.get("name", "")
    written = "".join(
        (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; ",
            "script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">",
            '<meta name="referrer" content="no-referrer">',
            "<title>{}: {}</title><style>{}</style></head><body><main>".format(
                escape(HEADLINES[str(evidence.summary()["verdict"])]), escape(name), STYLE
            ),
            top(evidence),
            figure(evidence),
            people(evidence),
            matrix(evidence),
            posture(evidence),
            bottom(evidence),
            f"</main><script>{SCRIPT}</script></body></html>\n",
        )
    )
    return clean(written)


def chip(verdict: str, word: str = "") -> str:
    """Show a verdict by colour, mark and word."""
    kind, mark, short = CHIPS.get(verdict, ("open", "○", verdict))
    return f'<span class="chip {kind}"><i>{mark}</i>{escape(word or short)}</span>'


def top(evidence: Evidence) -> str:
    """Say the verdict, what it rests on, and what failed."""
    summary = evidence.summary()
    kind, mark = SEALS[str(summary["verdict"])]
    chain = evidence.chain
    facts = [
        ("Cluster", chain.get("cluster", "")),
        ("Issuer", chain.get("issuer", "")),
        ("MCP server", chain.get("mcp_server", "")),
        (
            "Versions",
            ", ".join(
                f"{title} {evidence.versions[key]}" for key, title in VERSION_TITLES if evidence.versions.get(key)
            ),
        ),
        ("When", evidence.finished),
    ]
    return "".join(
        (
            '<header><p class="over">Proof of the chain · {}</p>'.format(escape(chain.get("name", ""))),
            f'<div class="head"><div class="seal {kind}"><svg viewBox="0 0 24 24" aria-hidden="true">{mark}</svg></div><div>',
            "<h1>{}</h1>".format(escape(HEADLINES[str(summary["verdict"])])),
            f'<p class="sub">{escape(sentence(summary))}</p></div></div>',
            '<dl class="facts">{}</dl>'.format(
                "".join(f"<div><dt>{key}</dt><dd>{escape(value)}</dd></div>" for key, value in facts if value)
            ),
            stats(summary),
            failures(evidence),
            "</header>",
        )
    )


VERSION_TITLES = (("keycloak", "Keycloak"), ("mcp_server", "MCP server"), ("kubernetes", "Kubernetes"))


def sentence(summary: Mapping[str, object]) -> str:
    """Say in a sentence what the headline rests on."""
    seen, refused = int(str(summary["reasons_checked"])), int(str(summary["refused"]))
    said = "{} wrong things were tried at the hops of the chain; {} were refused with the expected reason.".format(
        summary["tried"], "all" if summary["tried"] == seen and seen else seen
    )
    if refused > seen:
        said += f" {refused - seen} more were refused, but the reason could not be read."
    if summary["not_tested"]:
        said += " {} could not be tried and count as nothing.".format(summary["not_tested"])
    return said


def stats(summary: Mapping[str, object]) -> str:
    """Show the figures that one asks for first."""
    taken = sum(int(str(summary[name])) for name in ("taken", "wrong_reason", "unproven"))
    gaps = int(str(summary["not_tested"]))
    items = [
        ("", summary["tried"], "wrong things tried"),
        ("good", summary["refused"], "refused as expected"),
        ("bad" if taken else "", taken, "taken, wrong reason, or nothing proven"),
        ("warn" if gaps else "", gaps, "not tested"),
        (
            "",
            "{} / {}".format(summary["hops_right"], summary["hops"]),
            "hops right, over {} people".format(summary["people"]),
        ),
        ("", "{} s".format(summary["seconds"]), "from start to end"),
    ]
    return '<div class="stats">{}</div>'.format(
        "".join(
            f'<div class="stat {kind}"><b>{escape(str(value))}</b><span>{escape(words)}</span></div>'
            for kind, value, words in items
        )
    )


def failures(evidence: Evidence) -> str:
    """List what failed, before anything else."""
    found = evidence.failures()
    if not found:
        return ""
    return '<section class="panel failures"><h3>What failed</h3><ul>{}</ul></section>'.format(
        "".join(f"<li>{escape(item)}</li>" for item in found)
    )


def figure(evidence: Evidence) -> str:
    """Show the chain with the verdict on each party, and what the marks mean."""
    legend = (
        (chip(REFUSED), "refused, and for the expected reason"),
        (chip(TAKEN), "the hop took it: a failed run"),
        (chip(WRONG_REASON), "refused, but not for the reason that it should be: a failed run"),
        (chip(REFUSED_UNSEEN), "refused, but the reason could not be read: a gap"),
        (chip(UNPROVEN), "the good twin was refused too: a failed run"),
        (chip(NOT_TESTED), "no consent or no right to try: never green"),
        (chip(NOT_APPLICABLE), "nothing to try there, with the reason"),
    )
    return '<section class="panel figure">{}{}<div class="legend">{}</div></section>'.format(
        drawing.wide(evidence),
        drawing.tall(evidence),
        "".join(f"<span>{mark} {escape(words)}</span>" for mark, words in legend),
    )


def people(evidence: Evidence) -> str:
    """Show each person's way, hop by hop."""
    seen: dict[str, bool] = {}
    blocks: list[str] = []
    for person in evidence.people:
        hops = [hop for hop in evidence.hops if hop.person == person.username]
        blocks.append(
            '<article class="panel person"><header><div><h3>{}</h3><p>{}, signed in by {}</p></div>{}</header>{}</article>'.format(
                escape(person.username),
                escape(person.persona),
                escape(person.signin),
                chip(evidence.person_state(person.username)),
                "".join(hop_block(hop, seen) for hop in hops),
            )
        )
    return (
        '<h2 id="people">Each person\'s way</h2><p class="lead">The same call, walked hop by hop. Open a hop to see the '
        "claims that were sent, what the model expected and what came. Tokens themselves are nowhere in this page.</p>"
        '<div class="people">{}</div>'.format("".join(blocks))
    )


def hop_block(hop: Hop, seen: dict[str, bool]) -> str:
    """Show one hop of one person."""
    anchor = "" if hop.id in seen else f' id="hop-{escape(hop.id)}"'
    seen[hop.id] = True
    inside = []
    if hop.why:
        inside.append(f'<p class="note">{escape(hop.why)}</p>')
    if hop.sent:
        inside.append(f"<section><h4>Sent</h4>{claims(hop.sent)}</section>")
    if hop.received:
        inside.append(f"<section><h4>Came</h4>{claims(hop.received)}</section>")
    if hop.checks:
        inside.append(
            '<section><h4>Compared with the model</h4><table class="checks"><thead><tr><th></th><th>what</th><th>expected and came</th>'
            "</tr></thead><tbody>{}</tbody></table></section>".format("".join(check_row(item) for item in hop.checks))
        )
    return '<details class="hop"{}{}><summary><b>{}</b>{}</summary><div class="inside">{}</div></details>'.format(
        anchor,
        " open" if hop.verdict == WRONG else "",
        escape(HOP_TITLES.get(hop.id, hop.id)),
        chip(hop.verdict),
        "".join(inside),
    )


def check_row(item: Check) -> str:
    """Show one comparison; what is equal is shown once."""
    expected, got = f"<code>{escape(item.expected)}</code>", f"<code>{escape(item.got)}</code>"
    if item.expected != item.got:
        got = f"{got}<small>expected {expected}</small>"
    kind, mark = ("yes", "✓") if item.ok else ("no", "✕")
    return f'<tr class="{kind}"><td class="mark">{mark}</td><td>{escape(item.name)}</td><td>{got}</td></tr>'


def claims(values: Mapping[str, object]) -> str:
    """Show claims as a list of names and values."""
    return '<dl class="claims">{}</dl>'.format(
        "".join(
            f"<dt><code>{escape(key)}</code></dt><dd><code>{escape(shown(key, values[key]))}</code></dd>"
            for key in sorted(values)
        )
    )


def shown(name: str, value: object) -> str:
    """Write a claim as JSON, a plain text as itself, a time as one can read it."""
    if name in ("exp", "iat", "nbf") and isinstance(value, int):
        when = datetime.datetime.fromtimestamp(value, datetime.timezone.utc)
        return f"{value} ({when:%H:%M:%S} UTC)"
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def matrix(evidence: Evidence) -> str:
    """Show every wrong thing at every hop."""
    columns = evidence.columns
    head = "".join(f"<th>{escape(COLUMN_TITLES.get(name, name))}</th>" for name in columns)
    body: list[str] = []
    group = ""
    for info in evidence.rows:
        if info.group != group:
            group = info.group
            body.append('<tr class="group"><th colspan="%d">%s</th></tr>' % (len(columns) + 1, escape(group)))
        cells = "".join(cell_block(evidence.cell(info.id, name), name) for name in columns)
        body.append(
            f'<tr><th scope="row"><div class="what">{escape(info.title)}<small>{escape(info.what)}</small></div></th>{cells}</tr>'
        )
    return (
        '<h2 id="matrix">Wrong things, at every hop</h2><p class="lead">Each wrong thing stands beside a good twin '
        "that the same hop had accepted just before (beside an expired token: also just after); its cell says what differs. A refusal "
        "counts only with the expected reason. The MCP server gives one reason for every bad token: there the good twin, which differs "
        "in that one thing, has to tell which fault it was. "
        'Open a cell for the details.</p><div class="panel matrix"><table><thead><tr><th>tried</th>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>".format(head, "".join(body))
    )


def cell_block(cell: object, column: str) -> str:
    """Show one cell, its details folded."""
    if not isinstance(cell, Cell):
        return "<td></td>"
    flag = "is-bad" if cell.verdict in BAD_VERDICTS else ""
    unseen = cell.verdict == REFUSED and not cell.reason_checked
    brief = cell.expected if cell.verdict == REFUSED else ""
    facts = [
        ("why", cell.why),
        ("what differs", cell.difference),
        ("expected", cell.expected),
        ("answer", answer(cell)),
        ("good twin", twin(cell)),
        (
            "reason",
            "status only: the reason could not be read" if unseen else "",
        ),
    ]
    return (
        '<td class="{}"><details class="cell"{}><summary data-column="{}">{}<small>{}</small></summary>'
        '<div class="inside"><dl>{}</dl></div></details></td>'.format(
            flag,
            " open" if flag else "",
            escape(COLUMN_TITLES.get(column, column)),
            chip(REFUSED_UNSEEN if unseen else cell.verdict),
            escape(brief),
            "".join(f"<dt>{key}</dt><dd>{escape(value)}</dd>" for key, value in facts if value),
        )
    )


def answer(cell: Cell) -> str:
    """Say what came, nothing when nothing was tried."""
    if cell.verdict in (NOT_APPLICABLE, NOT_TESTED):
        return ""
    return " ".join(part for part in (str(cell.got_status or "no answer"), cell.got_reason) if part)


def twin(cell: Cell) -> str:
    """Say how the good twin fared."""
    if cell.twin is None:
        return ""
    return "{}: {}, {}".format(cell.twin.kind, cell.twin.status, "accepted" if cell.twin.accepted else "REFUSED")


def posture(evidence: Evidence) -> str:
    """Show how the system stands."""
    if not evidence.posture:
        return ""
    return (
        '<h2 id="posture">How it stands</h2><p class="lead">What needs no attack to be seen: rights, tools, open paths '
        'and credentials.</p><div class="panel posture matrix"><table><thead><tr><th>what</th><th>expected</th><th>found</th>'
        "<th></th></tr></thead><tbody>{}</tbody></table></div>".format(
            "".join(posture_row(item) for item in evidence.posture)
        )
    )


def posture_row(item: Posture) -> str:
    """Show one fact."""
    more = "<ul>{}</ul>".format("".join(f"<li>{escape(line)}</li>" for line in item.detail)) if item.detail else ""
    cells = (
        f'<td>{escape(item.title)}</td><td data-l="expected">{escape(item.expected)}</td>'
        f'<td data-l="found">{escape(item.found)}{more}</td><td>{chip(item.verdict)}</td>'
    )
    return f'<tr id="posture-{escape(item.id)}">{cells}</tr>'


def bottom(evidence: Evidence) -> str:
    """Say how it was tried, and what this page does not hold."""
    notes: Sequence[str] = [item for item in [evidence.fixtures, *evidence.notes] if item]
    return (
        "<footer>{}<p>This page holds claims, never a token, a password or a key, and fetches nothing. Made by "
        "<code>mcp_auth.openshift.chain_verify</code>, started {}, finished {}.</p></footer>".format(
            "".join(f"<p>{escape(text_of(item))}</p>" for item in notes),
            escape(evidence.started),
            escape(evidence.finished),
        )
    )
