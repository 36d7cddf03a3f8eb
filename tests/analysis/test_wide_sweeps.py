"""Sweeps with many values of an axis have a report, too."""

from __future__ import annotations

import json

import numpy as np
import plotly.io
import pytest

from analysis.collect import collect
from analysis.figures import gates, phase
from tests.analysis.synthetic import Truth, filled


@pytest.mark.parametrize(("n_values", "member"), [(12, phase), (45, gates)])
def test_many_values_abreast_are_drawn_and_a_phase_map_has_one_set_of_traces(store, n_values, member):
    weights = np.geomspace(1e-4, 1, n_values).tolist()
    info = member.prepare(collect(store, filled(store, lambda *_: Truth(), weights=weights, seeds=1)))
    wide, narrow = (json.loads(str(plotly.io.to_json(member.draw(info, narrow=narrow), engine="json")))["data"] for narrow in (False, True))
    assert len(wide) == len(narrow) > 0
    assert member is gates or wide == narrow
