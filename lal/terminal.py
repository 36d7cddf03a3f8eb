"""Text of others on a person's terminal: shown, never obeyed."""

from __future__ import annotations

import re

# All that moves cursors, colours, titles and clipboards, or turns the reading direction: what C0 and C1 have but for tab and newline, Unicode's bidirectional
# controls, and its own ends of lines; lone surrogates, which no terminal can be sent.
COMMANDING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def harmless(text: str) -> str:
    """`text` with whatever a terminal would obey written as Python writes it: an escape becomes \\x1b."""
    return COMMANDING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
