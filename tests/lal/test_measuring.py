"""Later measurements: what the run itself would have logged, bit for bit; nothing else in its folder changes."""

from __future__ import annotations

import pytest
import torch

from lal import measuring
from lal.budget import Budget
from lal.claim import Claim
from lal.config import run_id
from lal.errors import Refused
from lal.measuring import config_of, measure, saved_states
from lal.metrics import METRICS
from lal.runs.packing import packed, unpacked
from lal.runs.session import Interrupted, attempt
from lal.store import Record, kept_name
from tests.lal.small import run_config
from tests.lal.walk import Walk, WalkMeasure

BUDGET = {"steps": 7, "stop": None}
STEPS = (0, 2, 4, 6, 7)  # of its rows, and with save_every=2 of its saved states


def asking(model, *metrics, **measure):
    """A run with a cadence of 2 and other options."""
    optim = {"kind": "adamw", "lr": 0.01, "batch_size": 5}
    return run_config(model, optim, budget=BUDGET, measure={"eval_every": 2, "metrics": ["accuracy", *metrics], **measure})


def contents(store, folder):
    """Every file but later measurements."""
    root = store.place.root / folder.path
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file() and "measured" not in path.parts}


@pytest.mark.parametrize("model", ["mlp", "gated-gumbel", "routed", "transformer"])
def test_every_metric_is_what_the_run_would_have_logged(model, store, tmp_path):
    """Step 7 is the last, and only in checkpoint.pt."""
    few = asking(model, save_every=2)
    every = dict.fromkeys(few.measurable(), 2)
    whole = few.model_copy(update={"measure": few.measure.model_copy(update={"metrics": ("all",), "every": every})})
    assert isinstance(attempt(few, store), Record)
    logged = {row["step"]: row for row in list(whole.start().rows(stopper(whole)))}
    folder = store.run(run_id(few))
    before = contents(store, folder)
    done = measure(few, folder, few.measurable())
    assert contents(store, folder) == before
    assert (done.values, done.already, done.damaged, done.busy) == (5 * len(few.measurable()), 0, [], False)
    for name in few.measurable():
        columns = METRICS[name].columns(few)
        expected = [{"step": step, **{key: value for key, value in logged[step].items() if is_of(key, columns) and value is not None}} for step in STEPS]
        assert folder.measured(name) == expected, name
        assert {*columns} <= {*folder.measured_columns(name)}
    assert {key for row in logged.values() for key in row} == {"step", "seconds", "lr", "tau"} | {
        key for name in few.measurable() for key in folder.measured_columns(name)
    }


def is_of(key, columns):
    """Whether `key` is one of `columns`, or named after a tensor under one."""
    return key in columns or key.partition("/")[0] in columns


def stopper(config):
    from lal.stopping import Stopper

    return Stopper(config.budget, config.goal, config.fit, config.eval_every)


def test_a_run_of_another_kind_is_measured_by_its_own_metrics(store):
    walk = Walk(budget=Budget(**BUDGET), measure=WalkMeasure(eval_every=2))
    attempt(walk, store)
    folder = store.run(run_id(walk))
    assert measure(walk, folder, walk.measurable()).values == 3
    scores = {row["step"]: row["score"] for row in folder.history()}
    assert folder.measured("square") == [{"step": step, "square": scores[step] ** 2} for step in (0, 6, 7)]


def test_what_is_there_is_not_measured_again_and_what_is_new_is_added(store):
    config = asking("mlp", save_every=2)
    attempt(config, store)
    folder = store.run(run_id(config))
    assert (first := measure(config, folder, ["margin"], [2, 7])).values == 2 and first.already == 0
    again = measure(config, folder, ["margin", "weight_norm"])
    assert (again.values, again.already) == (3 + 5, 2)
    assert [row["step"] for row in folder.measured("margin")] == [0, 2, 4, 6, 7]
    nothing = measure(config, folder, ["margin", "weight_norm"])
    assert (nothing.values, nothing.already) == (0, 10)
    assert folder.measured_names() == ["margin", "weight_norm"]


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"", lambda data: packed({"step": 2}), lambda data: data], ids=range(4))
def test_a_damaged_or_misplaced_checkpoint_is_left_out_and_named(damage, store):
    config = asking("mlp", save_every=2)
    attempt(config, store)
    folder = store.run(run_id(config))
    whole = folder.get_bytes(kept_name(4))
    folder.put_bytes(kept_name(2), damage(whole))
    done = measure(config, folder, ["margin"])
    assert (done.values, done.damaged) == (4, [kept_name(2)])
    assert [row["step"] for row in folder.measured("margin")] == [0, 4, 6, 7]


def test_a_damaged_last_state_is_left_out_and_named(store):
    config = asking("mlp", save_every=2)
    attempt(config, store)
    folder = store.run(run_id(config))
    folder.put_bytes("checkpoint.pt", b"PK")
    assert saved_states(folder) == ({step: kept_name(step) for step in (0, 2, 4, 6)}, ["checkpoint.pt"])
    done = measure(config, folder, ["margin"])
    assert (done.values, done.damaged) == (4, ["checkpoint.pt"])


def test_a_damaged_table_is_measured_anew(store):
    config = asking("mlp")
    attempt(config, store)
    folder = store.run(run_id(config))
    measure(config, folder, ["margin"])
    good = folder.measured("margin")
    folder.put_bytes("measured/margin.parquet", b"PAR1")
    assert measure(config, folder, ["margin"]).values == 1
    assert folder.measured("margin") == good


def test_a_metric_that_has_gained_a_column_is_measured_anew(store, monkeypatch):
    config = asking("mlp", save_every=2)
    attempt(config, store)
    folder = store.run(run_id(config))
    measure(config, folder, ["margin"])
    margin, columns, values = type(METRICS["margin"]), METRICS["margin"].columns(config), type(METRICS["margin"]).values
    monkeypatch.setattr(margin, "columns", lambda self, run: (*columns, "more", "never"))
    monkeypatch.setattr(margin, "values", lambda self, probe: values(self, probe) | {"more": 1.0})
    assert measure(config, folder, ["margin"], [2]).values == 1
    done = measure(config, folder, ["margin"])
    assert (done.values, done.already) == (4, 1)
    assert [row["more"] for row in folder.measured("margin")] == [1.0] * 5
    assert measure(config, folder, ["margin"]).already == 5


def test_states_are_measured_on_the_threads_they_were_trained_on_and_the_number_is_put_back(store, monkeypatch):
    config, used = asking("mlp"), []
    monkeypatch.setattr("lal.runs.saving.torch.get_num_threads", lambda: 3)
    attempt(config, store)
    monkeypatch.undo()
    folder = store.run(run_id(config))
    monkeypatch.setattr("lal.measuring.torch.set_num_threads", used.append)
    monkeypatch.setattr(type(METRICS["margin"]), "values", lambda self, probe: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        measure(config, folder, ["margin"])
    assert used == [3, torch.get_num_threads()]


def test_a_state_is_read_whole_once_and_not_at_all_where_nothing_is_missing(store, monkeypatch):
    config, read = asking("mlp", save_every=4), []
    attempt(config, store)
    folder = store.run(run_id(config))
    real = measuring.unpacked
    monkeypatch.setattr(measuring, "unpacked", lambda data: read.append(len(data)) or real(data))
    measure(config, folder, ["margin"])
    assert len(read) == 3
    measure(config, folder, ["margin"])
    assert len(read) == 3


def test_a_checkpoint_of_another_run_is_refused(store):
    config, other = asking("mlp", save_every=2), asking("gated", save_every=2)
    for each in (config, other):
        attempt(each, store)
    mine, theirs = store.run(run_id(config)), store.run(run_id(other))
    mine.put_bytes(kept_name(2), theirs.get_bytes(kept_name(2)))
    with pytest.raises(Refused, match="must have the trajectory that is asked for"):
        measure(config, mine, ["margin"])
    assert [row["step"] for row in mine.measured("margin")] == [0]
    assert not mine.has("claim.json")


def test_a_run_that_is_at_work_elsewhere_is_left_alone(store, monkeypatch):
    config = asking("mlp")
    attempt(config, store)
    folder = store.run(run_id(config))
    monkeypatch.setattr(Claim, "taken", lambda self: False)
    assert measure(config, folder, ["margin"]).busy
    assert folder.measured_names() == []


def test_interrupted_it_keeps_what_it_had_and_goes_on(store, monkeypatch):
    config = asking("mlp", save_every=2)
    attempt(config, store)
    folder = store.run(run_id(config))
    real, loaded = measuring.state_in, []

    def interrupted(*values):
        loaded.append(values)
        if len(loaded) == 3:
            raise KeyboardInterrupt
        return real(*values)

    with monkeypatch.context() as patched:
        patched.setattr(measuring, "state_in", interrupted)
        with pytest.raises(KeyboardInterrupt):
            measure(config, folder, ["margin"])
    assert [row["step"] for row in folder.measured("margin")] == [0, 2]
    assert not folder.has("claim.json")
    done = measure(config, folder, ["margin"])
    assert (done.values, done.already) == (3, 2)


def test_only_a_finished_run_has_a_last_state(store):
    config, seen = asking("mlp", save_every=4), []
    with pytest.raises(Interrupted):
        attempt(config, store, report=seen.append, stop_asked=lambda: len(seen) >= 2)
    folder = store.run(run_id(config))
    saved = unpacked(folder.get_bytes("checkpoint.pt"))
    assert saved is not None
    assert saved["step"] == 2
    assert saved_states(folder) == ({0: kept_name(0)}, [])
    found = config_of(folder)
    assert found is not None
    assert run_id(found) == run_id(config)
    assert measure(found, folder, ["margin"]).values == 1
    attempt(config, store)
    assert saved_states(folder)[0] == {0: kept_name(0), 4: kept_name(4), 7: "checkpoint.pt"}


def test_what_was_measured_later_goes_with_the_checkpoints_it_was_read_off(store):
    config = asking("mlp", save_every=2)
    attempt(config, store)
    folder = store.run(run_id(config))
    measure(config, folder, ["margin"])
    folder.reset()
    assert (folder.measured_names(), folder.kept(), folder.snapshots()) == ([], [], [])
    assert config_of(store.run("nobody")) is None
