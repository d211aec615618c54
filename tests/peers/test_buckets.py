"""MLflow's own client against a server over a bucket: in parts, by address, and through the server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.buckets import S3, s3_server
from tests.server.serving import RunningServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PROGRAM = """
import hashlib, json, os, sys
import mlflow
mlflow.set_tracking_uri(sys.argv[1])
content = os.urandom(12 << 20)
open("weights.bin", "wb").write(content)
with mlflow.start_run() as run:
    mlflow.log_artifact("weights.bin", "model")
    mlflow.log_text("hello", "notes/a b.txt")
    names = [info.path for info in mlflow.artifacts.list_artifacts(run_id=run.info.run_id, artifact_path="model")]
place = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="model/weights.bin", dst_path="out")
same = open(place, "rb").read() == content
text = mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/notes/a b.txt")
print(json.dumps({"run_id": run.info.run_id, "same": same, "names": names, "text": text}))
"""
DIRECT = {
    "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true",
    "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": str(6 << 20),
    "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": str(6 << 20),
    "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "true",
    "MLFLOW_MULTIPART_DOWNLOAD_MINIMUM_FILE_SIZE": str(6 << 20),
    "MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE": str(6 << 20),
}


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with s3_server() as server:
        yield server


@pytest.mark.parametrize("settings", [DIRECT, {}], ids=["direct", "through the server"])
def test_mlflow_stores_and_reads_large_files(
    s3: S3, mlflow_python: Path, tmp_path: Path, settings: dict[str, str]
) -> None:
    bucket = s3.make_bucket()
    options = ("--artifacts-destination", f"s3://{bucket}/all")
    server = RunningServer(tmp_path / "store", *options, settings=s3.environment())
    try:
        saw = run_client(mlflow_python, server.url, tmp_path, settings)
        counts = server.ask("GET", "/metrics").body.decode()
    finally:
        server.close()
    assert (saw["same"], saw["names"], saw["text"]) == (True, ["model/weights.bin"], "hello")
    key = f"all/0/{saw['run_id']}/artifacts/model/weights.bin"
    assert s3.client().head_object(Bucket=bucket, Key=key)["ETag"].endswith('-2"')
    is_direct = settings is DIRECT
    assert ('route="complete_upload",status="200"' in counts) == is_direct
    assert ('route="presign_download",status="200"' in counts) == is_direct
    assert s3.unfinished(bucket) == []


def run_client(python: Path, url: str, folder: Path, settings: dict[str, str]) -> dict[str, Any]:
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "PYTHONWARNINGS": "ignore",
        "GIT_PYTHON_REFRESH": "quiet",
    }
    done = subprocess.run(
        [str(python), "-c", PROGRAM, url],
        check=False,
        cwd=folder,
        env=environment | settings,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))
