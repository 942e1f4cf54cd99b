# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""PRIVATE: how the page looks: its style sheet and its few lines of script. Nothing is fetched from anywhere."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;
--paper:#faf9f6;--card:#ffffff;--ink:#1b2330;--soft:#5b6472;--line:#e2dfd7;--hair:#eeebe4;--code:#f3f1ea;
--good:#1d6f4a;--good-bg:#e7f3ec;--good-line:#b9dcc8;--bad:#b3261e;--bad-bg:#fcebe9;--bad-line:#f0bdb8;
--warn:#8a5a00;--warn-bg:#fdf3dc;--warn-line:#ecd49a;--open:#6b7280;--open-bg:#f1f1f0;--open-line:#c9c9c6;
--link:#1f5fa8;--shadow:0 1px 2px rgba(27,35,48,.05),0 6px 24px rgba(27,35,48,.05)}
@media (prefers-color-scheme:dark){:root{
--paper:#11151b;--card:#181d25;--ink:#e7eaef;--soft:#9aa4b2;--line:#2a313c;--hair:#222933;--code:#12161d;
--good:#6fcf9b;--good-bg:#14291f;--good-line:#28513d;--bad:#ff8a80;--bad-bg:#351817;--bad-line:#6d2f2b;
--warn:#f0c263;--warn-bg:#2f2610;--warn-line:#5e4b1d;--open:#98a1ae;--open-bg:#1f252e;--open-line:#414a57;
--link:#86b7f2;--shadow:none}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 ui-sans-serif,system-ui,-apple-system,"Segoe UI",
Roboto,"Helvetica Neue","Noto Sans","Liberation Sans",Arial,sans-serif;font-feature-settings:"tnum" 1}
main{max-width:1160px;margin:0 auto;padding:0 24px 72px}
a{color:var(--link)}
code,.mono{font-family:ui-monospace,SFMono-Regular,"Cascadia Mono","Roboto Mono","DejaVu Sans Mono",Menlo,monospace;
font-size:.855em;overflow-wrap:anywhere}
h1,h2,h3{line-height:1.2;letter-spacing:-.012em;font-weight:650;margin:0}
h1{font-size:clamp(1.8rem,4.2vw,2.7rem);letter-spacing:-.022em}
h2{font-size:1.35rem;margin:56px 0 6px}
h3{font-size:1rem}
p{margin:0}
.lead{color:var(--soft);max-width:72ch;margin:0 0 18px}
header{padding:44px 0 8px}
.over{font-size:.78rem;letter-spacing:.09em;text-transform:uppercase;color:var(--soft);font-weight:600;margin-bottom:14px}
.head{display:flex;gap:16px;align-items:flex-start}
.seal{flex:none;width:46px;height:46px;border-radius:50%;display:grid;place-items:center;margin-top:1px}
.seal svg{width:24px;height:24px;fill:none;stroke:currentColor;stroke-width:2.6;stroke-linecap:round;stroke-linejoin:round}
.good .seal,.seal.good{background:var(--good-bg);color:var(--good)}
.seal.bad{background:var(--bad-bg);color:var(--bad)}
.seal.warn{background:var(--warn-bg);color:var(--warn)}
.sub{color:var(--soft);margin-top:8px;max-width:74ch}
.facts{display:flex;flex-wrap:wrap;gap:6px 26px;margin:20px 0 0;padding:0;color:var(--soft);font-size:.92rem}
.facts div{display:flex;gap:7px}
.facts dt{color:var(--soft)}
.facts dd{margin:0;color:var(--ink)}
.stats{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:26px 0 0}
.stat{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:14px 16px 13px;box-shadow:var(--shadow)}
.stat b{display:block;font-size:1.75rem;line-height:1.15;font-weight:650;letter-spacing:-.02em}
.stat span{color:var(--soft);font-size:.875rem}
.stat.bad b{color:var(--bad)}.stat.good b{color:var(--good)}.stat.warn b{color:var(--warn)}
.panel{background:var(--card);border:1px solid var(--line);border-radius:16px;box-shadow:var(--shadow)}
.failures{border-color:var(--bad-line);background:var(--bad-bg);padding:16px 20px;margin-top:22px}
.failures ul{margin:6px 0 0;padding-left:20px}
.figure{padding:26px 26px 16px;margin-top:26px}
.drawing{width:100%;height:auto;display:block;font:inherit}
.drawing.tall{display:none;max-width:360px;margin:0 auto}
.drawing text{text-anchor:middle;fill:var(--ink)}
.drawing text.start{text-anchor:start}
.drawing .n{font-size:17px;font-weight:650}.drawing .t{font-size:14px;font-weight:550}
.drawing .s{font-size:12.5px;fill:var(--soft)}
.drawing a{cursor:pointer}
.drawing a:focus-visible rect{outline:3px solid var(--link);outline-offset:2px}
.node rect{stroke-width:1.6}
.node.good rect{fill:var(--good-bg);stroke:var(--good)}.node.bad rect{fill:var(--bad-bg);stroke:var(--bad)}
.node.warn rect{fill:var(--warn-bg);stroke:var(--warn)}
.node.open rect{fill:var(--open-bg);stroke:var(--open-line);stroke-dasharray:5 4}
.badge path{fill:none;stroke:var(--card);stroke-width:2.2;stroke-linecap:round;stroke-linejoin:round}
.good .badge circle{fill:var(--good)}.bad .badge circle{fill:var(--bad)}.open .badge circle{fill:var(--open)}
.warn .badge circle{fill:var(--warn)}
.link path{fill:none;stroke-width:2}
.link.good path{stroke:var(--good)}.link.bad path{stroke:var(--bad);stroke-width:3}
.link.warn path{stroke:var(--warn)}
.link.open path{stroke:var(--open-line);stroke-dasharray:5 4}
.link.exchange path{stroke-dasharray:none}
marker.good path{fill:var(--good)}marker.bad path{fill:var(--bad)}marker.open path{fill:var(--open-line)}marker.warn path{fill:var(--warn)}
.legend{display:flex;flex-wrap:wrap;gap:8px 20px;font-size:.875rem;color:var(--soft);padding-top:14px;margin-top:14px;
border-top:1px solid var(--hair)}
.legend span{display:inline-flex;gap:8px;align-items:center}
.chip{display:inline-flex;align-items:center;gap:6px;border:1px solid;border-radius:999px;padding:1px 10px 1px 8px;
font-size:.8125rem;line-height:1.5;white-space:nowrap;font-weight:550}
.chip i{font-style:normal;font-weight:700}
.chip.good{color:var(--good);background:var(--good-bg);border-color:var(--good-line)}
.chip.bad{color:var(--bad);background:var(--bad-bg);border-color:var(--bad-line)}
.chip.warn{color:var(--warn);background:var(--warn-bg);border-color:var(--warn-line)}
.chip.na{color:var(--soft);background:none;border-color:transparent;padding-left:0}
.chip.open{color:var(--open);background:none;border-color:var(--open-line);border-style:dashed}
.people{display:grid;grid-template-columns:repeat(auto-fit,minmax(330px,1fr));gap:16px;align-items:start}
.person{overflow:hidden}
.person>header{padding:16px 18px 14px;display:flex;gap:12px;align-items:baseline;justify-content:space-between;
border-bottom:1px solid var(--hair)}
.person>header p{color:var(--soft);font-size:.875rem}
details>summary{list-style:none;cursor:pointer}
details>summary::-webkit-details-marker{display:none}
summary:focus-visible{outline:3px solid var(--link);outline-offset:-3px;border-radius:8px}
.hop{border-bottom:1px solid var(--hair);scroll-margin-top:16px}
.hop:last-child{border-bottom:0}
.hop>summary{display:flex;gap:10px;align-items:center;justify-content:space-between;padding:11px 18px}
.hop>summary:hover,.cell>summary:hover{background:color-mix(in srgb,var(--ink) 3.5%,transparent)}
.hop>summary::before,.cell>summary::after{content:"";width:7px;height:7px;border:solid var(--soft);border-width:0 1.6px 1.6px 0;
transform:rotate(-45deg);flex:none;transition:transform .12s}
.hop[open]>summary::before,.cell[open]>summary::after{transform:rotate(45deg)}
.hop>summary b{flex:1;font-weight:550}
.inside{padding:2px 18px 16px}
.inside h4{font-size:.75rem;letter-spacing:.06em;text-transform:uppercase;color:var(--soft);margin:12px 0 4px;font-weight:600}
.person:has(.hop[open]){grid-column:1/-1}
.hop>.inside{display:grid;grid-template-columns:repeat(auto-fit,minmax(280px,1fr));gap:0 22px;align-items:start}
.claims{background:var(--code);border:1px solid var(--hair);border-radius:10px;padding:8px 12px;margin:0;display:grid;
grid-template-columns:minmax(70px,34%) 1fr;gap:3px 12px;font-size:.84rem;line-height:1.45}
.claims dt{color:var(--soft)}
.claims dd{margin:0;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;font-size:.925rem}
th{text-align:left;font-weight:600;font-size:.8125rem;color:var(--soft)}
th,td{padding:9px 12px;vertical-align:top;border-bottom:1px solid var(--hair)}
.checks{font-size:.875rem}
.checks th,.checks td{padding:5px 8px 5px 0}
.checks tr:last-child td{border-bottom:0}
.checks tr.no td{color:var(--bad)}
.checks small{display:block;color:inherit;opacity:.85}
.checks td:nth-child(2){width:42%}
.mark{width:20px;font-weight:700}
.yes .mark{color:var(--good)}
.matrix{margin-top:14px;overflow:hidden}
.matrix table{table-layout:fixed}
.matrix thead th{padding:14px 16px 12px;border-bottom:1px solid var(--line);color:var(--ink);font-size:.9rem}
.matrix thead th:first-child{width:27%}
.matrix td,.matrix tbody th{padding:0}
.matrix .group th{padding:20px 16px 7px;font-size:.75rem;letter-spacing:.07em;text-transform:uppercase;color:var(--soft);
border-bottom:1px solid var(--line)}
.matrix .what{padding:10px 16px;font-size:.925rem;color:var(--ink);font-weight:550}
.matrix .what small{display:block;color:var(--soft);font-weight:400;font-size:.8125rem;line-height:1.45;margin-top:1px}
.cell>summary{display:flex;gap:10px;align-items:center;padding:10px 16px 10px 12px;min-height:46px}
.cell>summary .chip{flex:none}
.cell>summary small{color:var(--soft);font-size:.8125rem;line-height:1.35;flex:1;min-width:0;overflow-wrap:anywhere}
.cell .inside{padding:0 14px 14px 12px;font-size:.875rem}
.cell dl{margin:0;display:grid;grid-template-columns:auto;gap:0}
.cell dt{color:var(--soft);font-size:.75rem;margin-top:7px}
.cell dd{margin:0;overflow-wrap:anywhere}
td.is-bad{background:var(--bad-bg)}
td.is-warn{background:var(--warn-bg)}
.posture td:first-child{font-weight:550;width:25%}
.posture td:last-child{width:1%}
.posture ul{margin:4px 0 0;padding-left:17px;color:var(--soft);font-size:.84rem}
.note{color:var(--soft);font-size:.9rem;margin-top:8px}
footer{margin-top:56px;padding-top:18px;border-top:1px solid var(--line);color:var(--soft);font-size:.875rem;max-width:86ch}
@media (max-width:760px){
main{padding:0 16px 56px}header{padding-top:28px}
.head{gap:12px}.seal{width:38px;height:38px}.seal svg{width:20px;height:20px}
.stats{grid-template-columns:repeat(2,1fr);gap:10px}.stat{padding:11px 13px}.stat b{font-size:1.45rem}
.figure{padding:20px 12px 14px}.drawing.wide{display:none}.drawing.tall{display:block}
.people{grid-template-columns:1fr}h2{margin-top:44px}
.matrix thead{display:none}
.matrix table,.matrix tbody,.matrix tr,.matrix td,.matrix tbody th{display:block;width:100%}
.matrix tr{border-bottom:1px solid var(--line)}
.matrix .group{border:0}
.matrix td{border:0}.matrix tbody tr:not(.group) th{border:0}
.matrix .what{padding:13px 16px 5px}
.cell>summary{padding:5px 16px;min-height:38px}
.cell>summary::before{content:attr(data-column);flex:0 0 96px;font-size:.8125rem;color:var(--soft)}
.cell .inside{padding-left:16px}
.cell:last-of-type{padding-bottom:6px}
.posture table,.posture tbody,.posture tr,.posture td{display:block;width:auto!important}
.posture thead{display:none}.posture td{border:0;padding:3px 16px}.posture tr{border-bottom:1px solid var(--hair);padding:10px 0}
.posture td[data-l]::before{content:attr(data-l);display:block;font-size:.75rem;color:var(--soft)}
}
@media print{body{background:#fff}.panel,.stat{box-shadow:none;break-inside:avoid}.hop>summary::before,.cell>summary::after{display:none}}
"""

# Opens what a link of the drawing points at, and everything with one key; the page is whole without it.
SCRIPT = """
(function(){function open(){var e=document.getElementById(decodeURIComponent(location.hash.slice(1)));
if(e&&e.tagName==='DETAILS'){e.open=true;e.scrollIntoView({block:'center'})}}
addEventListener('hashchange',open);open();
addEventListener('beforeprint',function(){document.querySelectorAll('details').forEach(function(d){d.open=true})})})();
"""
