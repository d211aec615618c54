"""Fill a store with made-up runs, as `runstone bench generate` does."""

from __future__ import annotations

from typing import Any

from library import open_client
from program import run


def main(library: str, folder: str, experiments: int, runs: int, keys: int, points: int) -> dict[str, Any]:
    from runstone.synthetic.spec import Spec
    from runstone.synthetic.writing import write_all

    client = open_client(library, folder)
    spec = Spec(experiments=experiments, runs=runs, keys=keys, points=points)
    written = write_all(client.tracking.inner, spec)
    client.tracking.close()
    return {"points": written.points}


run(main)
