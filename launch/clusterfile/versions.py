"""One version of Ray and torch on every machine: the one installed here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from packaging.requirements import Requirement

from launch.clusterfile import shell
from launch.clusterfile.finding import Finding, Keys, shown

PINNED = ("ray", "torch")
IMAGE = re.compile(r"(?P<name>.+):(?P<tag>[\w][\w.-]*)")
Command = tuple[Keys, str]


@cache
def here(name: str) -> str | None:
    """The version of a package that is installed here, without the name of its build ("2.13.0+cpu" is 2.13.0); None when it is not."""
    try:
        return version(name).partition("+")[0]
    except PackageNotFoundError:
        return None


def pins_are_those_of_here(commands: Iterable[Command]) -> Iterator[Finding]:
    """Yields a finding for each package that commands install at another version than here, and for Ray and torch at any version that comes."""
    for path, command in commands:
        for requirement in shell.requirements(command):
            mine, pin = here(requirement.name), pinned(requirement)
            if mine is None or (pin is None and requirement.name not in PINNED):
                continue
            if pin != mine:
                yield Finding(
                    path,
                    f"{requirement.name} must have the version that is installed here",
                    f"the command installs {requirement}",
                    f"write {requirement.name}=={mine}",
                )


def pinned(requirement: Requirement) -> str | None:
    """The one version that a requirement allows; None when it allows others."""
    only = [each for each in requirement.specifier if each.operator in ("==", "===") and "*" not in each.version]
    return only[0].version if len(only) == len(requirement.specifier) == 1 else None


def names_installed(commands: Iterable[Command]) -> set[str]:
    """The packages that commands install by name."""
    return {requirement.name for _, command in commands for requirement in shell.requirements(command)}


def image_is_of_here(path: Keys, image: object) -> Iterator[Finding]:
    """Yields a finding unless the tag of a container image begins with the version of Ray that is installed here."""
    ray = here("ray")
    match = IMAGE.fullmatch(image) if isinstance(image, str) else None
    if ray and (match is None or not (match["tag"] == ray or match["tag"].startswith(f"{ray}-"))):
        yield Finding(
            path,
            "the tag of an image must begin with the version of Ray that is installed here",
            shown(image),
            f"write an image with tag {ray}-py311, or build one (launch/Dockerfile)",
        )
