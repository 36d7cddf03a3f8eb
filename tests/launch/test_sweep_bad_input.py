"""What a sweep must not be: one message each, with what, where, and what to write. Never a traceback, never a repair."""

from __future__ import annotations

from pathlib import Path

import pytest

from lal.errors import Refused
from launch.sweep import load

B = "name: x\nbase: {model: {kind: gated}, penalties: {compute: {kind: sum, weight: 0.1}}}\n"
WEIGHT = B + "axes: {penalties.compute.weight: "

UNREADABLE = {
    "empty": ("", "must hold a mapping .* holds nothing"),
    "a comment alone": ("# nothing\n", "holds nothing"),
    "a list": ("- a\n", "holds a list"),
    "a word": ("hello", "holds a single value"),
    "tabs": ("name: x\nbase:\n\tmodel: {}\n", "s.yaml:3 must be YAML.*spaces, not tabs"),
    "unclosed": ("name: [x\nseeds: 2\n", "s.yaml:2 must be YAML"),
    "a key twice": ("name: x\nseeds: 2\nseeds: 3\n", "'seeds' is at s.yaml:2 and again at s.yaml:3"),
    "aliases": ("name: &a x\nquestion: *a\n", r"s.yaml:2 has \*a"),
    "a billion laughs": ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "without aliases"),
    "code": ("name: !!python/object/apply:os.system ['true']\n", "s.yaml:1 has !!python/object/apply:os.system"),
    "a set": ("name: x\nseeds: !!set {1}\n", "has !!set"),
    "two documents": ("name: x\n---\nname: y\n", "second begins at s.yaml:2"),
    "deep lists": ("a: " + "[" * 100_000, "nested at most 32 deep"),
    "deep mappings": ("{a: " * 50_000, "nested at most 32 deep"),
    "a key that is a list": ("? [a]\n: 1\n", "a key must be text"),
    "a huge number": ("name: x\nseeds: " + "9" * 5000, "s.yaml:2 must be a whole number"),
    "infinity": ("name: x\nbase: {optim: {kind: adamw, lr: .inf}}", "numbers must be finite, but s.yaml:2 has '.inf'"),
    "not a number": ("name: x\nreport: {pareto: {maximise: {test_acc: .nan}}}", "numbers must be finite"),
    "a lone surrogate": ('name: x\nquestion: "\\ud800"\n', "s.yaml:2 must be YAML"),
    "a null character": ("name: a\0b", "must be YAML"),
    "bytes": (b"\x00\x01\xff", "must be UTF-8 text, but .* has byte 0xff at offset 2"),
    "latin-1": (b"name: \xe9", "must be UTF-8 text"),
    "too much": (b"a" * (2**20 + 1), "at most 1024 KiB"),
}
WRONG = {
    "no name": ("seeds: 2", "name must be given"),
    "a name that leaves": ("name: ../x", "s.yaml:1: name: a name must be letters"),
    "an absolute name": ("name: /etc/x", "a name must be letters"),
    "a name with a profile": ("name: a@b", "must be without '@'"),
    "a long name": ("name: " + "a" * 200, "at most 100 characters"),
    "a number as name": ("name: 3", "name must be a valid string, but is 3"),
    "an arm's name": (B + "arms: {'a/b': {}}", "arms.a/b: a name must be letters"),
    "a point's name": (B + "points: {'..': {model.depth: 3}}", "a point's name must be"),
    "a misspelt key": ("name: x\nsedes: 3\n", "s.yaml:2: sedes must be a known key.*did you mean 'seeds'"),
    "a misspelt key of an arm": (B + "arms: {a: {bsae: {}}}", "arms.a.bsae.*did you mean 'base'"),
    "a misspelt key of a profile": (B + "profiles: {a: {axs: {}}}", "profiles.a.axs.*did you mean 'axes'"),
    "a misspelt key of a run": ("name: x\nbase:\n  model:\n    kind: gated\n    dept: 3\n", "s.yaml:5: model.dept must be a known key.*did you mean 'depth'"),
    "a misspelt part": ("name: x\nbase: {modle: {}}", "modle must be a known key.*did you mean 'model'"),
    "a misspelt kind": ("name: x\nbase: {model: {kind: gatd}}", "model.kind must be one of mlp, gated, routed.*did you mean 'gated'"),
    "a misspelt kind of run": ("name: x\nbase: {kind: dqnn}", "s.yaml:2: kind must be one of supervised.*did you mean 'dqn'"),
    "no kind": ("name: x\nbase: {model: {depth: 3}}", "model must be a part with a `kind`"),
    "dots in base": ("name: x\nbase: {model.depth: 3}", r"write it nested, as model: \{depth"),
    "a wrong type": ("name: x\nbase: {task: {p: many}}", "task.p must be a valid integer.*'many'"),
    "yes as a number": (B + "axes: {model.depth: [yes, 3]}", "depth must be a number, but got true"),
    "too large a number": ("name: x\nbase: {optim: {kind: adamw, lr: 1e400}}", "optim.lr must be a finite number"),
    "a part that is none": ("name: x\nbase: {task: 3}", "task must be a mapping"),
    "base is no mapping": ("name: x\nbase: 3", "base must be a mapping"),
    "base is no file": ("name: x\nbase: nofile.yaml", "'nofile.yaml', which is not beside"),
    "no arm": (B + "arms: {a: }", "arms.a must be a mapping"),
    "p not prime": ("name: x\nbase: {task: {p: 12, operation: divide}}", "p must be prime for divide.*next prime is 13"),
    "a fraction of one and a half": ("name: x\nbase:\n  task:\n    train_frac: 1.5\n", "s.yaml:4: task.train_frac must be less than 1"),
    "a fraction of nothing": ("name: x\nbase: {task: {train_frac: 0}}", "task.train_frac must be greater than 0"),
    "no layers": (B + "axes:\n  model.depth:\n  - 2\n  - 0\n", r"s.yaml:6: model.depth must be greater than or equal to 1, but is 0 \(1 of 2 runs\)"),
    "a penalty that cannot be": ("name: x\nbase: {penalties: {compute: {kind: sum, weight: 0.1}}}", "s.yaml:2: penalties.compute: .*model mlp has none"),
    "a penalty without weight": ("name: x\nbase: {model: {kind: gated}, penalties: {compute: {kind: sum}}}", "penalties.compute.weight must be given"),
    "an unknown metric": (B + "axes: {measure.metrics: [[acuracy]]}", "did you mean 'accuracy'"),
    "an axis that leads nowhere": (B + "axes: {model.dept: [1, 2]}", "s.yaml:3: model.dept must be a known key.*'depth'"),
    "an axis below a number": (B + "axes: {model.depth.x: [1]}", "model.depth must be a valid integer"),
    "an axis of one word": (B + "axes: {model.depth: 4}", "axes.model.depth: an axis must be a list"),
    "an empty axis": (B + "axes: {model.depth: []}", "at least one value"),
    "axes without any": (B + "axes:\n", "axes must be a mapping"),
    "a nested axis": (B + "axes: {model: {depth: [1, 2]}}", "an axis must be a list"),
    "two dots": (B + "axes: {model..depth: [1, 2]}", "one dot between them"),
    "log from zero": (WEIGHT + "{log: [0, 1, 3]}}", "must be over 0"),
    "a short range": (WEIGHT + "{log: [1, 2]}}", "axis penalties.compute.weight must have a number of values where search.kind is grid"),
    "a range of one end": (WEIGHT + "{log: [1]}}", r"must be \[from, to, n\]"),
    "an endless range": (WEIGHT + "{linear: [1, 2, 1000000000]}}", "2 <= n <= 10,000"),
    "a range of words": (WEIGHT + "{log: [a, b, 3]}}", r"must be \[from, to, n\]"),
    "another range": (WEIGHT + "{geometric: [1, 2, 3]}}", "an axis must be a list"),
    "the same point twice": (B + "axes: {model.depth: [4, '4']}", r"s.yaml:3: every point must be a different run.*\(model.depth=4\) and \(model.depth='4'\)"),
    "no penalty twice": (B + "axes: {penalties.compute: [null, {kind: sum, weight: 0}]}", "a penalty of weight 0 is none"),
    "budgets are no points": (B + "axes: {budget.steps: [1, 2]}", "measure and budget make no other run"),
    "an axis within an axis": (WEIGHT + "[1, 2], penalties.compute: [null]}", "sets 'penalties.compute.weight' twice"),
    "no points": (B + "points: {}", "points must be a mapping .* with at least one"),
    "a point of nothing": (B + "points: {a: }", "must be a mapping"),
    "a misspelt point": (B + "points: {a: {model.dept: 3}}", "s.yaml:3: model.dept must be a known key"),
    "equal points": (B + "points: {a: {model.depth: 3}, b: {model.depth: 3}}", r"\(a\) and \(b\) of arm all are the same"),
    "repeated seeds": (B + "seeds: [1, 2, 1]", "s.yaml:3: seeds must each be given once, but 1 is repeated"),
    "no seeds": (B + "seeds: 0", "seeds must be a number from 1"),
    "seeds of nothing": (B + "seeds: []", "seeds must be 1 to"),
    "a negative seed": (B + "seeds: [-1]", "seeds must be greater than or equal to 0"),
    "a broken seed": (B + "seeds: [1.5]", "seeds must be a valid integer"),
    "very many seeds": (B + "seeds: 1000000000", "from 1 to 10,000"),
    "seeds that vary something else": (
        B + "seeds: {n: 3, vary: [sed]}",
        "seeds.vary.0 must be 'seed', 'task.split_seed', 'task.template.seed' or 'task.sampling.split_seed'",
    ),
    "seeds that vary what these runs have not": (
        "name: s\nbase: {kind: dqn}\nseeds: {n: 2, vary: [seed, task.split_seed]}",
        "'task' is not; write one of: budget, crystallization, discount, environment, exploration, kind, measure, network, optim, pressure, replay, seed, "
        "target_every, timeouts, updates_per_step; `seeds.vary` names task.split_seed",
    ),
    "a misspelt key of seeds": (B + "seeds: {m: 3}", "'m'; write one of: n, values, vary"),
    "a seed beside seeds": (B.replace("{model", "{seed: 3, model", 1), "s.yaml:2: seed is set by `seeds`"),
    "a seed as axis": (B + "axes: {seed: [1, 2]}", "s.yaml:3: seed is set by `seeds`"),
    "very many runs": (B + "axes: {model.depth: {linear: [1, 60, 60]}, model.width: {linear: [1, 1000, 1000]}}\nseeds: 100", "at most 100,000 runs"),
    "two goals": (
        B + "arms: {a: {base: {budget: {stop: {at_least: 0.9}}}}, b: {base: {model: {depth: 5}}}}",
        "must aim at one goal, but some aim at test_acc >= 0.9 and test_acc >= 0.99",
    ),
    "one run, two budgets": (B + "arms: {a: {base: {budget: {steps: 90}}}, b: {}}", "one budget and one measure"),
    "no cores": (B + "resources: {cpu: 0}", "resources.cpu must be greater than 0"),
    "one and a half GPUs": (B + "resources: {gpu: 1.5}", "write 1 or 2"),
    "a GPU if present, of none": (B + "resources: {gpu_if_present: true}", "has an effect only with gpu over 0"),
    "a phase diagram of nothing": (B + "report: {phase: {x: model.dept}}", "s.yaml:3: report.phase.x must be a dotted path.*'depth'"),
    "a phase diagram of arms that are not there": (B + "report: {phase: {x: model.depth, columns: arm}}", "s.yaml:3: report.phase.columns is arm, but"),
    "arms along x": (B + "arms: {a: {}, b: {base: {model: {depth: 3}}}}\nreport: {phase: {x: arm}}", "s.yaml:4: report.phase.x must be a dotted path"),
    "a verdict stricter than the stop": (
        B + "report: {thresholds: {goal: 0.999}}",
        "s.yaml:3: report.thresholds.goal must be no stricter than 0.99, where runs stop, but got 0.999",
    ),
    "a threshold that no accuracy has": (B + "report: {thresholds: {fit: 1.5}}", "s.yaml:3: report.thresholds.fit must be a value that train_acc can have"),
    "a threshold that no reduction has": (
        "name: s\nbase: {kind: composition}\nreport: {thresholds: {goal: 2}}",
        "s.yaml:3: report.thresholds.goal must be a value that reduction can have, but got 2; write one: 1 or less",
    ),
    "a window longer than runs hold": (
        B + "report: {thresholds: {window: 50}}",
        "s.yaml:3: report.thresholds.window must be at most the 6 evaluations that runs hold before they stop, but got 50",
    ),
    "a window of nothing": (B + "report: {thresholds: {window: 0}}", "report.thresholds.window must be greater than or equal to 1"),
    "a misspelt threshold": (B + "report: {thresholds: {gaol: 0.9}}", "did you mean 'goal'"),
    "an objective read never": (B + "report: {pareto: {maximise: {test_acc: en}}}", "must be read at grok, at the end, or at a step, but got 'en'"),
    "a misspelt report": (B + "report: {paretto: {}}", "did you mean 'pareto'"),
}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Writes s.yaml in the current folder."""
    monkeypatch.chdir(tmp_path)

    def written(text: str | bytes) -> str:
        (tmp_path / "s.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
        return "s.yaml"

    return written


@pytest.mark.parametrize(("text", "message"), [*UNREADABLE.values(), *WRONG.values()], ids=[*UNREADABLE, *WRONG])
def test_is_refused_with_a_message(file, text: str | bytes, message: str) -> None:
    with pytest.raises(Refused, match=message) as refusal:
        load(file(text))
    assert len(str(refusal.value)) < 1500


def test_all_problems_are_told_at_once_each_with_its_line(file) -> None:
    text = "name: x\nbase:\n  task: {p: x}\n  optim:\n    kind: adamw\n    lr: -1\n    weigth_decay: 1\n"
    with pytest.raises(Refused) as refusal:
        load(file(text))
    assert [line.split(" must")[0] for line in str(refusal.value).splitlines()] == ["s.yaml:3: task.p", "s.yaml:6: optim.lr", "s.yaml:7: optim.weigth_decay"]


def test_many_problems_are_counted(file) -> None:
    widths = ", ".join(str(-each) for each in range(25))
    with pytest.raises(Refused) as refusal:
        load(file(B + f"axes: {{model.width: [{widths}]}}\nseeds: 2"))
    lines = str(refusal.value).splitlines()
    assert len(lines) == 11 and lines[0].endswith("(2 of 50 runs)") and lines[-1] == "... and 15 more"


def test_a_problem_is_placed_in_the_layer_that_wins(file) -> None:
    text = (
        "name: x\nbase: {model: {kind: gated,\n  depth: 2}}\narms:\n  a: {base: {model: {\n    depth: 0}}}\n"
        "profiles:\n  p: {base: {model: {depth: 3}},\n    arms: {a: {base: {model: {\n      depth: -1}}}}}\n"
    )
    for profile, overrides, place in ((None, [], "s.yaml:6"), ("p", [], "s.yaml:10"), ("p", ["model.depth=-2"], "command line")):
        with pytest.raises(Refused, match=f"^{place}: model.depth must be"):
            load(file(text), profile, overrides)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model.depth"], "must be dotted.path=value"),
        (["=3"], "must be dotted.path=value"),
        (["model.depth="], "must be dotted.path=value"),
        (["model.depth=1,"], "one comma between"),
        (["model.depth=[1"], "command line, model.depth must be YAML"),
        (["model.depth=3", "model.depth=4"], "model.depth is given twice"),
        (["model.dept=3"], "command line: model.dept must be a known key.*'depth'"),
        (["modle.depth=3,4"], "modle must be a key of a run or a sweep.*'model'"),
        (["resorces.cpu=2"], "did you mean 'resources'"),
        (["resources.cp=2"], "command line: resources.cp must be a known key.*'cpu'"),
        (["model.depth={log: [1]}"], r"command line, model.depth: log must be \[from, to, n\]"),
        (["name=../x"], "command line: name: a name must be letters"),
        (["seeds=1,2,2"], "command line: seeds must each be given once"),
        (["seed=3"], "command line: seed is set by `seeds`"),
        (["report=null"], "command line: report must be a mapping"),
        (["model.width=.inf"], "numbers must be finite, but command line, model.width has"),
        (["optim.kind=adamW"], "optim.kind must be one of adamw, adam, sgd"),
        (["model.kind=mlp"], "model mlp has none"),
    ],
)
def test_overrides_are_refused_with_a_message(file, overrides: list[str], message: str) -> None:
    with pytest.raises(Refused, match=message):
        load(file(B), None, overrides)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("quickstrt", "did you mean 'quickstart'"),
        ("", "is neither"),
        ("nofile.yaml", "nofile.yaml is not .No such file"),
        ("./", "Is a directory|must be a YAML file"),
        ("folder/name", "No such file"),
    ],
)
def test_sources_are_refused_with_a_message(file, source: str, message: str) -> None:
    with pytest.raises(Refused, match=message):
        load(source)


def test_profiles_are_refused_with_a_message(file) -> None:
    with pytest.raises(Refused, match="it has none; leave --profile out"):
        load(file(B), "laptop")
    with pytest.raises(Refused, match="did you mean 'laptop'"):
        load(file(B + "profiles: {laptop: {}}"), "labtop")
