"""The nested format: sections `data`, `model` and `training`; a sweep names a `base_config`, `n_seeds`, and `experiments` or a `parameter_grid`."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

from lal.errors import Refused, nearest
from launch.dialects import composing
from launch.dialects.flat import experiments_of as flat_experiments
from launch.dialects.flat import finish_or_refuse, given_in, placed, seed_of, told, with_head
from launch.dialects.keys import ABOUT, KEYS, REFUSED
from launch.dialects.translation import DEFAULT_SEED, Given, Translation, translated
from launch.parsing.reading import Document, Keys

Leaves = dict[Keys, Given]
SECTIONS = ("data", "model", "training")
HEAD = ("name", "notes", "description")
SEED = ("data", "seed")
SWEEP_KEYS = ("base_config", "n_seeds", "global_overrides", "experiments", "parameter_grid")
SHORT = {"hidden_dim": "h", "n_freqs": "f", "learning_rate": "lr", "batch_size": "bs"}
INSTEAD = {"seed": "write it as data.seed, or n_seeds for a sweep", "model_type": "write it as model.model_type"}
VARIED = ["seed", "task.split_seed"]  # what a seed of this format sets; so the default of data_seed is left out


def nested(document: Document, stem: str) -> Document:
    """The sweep that a nested `document` describes: each experiment an arm, each combination of a grid a point."""
    file = document.place(())
    head = {name: each for name, each in given_in(document, ()).items() if name in HEAD}
    if not any(key in document.values for key in SWEEP_KEYS):
        leaves = {path: leaf for path, leaf in leaves_at(document, ()).items() if path[0] not in HEAD}
        run = run_of(leaves, file)
        finish_or_refuse({"": run})
        seed = seed_of({"seed": leaves[SEED]} if SEED in leaves else {}, composing.KEYS[SEED].default if composing.composes(leaves) else DEFAULT_SEED)
        values = {"base": run.values, "seeds": {"values": [seed], "vary": varied({"": run})}}
        return with_head(document, stem, head, values, placed(run, ("base",), file), told([run]))
    if "experiments" in document.values and "parameter_grid" in document.values:
        raise Refused(f"{document.place(('parameter_grid',))}: a sweep must have experiments or a parameter_grid, but has both; write two files")
    for key in document.values:
        if key not in (*SWEEP_KEYS, *head):
            why = f"cannot be taken over: {REFUSED[key]}" if key in REFUSED else f"must be a known key, but is not; {nearest(key, SWEEP_KEYS)}"
            raise Refused(f"{document.place((key,))}: {key} {why}")
    shared = leaves_at(document, ("base_config",)) | leaves_at(document, ("global_overrides",))
    changes = grid_of(document) if "parameter_grid" in document.values else experiments_of(document)
    runs = {name: run_of(shared | own, file) for name, (own, _) in changes.items()}
    finish_or_refuse(runs)
    refuse_mixed(runs, document)
    for seed in (leaves[SEED] for leaves in (shared, *(own for own, _ in changes.values())) if SEED in leaves):
        told_once = f"{seed.place}: {seed.written} has no effect in a sweep, whose seeds are 0 to n_seeds - 1; left out"
        next(iter(runs.values())).left_out[seed.place] = told_once
    kind = "points" if "parameter_grid" in document.values else "arms"
    values, places = written(runs, changes, kind)
    seeds = {"n": document.values.get("n_seeds", 1), "vary": varied(runs)}
    if "n_seeds" in document.values:
        places[("seeds",)] = document.place(("n_seeds",))
    return with_head(document, stem, head, {**values, "seeds": seeds}, places, told(list(runs.values())))


def run_of(leaves: Leaves, file: str) -> Translation:
    """The run that `leaves` describe; its seed is its sweep's matter."""
    if composing.composes(leaves):
        return composing.run_of(leaves, file)
    run = translated(flat_keys(leaves), file, without="data_seed")
    for path, leaf in leaves.items():
        if path[0] in ABOUT:
            run.problems.append(f"{leaf.place}: {leaf.written} must not be given here; {INSTEAD.get(path[0], 'write it beside base_config')}")
    return run


def refuse_mixed(runs: Mapping[str, Translation], document: Document) -> None:
    """Refuses a sweep of which some runs compose elements of a group, and others do not."""
    kinds = {run.values.get("kind") for run in runs.values()}
    if len(kinds) > 1:
        raise Refused(f"{document.place(())}: all runs of a sweep must be of group composition, or none, but some are; write two files")


def varied(runs: Mapping[str, Translation]) -> list[str]:
    """What the seeds of these runs set."""
    composed = any(run.values.get("kind") == "composition" for run in runs.values())
    return composing.varied(runs) if composed else VARIED


def written(runs: Mapping[str, Translation], changes: Mapping[str, tuple[Leaves, str]], kind: str) -> tuple[dict[str, Any], dict[Keys, str]]:
    """Arms or points of this program, and their places; the only run without a name is the base."""
    if list(runs) == [""]:
        (run,) = runs.values()
        return {"base": run.values}, placed(run, ("base",), changes[""][1])
    inner = ("base",) if kind == "arms" else ()
    places: dict[Keys, str] = {(kind,): next(iter(changes.values()))[1]}
    for name, run in runs.items():
        places |= {(kind, name): changes[name][1]} | placed(run, (kind, name, *inner), changes[name][1])
    return {kind: {name: {"base": run.values} if inner else run.values for name, run in runs.items()}}, places


def leaves_at(document: Document, path: Keys) -> Leaves:
    """Every value of the mapping at `path`, by its own path there. An empty mapping is a value, but for a section's."""
    found: Leaves = {}
    for name, each in given_in(document, path).items():
        if isinstance(each.value, Mapping) and (each.value or name in SECTIONS):
            found |= {(name, *inner): leaf for inner, leaf in leaves_at(document, (*path, name)).items()}
        else:
            found[(name,)] = each
    return {inner: Given(leaf.value, leaf.place, ".".join(map(str, inner))) for inner, leaf in found.items()}


def flat_keys(leaves: Leaves) -> dict[str, Given]:
    """Leaves of a nested run by the names of the flat format; what has none stays under its own."""
    names = {(section, name): key.name for key in KEYS for section in (key.section,) for name in (key.name, *key.aliases)}
    names |= {("data", "batch_size"): "batch_size", ("model", "model_type"): "model_type"}
    found: dict[str, Given] = {}
    for path, leaf in leaves.items():
        if path == ("training", "betas") and isinstance(leaf.value, list) and len(leaf.value) == 2:
            found |= {f"beta{number}": Given(value, leaf.place, leaf.written) for number, value in enumerate(leaf.value, 1)}
        elif path == SEED or path[0] in ABOUT:
            continue  # a seed is the sweep's matter; what else is about the sweep is refused in `run_of`
        else:
            refusal = next((key for key in path if key in REFUSED), None)
            found[names.get(path) or refusal or leaf.written] = leaf
    return found


def experiments_of(document: Document) -> dict[str, tuple[Leaves, str]]:
    """What each experiment changes, and its place, by name; without experiments, nothing, once."""
    if "experiments" not in document.values:
        return {"": ({}, document.place(()))}
    names = list(flat_experiments(document))
    for index, each in enumerate(document.values["experiments"]):
        unknown = [key for key in each if key not in ("name", "overrides")]
        if unknown:
            where = document.place(("experiments", index, unknown[0]))
            raise Refused(f"{where}: an experiment must have a name and overrides, but has {unknown[0]!r}; write it under overrides")
    return {name: (leaves_at(document, ("experiments", index, "overrides")), document.place(("experiments", index))) for index, name in enumerate(names)}


def grid_of(document: Document) -> dict[str, tuple[Leaves, str]]:
    """Every combination of a grid's lists, under names such as p10_h64."""
    axes = leaves_at(document, ("parameter_grid",))
    if SEED in axes:
        raise Refused(f"{axes[SEED].place}: parameter_grid must vary what runs are, but has data.seed; write n_seeds in its place")
    for leaf in axes.values():
        if not isinstance(leaf.value, list) or not leaf.value:
            raise Refused(f"{leaf.place}: parameter_grid.{leaf.written} must be a list with at least one value, but is {leaf.value!r}; write one")
    found: dict[str, tuple[Leaves, str]] = {}
    for values in product(*(leaf.value for leaf in axes.values())):
        own = {path: Given(value, leaf.place, leaf.written) for (path, leaf), value in zip(axes.items(), values, strict=True)}
        name = "_".join(f"{SHORT.get(str(path[-1]), path[-1])}{given.value}" for path, given in own.items())
        found[name] = (own, document.place(("parameter_grid",)))
    return found
