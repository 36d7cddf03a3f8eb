"""Layer two: AWS's own model of RunInstances against each `node_config`. botocore ships it, so no network is needed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from typing import Any

from lal.errors import nearest
from launch.clusterfile.finding import Finding, Keys, Layer, Values, mapping, shown, within

NAME = "AWS's model of instances"
# Keys of a node_config that Ray itself reads and takes out before it asks AWS.
OF_RAY = {"SubnetIds"}
SCALARS: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "boolean": bool,
    "blob": str,
    "timestamp": str,
}


def layer(values: Values) -> Layer:
    """What AWS would refuse of the nodes: unknown keys, wrong types, instance types that do not exist. Skipped for other clouds and without botocore."""
    provider = within(values, "provider", "type")
    if provider != "aws":
        return Layer(NAME, skipped=f"the provider is {provider!r}, not aws")
    if find_spec("botocore") is None:
        return Layer(NAME, skipped="botocore is not installed; pip install 'lal[aws]'")
    return Layer(NAME, tuple(_findings(values)))


def _findings(values: Values) -> Iterator[Finding]:
    shape, regions = _model()
    region = within(values, "provider", "region")
    if region not in regions:
        remedy = nearest(region, regions) if isinstance(region, str) else "write one, such as us-west-2"
        yield Finding(("provider", "region"), "the region must be one of AWS", shown(region), remedy)
    for name in mapping(values, "available_node_types"):
        path = ("available_node_types", name, "node_config")
        config = mapping(values, *path)
        yield from _against(shape, {key: each for key, each in config.items() if key not in OF_RAY}, path)


@cache
def _model() -> tuple[Any, list[str]]:
    """The shape of RunInstances, and AWS's regions, as botocore ships them: without a session, which would read a person's profiles. Loads in a second."""
    from botocore.loaders import create_loader
    from botocore.model import ServiceModel
    from botocore.regions import EndpointResolver

    loader = create_loader()
    shape = ServiceModel(loader.load_service_model("ec2", "service-2"), "ec2").operation_model("RunInstances").input_shape
    return shape, EndpointResolver(loader.load_data("endpoints")).get_available_endpoints("ec2")


def _against(shape: Any, value: Any, path: Keys) -> Iterator[Finding]:
    """The differences between a value and botocore's shape of it. botocore's own validator knows neither the places nor the values of enumerations."""
    if shape.type_name == "structure":
        yield from _against_structure(shape, value, path)
    elif shape.type_name == "list":
        if not isinstance(value, list):
            yield Finding(path, "the value must be a list", shown(value), "write `- ` before each item")
            return
        for index, each in enumerate(value):
            yield from _against(shape.member, each, (*path, index))
    else:
        yield from _against_scalar(shape, value, path)


def _against_structure(shape: Any, value: Any, path: Keys) -> Iterator[Finding]:
    if not isinstance(value, dict):
        yield Finding(path, "the value must be a mapping", shown(value), f"write keys of {', '.join(sorted(shape.members))}")
        return
    for key, each in value.items():
        if key in shape.members:
            yield from _against(shape.members[key], each, (*path, key))
        else:
            yield Finding((*path, key), "a key must be one that AWS knows", f"AWS does not know {key!r}", nearest(key, list(shape.members)))


def _against_scalar(shape: Any, value: Any, path: Keys) -> Iterator[Finding]:
    kind = SCALARS.get(shape.type_name)
    if kind and (not isinstance(value, kind) or (kind is not bool and isinstance(value, bool))):
        yield Finding(path, f"the value must be of type {shape.type_name}", shown(value), "write one; quote it if it is text")
    elif getattr(shape, "enum", None) and value not in shape.enum:
        yield Finding(path, f"the value must be one that AWS knows for {path[-1]}", shown(value), _close(value, shape.enum))


def _close(value: str, known: list[str]) -> str:
    """A remedy that does not list 1,400 instance types."""
    remedy = nearest(value, known)
    return remedy if len(known) < 20 or remedy.startswith("did you mean") else f"write one of its {len(known):,} values, such as {known[0]}"
