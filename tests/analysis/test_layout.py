"""Where figures put what a sweep varies: what others tell has no place of its own, and no shipped sweep falls apart into nearly empty facets."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise, product
from pathlib import Path

import pytest

from analysis.collect import collect
from analysis.figures import phase
from analysis.figures.dimensions import Dimension, layout
from analysis.figures.phase_axes import PX_UPRIGHT, below, px_below
from analysis.figures.room import PX_PER_LINE, px_wide
from lal.store import Store
from launch.sweep import load, manifest
from tests.analysis.synthetic import WEIGHT, Folder, Truth

YAML = sorted(Path(__file__).parents[2].joinpath("sweeps").glob("*.yaml"))
SHIPPED = [path for path in YAML if "\nsearch:" not in path.read_text()]  # of a search no point is known before it begins


@pytest.fixture(scope="module")
def planned(tmp_path_factory) -> Store:
    """The manifest of every shipped sweep, of none of which a run is there."""
    store = Store(tmp_path_factory.mktemp("planned"))
    for path in SHIPPED:
        expanded = load(str(path), "laptop" if "\n  laptop:" in path.read_text() else None)
        store.put_json(f"sweeps/{path.stem}/manifest.json", manifest(expanded))
    return store


@pytest.mark.parametrize("sweep", [path.stem for path in SHIPPED])
def test_facets_of_shipped_sweeps_are_at_least_half_full(planned, sweep):
    """Of rows that have more than one cell: an arm that is not charged has no others than that without a charge."""
    tables = collect(planned, sweep)
    info = phase.prepare(tables)
    assert sum(len(facet.cells) for facet in info.facets) == len(tables.cells)
    for facet in info.facets:
        assert len({facet.place(cell) for cell in facet.cells}) == len(facet.cells)  # none covers another
        rows = [count for count in Counter(cell.row for cell in facet.cells).values() if count > 1 or len(facet.columns) == 1]
        assert sum(rows) >= 0.5 * len(rows) * len(facet.columns), (facet.title, rows)


def matched(store) -> Folder:
    """Two kinds of networks of their own depths, over primes: at one share of pairs, and in another arm at a share for each prime."""
    folder = Folder(store, arms=("fixed", "matched"), axes=("model.kind", "model.depth", "task.p", "task.train_frac"))
    for arm, (kind, layers), (p, share) in product(folder.arms, (("mlp", 2), ("gated", 4)), ((31, 0.7), (59, 0.4))):
        point = {"model.kind": kind, "model.depth": layers, "task.p": p, "task.train_frac": share if arm == "matched" else 0.3}
        folder.add(arm, point, 0, Truth())
    return folder


def test_what_another_dimension_tells_with_the_arm_has_no_place_but_is_told(store):
    folder = matched(store)
    folder.report = {"phase": {"x": "task.p", "y": "model.kind"}}
    tables = collect(store, folder.write())
    where = layout(tables)
    assert [each.column for each in where.rest] == ["arm"] and [each.column for each in where.implied] == ["model.depth", "task.train_frac"]
    info = phase.prepare(tables)
    assert [facet.title for facet in info.facets] == ["fixed", "matched"] and all(len(facet.cells) == 4 for facet in info.facets)
    hover = {(facet.title, info.x.values[cell.column], info.y.values[cell.row]): cell.hover for facet in info.facets for cell in facet.cells}
    assert hover["matched", 59, "mlp"].startswith("depth = 2<br>train fraction = 0.4<br>") and "train fraction = 0.3<" in hover["fixed", 59, "gated"]
    assert info.caption.endswith("Where a cell stands also says its depth, train fraction; it is told with the cell.")


def test_what_is_told_by_two_dimensions_together_alone_keeps_its_place(store):
    """Were it left out wherever no two cells meet, a figure would hide what a sweep is about."""
    folder = Folder(store, arms=("all",), axes=(WEIGHT, "model.depth", "task.p"))
    for weight, layers in product((0.0, 0.1), (2, 4)):
        folder.add("all", {WEIGHT: weight, "model.depth": layers, "task.p": 17 if (weight == 0.0) == (layers == 2) else 31}, 0, Truth())
    where = layout(collect(store, folder.write()))
    assert [each.column for each in where.rest] == ["task.p"] and where.implied == ()


def test_nearly_empty_facets_show_their_own_columns_alone_with_cells_of_one_size(store):
    spec = {"phase": {"x": "task.p", "columns": "task.operation"}}
    folder = Folder(store, axes=("task.p", "task.operation"), report=spec)
    for arm, (p, operation) in product(folder.arms, ((17, "add"), (31, "add"), (47, "add"), (31, "multiply"))):
        folder.add(arm, {"task.p": p, "task.operation": operation}, 0, Truth())
    info = phase.prepare(collect(store, folder.write()))
    assert [(facet.title, facet.columns, facet.rows) for facet in info.facets] == [
        ("operation = add", (0, 1, 2), (0, 1)),
        ("operation = multiply", (1,), (0, 1)),
    ]
    layout_of = phase.draw(info).layout
    widths = [axis.domain[1] - axis.domain[0] for axis in (layout_of.xaxis, layout_of.xaxis2)]
    assert layout_of.xaxis2.ticktext == ("31",) and widths[0] == pytest.approx(3 * widths[1])
    narrow = phase.draw(info, narrow=True).layout
    assert tuple(narrow.xaxis.range) == tuple(narrow.xaxis2.range) == (-0.5, 2.5)


@pytest.mark.parametrize("stacked", [True, False])
@pytest.mark.parametrize("px", [262, 610])
@pytest.mark.parametrize("n", [2, 7, 20, 50])
def test_words_of_numbers_below_a_facet_have_room(n, px, stacked):
    """Side by side, or on end as far as that reaches into nothing below."""
    of = Dimension("x", "x", tuple(10 ** (-4 + 4 * index / n) for index in range(n)))
    axis = below(of, range(n), n, px / n, stacked)
    told = list(zip(axis["tickvals"], axis["ticktext"], strict=True))
    assert told[0][0] == 0 and all(word == of.words()[place] for place, word in told)
    between = px / n * min((b - a for (a, _), (b, _) in pairwise(told)), default=n)
    widest = max(px_wide(word) for _, word in told)
    assert between >= widest or ("tickangle" not in axis and between >= PX_PER_LINE and (not stacked or widest <= PX_UPRIGHT))


def test_names_below_a_facet_are_all_there_and_what_is_below_makes_way(store):
    names = Dimension("arm", "arm", ("without a charge", "charged for the layers that it uses", "soft"))
    assert below(names, range(3), 3, 262 / 3, stacked=True)["ticktext"] == names.words()
    assert px_below(names, 262 / 3) == px_wide(names.words()[1]) - PX_UPRIGHT and px_below(names, 3000 / 3) == 0
    folder = Folder(store, arms=("uncharged", "charged-for-the-layers-that-it-uses"), axes=("model.depth", "task.p"))
    folder.report = {"phase": {"x": "arm", "y": "model.depth", "rows": "task.p"}}
    for arm, layers, p in product(folder.arms, (2, 4), (17, 31)):
        folder.add(arm, {"model.depth": layers, "task.p": p}, 0, Truth())
    info = phase.prepare(collect(store, folder.write()))
    layout_of = phase.draw(info, narrow=True).layout
    first, second = (getattr(layout_of, name).domain for name in ("yaxis", "yaxis2"))
    plots = layout_of.height - layout_of.margin.t - layout_of.margin.b
    assert (first[0] - second[1]) * plots >= px_wide(folder.arms[1])
