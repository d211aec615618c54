"""Datasets that a run read."""

from __future__ import annotations

import msgspec

__all__ = ["Dataset", "DatasetInput", "InputTag"]


class InputTag(msgspec.Struct, frozen=True):
    """A tag of the link between a run and a dataset; `mlflow.data.context` says what it was read for."""

    key: str
    value: str


class Dataset(msgspec.Struct, frozen=True):
    """A dataset, known by `name` and `digest` within an experiment; the rest are texts, mostly JSON."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None


class DatasetInput(msgspec.Struct, frozen=True):
    """A dataset as a run used it."""

    dataset: Dataset
    tags: tuple[InputTag, ...] = ()
