"""python -m benchmarks [NAME... | all | report]"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from benchmarks.catalogue import BY_HAND, CATALOGUE, DEFAULT_REPEATS, file_name, run_benchmark, sides_of, title_of
from benchmarks.figures import FOLDER, Result, write_result
from benchmarks.peers import CACHE, PYTHON_VARIABLE, find_sides
from benchmarks.report import render_files, render_page
from benchmarks.tables import comparison_table, machine_text, scales_text
from benchmarks.trials import BenchmarkFailed, Trials


def main() -> int:
    parser = _parser()
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in (*CATALOGUE, "all", "report")]
    if unknown:
        parser.error(f"no benchmark is named {unknown[0]!r}; there are {', '.join(CATALOGUE)}, and all, report")
    if "report" in options.names:
        return _report(write=options.write)
    is_all = "all" in options.names or not options.names
    names = [name for name in CATALOGUE if name not in BY_HAND] if is_all else options.names
    wanted = {side for name in names for side in sides_of(name)} if options.peers == "all" else {"runstone"}
    trials = Trials(
        sides=find_sides(wanted, options.mlflow_python), size=options.size, repeats=options.repeats, cache=CACHE
    )
    for name in names:
        print(f"{name}: {title_of(name)}", file=sys.stderr)
        try:
            result = run_benchmark(name, trials)
        except BenchmarkFailed as error:
            print(error, file=sys.stderr)
            return 1
        path = options.results / file_name(name, trials)
        write_result(result, path)
        print(msgspec.json.encode(result).decode() if options.json else _text(result, path))
    return 0


def _parser() -> argparse.ArgumentParser:
    rows = {
        **{name: title_of(name) for name in CATALOGUE},
        "all": f"all of them but {' and '.join(sorted(BY_HAND))}, as without a name",
        "report": "print docs/benchmarks.md, made of the results",
    }
    listing = "\n".join(f"  {name:16}{what}" for name, what in rows.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=f"Measure Runstone beside MLflow and others that do the same.\n\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--json", action="store_true", help="print JSON, a line a benchmark, instead of tables")
    parser.add_argument("--repeats", type=int, default=DEFAULT_REPEATS, help="tries a side; slow peers get fewer")
    parser.add_argument("--peers", choices=["all", "none"], default="all", help="whom to compare with")
    parser.add_argument("--size", choices=["full", "tiny"], default="full", help="tiny: only to see that it runs")
    parser.add_argument("--mlflow-python", help=f"an interpreter with MLflow; or set {PYTHON_VARIABLE}")
    parser.add_argument("--results", type=Path, default=FOLDER, help="the folder for the results")
    parser.add_argument(
        "--write", action="store_true", help="report: write the page, its pictures and the sizing table into docs/"
    )
    return parser


def _text(result: Result, path: Path) -> str:
    scales = scales_text(result, separator="\n")
    return f"\n{comparison_table(result)}\n\n{scales}\n{machine_text(result)}\n{path}\n"


def _report(*, write: bool) -> int:
    if write:
        for path, text in render_files().items():
            path.write_text(text, encoding="utf-8")
    else:
        print(render_page(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
