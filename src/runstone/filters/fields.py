"""What filters of runs, experiments and models can speak of: prefixes, attributes, types of fields, operators.

Data only; the grammar is in `parser`. The names are those that MLflow documents
(https://mlflow.org/docs/latest/search-runs.html), with its aliases.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import msgspec

from runstone.filters.ast import Aggregate, Field, Kind, Operator

__all__ = [
    "AGGREGATES",
    "EXPERIMENTS",
    "KEYWORDS",
    "LOGGED_MODELS",
    "MODEL_VERSIONS",
    "OPERATORS",
    "REGISTERED_MODELS",
    "RUNS",
    "FieldType",
    "Language",
]

FieldType = Literal["text", "number", "time", "param"]
"""What a field is compared with: a time with ms or an ISO 8601 text, a param with a text or a number."""

KEYWORDS = frozenset(("AND", "OR", "NOT", "IN", "IS", "NULL", "LIKE", "ILIKE", "RLIKE", "ASC", "DESC"))
"""Words that are no attribute's name unless they are quoted."""

AGGREGATES: Mapping[str, Aggregate] = {name: name for name in get_args(Aggregate)}

_TEXT_OPERATORS: tuple[Operator, ...] = ("=", "!=", "LIKE", "ILIKE", "RLIKE", "IN", "NOT IN")
_NUMBER_OPERATORS: tuple[Operator, ...] = ("=", "!=", "<", "<=", ">", ">=", "IN", "NOT IN")
OPERATORS: Mapping[FieldType, tuple[Operator, ...]] = {
    "text": _TEXT_OPERATORS,
    "number": _NUMBER_OPERATORS,
    "time": _NUMBER_OPERATORS,
    "param": (*_NUMBER_OPERATORS, "LIKE", "ILIKE", "RLIKE"),
}


class Language(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of one kind of thing. `attributes` is by canonical name, `aliases` leads to those names.

    `subject` and `example` (two fields) are for messages. `has_history` says whether its metrics are whole series.
    """

    subject: str
    example: str
    prefixes: Mapping[str, Kind]
    attributes: Mapping[str, FieldType]
    aliases: Mapping[str, str] = {}
    dataset_keys: tuple[str, ...] = ()
    has_history: bool = False

    def type_of(self, field: Field) -> FieldType:
        """What the field is compared with."""
        if field.kind is Kind.ATTRIBUTE:
            return self.attributes[field.key]
        if field.kind is Kind.METRIC:
            return "number"
        return "param" if field.kind is Kind.PARAM else "text"


RUNS = Language(
    subject="run",
    example="metrics.loss or params.lr",
    prefixes={
        "metrics": Kind.METRIC,
        "metric": Kind.METRIC,
        "params": Kind.PARAM,
        "param": Kind.PARAM,
        "parameters": Kind.PARAM,
        "parameter": Kind.PARAM,
        "tags": Kind.TAG,
        "tag": Kind.TAG,
        "attributes": Kind.ATTRIBUTE,
        "attribute": Kind.ATTRIBUTE,
        "attr": Kind.ATTRIBUTE,
        "run": Kind.ATTRIBUTE,
        "datasets": Kind.DATASET,
        "dataset": Kind.DATASET,
    },
    attributes={
        "run_id": "text",
        "run_name": "text",
        "experiment_id": "text",
        "status": "text",
        "user_id": "text",
        "artifact_uri": "text",
        "start_time": "time",
        "end_time": "time",
    },
    aliases={
        "name": "run_name",
        "run name": "run_name",
        "Run name": "run_name",
        "Run Name": "run_name",
        "created": "start_time",
        "Created": "start_time",
    },
    dataset_keys=("name", "digest", "context"),
    has_history=True,
)

_TAGS_AND_ATTRIBUTES = {
    "tags": Kind.TAG,
    "tag": Kind.TAG,
    "attributes": Kind.ATTRIBUTE,
    "attribute": Kind.ATTRIBUTE,
    "attr": Kind.ATTRIBUTE,
}

EXPERIMENTS = Language(
    subject="experiment",
    example="name or tags.team",
    prefixes=_TAGS_AND_ATTRIBUTES,
    attributes={
        "experiment_id": "text",
        "name": "text",
        "creation_time": "time",
        "last_update_time": "time",
    },
)

_TIMES: Mapping[str, FieldType] = {"creation_timestamp": "time", "last_updated_timestamp": "time"}
_TIME_ALIASES = {
    "creation_time": "creation_timestamp",
    "last_updated_time": "last_updated_timestamp",
    "last_update_time": "last_updated_timestamp",
}

REGISTERED_MODELS = Language(
    subject="registered model",
    example="name or tags.team",
    prefixes=_TAGS_AND_ATTRIBUTES,
    attributes={"name": "text", "description": "text", **_TIMES},
    aliases={**_TIME_ALIASES, "timestamp": "last_updated_timestamp"},
)

MODEL_VERSIONS = Language(
    subject="model version",
    example="name or run_id",
    prefixes=_TAGS_AND_ATTRIBUTES,
    attributes={
        "name": "text",
        "version_number": "number",
        "current_stage": "text",
        "run_id": "text",
        "model_id": "text",
        "source_path": "text",
        "description": "text",
        "user_id": "text",
        **_TIMES,
    },
    aliases={**_TIME_ALIASES, "version": "version_number", "stage": "current_stage", "source": "source_path"},
)

LOGGED_MODELS = Language(
    subject="logged model",
    example="metrics.accuracy or params.lr",
    prefixes={
        **_TAGS_AND_ATTRIBUTES,
        "metrics": Kind.METRIC,
        "metric": Kind.METRIC,
        "params": Kind.PARAM,
        "param": Kind.PARAM,
    },
    attributes={
        "model_id": "text",
        "name": "text",
        "model_type": "text",
        "status": "text",
        "source_run_id": "text",
        "experiment_id": "text",
        "artifact_location": "text",
        **_TIMES,
    },
    aliases=_TIME_ALIASES,
)
