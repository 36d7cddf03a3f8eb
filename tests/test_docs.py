"""What people read is true: generated pages are fresh, examples parse, numbers are those of the shipped data."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from analysis.figures import MEMBERS
from launch.reference import pages
from launch.sweep import load

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_generated_pages_are_fresh() -> None:
    for name, text in pages().items():
        assert (ROOT / "docs" / name).read_text(encoding="utf-8") == text, "run `make docs`"


def test_the_readme_s_own_sweep_plans(tmp_path: Path) -> None:
    text = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert text
    (tmp_path / "depth.yaml").write_text(text[1], encoding="utf-8")
    assert len(load(str(tmp_path / "depth.yaml")).runs) == 15


def test_the_plan_names_every_sweep_with_the_status_that_it_is_listed_with() -> None:
    plan, listed = ((ROOT / name).read_text(encoding="utf-8") for name in ("docs/plan.md", "sweeps/README.md"))
    status = dict(re.findall(r"^\| \[`(\w+)`\].* \| ([^|]*) \|$", listed, re.MULTILINE))
    told = dict(re.findall(r"^\|[^|]*\|[^|]*\| `(\w+)`[^|]*\| ([^|;]*)[^|]* \|$", plan, re.MULTILINE))
    assert {*re.findall(r"`(\w+)`", plan)} >= {*status} - {"smoke"} and {*told} <= {*status}
    assert {name: text for name, text in told.items() if status[name].split(":")[0] != text} == {}


def test_links_lead_somewhere() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "sweeps/README.md", ROOT / "notebooks/README.md", *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert link.startswith("http") or (page.parent / link).exists(), f"{page.name}: {link}"


def test_figures_that_are_told_of_exist() -> None:
    """In the table, the second column is of sweeps and the third of runs; commands name figures, sweeps and options that there are."""
    text = (ROOT / "docs/figures.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\|([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|$", text, re.MULTILINE)[2:]
    of_sweeps, of_runs = ({name for row in rows for name in re.findall(r"`(\w+)`", row[column])} for column in (1, 2))
    assert len(rows) > 20 and of_sweeps <= {*MEMBERS} and {"gates", "heads", "mechanisms"} <= of_sweeps
    parts = {path.stem for path in (ROOT / "analysis/run_figures").glob("*.py")}
    assert {name.replace("routing_layer_1", "routing") for name in of_runs} <= parts
    for figure, sweep in re.findall(r"lal plot ([a-z]+) (\w+)", text + README):
        assert figure in MEMBERS and load(sweep).runs


def test_the_readme_s_results_are_those_of_the_shipped_data() -> None:
    cells = pd.read_csv(ROOT / "docs/results/quickstart_cells.csv").to_dict("records")
    told = re.findall(r"^\| (soft|hard) \| .*\|$", README, re.MULTILINE)
    assert len(told) == len(cells) == 10
    for cell in cells:
        median = f"{cell['median']:,.0f}" if cell["median"] < float("inf") else "not reached"
        ends = f"{round(cell['test_acc@end'], 2)} | {round(cell['effective_depth@end'], 2)} | {round(cell['functional_depth@end'], 1)}"
        row = f"| {cell['arm']} | {cell['penalties.compute.weight']:g} | {cell['n_grokked']}/{cell['n']} | {median} | {ends} |"
        assert row in README
