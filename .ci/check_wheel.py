"""Does the wheel hold the package, the web UI, the licence and `py.typed`, all of it and nothing else?

check_wheel.py WHEEL
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "src"


def package_files() -> set[str]:
    """What must be in the wheel, by its path there: code, migrations, bundled data, `py.typed`."""
    files = (path for path in (SOURCE / "runstone").rglob("*") if path.is_file())
    return {str(path.relative_to(SOURCE)) for path in files if "__pycache__" not in path.parts}


def main(wheel: str) -> int:
    names = set(zipfile.ZipFile(wheel).namelist())
    metadata = {name for name in names if name.split("/")[0].endswith(".dist-info")}
    expected = package_files()
    missing = expected - names
    if "runstone/py.typed" not in names:
        missing.add("runstone/py.typed")
    if not any("/stores/sql/migrations/versions/" in name for name in names):
        missing.add("the migrations")
    if "runstone/server/static/index.html" not in names:
        missing.add("the web UI")
    if not any(name.endswith("/LICENSE") for name in metadata):
        missing.add("LICENSE")
    foreign = names - metadata - expected
    for name in sorted(missing):
        print(f"missing: {name}")
    for name in sorted(foreign):
        print(f"not in src/: {name}")
    print(f"{Path(wheel).name}: {len(names)} files, {Path(wheel).stat().st_size / 1024:.0f} KiB")
    return 1 if missing or foreign else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
