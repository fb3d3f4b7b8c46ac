"""`make bench`: from dump to snapshot, pulling, opening and encoding, each beside a plain baseline in the same run.

Each is a module that can be run alone (`python -m benchmarks.NAME --help`) and writes `benchmarks/NAME.json`. The
others here take longer or need more: answering, cleaning, compression, importance, joint, noise, reading, refreshing,
searching, seeds, twins, vectors. Machines are noisy: compare the ratios, not the seconds.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.record import data_file


def main() -> None:
    """Runs them one after the other; a missing part is named, and the next goes on."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--millions", nargs="*", default=["1", "10"], help="sizes of the generated graphs")
    options = parser.parse_args()
    sources = [str(data_file(f"dbpedia/{name}.nt.gz")) for name in ("graph", "labels")]
    with tempfile.TemporaryDirectory() as place:
        workspace = Path(place) / "workspace"
        given = [word for source in sources for word in ("--source", source)]
        skipped = [word for step in ("text", "embed", "train") for word in ("--skip", step)]
        failed = run("limbeck.cli", "build", "--workspace", str(workspace), *given, *skipped)
        snapshot = workspace / "snapshots" / (workspace / "CURRENT").read_text("utf-8").strip()
        failed += run("benchmarks.publishing", "--millions", *options.millions)
        failed += run("benchmarks.pulling")
        failed += run("benchmarks.opening", str(workspace))
        failed += run("benchmarks.encoding", str(snapshot))
    sys.exit(failed > 0)


def run(module: str, *words: str) -> int:
    """1 if a module fails, which says why; else 0."""
    print(f"\n{module} {' '.join(words)}", flush=True)
    return int(subprocess.run([sys.executable, "-m", module, *words], check=False).returncode != 0)


if __name__ == "__main__":
    main()
