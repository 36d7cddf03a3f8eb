"""One run in the flat format, key by key, as a run of this program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from math import ceil
from typing import Any

from pydantic import ValidationError

from lal.errors import nearest
from lal.tasks.modular import Modular
from launch.dialects.keys import ABOUT, BY_NAME, GATED_DEPTH, KEYS, MODEL_TYPES, REFUSED, Key
from launch.parsing.merging import merged, nested, segments
from launch.parsing.reading import Keys

DEFAULT_SEED = 42
MAX_DIGITS = 19  # of a whole number; no key takes more
GATED_KEYS = ("gate_type", "lambda_compute", "compute_cost_fn")


@dataclass(frozen=True)
class Given:
    """What a file says of one key: its value, its place, and the name it is written by."""

    value: Any
    place: str
    written: str


@dataclass
class Translation:
    """A run in this program's format.

    Attributes:
        values: nested.   places: "file:line (key)" by path.   problems: what is wrong, in words.
        left_out: keys that have no effect here, each with its place and why.
    """

    values: dict[str, Any] = field(default_factory=dict)
    places: dict[Keys, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def translated(given: Mapping[str, Given], file: str, without: str | None = None) -> Translation:
    """The run that the flat keys `given` describe; keys of `ABOUT` but the type of model are not looked at. `without` has no default."""
    result = Translation()
    model_type = type_of(given)
    if not isinstance(model_type, str) or model_type not in MODEL_TYPES:
        result.problems.append(unknown_type(given["model_type"]))
        return result
    words = {key.name: in_words(key, given, model_type) for key in KEYS}
    words["model_type"] = model_type
    if without is not None and without not in given:
        words[without] = None
    result.problems += problems_of(given)
    steps = steps_of_epoch(words)
    found: dict[str, Any] = dict(MODEL_TYPES[model_type])
    places = dict.fromkeys(found, place_of("model_type", given, file))
    for key in KEYS:
        value = words[key.name]
        if value is None or (key.switch and not amount(value)):
            continue
        if why := unread(key, words):
            if key.name in given:
                result.left_out[key.name] = f"{given[key.name].place}: {given[key.name].written} has no effect {why}"
            continue
        for path, each in settings(key, value, steps, words):
            if path in found and path != "measure.metrics" and key.name in given:
                result.problems.append(f"{given[key.name].place}: {given[key.name].written} must not be given here: another key sets {path}; remove one")
            found[path] = [*found.get(path, ()), *each] if path == "measure.metrics" else each
            places[path] = place_of(key.name, given, file)
    result.values = listed(merged(*(nested(path, value) for path, value in found.items()), {"budget": {"stop": None}}))
    for path, place in places.items():
        keys = segments(path.removesuffix(".0").removesuffix(".1"))
        result.places |= {keys[:depth]: result.places.get(keys[:depth], place) for depth in range(1, len(keys) + 1)}
    return result


def type_of(given: Mapping[str, Given]) -> Any:
    """The type of network: as written, gated where a key of gates is, else routed."""
    if "model_type" in given and given["model_type"].value is not None:
        return given["model_type"].value
    return "gated" if any(name in given and given[name].value is not None for name in GATED_KEYS) else "routed"


def unknown_type(given: Given) -> str:
    return (
        f"{given.place}: {given.written} must be one of {', '.join(MODEL_TYPES)}, but is {given.value!r}; "
        f"{nearest(str(given.value), tuple(MODEL_TYPES))} (networks of group composition are read in the nested format)"
    )


def in_words(key: Key, given: Mapping[str, Given], model_type: str) -> Any:
    """The value of `key` in this program's words; None = nothing is set."""
    if key.name in given and (given[key.name].value is not None or key.switch or key.none is not None):
        value = given[key.name].value
        value = key.words.get(value, value) if isinstance(value, str) else value
        value = whole_number(value) if key.whole else value
        return None if key.adds and value is False else key.none if value is None else value
    if key.name == "n_layers" and model_type == "gated":
        return GATED_DEPTH
    if key.name == "epochs" and "num_steps" in given and given["num_steps"].value is not None:
        return None
    return in_words(BY_NAME["n_heads"], given, model_type) if key.name == "n_ffn_heads" else key.default


def whole_number(value: Any) -> Any:
    """`value` as an int, where it is a whole number however it is spelt (300, 3.0e+2, "3e2"); else as it is, but never an int."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return str(value)
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return value
    return int(number) if number.is_finite() and number.adjusted() < MAX_DIGITS and number == number.to_integral_value() else str(value)


def problems_of(given: Mapping[str, Given]) -> Iterator[str]:
    """Keys that nobody knows, that this program refuses, or whose switch is none."""
    for name, each in given.items():
        if name in REFUSED:
            if each.value is not None:
                yield f"{each.place}: {each.written} cannot be taken over: {REFUSED[name]}"
        elif name not in BY_NAME and name not in ABOUT:
            yield f"{each.place}: {each.written} must be a known key, but is not; {nearest(name, (*BY_NAME, *ABOUT))}"
        elif name in BY_NAME and BY_NAME[name].adds and not isinstance(each.value, bool | None):
            yield f"{each.place}: {each.written} must be true or false, but is {each.value!r}"
        elif name in BY_NAME and BY_NAME[name].whole and each.value is not None and not isinstance(whole_number(each.value), int):
            yield f"{each.place}: {each.written} must be a whole number, but is {each.value!r}; write one"


def unread(key: Key, words: Mapping[str, Any]) -> str | None:
    """Why `key` has no effect with the other keys, or None."""
    for other, values in key.only.items():
        switched_off = other != "model_type" and (words[other] is None or (BY_NAME[other].switch and not amount(words[other])))
        why = unread(BY_NAME[other], words) if other != "model_type" else None
        if why:
            return why
        if switched_off or (values and words[other] not in values):
            return f"with {other}: {'null' if words[other] is None else words[other]}; left out"
    return None


def settings(key: Key, value: Any, steps: int, words: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What `key` sets, by dotted path."""
    if key.adds:
        yield "measure.metrics", ("default", *key.adds)
        return
    if key.name == "batch_size":
        value = minibatch(value, words)
        if value is None:
            return
    if key.epochs and isinstance(value, int):
        value *= steps
    yield from dict.fromkeys(key.sets, value).items()
    yield from key.implies.items()


def steps_of_epoch(words: Mapping[str, Any]) -> int:
    """Updates in one pass over the training set: 1 with the full batch."""
    batch, n_train = minibatch(words["batch_size"], words), n_train_of(words)
    return ceil(n_train / batch) if isinstance(batch, int) and batch > 0 and n_train else 1


def minibatch(written: Any, words: Mapping[str, Any]) -> Any:
    """Rows of a minibatch; None = the full batch. What is no number is told elsewhere."""
    if not isinstance(written, int):
        return written
    n_train = n_train_of(words)
    return None if written == -1 or (n_train and written >= n_train) else written


def n_train_of(words: Mapping[str, Any]) -> int | None:
    """Rows of the training set; None where the task cannot be, which is told elsewhere."""
    task = {BY_NAME[name].sets[0].removeprefix("task."): words[name] for name in ("p", "operation", "train_frac", "k")}
    try:
        return Modular.model_validate({name: value for name, value in task.items() if value is not None}).n_train
    except ValidationError:
        return None


def amount(value: Any) -> bool:
    """Whether `value` is something: 0, as a number or text, is not; what is no number is."""
    try:
        return float(value) != 0
    except (TypeError, ValueError):
        return value is not None


def place_of(name: str, given: Mapping[str, Given], file: str) -> str:
    """Where a key is written, with its name, which is another one than in the messages of this program."""
    return f"{given[name].place} ({given[name].written})" if name in given else f"{file} ({name}, not written)"


def listed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Nested values with the pair of betas as a list, and each metric once."""
    result = dict(values)
    if "betas" in result["optim"]:
        result["optim"] = {**result["optim"], "betas": list(result["optim"]["betas"].values())}
    if "metrics" in result["measure"]:
        result["measure"] = {**result["measure"], "metrics": sorted({*result["measure"]["metrics"]})}
    return result
