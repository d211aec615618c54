"""A training process, as tests watch it: training.py URI EXPERIMENT RUNS STEPS [SECONDS BETWEEN STEPS]"""

from __future__ import annotations

import math
import struct
import sys
import time
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

import runstone as mlflow


def main(uri: str, experiment: str, runs: int, steps: int, pause_s: float) -> None:
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment(experiment)
    for index in range(runs):
        rate = 10 ** (-4 + 3 * ((index * 7) % runs) / max(1, runs - 1))
        optimizer = ("adamw", "sgd", "lion")[index % 3]
        with mlflow.start_run(run_name=f"{optimizer}-{index}"):
            mlflow.log_params(
                {"lr": f"{rate:.3g}", "optimizer": optimizer, "batch_size": 32 << index % 3, "model.depth": 12}
            )
            mlflow.set_tag("team", "vision" if index % 2 else "speech")
            train(rate, optimizer, steps, pause_s)
            if index < 3:
                log_files(index, rate)


def train(rate: float, optimizer: str, steps: int, pause_s: float) -> None:
    floor = 0.05 + 0.3 * abs(math.log10(rate) + 2.5) + 0.05 * (optimizer == "sgd")
    for step in range(steps):
        fall = math.exp(-8 * step / steps)
        wave = 0.02 * math.sin(step * 1.7) + 0.015 * math.sin(step * 0.31 + rate * 1000)
        mlflow.log_metrics(
            {
                "val/loss": floor + 2 * fall + wave,
                "train/loss": 0.8 * floor + 2.1 * fall - wave,
                "val/accuracy": min(0.99, 1 - 0.4 * floor - 0.6 * fall + wave / 4),
                "system/cpu_percent": 50 + 30 * math.sin(step / 20),
            },
            step=step,
        )
        if pause_s:
            time.sleep(pause_s)


def log_files(index: int, rate: float) -> None:
    mlflow.log_text("# Report\n\nAll **well**.\n\n<script>document.title = 'taken over'</script>\n", "report.md")
    mlflow.log_text("class,precision\ncat,0.91\ndog,0.86\n", "report.csv")
    mlflow.log_text("<h1>A page</h1><p>of the run</p>", "page.html")
    mlflow.log_dict({"lr": rate, "layers": [1, 2, 3]}, "config.json")
    with TemporaryDirectory() as folder:
        for step in (1, 5, 9):
            path = Path(folder) / f"sample_step_{step}.png"
            path.write_bytes(picture(index, step))
            mlflow.log_artifact(str(path), "samples")


def picture(index: int, step: int) -> bytes:
    """A small PNG of a spot that moves with the step (RFC 2083)."""
    size, rows = 64, []
    for y in range(size):
        row = bytearray(b"\0")
        for x in range(size):
            near = math.exp(-((x - 6 * step) ** 2 + (y - 20 - 10 * index) ** 2) / 150)
            row += bytes((int(40 + 200 * near), int(60 + 120 * near), 120))
        rows.append(bytes(row))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"".join(rows)))
        + chunk(b"IEND", b"")
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]) if len(sys.argv) > 5 else 0)
