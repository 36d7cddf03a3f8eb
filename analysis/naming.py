"""What a name on the command line means: a sweep or a run, by its name or by the path or URI of its folder."""

from __future__ import annotations

import shlex
from pathlib import Path

from lal.errors import Refused, nearest
from lal.store import Store, folder_and_name, is_uri


def refuse_run(name: str, results: str, profile: str | None) -> None:
    """Refuses a figure of what is no sweep but a run, given by its path, its id, or the beginning of it."""
    is_folder = stored_at(name, "runs") is not None
    store = Store(results)
    if (f"{name}@{profile}" if profile else name) in store.names("sweeps"):
        return
    if is_folder or (name and any(each.startswith(name) for each in store.names("runs"))):
        where = "" if is_folder or results == "results" else f" --results {shlex.quote(results)}"
        remedy = f"`lal report {shlex.quote(name)}{where}` draws all figures of a run"
        raise Refused(f"a figure is of a sweep, but {name!r} {'is' if is_folder else 'begins'} a run; {remedy}")


def stored_at(text: str, kind: str, file: str = "") -> tuple[Store, str] | None:
    """The store and the name, where `text` is the path or URI of a folder of `kind` (sweeps or runs), which has `file` if one is named."""
    above, name = folder_and_name(text if is_uri(text) else str(Path(text).resolve()))
    root, parent = folder_and_name(above)
    if parent != kind or not name:
        return None
    store = Store(root)
    there = store.has(f"{kind}/{name}/{file}") if file else name in store.names(kind)
    return (store, name) if there else None


def found(sweep: str, results: str, profile: str | None, what: str = "a report") -> tuple[Store, str]:
    """The store and folder of a sweep given by name, or by the path of its folder of results. `what`: it is wanted for.

    Raises:
        Refused: there is no such sweep, with the nearest name.
    """
    path, given = Path(sweep), stored_at(sweep, "sweeps", "manifest.json")
    if given is not None:
        return given
    store = Store(results)
    name = path.stem if path.suffix in (".yaml", ".yml") else sweep
    folder = f"{name}@{profile}" if profile else name
    there = store.names("sweeps")
    if folder not in there:
        refuse_other_folder(sweep, store, what)
        remedy = nearest(folder, there) if there else f"run `lal sweep {sweep}` first"
        raise Refused(f"{what} is of a sweep in {store.where()}, but there is no {folder!r}; {remedy}")
    return store, folder


def refuse_other_folder(sweep: str, store: Store, what: str) -> None:
    """Refuses a run, and the path or URI of what is no sweep's folder: no sweep that could be run is called so."""
    if sweep in store.names("runs") or stored_at(sweep, "runs", "config.json") is not None:
        raise Refused(f"{what} is of a sweep, but {sweep!r} is a run; `lal report` of it alone says what it did, and sweeps that list it have its history")
    path = Path(sweep)
    if is_uri(sweep) or (path.suffix not in (".yaml", ".yml") and (len(path.parts) > 1 or path.is_dir())):
        raise Refused(
            f"{what} is of a sweep, but {sweep!r} is not the folder of one; write the name of a sweep, or the path of its folder, results/sweeps/NAME"
        )


def meant(name: str, results: str, profile: str | None) -> tuple[Store, str, str]:
    """The store, and the folder of a sweep or the id of a run (the other is empty) that `name` stands for.

    A sweep's name comes before the beginning of a run's id.

    Raises:
        Refused: there is no such sweep or run, a sweep and a run are both called so, or several runs begin so.
    """
    there = stored_at(name, "runs", "config.json")
    if there is not None:
        refuse_profile(profile, there[1])
        return there[0], "", there[1]
    store = Store(results)
    sweeps, runs = store.names("sweeps"), store.names("runs")
    if name in runs and name in sweeps and profile is None:
        places = [store.where(f"{folder}/{name}") for folder in ("sweeps", "runs")]
        raise Refused(f"a report is of one sweep or one run, but both are called {name!r}; write {places[0]} or {places[1]}")
    folder = f"{name}@{profile}" if profile else name
    begun = [name] if name in runs else [each for each in runs if name and each.startswith(name)]
    if folder in sweeps or is_uri(name) or Path(name).exists() or not runs or (profile and name not in runs):
        return *found(name, results, profile), ""
    if not begun:
        raise Refused(f"a report is of a sweep or a run in {store.where()}, but there is no {folder!r}; {nearest(folder, [*sweeps, *runs])}")
    refuse_profile(profile, name)
    if len(begun) > 1:
        raise Refused(f"a report is of one run, but {name!r} begins {len(begun)} of them: {', '.join(begun[:5])}; write more of it")
    return store, "", begun[0]


def refuse_profile(profile: str | None, name: str) -> None:
    """Refuses a profile of a run."""
    if profile:
        raise Refused(f"--profile is of sweeps, but {name} is a run; leave it out")
