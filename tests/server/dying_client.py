"""A client that appends points for as long as it lives: `dying_client.py PORT RUN_ID NOTES`.

Writes the last acknowledged sequence into the file NOTES; a later process goes on from there. It may send again
what its predecessor was killed over, as the journal of a killed run does.
"""

from __future__ import annotations

import http.client
import sys
from pathlib import Path

import msgspec

from runstone.entities import Metric
from runstone.series.frame import encode_frame
from runstone.series.points import MetricBatch

EACH = 50


def main(port: int, run_id: str, notes: Path) -> None:
    last = int((notes.read_text() if notes.exists() else "0").split()[-1])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while True:
        steps = range(last + 1, last + EACH + 1)
        batch = MetricBatch.of_metrics([Metric("m", float(step), 1_000 + step, step) for step in steps])
        write = {"run_id": run_id, "frame": encode_frame(batch), "writer": "w", "first": steps[0], "last": steps[-1]}
        connection.request("POST", "/api/runstone/v1/append", msgspec.msgpack.encode({"writes": [write]}))
        response = connection.getresponse()
        answer = response.read()
        if response.status != 200 or msgspec.msgpack.decode(answer)["errors"] != [None]:
            sys.exit(f"HTTP status {response.status}: {answer!r}")
        last = steps[-1]
        # By another name first: a killed process leaves the old note or the new one, never half of it.
        fresh = notes.with_suffix(".new")
        fresh.write_text(str(last))
        fresh.replace(notes)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
