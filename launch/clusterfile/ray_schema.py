"""Layer one: Ray's own schema of `cluster.yaml`, and what Ray checks beyond it. Knows nothing of what `node_config` holds."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import logging
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lal.errors import nearest
from launch.clusterfile.finding import Finding, Layer, Values, shown

NAME = "Ray's schema"


def layer(values: Values) -> Layer:
    """What Ray says of a cluster file, without a network. Skipped where this Ray has no such check: it is no public interface of Ray's."""
    spec = find_spec("ray")
    path = Path(spec.origin).parent / "autoscaler" / "ray-schema.json" if spec and spec.origin else None
    if path is None or not path.is_file() or find_spec("jsonschema") is None:
        return Layer(NAME, skipped="this Ray ships no schema of cluster files, or jsonschema is missing; pip install 'ray[default]'")
    found = tuple(_shape(values, json.loads(path.read_text(encoding="utf-8"))))
    if found:
        return Layer(NAME, found)
    try:
        from ray.autoscaler._private.util import prepare_config, validate_config
    except ImportError:
        return Layer(NAME, skipped="the shape fits, but this Ray has moved its other checks (ray.autoscaler._private.util)")
    return Layer(NAME, tuple(_beyond_shape(values, prepare_config, validate_config)))


def _shape(values: Values, schema: dict[str, Any]) -> Iterator[Finding]:
    from jsonschema import Draft7Validator

    for error in Draft7Validator(schema).iter_errors(values):
        path = tuple(error.absolute_path)
        expected: Any = error.validator_value
        if error.validator == "additionalProperties":
            known = list(mapping_of(error.schema))
            for key in [each for each in error.instance if each not in known]:
                yield Finding((*path, key), "a key must be one that Ray knows", f"Ray does not know {key!r}", nearest(key, known))
        elif error.validator == "required":
            missing = [each for each in expected if each not in error.instance]
            yield Finding(path, f"{' and '.join(missing)} must be given", "nothing is written", "add it")
        elif error.validator == "type":
            kinds = expected if isinstance(expected, str) else " or ".join(expected)
            yield Finding(path, f"the value must be of type {kinds}", shown(error.instance), "write one")
        else:
            yield Finding(path, f"the value must satisfy {error.validator}: {expected}", shown(error.instance), "write one that does")


def mapping_of(schema: Any) -> dict[str, Any]:
    """The properties that a schema of a mapping names."""
    return schema.get("properties", {}) if isinstance(schema, dict) else {}


@contextlib.contextmanager
def _unlogged() -> Iterator[None]:
    """Ray tells its defaults to the log; nobody asked for them here."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _beyond_shape(values: Values, prepare_config: Any, validate_config: Any) -> Iterator[Finding]:
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()), _unlogged():
            validate_config(prepare_config(copy.deepcopy(values)))
    except Exception as error:  # whatever Ray raises over a file is a finding about that file: `ray up` would end there
        said = (str(error).splitlines() or [""])[0]
        yield Finding((), "Ray must accept the file", f"it says {type(error).__name__}: {shown(said).removeprefix('it is ')}", "mend what it names")
