"""From records to answers: tables, statistics, figures, findings, one page. Imports neither torch nor ray.

In a notebook: `import analysis; sweep = analysis.load("quickstart")`, and see `analysis.loading.Sweep`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.loading import Sweep, load

__all__ = ["Sweep", "load"]


def __getattr__(name: str) -> Any:
    """`load` and `Sweep`, imported when they are asked for: the command line does not wait for them."""
    if name in __all__:
        from analysis import loading

        return getattr(loading, name)
    raise AttributeError(f"module 'analysis' has no attribute {name!r}")
