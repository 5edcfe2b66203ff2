# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The look of the report's page, as CSS. Nothing is loaded from elsewhere: the fonts are the reader's own."""

from ssd_tf.plots.rendering import DARK, LIGHT

_PAGE_LIGHT = {"surface": "#ffffff", "ground": "#f5f6f8", "line": "#dde1e6", "note": "#fff4d6"}
_PAGE_DARK = {"surface": "#181c20", "ground": "#101316", "line": "#2f363d", "note": "#3a3013"}


def style_sheet() -> str:
    """CSS of the whole page; the colours of charts are variables that follow the reader's light or dark."""
    light, dark = ("".join(f"--{k}:{v};" for k, v in c.items()) for c in (LIGHT | _PAGE_LIGHT, DARK | _PAGE_DARK))
    return f":root{{{light}}}\n@media (prefers-color-scheme: dark){{:root{{{dark}}}}}\n{_RULES}"


_RULES = """
* { box-sizing: border-box; }
html { color-scheme: light dark; -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
}
main { max-width: 1240px; margin: 0 auto; padding: 24px 20px 64px; }
h1 { font-size: 26px; line-height: 1.2; margin: 0 0 6px; overflow-wrap: anywhere; }
h2 { font-size: 19px; line-height: 1.3; margin: 0 0 4px; }
h3 { font-size: 16px; margin: 20px 0 0; }
p { margin: 0 0 10px; max-width: 92ch; }
a { color: var(--main); }
.muted, figcaption { color: var(--muted); }
header p, .muted { overflow-wrap: anywhere; }
nav { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 14px 0 0; font-size: 14px; }
nav a { text-decoration: none; padding: 4px 0; }
nav a:hover { text-decoration: underline; }
section {
  background: var(--surface); border: 1px solid var(--line); border-radius: 10px; padding: 18px 20px 20px;
  margin-top: 20px; min-width: 0;
}
.note { background: var(--note); border-radius: 8px; padding: 10px 14px; margin: 16px 0 0; max-width: none; }
.tiles { display: grid; grid-template-columns: repeat(6, 1fr); gap: 12px; margin-top: 18px; }
.tile { background: var(--surface); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; }
.tile b { display: block; font-size: 28px; line-height: 1.15; font-variant-numeric: tabular-nums; }
.tile:first-child b { color: var(--main); }
.tile span { display: block; font-weight: 600; }
.tile small { display: block; color: var(--muted); font-size: 13px; line-height: 1.35; }
.columns { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 20px 32px; align-items: start; }
.panels { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 18px 24px; }
.columns h3 { margin-top: 12px; }
.columns > *, .panels > * { min-width: 0; }
figure { margin: 12px 0 0; }
figcaption { font-size: 13.5px; margin-top: 6px; max-width: 78ch; }
.chart .scroll { margin: 0; }
.chart svg { display: block; width: 100%; height: auto; }
.chart svg text { font-family: inherit; }
.chart svg * { stroke-linejoin: round; }
.narrow { display: none; }
.scroll { overflow-x: auto; max-width: 100%; margin-top: 10px; }
.tall { max-height: 460px; overflow-y: auto; }
.scroll:focus-visible { outline: 2px solid var(--main); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 6px 10px; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--muted); font-weight: 600; position: sticky; top: 0; background: var(--surface); }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
td:first-child { position: sticky; left: 0; background: var(--surface); }
.words td { white-space: normal; }
.meaning td:nth-last-child(-n + 2) { text-align: left; white-space: normal; min-width: 15em; color: var(--muted); }
.meaning th:nth-last-child(-n + 2) { text-align: left; }
.swatch { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 8px; }
.settings { columns: 2; column-gap: 32px; margin: 12px 0 0; font-size: 14px; }
.settings div {
  display: flex; justify-content: space-between; gap: 16px; break-inside: avoid; padding: 4px 0;
  border-bottom: 1px solid var(--line);
}
.settings dt { color: var(--muted); }
.settings dd { margin: 0; text-align: right; overflow-wrap: anywhere; min-width: 0; }
summary { cursor: pointer; }
summary h2 { display: inline; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 4px 0 0; padding: 0; font-size: 14px; }
.legend li { list-style: none; overflow-wrap: anywhere; min-width: 0; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 6px; }
.pair img { display: block; width: 100%; height: auto; border-radius: 4px; background: var(--ground); }
.picture a { display: block; color: inherit; text-decoration: none; cursor: zoom-in; }
.picture .close { display: none; }
/* A picture that was clicked fills the window; no script is needed. */
.picture:target {
  position: fixed; inset: 0; z-index: 2; margin: 0; padding: 16px; overflow: auto; background: var(--ground);
}
.picture:target > a:first-child { pointer-events: none; }
.picture:target .close { display: inline-block; color: var(--main); cursor: pointer; padding: 8px 0; }
.picture:target .pair { max-width: 1600px; margin: 0 auto; }
@media (max-width: 1180px) {
  .columns { grid-template-columns: minmax(0, 1fr); }
  .panels { grid-template-columns: repeat(2, minmax(0, 1fr)); }
}
@media (max-width: 720px) {
  main { padding: 16px 10px 48px; }
  section { padding: 14px 9px 16px; }
  h1 { font-size: 22px; }
  .tiles { grid-template-columns: repeat(3, 1fr); gap: 8px; }
  .tile { padding: 9px 10px; }
  .tile b { font-size: 23px; }
  .panels { grid-template-columns: minmax(0, 1fr); }
  .settings { columns: 1; }
  .wide { display: none; }
  .narrow { display: block; }
  td:first-child { white-space: normal; overflow-wrap: anywhere; min-width: 8em; }
  .meaning thead { display: none; }
  .meaning tr { display: grid; grid-template-columns: 1fr auto auto; padding: 8px 0; }
  .meaning tr { border-bottom: 1px solid var(--line); }
  .meaning td { border: 0; padding: 2px 0 2px 14px; }
  .meaning td:first-child { font-weight: 600; padding-left: 0; }
  .meaning td:nth-child(2)::after { content: " times"; }
  .meaning td:nth-child(3)::before { content: "costs "; }
  .meaning td:nth-last-child(-n + 2) { grid-column: 1 / -1; padding-left: 0; }
  .picture:target .pair { grid-template-columns: 1fr; }
}
@media print { section { break-inside: avoid; } nav { display: none; } }
"""
