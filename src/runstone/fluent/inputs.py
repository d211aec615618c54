"""Datasets that a run reads. Each function starts a run where none is active."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

import msgspec

from runstone import tag_names
from runstone.entities import Dataset, DatasetInput, InputTag
from runstone.errors import InvalidInput
from runstone.fluent.runs import client_and_run_id

__all__ = ["log_input", "log_inputs"]


def log_input(
    dataset: Any = None, context: str | None = None, tags: Mapping[str, str] | None = None, model: Any = None
) -> None:
    """Link a dataset of `runstone.data` to the run. `context` says what it was read for, such as "training".

    Datasets of MLflow are taken, too. `model` is taken for MLflow's sake; the link is not recorded.
    """
    log_inputs([dataset], [context], [dict(tags or {})])


def log_inputs(
    datasets: Sequence[Any] | None = None,
    contexts: Sequence[str | None] | None = None,
    tags_list: Sequence[Mapping[str, str] | None] | None = None,
    models: Any = None,
) -> None:
    """Link datasets to the run, each with its context and tags. See `log_input`."""
    datasets = datasets or ()
    for name, given in (("contexts", contexts), ("tags_list", tags_list)):
        if given is not None and len(given) != len(datasets):
            raise InvalidInput(f"{len(datasets)} datasets and {len(given)} {name}: give one for each dataset")
    client, run_id = client_and_run_id()
    client.log_inputs(
        run_id,
        [
            DatasetInput(_entity(dataset), _tags(context, tags))
            for dataset, context, tags in zip_longest(datasets, contexts or (), tags_list or ())
        ],
    )


def _entity(dataset: Any) -> Dataset:
    if isinstance(dataset, Dataset):
        return dataset
    if hasattr(dataset, "to_entity"):
        found: Dataset = dataset.to_entity()
        return found
    if hasattr(dataset, "to_dict"):  # MLflow's
        return msgspec.convert(dataset.to_dict(), Dataset)
    raise InvalidInput(f"{type(dataset).__name__} is no dataset: make one by runstone.data.from_pandas or its like")


def _tags(context: str | None, tags: Mapping[str, str] | None) -> tuple[InputTag, ...]:
    named = dict(tags or {})
    if context is not None:
        named[tag_names.DATASET_CONTEXT] = context
    return tuple(InputTag(key, value) for key, value in named.items())
