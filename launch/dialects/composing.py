"""Group composition in the nested format, key by key, as a run of this program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from lal.errors import nearest
from launch.dialects.translation import Given, Translation, whole_number
from launch.parsing.merging import merged, nested, segments
from launch.parsing.reading import Keys

Leaves = Mapping[Keys, Given]


@dataclass(frozen=True)
class Key:
    """One key of a section: its default, what it sets here in words, and whether it is a whole number, however it is spelt."""

    default: Any
    sets: str
    whole: bool = False


KEYS: dict[Keys, Key] = {
    ("data", "dimension"): Key(1, "`task.group`: 1 is cyclic, 2 is product", whole=True),
    ("data", "p"): Key(10, "`task.group.p`, of dimension 1", whole=True),
    ("data", "p1"): Key(4, "`task.group.p1`, of dimension 2", whole=True),
    ("data", "p2"): Key(4, "`task.group.p2`, of dimension 2", whole=True),
    ("data", "k"): Key(2, "`task.k`", whole=True),
    ("data", "batch_size"): Key(1000, "`task.sampling.batch_size`", whole=True),
    ("data", "seed"): Key(5, "`seeds: {values: [seed], vary: [seed, task.template.seed]}`; replaced in a sweep by 0 to n_seeds - 1"),
    ("data", "template_type"): Key(
        "fourier", "`task.template.kind`: `mnist` is `image` (scikit-learn’s digits, not MNIST’s: no download), `onehot` is `one_hot`"
    ),
    ("data", "n_freqs"): Key(1, "`task.template.n_modes`, of fourier", whole=True),
    ("data", "mnist_label"): Key(4, "`task.template.digit`, of mnist", whole=True),
    ("data", "mode"): Key("sampled", "offline: `exhaustive` is `task.sampling: {kind: table, train_frac: 1}`; a fixed sample is refused"),
    ("data", "num_samples"): Key(50_000, "nothing: online there is no end to samples, and an exhaustive table has its size"),
    ("model", "model_type"): Key("SequentialMLP", "`model.kind`: `QuadraticRNN` is `quadratic_rnn`, `SequentialMLP` is `sequential_mlp`"),
    ("model", "hidden_dim"): Key(6, "`model.width`", whole=True),
    ("model", "init_scale"): Key(1e-2, "`model.init_scale`"),
    ("model", "transform_type"): Key("quadratic", "`model.interaction`, of QuadraticRNN"),
    ("model", "return_all_outputs"): Key(False, "`task.outputs: every`, of QuadraticRNN with k of 3 and more"),
    ("training", "mode"): Key("online", "`task.sampling.kind`: `online`, or `offline` with data.mode: exhaustive"),
    ("training", "num_steps"): Key(1_000_000, "`budget.steps`, online", whole=True),
    ("training", "epochs"): Key(200, "`budget.steps`, offline, times the batches of the table", whole=True),
    ("training", "optimizer"): Key("auto", "`optim.kind`; `auto` is `per_neuron` for SequentialMLP and `adam` for QuadraticRNN"),
    ("training", "learning_rate"): Key(1e-3, "`optim.lr`; with per_neuron, exactly 0.001 was taken for 1 there, and is here"),
    ("training", "betas"): Key([0.9, 0.999], "`optim.betas`, of adam and hybrid"),
    ("training", "weight_decay"): Key(0.0, "`optim.weight_decay`, of adam"),
    ("training", "degree"): Key(None, "`optim.degree`, of per_neuron; null is of the model", whole=True),
    ("training", "scaling_factor"): Key(-3, "`optim.scaling`, of hybrid"),
    ("training", "grad_clip"): Key(0.1, "`optim.clip`; null is off"),
    ("training", "reduction_threshold"): Key(0.99, "`budget.stop: {at_least: ..., sustain: 0}` without a tail, of the test loss here; null trains all steps"),
    ("training", "save_param_interval"): Key(None, "`measure.snapshot_every`; evaluations are at its largest divisor up to 100", whole=True),
    ("training", "verbose_interval"): Key(None, "nothing: progress is shown by the clock"),
    ("device",): Key(None, "nothing: choose with --device or resources.gpu"),
    ("analysis", "checkpoints"): Key(None, "nothing: figures show five snapshots"),
}
MODELS = {"QuadraticRNN": "quadratic_rnn", "SequentialMLP": "sequential_mlp"}
TEMPLATES = {"fourier": "fourier", "gaussian": "gaussian", "mnist": "image", "onehot": "one_hot"}
OPTIMIZERS = ("auto", "adam", "per_neuron", "hybrid")
MARKS = {("data", name) for name in ("dimension", "p1", "p2", "template_type", "mnist_label", "n_freqs", "num_samples")}
MARKS |= {("model", "transform_type"), ("model", "return_all_outputs")}
IDLE = {("data", "num_samples"), ("training", "verbose_interval"), ("device",), ("analysis", "checkpoints")}
NULLS = {
    ("training", "degree"),
    ("training", "grad_clip"),
    ("training", "reduction_threshold"),
    ("training", "save_param_interval"),
}  # where null says something
EVERY = 100  # steps between evaluations, where nothing asks for others
TAKEN_FOR, MEANT = 1e-3, 1.0  # a learning rate of per_neuron that was replaced


def composes(leaves: Leaves) -> bool:
    """Whether these keys of the nested format are of group composition."""
    return bool(MARKS & set(leaves)) or (("model", "model_type") in leaves and leaves["model", "model_type"].value in MODELS)


@dataclass
class Reader:
    """Takes values out of leaves, and notes which were read."""

    leaves: Leaves
    file: str
    result: Translation = field(default_factory=Translation)
    read: set[Keys] = field(default_factory=set)

    def value(self, *path: str) -> Any:
        """The value at `path`, or its default."""
        self.read.add(path)
        key, given = KEYS[path], self.leaves.get(path)
        if given is None or (given.value is None and path not in NULLS):
            return key.default
        return whole_number(given.value) if key.whole and given.value is not None else given.value

    def choice(self, words: Mapping[str, str] | tuple[str, ...], *path: str) -> Any:
        """The value at `path`, which must be one of `words`; None where it is not, which is told."""
        value = self.value(*path)
        if isinstance(value, str) and value in words:
            return words[value] if isinstance(words, Mapping) else value
        self.result.problems.append(f"{self.place(path)} must be one of {', '.join(words)}, but is {value!r}; {nearest(str(value), tuple(words))}")
        return None

    def place(self, path: Keys) -> str:
        return f"{self.leaves[path].place}: {self.leaves[path].written}" if path in self.leaves else f"{self.file}: {'.'.join(map(str, path))}"

    def told(self, path: Keys, why: str) -> None:
        """Notes, for the plan, what became of a key, or of the default of one that is not written."""
        self.result.left_out[".".join(map(str, path))] = f"{self.place(path)}{'' if path in self.leaves else ', not written,'} {why}"


def run_of(leaves: Leaves, file: str) -> Translation:
    """The run that the nested `leaves` describe; its seed is its sweep's matter."""
    reader = Reader(leaves, file)
    reader.read.add(("data", "seed"))
    found = {path: value for part in (_task, _model, _optim, _budget) for path, value in part(reader)}
    result = reader.result
    for path, leaf in leaves.items():
        if path in IDLE:
            reader.told(path, "has no effect here; left out")
        elif path not in KEYS and tuple(leaf.written.split(".")) in KEYS:
            section, _, name = leaf.written.partition(".")
            result.problems.append(f"{leaf.place}: {leaf.written} must be a key within a section, but has a dot; write {section}: {{{name}: ...}}")
        elif path not in KEYS:
            known = [".".join(map(str, each)) for each in KEYS]
            result.problems.append(f"{leaf.place}: {leaf.written} must be a known key of group composition, but is not; {nearest(leaf.written, known)}")
        elif path not in reader.read:
            reader.told(path, "has no effect with the other keys of its run; left out")
    result.values = merged({"kind": "composition"}, *(nested(path, value) for path, (value, _) in found.items()))
    for path, (_, origin) in found.items():
        keys, place = segments(path), reader.place(origin) if origin in leaves else f"{file} ({'.'.join(map(str, origin))}, not written)"
        result.places |= {keys[:depth]: result.places.get(keys[:depth], place) for depth in range(1, len(keys) + 1)}
    return result


Setting = tuple[str, tuple[Any, Keys]]


def _task(reader: Reader) -> Iterator[Setting]:
    dimension = reader.value("data", "dimension")
    if dimension not in (1, 2):
        reader.result.problems.append(f"{reader.place(('data', 'dimension'))} must be 1 or 2, but is {dimension!r}; write one of them")
    yield "task.group.kind", ("product" if dimension == 2 else "cyclic", ("data", "dimension"))
    for name in ("p1", "p2") if dimension == 2 else ("p",):
        yield f"task.group.{name}", (reader.value("data", name), ("data", name))
    yield "task.k", (reader.value("data", "k"), ("data", "k"))
    kind = reader.choice(TEMPLATES, "data", "template_type")
    yield "task.template.kind", (kind, ("data", "template_type"))
    for of, name, path in (("fourier", "n_modes", ("data", "n_freqs")), ("image", "digit", ("data", "mnist_label"))):
        if kind == of:
            if kind == "image":
                reader.told(("data", "template_type"), "takes digits of 8 x 8 pixels here (those of scikit-learn), not MNIST's of 28 x 28")
            yield f"task.template.{name}", (reader.value(*path), path)
    yield from _sampling(reader)


def _sampling(reader: Reader) -> Iterator[Setting]:
    mode, batch = reader.choice(("online", "offline"), "training", "mode"), reader.value("data", "batch_size")
    if mode != "offline":
        yield "task.sampling.kind", ("online", ("training", "mode"))
        yield "task.sampling.batch_size", (batch, ("data", "batch_size"))
        return
    if reader.choice(("sampled", "exhaustive"), "data", "mode") == "sampled":
        where = reader.place(("data", "mode"))
        reader.result.problems.append(f"{where} must be exhaustive where training.mode is offline, but is sampled; write it, or training.mode: online")
    yield "task.sampling.kind", ("table", ("training", "mode"))
    yield "task.sampling.train_frac", (1.0, ("data", "mode"))
    rows = rows_of(reader)
    yield "task.sampling.batch_size", (None if rows and isinstance(batch, int) and batch >= rows else batch, ("data", "batch_size"))


def rows_of(reader: Reader) -> int | None:
    """Tuples of the whole table; None where it cannot be, which is told elsewhere."""
    sides = [reader.value("data", name) for name in (("p1", "p2") if reader.value("data", "dimension") == 2 else ("p",))]
    numbers = [*sides, reader.value("data", "k")]
    if not all(isinstance(each, int) and 0 < each < 10**4 for each in numbers) or numbers[-1] > 64:
        return None
    order = sides[0] * (sides[1] if len(sides) > 1 else 1)
    return order ** numbers[-1]


def _model(reader: Reader) -> Iterator[Setting]:
    kind = reader.choice(MODELS, "model", "model_type")
    yield "model.kind", (kind, ("model", "model_type"))
    yield "model.width", (reader.value("model", "hidden_dim"), ("model", "hidden_dim"))
    yield "model.init_scale", (reader.value("model", "init_scale"), ("model", "init_scale"))
    if kind != "quadratic_rnn":
        if reader.value("model", "return_all_outputs") is True:
            where = reader.place(("model", "return_all_outputs"))
            reader.result.problems.append(
                f"{where} must be false with SequentialMLP, which has one output, but is true; write false, or model_type: QuadraticRNN"
            )
        return
    yield "model.interaction", (reader.value("model", "transform_type"), ("model", "transform_type"))
    every = reader.value("model", "return_all_outputs")
    if not isinstance(every, bool):
        reader.result.problems.append(f"{reader.place(('model', 'return_all_outputs'))} must be true or false, but is {every!r}; write one of them")
    elif every and reader.value("data", "k") == 2:
        reader.told(("model", "return_all_outputs"), "has no effect with k = 2; left out")
    elif every:
        yield "task.outputs", ("every", ("model", "return_all_outputs"))


def _optim(reader: Reader) -> Iterator[Setting]:
    kind = reader.choice(OPTIMIZERS, "training", "optimizer")
    if kind == "auto":
        kind = "adam" if reader.value("model", "model_type") == "QuadraticRNN" else "per_neuron"
    yield "optim.kind", (kind, ("training", "optimizer"))
    lr = reader.value("training", "learning_rate")
    if kind == "per_neuron" and as_number(lr) == TAKEN_FOR:
        reader.told(
            ("training", "learning_rate"), f"with per_neuron is taken for {MEANT:g}, as it was there; write another number, such as 0.05, for another rate"
        )
        lr = MEANT
    yield "optim.lr", (lr, ("training", "learning_rate"))
    yield "optim.clip", (reader.value("training", "grad_clip"), ("training", "grad_clip"))
    own = {
        "adam": {"betas": "betas", "weight_decay": "weight_decay"},
        "hybrid": {"betas": "betas", "scaling": "scaling_factor"},
        "per_neuron": {"degree": "degree"},
    }
    for name, key in own.get(kind, {}).items():
        if (value := reader.value("training", key)) is not None:
            yield f"optim.{name}", (value, ("training", key))


def as_number(value: Any) -> float | None:
    """`value` as a number, text included; None where it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _budget(reader: Reader) -> Iterator[Setting]:
    offline = reader.value("training", "mode") == "offline"
    name = "epochs" if offline else "num_steps"
    steps = reader.value("training", name)
    rows, batch = rows_of(reader), reader.value("data", "batch_size")
    if offline and rows and isinstance(steps, int) and isinstance(batch, int) and batch > 0:
        steps *= ceil(rows / batch)
    yield "budget.steps", (steps, ("training", name))
    threshold = reader.value("training", "reduction_threshold")
    stop = None if threshold is None else {"at_least": threshold, "sustain": 0, "tail": {"factor": 0.0, "min_steps": 0}}
    yield "budget.stop", (stop, ("training", "reduction_threshold"))
    every = reader.value("training", "save_param_interval")
    if isinstance(every, int) and every > 0:
        yield "measure.snapshot_every", (every, ("training", "save_param_interval"))
        yield "measure.eval_every", (max(each for each in range(1, EVERY + 1) if every % each == 0), ("training", "save_param_interval"))


def varied(runs: Mapping[str, Translation]) -> list[str]:
    """What seeds vary in all of `runs`: the template too, where it is drawn at random."""
    kinds = {run.values.get("task", {}).get("template", {}).get("kind") for run in runs.values()}
    return ["seed"] if kinds == {"one_hot"} else ["seed", "task.template.seed"]


def page() -> Iterator[str]:
    """The keys, for docs/dialects.md."""
    yield "## Group composition\n"
    yield "A nested file that names a `data.dimension`, a template, or one of the models below is read by these keys instead; sections and sweeps are as above."
    yield "`--gpu N` is refused: one sweep shares all GPUs, by `resources.gpu`.\n"
    yield "| key | sets | where not written |"
    yield "|---|---|---|"
    for path, key in KEYS.items():
        yield f"| `{'.'.join(map(str, path))}` | {key.sets} | {'' if key.default is None else f'`{key.default}`'} |"
    yield ""
