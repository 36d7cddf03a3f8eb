"""What a name on the command line means among the things that are stored."""

from __future__ import annotations

from pathlib import Path

from lal.errors import Refused, nearest
from lal.store import Store


def meant(store: Store, name: str, profile: str | None, command: str) -> tuple[str | None, str | None]:
    """(sweep folder, None) or (None, run id): `name` is a sweep's name or file, or a run id or the beginning of one.

    Raises:
        Refused: nothing, or more than one thing, has that name.
    """
    sweeps, runs = store.names("sweeps"), store.names("runs")
    folder = f"{Path(name).stem if name.endswith(('.yaml', '.yml')) else name}{f'@{profile}' if profile else ''}"
    if folder in sweeps and folder in runs:
        raise Refused(f"{command} takes a sweep or a run, but {name!r} of {store.where()} is both; rename the folder of the sweep")
    if folder in sweeps:
        return folder, None
    if profile:
        raise Refused(f"{command} takes a sweep where --profile is given, but there is no {folder!r} in {store.where()}; {_remedy(folder, sweeps)}")
    matching = [name] if name in runs else [run for run in runs if run.startswith(name)]
    if len(matching) == 1:
        return None, matching[0]
    if matching:
        raise Refused(f"{command} takes one run, but {name!r} begins {len(matching)} of them: {', '.join(matching[:5])}; write more of it")
    raise Refused(f"{command} takes a sweep or a run of {store.where()}, but there is no {name!r}; {_remedy(folder, [*sweeps, *runs])}")


def _remedy(name: str, there: list[str]) -> str:
    return nearest(name, there) if there else "nothing is stored there yet; run `lal sweep` first"
