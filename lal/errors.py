"""What a person is told instead of a traceback: a request that is wrong or can never be met, and storage that does not answer."""

from difflib import get_close_matches


class Refused(ValueError):
    """A request that is wrong. Its text says contract, value, place and remedy; the command line exits with 2."""


class Unreachable(OSError):
    """Storage that did not answer, and may again. Nothing was lost: what was to be written is whole there or absent."""


def nearest(name: str, names: list[str] | tuple[str, ...]) -> str:
    """A remedy for the unknown `name`: the closest of `names`, or all of them when none is close."""
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"write one of: {', '.join(sorted(names))}"
