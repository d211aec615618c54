"""Some cases of every target; `python -m tests.fuzz` goes on for minutes. What was found stands in `FOUND`."""

from __future__ import annotations

import random
import struct

import pytest

from runstone.series.codec import encode_chunk
from runstone.series.points import Points
from runstone.series.seal import SEAL_SIZE, seal
from runstone.wire.schemas.runs import LogBatch
from tests.fuzz.targets import TARGETS

CASES = {"journal": 200}

_CHUNK = encode_chunk(Points.empty())
FOUND = {
    "room for as many points as a chunk's head claims": (
        "chunks",
        seal(1, struct.pack("<I", 1 << 31), _CHUNK[SEAL_SIZE + 4 :]),
    ),
    "an absolute path behind a dot": ("paths", "./\\\\"),
    "a drive behind a dot": ("paths", "./C:/x"),
    "a description that is no UTF-8": ("journal", ("about.json", b'{"run_id":"\xb4"}')),
    "a name in a body that is half a pair": ("bodies", (LogBatch, b'{"run_id": "r", "ti\xed\xb2\xaf": 1}')),
    "a layout without keys": ("journal", ("layouts", bytes(9))),
}


@pytest.mark.parametrize("name", TARGETS)
def test_no_input_does_more_than_to_be_refused(name: str) -> None:
    for number in range(CASES.get(name, 2_000)):
        attempt(name, TARGETS[name].make(random.Random(f"{name} ci {number}")))


@pytest.mark.parametrize("what", FOUND)
def test_what_was_found_is_mended(what: str) -> None:
    attempt(*FOUND[what])


def attempt(name: str, case: object) -> None:
    target = TARGETS[name]
    try:
        target.run(case)
    except target.expected:
        pass
    except Exception as error:
        raise AssertionError(f"{name}: {case!r:.1000}") from error
