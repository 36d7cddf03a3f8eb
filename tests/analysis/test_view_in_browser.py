"""The visualizer as a person meets it: real clicks in a headless Chromium, without an error in its console or a request that leaves this machine."""

from __future__ import annotations

import json
import threading
from urllib.parse import urlsplit

import pytest

from analysis.visualizer.results import source_at
from analysis.visualizer.serving import server_of
from tests.analysis.browser import Browser, browser_or_skip
from tests.analysis.synthetic import WEIGHT, Folder, Truth, rows_of

DRAWN = "document.querySelectorAll('.plot .main-svg').length > 0"
UNBELIEVABLE = '<img src=x onerror="document.title=1">'


@pytest.fixture(scope="module")
def browser():
    found = browser_or_skip()
    yield found
    found.close()


@pytest.fixture
def served():
    """Serves a results folder; gives its address."""
    servers = []

    def serve(address: str) -> str:
        server = server_of(source_at(address)[0], 0)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def until_legend(browser: Browser, *labels: str) -> None:
    """Waits until just these experiments are drawn."""
    browser.until(f"JSON.stringify([...document.querySelectorAll('.legend > span')].map(each => each.textContent)) == JSON.stringify({json.dumps(labels)})")


def has_panel(title: str) -> str:
    return f"[...document.querySelectorAll('.annotation-text')].some(each => each.textContent.includes({title!r}))"


def first_trace(browser: Browser, field: str) -> list[float]:
    return browser.js(f"[...document.querySelector('.js-plotly-plot')._fullData[0].{field}]")


def nothing_went_wrong(browser: Browser, address: str) -> None:
    assert not browser.said and not browser.failed
    asked = [urlsplit(each) for each in browser.asked if not each.startswith("data:")]
    assert asked and {each.netloc for each in asked} == {urlsplit(address).netloc}


def test_tabs_selections_looks_and_clicks_on_cells(browser, served, odd_store):
    address = served(odd_store.address)
    browser.open(f"{address}/")
    browser.until(DRAWN)
    browser.click("#sweep")  # lists of sweeps: the first by name is not the one wanted
    browser.until("!!document.activeElement.closest('.dash-dropdown-content')")  # a list that has opened takes the focus, and scrolls to what is chosen
    browser.click(".dash-dropdown-option", "quickstart")
    until_legend(browser, "soft, λ = 0", "soft, λ = 1")
    assert "55 planned, 54 finished, 1 failed" in browser.js("document.body.innerText")
    n_lines = "(all => all.reduce((n, each) => n + Math.max(1, [...each.x].filter(Number.isNaN).length), 0))"  # a gap ends each but for medians
    n_before = browser.js(f"{n_lines}(document.querySelector('.js-plotly-plot')._fullData)")
    browser.click("label", "median over seeds")
    browser.until(f"{n_lines}(document.querySelector('.js-plotly-plot')._fullData) * 5 == {n_before}")
    browser.click("label", "log steps")
    browser.until("document.querySelector('.js-plotly-plot')._fullLayout.xaxis.type == 'linear'")
    browser.click(".tab", "Routing and gates")
    browser.until(has_panel("sum of gates"))
    browser.click(".tab", "Weights")
    browser.until("document.body.innerText.includes('its weight norms were not measured')")
    browser.js("document.querySelector('#all').focus()")
    while browser.js("!document.activeElement.classList.contains('tab')"):
        browser.key("Tab", 9)  # without a mouse, too
    browser.key("Enter", 13)
    browser.until("document.querySelector('.tab--selected').textContent == 'Training dynamics' && " + has_panel("accuracy"))
    browser.click(".tab", "Phase diagram")
    browser.until("document.querySelector('section h2')?.textContent == 'Phase diagram' && " + DRAWN)
    place = "(plot => { const at = plot.getBoundingClientRect(), all = plot._fullLayout; return [at.x + all.xaxis._offset + all.xaxis.d2p(3),"
    place += " at.y + all.yaxis._offset + all.yaxis.d2p(1)] })(document.querySelector('.js-plotly-plot'))"
    browser.click_at(*browser.js(place), once="!!document.querySelector('.js-plotly-plot')._hoverdata")  # figures note late what is under the pointer
    browser.until("document.querySelector('.tab--selected').textContent == 'Training dynamics'")
    until_legend(browser, "hard, λ = 0.1")
    nothing_went_wrong(browser, address)


def test_names_are_shown_and_never_believed(browser, served, store):
    folder = Folder(store, name="named", axes=(), arms=("all",))
    for name in (UNBELIEVABLE, "</script><b>bold</b>"):
        folder.add("all", {}, 0, Truth(), name=name)
    folder.write()
    address = served(store.address)
    browser.open(f"{address}/", dark=True)
    until_legend(browser, UNBELIEVABLE, "</script><b>bold</b>")
    browser.click(".tab", "Phase diagram")
    browser.until("document.querySelector('section h2')?.textContent == 'Phase diagram'")
    assert browser.js("document.querySelectorAll('img, b').length") == browser.js("document.querySelectorAll('.annotation-text b').length")
    assert browser.js("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert browser.js("document.title").startswith("lal view")
    nothing_went_wrong(browser, address)


@pytest.mark.slow
def test_a_sweep_that_runs_is_followed(browser, served, store):
    folder = Folder(store, arms=("soft",))
    run_id = folder.add("soft", {WEIGHT: 0.0}, 0, Truth(missing=True))
    folder.write()
    run, rows = store.run(run_id), rows_of(Truth(), 0)
    run.put_part(0, rows[:20])
    address = served(store.address)
    browser.open(f"{address}/")
    browser.until(DRAWN)
    assert max(first_trace(browser, "x")) == rows[19]["step"]
    run.put_part(1, rows[20:40])
    browser.until(f"Math.max(...document.querySelector('.js-plotly-plot')._fullData[0].x) == {rows[39]['step']}")
    nothing_went_wrong(browser, address)
