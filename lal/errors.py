"""The one error a person may cause: a request that is wrong or can never be met."""

from difflib import get_close_matches


class Refused(ValueError):
    """A request that is wrong. Its text says contract, value, place and remedy; the command line exits with 2."""


def nearest(name: str, names: list[str] | tuple[str, ...]) -> str:
    """A remedy for the unknown `name`: the closest of `names`, or all of them when none is close."""
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"write one of: {', '.join(sorted(names))}"
