"""What the shell commands of a cluster file say: their simple parts, their options, what they install."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from packaging.requirements import InvalidRequirement, Requirement

APART = re.compile(r"&&|\|\||[;|\n]")


def parts(command: str) -> Iterator[list[str]]:
    """The words of each simple command in `command`. One that no shell could read is skipped; `readable` says so."""
    for part in APART.split(command):
        try:
            words = shlex.split(part)
        except ValueError:
            continue
        if words:
            yield words


def readable(command: str) -> bool:
    """Whether every quote in `command` is closed."""
    try:
        shlex.split(command)
    except ValueError:
        return False
    return True


def installed_words(command: str) -> Iterator[str]:
    """What the `pip install` commands in `command` name: requirements and paths; options and their arguments are left out."""
    for words in parts(command):
        if "install" not in words or not any(each.rsplit("/", 1)[-1].startswith("pip") for each in words[: words.index("install")]):
            continue
        after, takes_value = words[words.index("install") + 1 :], False
        for word in after:
            if takes_value:
                takes_value = False
            elif word.startswith("-"):
                takes_value = word in ("-c", "--constraint", "-r", "--requirement", "-i", "--index-url", "--extra-index-url", "-f", "--find-links")
            else:
                yield word


def requirements(command: str) -> Iterator[Requirement]:
    """The packages that `command` installs by name."""
    for word in installed_words(command):
        if word.startswith(("~", "/", ".", "$")):
            continue
        try:
            yield Requirement(word)
        except InvalidRequirement:
            continue


def option(words: list[str], name: str) -> str | None:
    """The value of `--name=value` or `--name value`; empty when it has none, None when it is not given."""
    for index, word in enumerate(words):
        if word.startswith(f"{name}="):
            return word.removeprefix(f"{name}=")
        if word == name:
            following = words[index + 1 : index + 2]
            return following[0] if following and not following[0].startswith("-") else ""
    return None


def ray_start(command: str, *, head: bool) -> list[str] | None:
    """The words of the `ray start` in `command` that starts a head, or a worker; None when there is none."""
    for words in parts(command):
        if "ray" in words and "start" in words and ("--head" in words) == head:
            return words
    return None
