"""How much room words take in a figure: titles of panels side by side, entries of a legend, words at ticks."""

from __future__ import annotations

from collections.abc import Sequence

PX_PER_LETTER, PX_PER_LINE, PX_PER_KEY = 7.0, 17, 42
PX_PLOTS = {True: 262, False: 610}  # across all panels of a narrow figure, and of the least wide one
HELD = "\N{NO-BREAK SPACE}"
LETTERS_OF_ENTRY = 36  # what a line of a legend holds in a narrow figure


def wrapped(text: str, letters: int) -> str:
    """`text` on several lines of about so many letters; words stay whole, as do values of what they are of."""
    lines = [""]
    for part in text.replace(" = ", f"{HELD}={HELD}").replace(" · ", f"{HELD}· ").split(" "):
        if lines[-1] and len(lines[-1]) + len(part) >= letters:
            lines.append("")
        lines[-1] = f"{lines[-1]} {part}".strip()
    return "<br>".join(lines)


def entry(text: str) -> str:
    """`text` as an entry of a legend that a narrow figure has room for, too."""
    return wrapped(text, LETTERS_OF_ENTRY)


def n_lines(text: str) -> int:
    """Of wrapped text."""
    return text.count("<br>") + 1


def px_wide(text: str) -> float:
    """Pixels across wrapped text."""
    return PX_PER_LETTER * max(map(len, text.split("<br>")))


def abreast(titles: Sequence[str], px: float) -> tuple[list[str], int]:
    """Titles of panels side by side, on as many lines as they need in `px` pixels each; and the pixels that lines after the first take."""
    found = [wrapped(title, int(0.92 * px / PX_PER_LETTER)) for title in titles]
    return found, PX_PER_LINE * (max(map(n_lines, found), default=1) - 1)


def top_margin(words: Sequence[str], narrow: bool, titles: bool = True, heading: str = "") -> int:
    """Pixels above the plots: lines of a legend with these `words` under its `heading`, and the panels' titles."""
    return 12 + (20 if heading else 0) + _legend_px(words, PX_PLOTS[narrow]) + (26 if titles else 8)


def _legend_px(words: Sequence[str], room: int) -> int:
    """Pixels down a legend: one row if all entries fit, else columns as wide as the widest entry, which is how they are laid out."""
    if not words:
        return 0
    widths = [px_wide(each) + PX_PER_KEY for each in words]
    abreast = len(words) if sum(widths) <= room else max(1, int(room // max(widths)))
    return sum(5 + PX_PER_LINE * max(map(n_lines, words[start : start + abreast])) for start in range(0, len(words), abreast))
