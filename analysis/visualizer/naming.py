"""What names of folders tell: `transformer_p17_lr3e-4_s2` is of group "transformer", at p = 17 and lr = 0.0003, seed 2."""

from __future__ import annotations

import re
from dataclasses import dataclass

TOGETHER = re.compile(r"([A-Za-z]+)=?([-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?)", re.IGNORECASE)
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?", re.IGNORECASE)
APART = re.compile(r"_+|(?<!\de)-(?=[A-Za-z])|\s+", re.IGNORECASE)  # not the minus of 3e-4
SEEDS = ("s", "seed")


@dataclass(frozen=True)
class Told:
    """What one name tells. `point`: numbers by the word before them; `seed`: None where it names none."""

    group: str
    point: tuple[tuple[str, float], ...]
    seed: int | None


def told(path: str) -> Told:
    """What the path of a folder tells, relative to the root, with forward slashes: folders above the last one are groups by themselves."""
    *above, name = path.split("/")
    words, point, seed = list[str](), dict[str, float](), None
    for part in filter(None, APART.split(name)):
        whole = TOGETHER.fullmatch(part)
        if whole and (whole[1].lower() in SEEDS) and whole[2].isdigit():
            seed = int(whole[2])
        elif whole:
            point[whole[1]] = float(whole[2])
        elif NUMBER.fullmatch(part) and words and words[-1].lower() in SEEDS:
            seed = int(float(part))
            words.pop()
        elif NUMBER.fullmatch(part) and words:
            point[words.pop()] = float(part)
        else:
            words.append(part)
    group = " ".join(words) or ", ".join(point) or name
    return Told(" / ".join([*above, group]), tuple((key, int(value) if value.is_integer() else value) for key, value in point.items()), seed)
