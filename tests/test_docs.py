"""What people read is true: generated pages are fresh, examples parse, numbers are those of the shipped data."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from lal.reference import reference
from launch.sweep import load

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_configuration_reference_is_fresh() -> None:
    assert (ROOT / "docs/configuration.md").read_text(encoding="utf-8") == reference(), "run `make docs`"


def test_the_readme_s_own_sweep_plans(tmp_path: Path) -> None:
    text = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert text
    (tmp_path / "depth.yaml").write_text(text[1], encoding="utf-8")
    assert len(load(str(tmp_path / "depth.yaml")).runs) == 15


def test_links_lead_somewhere() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert link.startswith("http") or (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_readme_s_results_are_those_of_the_shipped_data() -> None:
    cells = pd.read_csv(ROOT / "docs/results/quickstart_cells.csv")
    rows = re.findall(r"^\| (soft|hard) \| ([\d.]+) \| (\d+)/(\d+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", README, re.MULTILINE)
    told = {(arm, float(weight)): (int(k), int(n), *map(float, rest)) for arm, weight, k, n, *rest in rows}
    assert len(told) == len(cells) == 10
    for cell in cells.to_dict("records"):
        k, n, accuracy, gates, depth = told[cell["arm"], cell["penalties.compute.weight"]]
        assert (k, n) == (cell["n_grokked"], cell["n"])
        assert accuracy == round(cell["test_acc@end"], 2)
        assert gates == round(cell["effective_depth@end"], 2)
        assert depth == round(cell["functional_depth@end"], 1)
