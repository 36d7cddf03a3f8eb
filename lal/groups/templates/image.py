"""A template that is a handwritten digit, of those that scikit-learn brings along: nothing is downloaded."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from lal.errors import Refused
from lal.groups.part import GroupPart
from lal.groups.template import TemplatePart

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


class Image(TemplatePart):
    """One of about 180 pictures of a digit, 8 x 8, values 0 to 1 (Optical Recognition of Handwritten Digits, UCI, by E. Alpaydin and C. Kaynak; CC BY 4.0).

    On C_p1 x C_p2 it is resized (bilinear, pixels' centres); on C_p its profile is, by a cubic spline.
    """

    kind: Literal["image"] = "image"
    digit: Annotated[int, Field(ge=0, le=9, description="which digit")] = 4
    profile: Annotated[
        Literal["rows", "columns", "diagonal"] | None,
        Field(description="on C_p: means of `rows` (none: these), means of `columns`, or the `diagonal`; not on C_p1 x C_p2, where the whole picture is used"),
    ] = None
    seed: Annotated[int, Field(ge=0, lt=2**63, description="seed of the choice among the pictures of the digit, and of nothing else")] = 0
    standardised: Annotated[bool, Field(description="mean square 1")] = False

    @property
    def label(self) -> str:
        return f"digit{self.digit}"

    def check(self, group: GroupPart) -> None:
        if not group.abelian:
            raise ValueError(f"a picture needs a ring or a torus, but the group is {group.label}; write kind: fourier, one_hot or given, or a product group")
        if self.profile is not None and len(group.shape) == 2:
            raise ValueError(f"a profile has no effect on {group.label}, where the whole picture is used, but got profile={self.profile}; leave it out")

    def draw(self, group: GroupPart) -> Array:
        import numpy as np

        pictures = pictures_of(self.digit)
        picture = pictures[np.random.default_rng(self.seed).integers(len(pictures))]
        if len(group.shape) == 2:
            return resized(picture, *group.shape).ravel()
        return resampled({"columns": picture.mean(0), "diagonal": np.diagonal(picture)}.get(self.profile or "rows", picture.mean(1)), group.order)


@lru_cache(maxsize=10)
def pictures_of(digit: int) -> Array:
    """(n, 8, 8), values 0 to 1; kept, since a plan asks often, and not to be written to.

    Raises:
        Refused: scikit-learn is not installed.
    """
    import numpy as np

    try:
        from sklearn.datasets import load_digits
    except ModuleNotFoundError as error:
        raise Refused("a template of kind image needs scikit-learn, which brings the digits, but it is not installed; pip install 'lal[digits]'") from error
    pixels, labels = load_digits(return_X_y=True)
    return np.asarray(pixels)[np.asarray(labels) == digit].reshape(-1, 8, 8) / 16.0


def resized(picture: Array, p1: int, p2: int) -> Array:
    """(h, w) to (p1, p2): bilinear between pixels' centres, edges held."""
    import numpy as np
    from scipy.ndimage import map_coordinates

    places = [(np.arange(new) + 0.5) * old / new - 0.5 for new, old in zip((p1, p2), picture.shape, strict=True)]
    return map_coordinates(picture, np.meshgrid(*places, indexing="ij"), order=1, mode="nearest")


def resampled(profile: Array, p: int) -> Array:
    """(m,) to (p,), from end to end, by a cubic spline (not-a-knot)."""
    import numpy as np
    from scipy.interpolate import CubicSpline

    return CubicSpline(np.linspace(0, 1, len(profile)), profile)(np.linspace(0, 1, p))
