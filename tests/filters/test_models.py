"""What filters and orders of models can speak of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from runstone.errors import FilterError
from runstone.filters import (
    Field,
    Filter,
    Kind,
    OrderTerm,
    parse_logged_model_filter,
    parse_logged_model_order,
    parse_model_version_filter,
    parse_model_version_order,
    parse_registered_model_filter,
    parse_registered_model_order,
)
from runstone.filters.match import Subject, matches, order_key

Parse = Callable[[str | None], Filter | None]
ParseOrder = Callable[[Sequence[str] | None], tuple[OrderTerm, ...]]


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_registered_model_filter, "name ILIKE 'a%' AND tags.`mlflow.x` != 'true' AND creation_time > 1"),
        (parse_model_version_filter, "run_id IN ('a', 'b') AND version_number >= 2 AND source_path LIKE 's3%'"),
        (parse_model_version_filter, "current_stage = 'Production' OR model_id = 'm-1'"),
        (parse_logged_model_filter, "metrics.acc > 0.5 AND params.lr > 0.001 AND tags.t = 'x' AND status = 'READY'"),
        (parse_logged_model_filter, "source_run_id = 'r' AND last_updated_timestamp > '2026-01-31'"),
    ],
)
def test_what_models_have_can_be_filtered_by(parse: Parse, text: str) -> None:
    assert parse(text) is not None
    assert parse(None) is None
    assert parse(" ") is None


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_registered_model_filter, "metrics.acc > 1"),
        (parse_registered_model_filter, "run_id = 'x'"),
        (parse_registered_model_filter, "name > 'a'"),
        (parse_model_version_filter, "params.lr = '1'"),
        (parse_model_version_filter, "version_number LIKE '1'"),
        (parse_logged_model_filter, "min(metrics.acc) > 1"),
        (parse_logged_model_filter, "datasets.name = 'x'"),
        (parse_logged_model_filter, "start_time > 1"),
    ],
)
def test_what_models_lack_is_refused(parse: Parse, text: str) -> None:
    with pytest.raises(FilterError):
        parse(text)


@pytest.mark.parametrize(
    ("parse", "text", "key"),
    [
        (parse_registered_model_order, "timestamp", "last_updated_timestamp"),
        (parse_model_version_order, "version", "version_number"),
        (parse_logged_model_order, "creation_time", "creation_timestamp"),
    ],
)
def test_mlflows_other_names_mean_the_same(parse: ParseOrder, text: str, key: str) -> None:
    assert parse([f"{text} DESC"]) == (OrderTerm(Field(Kind.ATTRIBUTE, key), True),)


def test_of_a_models_figures_one_is_enough_and_the_first_orders() -> None:
    model = Subject(figures={"acc": (0.1, 0.9), "loss": (float("nan"),)})
    found = {text: matches(parse_logged_model_filter(text), model) for text in (
        "metrics.acc > 0.5", "metrics.acc < 0.5", "NOT metrics.acc > 0.5", "metrics.acc > 1",
        "metrics.loss IS NOT NULL", "metrics.loss > 0", "metrics.other IS NULL",
    )}  # fmt: skip
    assert list(found.values()) == [True, True, False, False, True, False, True]
    better = Subject(figures={"acc": (0.05,)})
    order = parse_logged_model_order(["metrics.acc"])
    assert order_key(order, better) < order_key(order, model)
