"""How the page looks, dark or light, wide or narrow, and the few lines that run in it beside the framework's own."""

from __future__ import annotations

from analysis.style import STYLE as REPORT

_DARK = (
    "--Dash-Fill-Inverse-Strong: #1d2128; --Dash-Text-Primary: #e6e9ee; --Dash-Text-Strong: #e6e9ee; --Dash-Text-Weak: #a9b3bf; --Dash-Text-Disabled: #8791a0;"
    " --Dash-Stroke-Strong: #57606a; --Dash-Stroke-Weak: #3a414b; --Dash-Fill-Interactive-Strong: #79b8ff; --Dash-Fill-Interactive-Weak: #2a313b;"
    " --Dash-Fill-Primary-Hover: #2a313b; --Dash-Fill-Primary-Active: #343c48; --Dash-Fill-Disabled: #3a414b;"
    " --Dash-Shading-Strong: rgba(0,0,0,.6); --Dash-Shading-Weak: rgba(0,0,0,.4)"
)

STYLE = (
    REPORT
    + """
:root { --Dash-Fill-Interactive-Strong: #0969da; --Dash-Fill-Interactive-Weak: #eef3fa }
@media (prefers-color-scheme: dark) { :root:not([data-theme=light]) { DARK } }
:root[data-theme=dark] { DARK }
main { max-width: 1180px }
.head h1 { font-size: 1.3rem }
.head { display: flex; gap: 12px; justify-content: space-between; align-items: baseline; flex-wrap: wrap }
.controls { display: grid; grid-template-columns: repeat(12, 1fr); gap: 10px 16px; margin: 14px 0 6px }
.controls > div { grid-column: span 3; min-width: 0 }
.controls > .two { grid-column: span 6 }
.controls > .whole { grid-column: span 12 }
.name { display: block; font-size: .85rem; color: var(--soft); margin-bottom: 2px }
.controls label { margin-right: 14px; white-space: nowrap }
#adding label { white-space: normal }
.hidden { display: none !important }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 12px 0 0; font-size: .9rem }
.swatch { display: inline-block; width: 22px; height: 4px; border-radius: 2px; vertical-align: middle; margin-right: 6px }
.tabs { display: flex !important; flex-flow: row wrap !important }
.tab { background: transparent !important; color: var(--ink) !important; border-color: var(--line) !important }
.tab { flex: 1 0 auto; width: auto !important; white-space: nowrap; font-size: .88rem; padding: 8px 9px !important }
.tab:focus-visible { outline: 2px solid var(--link); outline-offset: -2px }
.tab--selected { box-shadow: inset 0 -3px 0 var(--link); text-shadow: .4px 0 currentColor }
section h2 { margin-top: 22px }
.told { color: var(--soft); font-size: .9rem; margin: 8px 0 0 }
@media (max-width: 760px) {
  .controls > div, .controls > .two { grid-column: span 12 }
  .controls label { white-space: normal }
  .tab { font-size: .8rem; padding: 5px 7px !important }
}
""".replace("DARK", _DARK)
)

SCRIPT = """
"use strict";
document.addEventListener("click", event => {
  if (!event.target.closest || !event.target.closest("#theme")) return;
  const root = document.documentElement, now = root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  root.dataset.theme = now === "dark" ? "light" : "dark";
});
document.addEventListener("keydown", event => {  // the framework's tabs are of the mouse alone
  if (event.key === "Tab") document.querySelectorAll(".tab").forEach(each => { each.tabIndex = 0; each.setAttribute("role", "tab"); });
  if ((event.key !== "Enter" && event.key !== " ") || !event.target.classList.contains("tab")) return;
  event.preventDefault();
  event.target.click();
});
"""

INDEX = """<!DOCTYPE html>
<html lang="en"><head>{%metas%}<title>{%title%}</title><meta name="referrer" content="no-referrer">{%favicon%}{%css%}<style>STYLE</style></head>
<body>{%app_entry%}{%config%}{%scripts%}{%renderer%}<script>SCRIPT</script></body></html>
""".replace("STYLE", STYLE).replace("SCRIPT", SCRIPT)

NARROW = """function(ticks, was) { const now = window.innerWidth < 760; return now === was ? window.dash_clientside.no_update : now; }"""
