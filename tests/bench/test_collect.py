"""What it takes to collect 10,000 runs of 300 rows and 60 columns, to do so again, with 100 more, and to report on them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lal.store import Store
from tests.bench.made_up import finish, many

ONE = """
import resource, sys, time
from analysis import collect, report
from lal.store import Store, codec
what, root = sys.argv[1:]
decoded, decode = [0.0], codec.table
def table(data, **how):
    before = time.process_time()
    found = decode(data, **how)
    decoded[0] += time.process_time() - before
    return found
codec.table = table
began, spent = time.perf_counter(), time.process_time()
if what == "collect":
    n = len(collect.collect(Store(root), "many").done)
else:
    n = len(open(report.write(Store(root), "many", png=False).where, "rb").read())
wall, cpu = time.perf_counter() - began, time.process_time() - spent
here, others = (resource.getrusage(each) for each in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(n, wall, cpu, decoded[0], here.ru_maxrss / 1024, others.ru_utime + others.ru_stime, others.ru_maxrss / 1024)
"""


def one(what: str, root: Path) -> tuple[int, str]:
    """In a process of its own: how many runs, or bytes of the page; and how long, and how much memory it took."""
    told = subprocess.run([sys.executable, "-c", ONE, what, str(root)], check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2]).stdout
    n, wall, cpu, decoding, peak, cpu_of_others, peak_of_others = map(float, told.split())
    here = f"{wall:.1f} s, of which {cpu:.1f} s of processor ({decoding:.1f} s of these decoding runs' own files), at most {peak:.0f} MiB"
    return int(n), f"{here}; {cpu_of_others:.1f} s in other processes, the largest of {peak_of_others:.0f} MiB"


@pytest.mark.bench
def test_collecting_many_runs(tmp_path):
    name, data = many(tmp_path, 50)
    store = Store(tmp_path)
    n_first, first = one("collect", tmp_path)
    n_again, again = one("collect", tmp_path)
    manifest = store.manifest(name)
    more = [{**entry, "run_id": f"{entry['run_id']}-more", "seed": 10} for entry in manifest["runs"][:1000:10]]
    for entry in more:
        finish(tmp_path, entry, data[0])
    store.put_json(f"sweeps/{name}/manifest.json", manifest | {"runs": [*manifest["runs"], *more]})
    n_more, added = one("collect", tmp_path)
    print(f"\nfirst: {first}\nagain: {again}\n100 more: {added}")
    n_bytes, page = one("report", tmp_path)
    print(f"report: {page}, {n_bytes / 1e6:.1f} MB")
    assert (n_first, n_again, n_more) == (10_000, 10_000, 10_100)
