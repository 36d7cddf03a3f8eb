"""docs/dialects.md, from the table of keys."""

from __future__ import annotations

from collections.abc import Iterator

from launch.dialects import composing
from launch.dialects.keys import ABOUT, FLAGS, KEYS, MODEL_TYPES, REFUSED, Key

HEAD = """# Files of two earlier formats

`lal plan`, `lal sweep` and `lal train` take files in two other formats as they stand, and read them as sweeps of this program (configuration.md). Which format
a file is in is told by its keys; a file that mixes them is refused. Messages give file, line and key as written. Overrides on the command line are this
program's: `lal train old.yaml model.width=64`. Written by `make docs` from the table that translates; do not edit.

**Flat**: the keys of one run side by side; or a sweep, where `base` holds them (or names a YAML file) and `experiments` is a list of changes, each with a
`name`, which becomes an arm:

```yaml
base: {p: 31, train_frac: 0.7, epochs: 2000, weight_decay: 1.0, lr: 5.0e-3, log_every: 25}
experiments:
  - {name: baseline_2layer, model_type: baseline, n_layers: 2}
  - {name: routed_entropy, model_type: routed, routing_regularizer: entropy, lambda_routing: 0.1}
```

**Nested**: the same keys in sections `data`, `model` and `training`; a sweep has `base_config` (those sections, or the name of a YAML file), `n_seeds`,
`global_overrides` if any, and `experiments` (each with `name` and `overrides`; arms) or a `parameter_grid` of lists (every combination; points such as
`h32_lr0.01`):

```yaml
base_config:
  data: {p: 31, train_frac: 0.7}
  model: {model_type: baseline}
  training: {learning_rate: 5.0e-3, weight_decay: 1.0, epochs: 2000, log_every: 25}
n_seeds: 3
parameter_grid:
  model: {hidden_dim: [32, 64]}
```

- `null` is none: no penalty, no clipping, the full batch, no decay. Where that cannot be, it is as if the key were not written.
- A whole number may be spelt `300`, `3.0e+2`, `3e2` or `"300"`.
- A name of a file is looked for beside the file that names it, then in the current folder.
- Steps = epochs x batches: with the full batch one step an epoch, else ceil(n_train / batch_size) steps. All cadences in epochs are counted so.
- Success does not end these runs, as it did not there: `budget.stop` is null. `budget.stop.at_least=0.99` on the command line lets it.
- A key that is not written has the default of its format, below; what has none there has this program's.
- A key that the run's other keys leave without effect (a router's, with a baseline) is taken, since one list of keys serves all networks there, and
  `lal plan` says that it is left out.
- In a nested sweep seeds are 0 to n_seeds - 1 and set `seed` and `task.split_seed`; a `data.seed` has no effect there, and `lal plan` says so.
- In a nested sweep `name`, `notes` and `description` stand beside `base_config`; anywhere else they are refused, as are `seed` and `model_type` outside
  their sections.
"""


def page() -> str:
    """The whole page."""
    return "\n".join(
        [
            HEAD,
            *_keys(),
            *_types(),
            *composing.page(),
            *_table("Refused, and why", ("key", "why"), {f"`{name}`": why for name, why in REFUSED.items()}),
            *_flags(),
        ]
    )


def _keys() -> Iterator[str]:
    yield "## Keys\n"
    yield "| flat | nested | sets | where not written | read with | besides |"
    yield "|---|---|---|---|---|---|"
    for name, says in ABOUT.items():
        nested = {"model_type": "`model.model_type`", "seed": "`data.seed`"}.get(name, f"`{name}`")
        yield f"| `{name}` | {nested} | {says} | | | |"
    for key in KEYS:
        yield f"| `{key.name}` | {_nested(key)} | {_sets(key)} | {_default(key)} | {_only(key)} | {_besides(key)} |"
    yield ""


def _nested(key: Key) -> str:
    return ", ".join(f"`{key.section}.{name}`" for name in (key.name, *key.aliases))


def _sets(key: Key) -> str:
    if key.adds:
        return f"`measure.metrics: [default, {', '.join(key.adds)}]`"
    return ", ".join(f"`{path.removesuffix('.0').removesuffix('.1')}`" for path in key.sets) + (", in steps" if key.epochs else "")


def _default(key: Key) -> str:
    return "" if key.default is None else f"`{key.default}`"


def _only(key: Key) -> str:
    return "; ".join(f"`{name}`: {', '.join(values)}" if values else f"`{name}`" for name, values in key.only.items())


def _besides(key: Key) -> str:
    words = ", ".join(f"`{word}` is {'null' if value is None else f'`{value}`'}" for word, value in key.words.items())
    return "; ".join(text for text in (key.says, words, "null and 0 turn it off" if key.switch else "null is 0" if key.none is not None else "") if text)


def _types() -> Iterator[str]:
    told = {f"`{name}`": ", ".join(f"`{path}: {value}`" for path, value in sets.items()) for name, sets in MODEL_TYPES.items()}
    yield from _table("Types of model", ("`model_type`", "sets"), told)


def _flags() -> Iterator[str]:
    yield from _table("Flags, as overrides", ("flag there", "here"), {f"`{flag}`": here for flag, here in FLAGS.items()})


def _table(title: str, heads: tuple[str, str], rows: dict[str, str]) -> Iterator[str]:
    yield f"## {title}\n"
    yield f"| {heads[0]} | {heads[1]} |"
    yield "|---|---|"
    yield from (f"| {left} | {right} |" for left, right in rows.items())
    yield ""
