"""A large file into a bucket and back, in a process of its own. Prints its peak memory in MB: before, after each way.

python large_file.py s3://BUCKET/PREFIX FOLDER SIZE_IN_MB
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from runstone.artifacts.transfer import download, put_folder
from runstone.artifacts.uris import open_artifact_store


def peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def main(uri: str, folder: Path, size_mb: int) -> None:
    source = folder / "in"
    source.mkdir()
    with (source / "weights.bin").open("wb") as file:
        for number in range(size_mb):
            file.write(number.to_bytes(8, "big") * (1 << 17))
    store = open_artifact_store(uri)
    assert store.list() == []
    peaks = [peak_mb()]
    put_folder(store, source)
    peaks.append(peak_mb())
    place = download(store, "weights.bin", folder / "out")
    peaks.append(peak_mb())
    with place.open("rb") as copy, (source / "weights.bin").open("rb") as file:
        while piece := file.read(1 << 20):
            assert copy.read(1 << 20) == piece
        assert copy.read(1) == b""
    print(*peaks)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
