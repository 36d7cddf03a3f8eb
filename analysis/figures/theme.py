"""How every figure looks: colours that the colour-blind can tell apart, fonts, words for columns and paths, the toolbar."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from html import escape
from math import inf, isnan
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from analysis.statistics import Interval

# Okabe and Ito's palette without black and yellow, which vanish on dark and on light.
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x")
SCALE = "Cividis"
# For ordered lines: all of middling lightness, so that none is lost on white or on black.
LINES = ("#4a63d8", "#2f8fd0", "#16a085", "#8a9f1a", "#e08a1e", "#d1435b")
GREY, FAINT_GREY, GRID = "#7b7b7b", "rgba(138,138,138,0.35)", "rgba(138,138,138,0.25)"
INK = "#1f2328"
FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
AXIS: dict[str, Any] = {
    "showline": True,
    "linecolor": GREY,
    "gridcolor": GRID,
    "zeroline": False,
    "ticks": "outside",
    "tickcolor": GREY,
    "automargin": True,
    "title": {"standoff": 8, "font": {"size": 13}},
}
IS_AXIS = re.compile(r"[xy]axis\d*")
CONFIG: dict[str, Any] = {
    "displaylogo": False,
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "responsive": True,
    "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"],
}
WORDS = {
    "train_acc": "train accuracy",
    "test_acc": "test accuracy",
    "hard_acc": "accuracy with the heaviest head alone",
    "rounded_acc": "accuracy with gates rounded",
    "effective_depth": "sum of gates",
    "functional_depth": "functional depth",
    "routing_entropy_norm": "routing entropy / log n",
    "effective_heads": "effective heads",
    "operation_specialisation": "heads by operation",
    "n_key_frequencies": "key frequencies",
    "t_grok": "steps to generalise",
    "mirror_clean_acc": "accuracy on mirror-clean test pairs",
    "open_gates": "open gates",
    "effective_depth_sd": "spread of the sum of gates over inputs",
    "layers_present": "layers present",
    "gate_entropy": "entropy of gates",
    "jacobian_norm": "Jacobian norm",
    "input_hessian_trace": "input Hessian trace",
    "grad_norm": "gradient norm",
    "input_gradient_norm": "input gradient norm",
    "return": "return",
    "front_position": "front",
    "shortfall": "shortfall of the return",
    "value_front": "front of the ramp",
    "order_front": "front of rising values",
    "hessian_trace": "weight Hessian trace",
    "fisher_trace": "Fisher trace",
    "empirical_fisher_trace": "empirical Fisher trace",
    "adam_snr": "signal to noise",
    "effective_lr": "effective learning rate",
    "update_decay_ratio": "update / decay",
    "lr": "learning rate",
    "embedding_gini": "Gini of the embedding",
    "neuron_ipr": "IPR of neurons",
    "diagonal_energy": "energy of the answer's direction",
    "collapsed_share": "share of rows with a collapsed softmax",
}
PATHS = {
    "task.train_frac": "train fraction",
    "model.scope": "gate scope",
    "model.controls": "what gates control",
    "model.choice": "choice of heads",
    "model.feed_forward.kind": "feed-forward",
    "model.feed_forward.heads": "feed-forward heads",
    "model.feed_forward.choice": "choice of heads",
    "model.grow.start": "layers at first",
    "model.grow.patience": "patience before growing",
    "environment.width": "grid width",
    "environment.height": "grid height",
    "optim.kind": "optimizer",
    "optim.lr": "learning rate",
    "loss": "task loss",
}
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def figure(title: str = "", height: int = 420) -> go.Figure:
    """An empty figure in the theme."""
    return styled(go.Figure(), height, title)


def styled(fig: go.Figure, height: int, title: str = "") -> go.Figure:
    """`fig` in the theme. The background is transparent, so that the page may be dark or light."""
    there = fig.layout.to_plotly_json()
    axes = [name for name in there if IS_AXIS.fullmatch(name)] or ["xaxis", "yaxis"]
    notes = there.get("annotations", [])
    small = [each | {"font": each["font"] | {"size": 13}} if each.get("font", {}).get("size") == 16 else each for each in notes]  # 16: the titles of panels
    head = {"title": {"text": title, "x": 0, "xref": "container", "xanchor": "left", "font": {"size": 15}}} if title else {}
    return arranged(fig, base_layout(height) | dict.fromkeys(axes, AXIS) | ({"annotations": small} if small else {}) | head)


def arranged(fig: go.Figure, own: Mapping[str, Any]) -> go.Figure:
    """`fig` whose layout says `own` too. All of it is checked once: to update a figure of many panels axis by axis checks it all each time."""
    fig["layout"] = overlaid(fig.layout.to_plotly_json(), own)
    return fig


Width = Literal["wide", "narrow"]
_PAGE = ContextVar[Width | None]("_PAGE", default=None)


@contextmanager
def for_page(width: Width) -> Iterator[None]:
    """In it, figures of many traces are drawn for a page alone: arrays as it holds them, and narrow ones without traces, for it shows those of the wide."""
    before = _PAGE.set(width)
    try:
        yield
    finally:
        _PAGE.reset(before)


def traced(fig: go.Figure, traces: Sequence[Mapping[str, Any]]) -> go.Figure:
    """`fig` with `traces`, plain data, checked at one go: one by one each addition would check the axes of all that are there."""
    return fig if _PAGE.get() == "narrow" else fig.add_traces(paged(traces))


def paged(traces: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """`traces` with arrays as a page holds them, where they are drawn for one."""
    return [spelled(each) if _PAGE.get() else each for each in traces]


def spelled(value: Any) -> Any:
    """Plain data in which arrays of floats are as plotly.js reads them from JSON. Plotly would say the same of each, with many questions before."""
    if isinstance(value, Mapping):
        return {name: spelled(each) for name, each in value.items()}
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype in (np.float32, np.float64):
        return {"dtype": f"f{value.itemsize}", "bdata": base64.b64encode(value.tobytes()).decode()}
    return value


def overlaid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Plain data `below` with that of `above` over it, mappings key by key."""
    both = {name: overlaid(below[name], value) for name, value in above.items() if isinstance(value, Mapping) and isinstance(below.get(name), Mapping)}
    return {**below, **above, **both}


def base_layout(height: int) -> dict[str, Any]:
    """What all figures share, but for their axes."""
    return {
        "template": "none",
        "height": height,
        "font": {"family": FONT, "size": 13, "color": INK},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 62, "r": 24, "t": 44, "b": 56},
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": FAINT_GREY, "activecolor": GREY},
        "hoverlabel": {"align": "left", "font": {"family": FONT, "size": 12}},
        "legend": {
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1,
            "yanchor": "top",
            "yref": "container",
            "title": {"side": "top", "font": {"size": 13}},
            "maxheight": 1,
        },
    }


def shades(n: int) -> list[str]:
    """n colours in order, from blue to red."""
    return list(map(str, sample_colorscale(list(LINES), [index / max(1, n - 1) for index in range(n)])))


def translucent(color: str, alpha: float) -> str:
    """`color` (#rrggbb or rgb(r, g, b)) with opacity `alpha`."""
    if color.startswith("#"):
        parts: Sequence[Any] = [int(color[index : index + 2], 16) for index in (1, 3, 5)]
    else:
        parts = color[color.index("(") + 1 : -1].split(",")
    return f"rgba({', '.join(str(part).strip() for part in parts)}, {alpha:g})"


def ink_on(color: str) -> str:
    """Black or white, whichever is read more easily on `color` (rgb(r, g, b))."""
    red, green, blue = (float(part) for part in color[color.index("(") + 1 : -1].split(","))
    return "#000000" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "#ffffff"


def safe(text: str) -> str:
    """`text` as neither a figure nor a page takes for markup. Quotes stay: figures show their escapes."""
    return escape(text, quote=False)


def word(column: str) -> str:
    """A column in words, `@end` and `@grok` included."""
    name, _, when = column.partition("@")
    told = WORDS.get(name, name.replace("_", " "))
    return safe(f"{told} {'when it generalised' if when == 'grok' else f'at step {when}' if when.isdigit() else 'at the end'}" if when else told)


def axis_word(path: str) -> str:
    """A dotted path in words: λ for the weight of a penalty, what a `kind` is of, whose role a setting is, and the part that a deeper setting is in."""
    parts = path.split(".")
    told = [part.replace("_", " ") for part in parts]
    if path in PATHS:
        return PATHS[path]
    if parts[0] == "penalties" and len(parts) == 3:
        return safe({"weight": f"λ ({told[1]})", "kind": f"{told[1]} penalty"}.get(parts[2], f"{told[1]} {told[2]}"))
    if parts[:2] == ["optim", "roles"] and len(parts) == 4:
        return safe(f"{told[3]} ({told[2]})")
    if parts[-1] == "kind" and len(parts) > 1:
        return safe(told[-2])
    return safe(" ".join(told[-2:]) if len(parts) > 2 else told[-1])


def short_word(path: str) -> str:
    """A dotted path in a few letters, for where there is little room or only one is meant: λ for any penalty's weight."""
    return "λ" if path.startswith("penalties.") and path.endswith(".weight") else axis_word(path)


def value_word(value: Any) -> str:
    """A value of an axis in words, escaped."""
    if value is None or (isinstance(value, float) and isnan(value)):
        return "none"
    if isinstance(value, float | int) and not isinstance(value, bool):
        text = f"{value:.6g}"
        if "e" in text:
            mantissa, exponent = text.split("e")
            power = f"10{str(int(exponent)).translate(SUPERSCRIPT)}"
            return power if mantissa == "1" else f"{mantissa}·{power}"
        return text
    return safe(value if isinstance(value, str) else json.dumps(value))


def percent(share: float) -> str:
    """A share, in whole percent."""
    return "?" if isnan(share) else f"{100 * share:.0f} %"


def steps_word(value: float) -> str:
    """A time in steps; infinite: not reached."""
    return "not reached" if value == inf else "?" if isnan(value) else f"{value:,.0f}"


def upper_word(high: float, n: int) -> str:
    """The upper limit of a median over `n` seeds; without one the runs may all have generalised: there are too few to say more."""
    if isnan(high):
        return "–"
    return steps_word(high) if high != inf else f"no upper limit{' with fewer than 6 seeds' if n < 6 else ''}"


def median_word(median: Interval, n: int) -> str:
    """A median in steps over `n` seeds, with its interval where there is one."""
    if isnan(median.low) or median.low == inf:
        return steps_word(median.value)
    return f"{steps_word(median.value)} [{steps_word(median.low)}, {upper_word(median.high, n)}]"


def number(value: float, digits: int = 3) -> str:
    """A measured number, short."""
    return "?" if isnan(value) else f"{value:.{digits}g}" if abs(value) < 1000 else f"{value:,.0f}"


def titled(fig: go.Figure, title: str) -> go.Figure:
    """`fig` with a title above it, for where it stands alone. The legend moves below the title."""
    layout: Any = fig.layout
    top, height, room = layout.margin.t, layout.height, 38
    text = {"text": title, "x": 0.01, "xref": "container", "xanchor": "left", "y": 1 - 22 / (height + room), "yref": "container", "font": {"size": 17}}
    return fig.update_layout(title=text, height=height + room, margin={"t": top + room}, legend={"y": 1 - room / (height + room)})
