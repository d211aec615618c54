"""Read all series of a store's one run, and count the points that are missing, twice there, or not what was logged."""

from __future__ import annotations

from typing import Any

import numpy as np
from library import open_client
from program import run


def main(library: str, folder: str, keys: int, steps: int) -> dict[str, Any]:
    client = open_client(library, folder)
    (found,) = client.search_runs(["0"])
    faults = 0
    for number in range(keys):
        points = client.tracking.read_series(found.info.run_id, f"metric_{number}")
        known, counts = np.unique(points.step, return_counts=True)
        expected = np.isin(np.arange(steps + 1), known)
        wrong = points.value != points.step + number
        faults += int((~expected).sum() + (counts - 1).sum() + wrong.sum() + (known > steps).sum())
    return {"faults": faults}


run(main)
