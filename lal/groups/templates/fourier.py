"""A template of chosen modes with chosen powers, and random phases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field, StrictInt, model_validator

from lal.errors import nearest
from lal.groups.part import GroupPart
from lal.groups.template import TemplatePart, tables_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lal.groups.group import Group, Irrep

    Array = NDArray[np.float64]

STRONGEST, WEAKEST = 100.0, 10.0  # powers fall evenly from one to the other where none are given


def _named(value: object) -> object:
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise ValueError(f'a mode is named by a whole number or by text, but got {value!r}; write such as 3, "1,2" or rho1')


Power = Annotated[float, Field(gt=0, le=1e12)]
Name = Annotated[str | StrictInt, BeforeValidator(_named)]


class Fourier(TemplatePart):
    """A sum over modes of random coefficients: a phase in one dimension, a random orthogonal matrix in several (of a pair unitary), with the mode's power.

    With `n_modes`, the modes are chosen: on C_p1 x C_p2 those of the longest waves, elsewhere at random. On abelian groups modes that are their own
    conjugates, such as the frequency p/2, are never chosen: their order of learning is not that of their power. Named in `modes`, they are taken.
    """

    kind: Literal["fourier"] = "fourier"
    n_modes: Annotated[int | None, Field(ge=1, description="how many modes are chosen; instead of `modes`")] = None
    modes: Annotated[tuple[Name, ...] | None, Field(description='names of the modes: frequencies on C_p, "ky,kx" on C_p1 x C_p2, irreps elsewhere')] = None
    powers: Annotated[
        tuple[Power, ...] | None, Field(description="power of each mode, in their order; none: falling evenly from 100 to 10. Standardised, their ratios count")
    ] = None
    seed: Annotated[int, Field(ge=0, lt=2**63, description="seed of the choice of modes and of the phases, and of nothing else")] = 0
    standardised: Annotated[bool, Field(description="mean square 1; without it, that is the sum of the powers / |G|")] = True

    @model_validator(mode="after")
    def _one_choice(self) -> Fourier:
        if (self.n_modes is None) == (self.modes is None):
            got = "neither" if self.modes is None else f"n_modes={self.n_modes} and modes={list(self.modes)}"
            raise ValueError(f"a fourier template needs n_modes (how many) or modes (which), but got {got}; write one of the two")
        if self.modes == ():
            raise ValueError("modes must name at least one mode, but got none; write a name, or n_modes")
        if self.modes is not None and len(set(self.names)) < len(self.modes):
            raise ValueError(f"modes must name each mode once, but got {list(self.modes)}; leave out the repeated one")
        count = self.n_modes if self.modes is None else len(self.modes)
        if self.powers is not None and len(self.powers) != count:
            raise ValueError(f"powers must have one number for each of the {count} modes, but got {len(self.powers)}; write {count} powers, or none")
        if self.powers is not None and self.standardised and count == 1:
            raise ValueError(f"the power of a single mode has no effect on a standardised template, but got powers={list(self.powers)}; leave it out")
        self._all_count()
        return self

    def _all_count(self) -> None:
        from lal.groups.staircase import LEAST_SHARE

        powers = self.powers or ()
        weak = [power for power in powers if power <= 2 * LEAST_SHARE * sum(powers)]  # twice: what is drawn has its power but for rounding
        if weak:
            contract = f"each of powers must be more than {2 * LEAST_SHARE:g} of their sum, below which no learning can be told from rounding"
            raise ValueError(f"{contract}, but got {weak[0]:g} of {sum(powers):g}; write a larger power, or leave the mode out")

    @property
    def names(self) -> tuple[str, ...]:
        """The names in `modes` as text."""
        return tuple(str(name) for name in self.modes or ())

    @property
    def label(self) -> str:
        return f"fourier{self.n_modes if self.modes is None else len(self.modes)}"

    def check(self, group: GroupPart) -> None:
        modes = tables_of(group).modes
        for name in self.names:
            if name not in modes:
                same = same_wave(name, modes, group.shape) if group.abelian else None
                remedy = f"it is the same as mode {same!r}, since opposite waves are one; write that" if same else nearest(name, modes)
                raise ValueError(f"modes must be among those of {group.label}, but got {name!r}; {remedy}")
            if name == modes[0]:
                raise ValueError(f"a template is centred and has no power in the trivial mode, but got modes with {name!r}; leave it out")
        able = len(_eligible(tables_of(group)))
        if self.n_modes is not None and not able:
            raise ValueError(
                f"n_modes chooses among modes that differ from their conjugates, but {group.label} has none; name modes among {', '.join(modes[1:])}, "
                "or write a larger group"
            )
        if self.n_modes is not None and self.n_modes > able:
            raise ValueError(f"n_modes must be at most {able} on {group.label}, but got {self.n_modes}; write {able} or fewer, or a larger group")

    def draw(self, group: GroupPart) -> Array:
        import numpy as np

        rng = np.random.default_rng(self.seed)
        tables = tables_of(group)
        chosen = [tables.modes.index(name) for name in self.names] if self.modes is not None else self._choice(group, tables, rng)
        powers = self.powers or np.linspace(STRONGEST, WEAKEST, len(chosen))
        return np.sum([_of_one_mode(tables.irreps[mode], power, rng) for mode, power in zip(chosen, powers, strict=True)], 0)

    def _choice(self, group: GroupPart, tables: Group, rng: np.random.Generator) -> list[int]:
        able = _eligible(tables)
        if len(group.shape) > 1:
            return able[: self.n_modes]
        return [able[place] for place in rng.choice(len(able), self.n_modes, replace=False)]


def same_wave(name: str, modes: tuple[str, ...], shape: tuple[int, ...]) -> str | None:
    """Which of `modes`, waves on a ring or torus of this `shape`, is `name` or its opposite but for whole turns; None where none is."""
    try:
        wave = [int(each) for each in name.split(",")]
    except ValueError:
        return None
    if len(wave) != len(shape):
        return None
    both = [tuple(sign * each % size for each, size in zip(wave, shape, strict=True)) for sign in (1, -1)]
    turned = {mode: tuple(int(each) % size for each, size in zip(mode.split(","), shape, strict=True)) for mode in modes}
    return next((mode for mode, own in turned.items() if own in both), None)


def _eligible(tables: Group) -> list[int]:
    """Numbers of the modes that may be chosen."""
    return [mode for mode, irrep in enumerate(tables.irreps) if mode > 0 and (irrep.paired or not tables.abelian)]


def _of_one_mode(irrep: Irrep, power: float, rng: np.random.Generator) -> Array:
    """(|G|,) x(g) = (d / |G|) Re tr(xhat rho(g)), of a pair twice that, with xhat a random orthogonal or unitary matrix times a number."""
    import numpy as np

    order, d, twice = len(irrep.matrices), irrep.dimension, 1 + irrep.paired
    coefficient = _random_unitary(d, irrep.paired, rng) * (order * power / twice) ** 0.5 / d
    return twice * d / order * np.einsum("ij,gji->g", coefficient, irrep.matrices).real


def _random_unitary(d: int, paired: bool, rng: np.random.Generator) -> NDArray[np.complex128] | Array:
    """Haar: QR of a Gaussian matrix with the signs of R's diagonal taken out (Mezzadri 2007, math-ph/0609050); a phase where d = 1."""
    import numpy as np

    if paired and d == 1:
        return np.exp(1j * rng.uniform(0, 2 * np.pi, (1, 1)))
    gaussian = rng.standard_normal((d, d)) + (1j * rng.standard_normal((d, d)) if paired else 0)
    q, r = np.linalg.qr(gaussian)
    diagonal = np.diagonal(r)
    return q * (diagonal / np.abs(diagonal))
