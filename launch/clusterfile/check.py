"""One check of a cluster file, whichever kind it is: the layers that fit, and what they found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from lal.errors import Refused
from launch.clusterfile import instance_model, kuberay, ray_schema, ray_up
from launch.clusterfile.finding import HIDDEN, Finding, Layer, Rule, Values
from launch.clusterfile.secrets_written import CONTRACT, nothing_gives_access
from launch.parsing.reading import Document, Keys, read

LINT = "lal's rules"
RAY_UP, KUBERAY = "ray up", "KubeRay"


@dataclass(frozen=True)
class Checked:
    """What was looked at in a file, and what was found. `kind` is "ray up" or "KubeRay"."""

    document: Document
    kind: str
    layers: tuple[Layer, ...]

    @property
    def findings(self) -> list[tuple[str, Finding]]:
        """Each finding with the name of its layer; what lies around a secret shows no value."""
        found = [(layer.name, each) for layer in self.layers for each in layer.findings]
        secrets = {each.path for _, each in found if each.contract == CONTRACT}
        return [(name, replace(each, value=HIDDEN) if each.contract != CONTRACT and _near(each.path, secrets) else each) for name, each in found]


def _near(path: Keys, secrets: set[Keys]) -> bool:
    return any(path == each[: len(path)] or each == path[: len(each)] for each in secrets)


def check(path: Path) -> Checked:
    """Looks at the cluster file at `path`, without a network.

    Raises:
        Refused: it cannot be read, or describes no cluster that this program knows.
    """
    document = read(path)
    values = document.values
    if "apiVersion" in values:
        return Checked(document, KUBERAY, (lint(kuberay.RULES, values),))
    if "cluster_name" in values or "available_node_types" in values or "provider" in values:
        return Checked(document, RAY_UP, (ray_schema.layer(values), instance_model.layer(values), lint(ray_up.RULES, values)))
    keys = ", ".join(list(values)[:6]) or "no key"
    raise Refused(
        f"a cluster file must have cluster_name and provider (ray up) or apiVersion and kind (KubeRay), but {path} has {keys}; start from cluster.yaml, or"
        " from launch/kuberay.yaml"
    )


def lint(rules: tuple[Rule, ...], values: Values) -> Layer:
    """What the rules of one kind of file find, and whether anything in it gives access."""
    return Layer(LINT, tuple(found for rule in (*rules, nothing_gives_access) for found in rule(values)))
