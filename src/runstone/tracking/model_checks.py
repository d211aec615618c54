"""What every tracker asks of the values that it is given about models: users' values in, checked plain values out.

Knows no store. The words of the messages are those that MLflow's clients and their tests look for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from runstone import tag_names
from runstone.entities import LoggedModelStatus
from runstone.errors import InvalidInput
from runstone.filters import parse_logged_model_order
from runstone.filters.ast import And, Comparison, Field, Filter, Kind, OrderTerm, Presence, any_of
from runstone.stores.models import DatasetChoice, ModelOrder
from runstone.validation import check_key, check_text

__all__ = [
    "check_alias",
    "check_logged_model_name",
    "check_model_id",
    "check_model_name",
    "check_status",
    "check_text_of",
    "check_version",
    "dataset_choices",
    "model_orders",
    "model_tags",
    "with_untagged",
]

MAX_MODEL_NAME_LENGTH = 256
MAX_ALIAS_LENGTH = 255
MAX_MODEL_TEXT_LENGTH = 100_000

_MODEL_ID = re.compile(r"[A-Za-z0-9][\w\-]{0,63}\Z", re.ASCII)
_ALIAS = re.compile(r"[\w\-]+\Z", re.ASCII)
_VERSION_ALIAS = re.compile(r"v[0-9]+\Z", re.IGNORECASE)
_FORBIDDEN = ("/", ":", ".", "%", '"', "'")


def check_model_name(name: object) -> str:
    """The name, if it can be a registered model's: up to 256 characters, no `/` and no `:`. Raises InvalidInput."""
    if not isinstance(name, str) or not name.strip():
        raise InvalidInput("Registered model name cannot be empty; give a text such as 'classifier'")
    if "/" in name or ":" in name:
        raise InvalidInput(f"Invalid model name {name!r}. Names cannot contain '/' or ':'.")
    return check_text("the model's name", name, MAX_MODEL_NAME_LENGTH, "choose a shorter one")


def check_logged_model_name(name: object) -> str:
    """The name, if it can be a logged model's. Raises InvalidInput."""
    if not isinstance(name, str) or not name.strip() or any(sign in name for sign in _FORBIDDEN):
        raise InvalidInput(
            f"Invalid model name ({name!r}) provided. Model name must be a non-empty string and cannot contain the "
            f"following characters: {_FORBIDDEN}"
        )
    return check_text("the model's name", name, MAX_MODEL_TEXT_LENGTH, "choose a shorter one")


def check_model_id(model_id: object) -> str:
    """The id, if it can be a logged model's. Raises InvalidInput."""
    if not isinstance(model_id, str) or not _MODEL_ID.match(model_id):
        raise InvalidInput(f"Invalid model id {model_id!r}: expected letters, digits, '_' and '-', such as 'm-0f...'")
    return model_id


def check_version(version: object) -> int:
    """The number of a version. Raises InvalidInput."""
    text = str(version) if type(version) is int else version
    if not isinstance(text, str) or not text.isascii() or not text.isdigit() or len(text) > 18:
        raise InvalidInput(f"Parameter 'version' must be an integer, got {version!r}.")
    return int(text)


def check_alias(alias: object) -> str:
    """The alias, if it cannot be mistaken for a version. Raises InvalidInput."""
    if not isinstance(alias, str) or not alias:
        raise InvalidInput("Registered model alias name cannot be empty.")
    if len(alias) > MAX_ALIAS_LENGTH:
        raise InvalidInput(f"'Registered model alias name' exceeds the maximum length of {MAX_ALIAS_LENGTH} characters")
    if not _ALIAS.match(alias):
        raise InvalidInput(
            f"Invalid alias name: '{alias}'. Names may only contain alphanumerics, underscores (_), and dashes (-)."
        )
    if alias.lower() == "latest":
        raise InvalidInput("'latest' alias name (case insensitive) is reserved.")
    if _VERSION_ALIAS.match(alias):
        raise InvalidInput(f"Version alias name '{alias}' is reserved.")
    return alias


def check_status(status: LoggedModelStatus | str) -> LoggedModelStatus:
    """The status by its name. Raises InvalidInput."""
    try:
        return LoggedModelStatus(status)
    except ValueError:
        known = ", ".join(LoggedModelStatus)
        raise InvalidInput(f"Unknown status {status!r} of a logged model; it is one of {known}") from None


def check_text_of(what: str, text: str | None) -> str:
    """The text, empty for None. Raises InvalidInput for one that is very long, or that no store can hold."""
    return check_text(what, text or "", MAX_MODEL_TEXT_LENGTH, "keep the rest in a file")


def model_tags(tags: Mapping[str, Any] | None) -> dict[str, str]:
    """The tags of a model as texts, which may be longer than those of runs. Raises InvalidInput."""
    if tags is not None and not isinstance(tags, Mapping):
        raise InvalidInput(f"The tags must be a dictionary such as {{'name': 'value'}}, not {tags!r}")
    return {
        check_key(key, kind="tag"): check_text(f"tag '{key}'", value, MAX_MODEL_TEXT_LENGTH, "keep it in a file")
        for key, value in (tags or {}).items()
    }


def with_untagged(node: Filter | None) -> Filter | None:
    """The filter, with what has no tag `mlflow.prompt.is_prompt` counted as no prompt.

    MLflow's clients ask for `tags.mlflow.prompt.is_prompt != 'true'` whenever they search for registered models, and
    models have no such tag: the one comparison that a missing tag fulfils.
    """
    if isinstance(node, And):
        return And(tuple(map(_with_untagged, node.terms)))
    return None if node is None else _with_untagged(node)


def _with_untagged(node: Filter) -> Filter:
    if isinstance(node, Comparison) and node.operator == "!=" and node.field == Field(Kind.TAG, tag_names.IS_PROMPT):
        return any_of((node, Presence(node.field, False)))
    return node


def dataset_choices(datasets: Sequence[Mapping[str, str | None]] | None) -> tuple[DatasetChoice, ...]:
    """The datasets that a search names. Raises InvalidInput for one without a name."""
    if any(not dataset.get("dataset_name") for dataset in datasets or ()):
        raise InvalidInput("`dataset_name` in the `datasets` clause must be specified.")
    return tuple(map(_dataset_choice, datasets or ()))


def _dataset_choice(parts: Mapping[str, Any]) -> DatasetChoice:
    return DatasetChoice(parts.get("dataset_name") or None, parts.get("dataset_digest") or None)


def model_orders(order_by: Sequence[Mapping[str, Any]] | None) -> tuple[ModelOrder, ...]:
    """The order that a search of logged models asks for. Raises InvalidInput."""
    return tuple(ModelOrder(_order_term(order), _dataset_choice(order)) for order in order_by or ())


_PREFIXES = {"metrics": Kind.METRIC, "params": Kind.PARAM, "tags": Kind.TAG}


def _order_term(order: Mapping[str, Any]) -> OrderTerm:
    name = order.get("field_name") if isinstance(order, Mapping) else None
    if not isinstance(name, str) or not name:
        raise InvalidInput(
            f"Invalid order by field name: {name or ''}; give a mapping such as {{'field_name': 'name'}}"
        )
    descending = order.get("ascending") is False
    prefix, dot, key = name.partition(".")
    if dot and prefix in _PREFIXES:
        # Not parsed: the name stands here alone, so it needs no quotes whatever it contains.
        return OrderTerm(Field(_PREFIXES[prefix], key.strip('`"')), descending)
    (term,) = parse_logged_model_order([name])
    return OrderTerm(term.field, descending)
