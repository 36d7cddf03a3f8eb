"""What the visualizer takes on made-up results: 10,000 runs of 300 rows and 60 columns, with the tables of their last report."""

from __future__ import annotations

import resource
import threading
import time
from math import inf
from pathlib import Path

import pytest

from analysis import collect, run_keys, run_row, table_files
from analysis.visualizer.results import source_at
from analysis.visualizer.serving import server_of
from lal.reading import Reading, verdict_on
from lal.store import Store, history_table
from tests.analysis.browser import browser_or_skip
from tests.bench import made_up

N_WEIGHTS = 50


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> Path:
    """The folder."""
    root = tmp_path_factory.mktemp("many")
    name, data = made_up.many(root, N_WEIGHTS)
    keep_tables(Store(root), name, [history_table(each) for each in data])
    return root


def keep_tables(store: Store, name: str, histories: list) -> None:
    """What a report would have left, made from the few histories that there are."""
    manifest = store.manifest(name)
    goal, fit = collect.Goal(**manifest["goal"]), collect.Goal(**manifest["fit"])
    limits = collect.thresholds_of(manifest, goal, fit, None, {})
    rows = []
    for kind in histories:
        found = Reading("done", "budget", "budget used", 2990, rows=kind)
        rows.append(run_row.run_row("", {}, found, verdict_on(kind, "budget", limits), limits))
    axes, cells = run_keys.axis_values(manifest), run_keys.cell_numbers(manifest["runs"])
    runs = []
    for index, entry in enumerate(manifest["runs"]):
        key = {"cell": cells[index], "arm": entry["arm"], "name": None, **{path: values[index] for path, values in axes.items()}, "seed": entry["seed"]}
        runs.append({**key, **rows[index % made_up.N_KINDS], "run_id": entry["run_id"]})
    table = collect.pd.DataFrame(runs)
    table_files.write(store, name, collect.Tables(manifest, goal, limits, table, collect.pd.DataFrame()))


@pytest.mark.bench
def test_pages_and_selections(many):
    browser = browser_or_skip()
    began = time.perf_counter()
    source, sweep = source_at(str(many))
    server = server_of(source, 0, sweep)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"\nserver ready: {time.perf_counter() - began:.2f} s")
    try:
        times: dict[str, tuple[float, float]] = {}

        def timed(what: str, act, then: str) -> None:
            begin, spent = time.perf_counter(), time.process_time()
            act()
            browser.until(then)
            times[what] = time.perf_counter() - begin, time.process_time() - spent

        drawn = "document.querySelectorAll('.plot .main-svg').length > 0"
        timed("first page", lambda: browser.open(f"http://127.0.0.1:{server.port}"), drawn)
        for tab, panel in (("Curvature", "Jacobian"), ("Weights", "by role"), ("Fourier", "shares of energy"), ("Training", "accuracy")):
            timed(
                f"tab {tab}",
                lambda tab=tab: browser.click(".tab", tab),
                f"[...document.querySelectorAll('.annotation-text')].some(each => each.textContent.includes('{panel}'))",
            )
        for tab in ("Phase", "Pareto", "Phase", "Pareto"):
            there = f"document.querySelector('section h2')?.textContent.startsWith('{tab}') && {drawn}"
            timed(f"tab {tab}{' again' if f'tab {tab}' in times else ''}", lambda tab=tab: browser.click(".tab", tab), there)
        for what, (seconds, of_server) in times.items():
            print(f"{what}: {seconds:.2f} s, of which {of_server:.2f} s of processor in the server and this test")
        print(f"peak memory of server and test: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
        assert max(seconds for seconds, _ in times.values()) < inf and not browser.said
    finally:
        browser.close()
        server.shutdown()
        server.server_close()
