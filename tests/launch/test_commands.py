"""`lal plan` takes the options of `lal sweep`, and then says what that would do; every option says what it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from lal.cli import COMMANDS, lal
from lal.errors import Refused
from lal.store import Failure, Store
from launch import commands
from launch.cluster import Reach
from launch.driving import preflight
from launch.planning.resources import Node
from launch.sweep import load
from tests.launch.cli import TINY, written


def planned(folder: Path, *words: str) -> dict[str, Any]:
    """The plan of the tiny sweep of four runs as a script gets it."""
    asked = ["plan", str(folder / written(folder, TINY)), "--results", str(folder / "results"), "--json", *words]
    return json.loads(CliRunner().invoke(lal, asked, standalone_mode=False, catch_exceptions=False).stdout)


def test_plan_and_sweep_count_alike_what_is_left(tmp_path: Path) -> None:
    first = next(iter(load(str(tmp_path / written(tmp_path, TINY))).configs()))
    Store(tmp_path / "results").run(first).fail(Failure(first, "error", "it broke", 0))
    assert planned(tmp_path)["to_train"] == 4
    assert planned(tmp_path, "--skip-failed")["to_train"] == 3
    assert (planned(tmp_path)["failed"], planned(tmp_path, "--fresh")["failed"]) == (1, 0)


def test_a_plan_for_a_cluster_is_for_its_nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def room_on(reach: Reach, request: dict[str, Any], device: str) -> tuple[list[Node], list[Node]]:
        asked.append((reach.address, device))
        return [Node(name, {"CPU": 3}) for name in "ab"], []

    monkeypatch.setattr(preflight, "room_on", room_on)
    assert planned(tmp_path, "--address", "10.0.0.1:6379", "--device", "cpu", "resources.cpu=3")["slots"] == 2
    assert asked == [("10.0.0.1:6379", "cpu")]


def test_a_plan_refuses_what_a_sweep_would(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="--device cuda needs a GPU"):
        planned(tmp_path, "--device", "cuda", "--gpus", "0")
    with pytest.raises(Refused, match="--cpus sets up a Ray of our own"):
        planned(tmp_path, "--address", "auto", "--cpus", "2")


def test_what_a_plan_takes_a_sweep_takes_too() -> None:
    of_plan, of_sweep = ({each.name for each in command.params} for command in (commands.plan, commands.sweep))
    assert of_plan - of_sweep == {"probe"}
    assert of_sweep - of_plan == {"dashboard", "pending_timeout", "reported", "quiet"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_is(name: str) -> None:
    context = click.Context(lal)
    command = lal.get_command(context, name)
    assert command is not None and all(each.help for each in command.params if isinstance(each, click.Option))
