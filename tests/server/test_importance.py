"""The share of a metric that a param explains, and the guess at an experiment's metric, against plain definitions."""

from __future__ import annotations

import numpy as np
import pytest

from runstone.server.browse.curves import _rounded
from runstone.server.browse.importance import weigh
from runstone.server.browse.overview import guess_direction, guess_primary

RUNS = 400
generator = np.random.default_rng(0)
NOISE = generator.normal(size=RUNS)


def texts(values: object) -> list[str | None]:
    return [str(value) for value in values]  # type: ignore[attr-defined]


def test_the_share_is_that_of_the_variance_of_ranks_between_groups() -> None:
    metric = np.array([1.0, 2, 3, 4, 10, 20, 30, 40, 7])
    column = ["a", "a", "a", "a", "b", "b", "b", "b", "a"]
    found = weigh("p", column, metric)
    # By hand: ranks 1 to 4 and 5 in group a, 6 to 9 in group b.
    total, between = 60.0, 5 * (3 - 5) ** 2 + 4 * (7.5 - 5) ** 2
    h = 8 * between / total
    assert found is not None
    assert found.share == pytest.approx((h - 1) / 7)
    assert (found.kind, found.runs, found.distinct, found.correlation) == ("text", 9, 2, None)
    assert 0.01 < found.p_value < 0.02  # chi squared of 6.0 with one degree of freedom: 0.0143


def test_noise_explains_nothing_however_many_values_it_has() -> None:
    for distinct in (2, 10, 100):
        found = weigh("p", texts(f"v{value}" for value in generator.integers(0, distinct, RUNS)), NOISE)
        assert found is not None
        assert found.share < 0.06
    found = weigh("p", texts(generator.normal(size=RUNS)), NOISE)
    assert found is not None
    assert found.share < 0.06


def test_a_scale_changes_nothing_and_a_sign_only_the_correlation() -> None:
    column = texts(NOISE + generator.normal(size=RUNS) / 3)
    plain, scaled, turned = (weigh("p", column, metric) for metric in (NOISE, np.exp(9 * NOISE), -NOISE))
    assert plain is not None
    assert turned is not None
    assert plain == scaled
    assert plain.share == pytest.approx(turned.share)
    assert plain.correlation == pytest.approx(-(turned.correlation or 0))
    assert (plain.correlation or 0) > 0.9


def test_params_that_tell_nothing_are_left_out() -> None:
    assert weigh("same", ["x"] * RUNS, NOISE) is None
    assert weigh("each its own", texts(f"n{number}" for number in range(RUNS)), NOISE) is None
    assert weigh("few", [*texts(range(7)), *[None] * (RUNS - 7)], NOISE) is None
    assert weigh("nowhere", [None] * RUNS, NOISE) is None
    constant = weigh("p", texts(range(RUNS)), np.ones(RUNS))
    assert constant is not None
    assert (constant.share, constant.p_value, constant.correlation) == (0.0, 1.0, None)


@pytest.mark.parametrize(
    ("key", "direction"),
    [("val/loss", "min"), ("test_accuracy", "max"), ("eval.f1-score", "max"), ("RMSE", "min"), ("m1", "max"),
     ("loss/accuracy", "max"), ("validation error", "min")],
)  # fmt: skip
def test_a_name_says_which_way_is_better(key: str, direction: str) -> None:
    assert guess_direction(key) == direction


@pytest.mark.parametrize(
    ("counts", "found"),
    [
        ({"train/loss": 9, "val/loss": 5, "epoch": 9}, "val/loss"),
        ({"loss": 3, "epoch": 9}, "loss"),
        ({"b": 2, "a": 2, "c": 1}, "a"),
        ({"test/acc": 9, "val/acc": 1}, "val/acc"),
        ({"system/gpu": 9}, None),
        ({"loss": 0}, None),
        ({}, None),
    ],
)
def test_the_metric_that_tells_runs_apart_is_guessed(counts: dict[str, int], found: str | None) -> None:
    assert guess_primary(counts) == found


def test_rounding_is_finer_than_the_range_and_than_each_value_and_keeps_the_order() -> None:
    for offset, scale in ((0.0, 1.0), (1000.0, 0.5), (-3.0, 1e-6), (0.0, 1e30)):
        values = np.sort(offset + scale * generator.uniform(size=10_000))
        span = float(values[-1] - values[0])
        rounded = _rounded(values, span).astype(np.float64)
        float32 = np.abs(values.astype(np.float32) - values)
        assert (np.abs(rounded - values) <= float32 + np.minimum(span * 2**-14, np.abs(values) * 2**-10)).all()
        assert (np.diff(rounded) >= 0).all()
    odd = np.array([np.nan, np.inf, -np.inf, 0.0, 1e300])
    assert _rounded(odd, np.inf).tolist()[1:] == [np.inf, -np.inf, 0.0, np.inf]
    assert np.isnan(_rounded(odd, np.inf)[0])
