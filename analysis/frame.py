"""The type of a table: a pandas DataFrame to the reader, and of a row or column of one: a Series.

To the type checker both are Any. pandas types every selection as a union of scalar, Series and DataFrame, which says nothing and
would have to be cast away at each use; what tables hold is said in docstrings and held by tests.
"""

from __future__ import annotations

from typing import Any, TypeAlias

Frame: TypeAlias = Any
Series: TypeAlias = Any
