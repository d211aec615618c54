"""Artifacts in a bucket of a real S3 server."""

from __future__ import annotations

import pytest

from runstone.artifacts.object import ObjectArtifactStore
from runstone.testing.artifacts import ArtifactSuite
from tests.buckets import S3


class TestInABucketOfS3(ArtifactSuite):
    @pytest.fixture
    def artifacts(self, s3: S3) -> ObjectArtifactStore:
        return ObjectArtifactStore(f"s3://{s3.make_bucket()}/some/prefix")


class TestInAWholeBucketOfS3(ArtifactSuite):
    @pytest.fixture
    def artifacts(self, s3: S3) -> ObjectArtifactStore:
        return ObjectArtifactStore(f"s3://{s3.make_bucket()}")
