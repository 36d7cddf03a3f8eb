"""Two formats of earlier programs for runs and sweeps, read as this program's own: docs/dialects.md. Imports neither torch nor ray.

`house_format(document, path)` is the document in this program's format: itself, or a translation whose places still lead to the lines of
the file. A file that mixes formats is refused.
"""

from launch.dialects.detection import house_format

__all__ = ["house_format"]
