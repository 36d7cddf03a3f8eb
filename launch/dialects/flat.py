"""The flat format: one run's keys side by side, or a sweep: `base` and a list of `experiments`, each with a name and what it changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lal.errors import Refused
from launch.dialects.translation import DEFAULT_SEED, Given, Translation, translated
from launch.parsing.problems import SHOWN
from launch.parsing.reading import Document, Keys

Values = dict[str, Any]
ABOUT_THE_SWEEP = ("name", "notes", "description")


def flat(document: Document, stem: str) -> Document:
    """The sweep that a flat `document` describes; `stem` names it where it has no name: each experiment an arm of its name."""
    file = document.place(())
    if "experiments" not in document.values:
        top = {**given_in(document, ("base",)), **{name: each for name, each in given_in(document, ()).items() if name != "base"}}
        run = translated(top, file)
        finish_or_refuse({"": run})
        seeds = {"seeds": [seed_of(top)]}
        return with_head(document, stem, top, {"base": run.values, **seeds}, placed(run, ("base",), file), told([run]))
    head = {name: each for name, each in given_in(document, ()).items() if name not in ("base", "experiments")}
    shared = given_in(document, ("base",))
    experiments = experiments_of(document)
    problems = [f"{each.place}: {each.written} must be in base or in an experiment; move it" for name, each in head.items() if name not in ABOUT_THE_SWEEP]
    runs = {name: translated({**shared, **own}, file) for name, own in experiments.items()}
    finish_or_refuse(runs, problems)
    arms, places = {}, {}
    for name, run in runs.items():
        index = list(experiments).index(name)
        arms[name] = {"base": run.values, "seeds": [seed_of({**shared, **experiments[name]})]}
        where = document.place(("experiments", index))
        places |= {("arms", name): where} | placed(run, ("arms", name, "base"), where)
    return with_head(
        document, stem, head, {"arms": arms, "question": question(head, shared, experiments)}, places, (*unnamed(shared), *told(list(runs.values())))
    )


def given_in(document: Document, path: Keys) -> dict[str, Given]:
    """The flat keys in the mapping at `path` of a document; none where nothing is written there.

    Raises:
        Refused: something else than a mapping is.
    """
    values: Any = document.values
    for key in path:
        values = values.get(key) if isinstance(values, Mapping) else values[key]
        if values is None:
            return {}
    if not isinstance(values, Mapping):
        dotted = ".".join(map(str, path))
        raise Refused(f"{document.place(path)}: {dotted} must be a mapping (`key: value`), but is {values!r}; write one, or remove it")
    return {name: Given(value, document.place((*path, name)), name) for name, value in values.items()}


def experiments_of(document: Document) -> dict[str, dict[str, Given]]:
    """What each experiment changes, by its name. Its keys may stand beside its name or under `overrides`.

    Raises:
        Refused: it is not a list of mappings with names of their own.
    """
    listed = document.values["experiments"]
    if not isinstance(listed, list) or not listed:
        raise Refused(f"{document.place(('experiments',))}: experiments must be a list with at least one item, but is {listed!r}; write `- name: ...` lines")
    found: dict[str, dict[str, Given]] = {}
    for index, each in enumerate(listed):
        where = document.place(("experiments", index))
        name = each.get("name") if isinstance(each, Mapping) else None
        if not isinstance(name, str) or not name:
            raise Refused(f"{where}: experiments[{index}] must be a mapping with a name, but is {each!r}; write `- name: ...`")
        if name in found:
            raise Refused(f"{where}: names of experiments must differ, but {name!r} is given twice; rename one")
        own, overrides = given_in(document, ("experiments", index)), given_in(document, ("experiments", index, "overrides"))
        if "name" in overrides:
            raise Refused(f"{overrides['name'].place}: an experiment has its name beside overrides, but overrides of {name!r} have one too; remove it")
        found[name] = {key: value for key, value in own.items() if key not in ("name", "overrides")} | overrides
    return found


def seed_of(given: Mapping[str, Given], default: int = DEFAULT_SEED) -> Any:
    """The seed as written; what is no seed is refused where the sweep is read."""
    return given["seed"].value if "seed" in given and given["seed"].value is not None else default


def question(head: Mapping[str, Given], shared: Mapping[str, Given], experiments: Mapping[str, Mapping[str, Given]]) -> str:
    """Notes of the sweep, then those of its experiments behind their names."""
    return "\n".join([*notes(head), *notes(shared), *(f"{name}: {note}" for name, own in experiments.items() for note in notes(own))])


def unnamed(shared: Mapping[str, Given]) -> list[str]:
    """That a name in a sweep's base names nothing, where there is one."""
    return [f"{shared['name'].place}: name has no effect in base: a sweep has the name beside base, or its file's; left out"] if "name" in shared else []


def notes(given: Mapping[str, Given]) -> list[str]:
    return [str(given[key].value) for key in ("notes", "description") if key in given and given[key].value]


def placed(run: Translation, home: Keys, where: str) -> dict[Keys, str]:
    """The places of a run's values, once they stand at `home`."""
    return {home: where} | {(*home, *path): place for path, place in run.places.items()}


def told(runs: list[Translation]) -> tuple[str, ...]:
    """What had no effect in some of `runs`, each key and reason once."""
    texts = [text for run in runs for text in run.left_out.values()]
    return tuple(dict.fromkeys(texts))


def finish_or_refuse(runs: Mapping[str, Translation], problems: list[str] | None = None) -> None:
    """Refuses all that is wrong with any of `runs` at once."""
    every = [*(problems or []), *(problem for run in runs.values() for problem in run.problems)]
    wrong: list[str] = list(dict.fromkeys(every))
    if wrong:
        more = [f"... and {len(wrong) - SHOWN} more"] if len(wrong) > SHOWN else []
        raise Refused("\n".join([*wrong[:SHOWN], *more]))


def with_head(document: Document, stem: str, head: Mapping[str, Given], values: Values, places: dict[Keys, str], told: tuple[str, ...]) -> Document:
    """A document of this program: name and question first."""
    name = head["name"].value if "name" in head and head["name"].value not in (None, "") else stem
    said = values.pop("question", "\n".join(notes(head)))
    where = {(key,): each.place for key, each in head.items() if key in ("name", "seed")} | ({("seeds",): head["seed"].place} if "seed" in head else {})
    return Document({"name": name, **({"question": said} if said else {}), **values}, {(): document.place(()), **where, **places}, told)
