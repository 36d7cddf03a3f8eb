"""The report's style sheet and its one script."""

from __future__ import annotations

NARROW_PX = 690  # a figure's place narrower than this holds one column of panels

_DARK = "color-scheme: dark; --paper: #14171c; --ink: #e6e8eb; --soft: #a3acb8; --line: #3a414b; --wash: #1d2128; --link: #79b8ff"

STYLE = """
:root { color-scheme: light; --paper: #ffffff; --ink: #1f2328; --soft: #57606a; --line: #d0d7de; --wash: #f6f8fa; --link: #0969da }
@media (prefers-color-scheme: dark) { :root:not([data-theme=light]) { DARK } }
:root[data-theme=dark] { DARK }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif }
main { max-width: 1120px; margin: 0 auto; padding: 24px 20px 64px }
header { display: flex; gap: 16px; align-items: flex-start; justify-content: space-between }
h1 { margin: 0; font-size: 1.7rem; line-height: 1.2; overflow-wrap: anywhere }
h2 { margin: 48px 0 4px; font-size: 1.25rem }
a { color: var(--link) }
li { margin: 6px 0; overflow-wrap: anywhere }
button { font: inherit; color: inherit; background: var(--wash); border: 1px solid var(--line); border-radius: 6px; padding: 4px 12px }
button { cursor: pointer; white-space: nowrap }
figure { margin: 0 }
figcaption { font-size: .9rem; max-width: 90ch }
details { margin: 10px 0 }
summary { cursor: pointer }
.soft, figcaption, summary, dt { color: var(--soft) }
.question { font-size: 1.15rem; margin: 12px 0; white-space: pre-line }
.scroll { width: fit-content; max-width: 100%; overflow: auto; max-height: 460px; border: 1px solid var(--line); border-radius: 6px; margin-top: 8px }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums }
th, td { padding: 4px 10px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line) }
th { position: sticky; top: 0; background: var(--wash); font-weight: 600 }
th.text, td.text { text-align: left }
pre { overflow-x: auto; background: var(--wash); padding: 12px; border-radius: 6px; font-size: .8rem }
code { background: var(--wash); padding: 1px 5px; border-radius: 4px; overflow-wrap: anywhere }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 20px }
dd { margin: 0; overflow-wrap: anywhere }
.plot { width: 100%; min-height: 200px }
section h2 { padding-right: 160px }
.plot .modebar-container { top: -30px !important; z-index: 1 }
.plot .infolayer text, .plot [class*=axislayer] text { fill: var(--ink) !important }
@media (max-width: 720px) {
  main { padding: 16px 12px 48px }
  header { display: block }
  header button { margin-top: 10px }
  h1 { font-size: 1.35rem }
  dl { display: block }
  dd { margin-bottom: 8px }
  section h2 { padding-right: 0 }
  .plot .modebar-container { display: none }
}
@media print { button { display: none } }
""".replace("DARK", _DARK)

# Figures hold their traces once and two layouts; which is drawn depends on the room there is. They are packed, and so is the
# library that draws them, which unpacked runs by its own hash, as any script of the page.
SCRIPT = """
"use strict";
const config = JSON.parse(document.getElementById("config").textContent), drawn = {};
let specs = {};
function draw(id) {
  const place = document.getElementById(id), mode = place.clientWidth < NARROW ? "narrow" : "wide";
  if (drawn[id] === mode) return;
  const was = drawn[id], spec = structuredClone(specs[id]);
  drawn[id] = mode;
  if (was) Plotly.purge(place);
  place.style.height = spec[mode].height + "px";
  Plotly.newPlot(place, spec.data, spec[mode], mode === "narrow" ? {...config, displayModeBar: false} : config);
}
const all = () => Object.keys(specs).forEach(draw);
async function unpacked(id) {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), each => each.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}
async function begin() {
  if (!document.getElementById("specs")) return;
  specs = JSON.parse(await unpacked("specs"));
  const library = document.createElement("script");
  library.textContent = await unpacked("library");
  document.body.append(library);
  all();
  addEventListener("resize", all);
}
begin().catch(reason => document.querySelectorAll(".plot").forEach(place => {
  place.textContent = `This figure needs a browser of 2023 or later (${reason}); its numbers are below.`;
}));
document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement, now = root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  root.dataset.theme = now === "dark" ? "light" : "dark";
});
""".replace("NARROW", str(NARROW_PX))
