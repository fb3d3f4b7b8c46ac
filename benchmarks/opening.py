"""`python -m benchmarks.opening WORKSPACE`: opening a snapshot in a fresh process, and asking its columns.

Each figure is the median of several processes. Beside it: loading the same columns whole with NumPy, and the same
question asked of the SPARQL store.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.record import write_record

SCRIPT = """
import json, sys, time
start = time.perf_counter()
import limbeck
imported = time.perf_counter()
kb = limbeck.open(sys.argv[1])
graph = kb.graph
opened = time.perf_counter()
import numpy as np
hub = int(np.argmax(np.diff(graph.out_ptr) + np.diff(graph.in_ptr)))
some = graph.entities[:: max(1, len(graph.entities) // 1000)][:1000]
found = time.perf_counter()
degrees = [graph.degree(int(entity)) for entity in some]
degree_s = time.perf_counter()
around = [np.unique(np.r_[graph.o[graph.out_rows(int(e))], graph.s[graph.in_rows(int(e))]]) for e in some]
neighbours_s = time.perf_counter()
for entity, first in zip(some[:100], around):
    for middle in first[:1000]:
        graph.o[graph.out_rows(int(middle))]
hops_s = time.perf_counter()
names = ("s", "p", "o", "in_order", "out_ptr", "in_ptr")
whole = [np.load(kb.snapshot.folder / "graph" / f"{name}.npy") for name in names]
loaded = time.perf_counter()
iri = graph.iri_of(int(some[0]))
next(iter(kb.sparql(f"SELECT (COUNT(*) AS ?n) {{ {{ <{iri}> ?p ?o }} UNION {{ ?s ?q <{iri}> }} }}")))
asked = time.perf_counter()
print(json.dumps({
    "triples": len(graph), "import_ms": (imported - start) * 1e3, "open_ms": (opened - imported) * 1e3,
    "degree_us": (degree_s - found) * 1e6 / len(some), "neighbours_us": (neighbours_s - degree_s) * 1e6 / len(some),
    "two_hops_us": (hops_s - neighbours_s) * 1e6 / min(len(some), 100), "load_whole_ms": (loaded - hops_s) * 1e3,
    "one_degree_by_sparql_us": (asked - loaded) * 1e6,
}))
"""


def main() -> None:
    """Runs the processes and prints the medians."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.opening", description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--processes", type=int, default=5)
    options = parser.parse_args()
    runs = [once(options.workspace) for _ in range(options.processes)]
    row = {name: round(statistics.median(run[name] for run in runs), 2) for name in runs[0]}
    for name, value in row.items():
        print(f"{name:28}{value:14,.2f}")
    write_record("opening", row, options={"processes": options.processes})


def once(workspace: Path) -> dict[str, Any]:
    """The figures of one fresh process."""
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(workspace)], capture_output=True, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


if __name__ == "__main__":
    main()
