"""Charts: many series as buckets in few bytes."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import numpy as np
import numpy.typing as npt

from runstone.errors import InvalidInput
from runstone.series.curves import Curve, CurveQuery
from runstone.series.points import FloatColumn
from runstone.tracking.browsing import Browsing
from runstone.wire.codec import float_text
from runstone.wire.columns import ColumnWriter
from runstone.wire.schemas import browsing

__all__ = ["read_curves"]

MAX_CURVES = 1_000
MAX_BUCKETS = 5_000

# What an eye cannot tell apart need not be sent: it takes half of the bytes that compressed noise has.
_RANGE_BITS = 14
_DROPPED_BITS = 13
_MANTISSA_BITS = 23
_EXACT_STEPS = 1 << 24
"""Up to there float32 holds every whole number."""


def read_curves(tracking: Browsing, request: browsing.ReadCurves) -> browsing.CurvesAnswer:
    if len(request.run_ids) * len(request.keys) > MAX_CURVES:
        raise InvalidInput(
            f"At most {MAX_CURVES} series in one request, not {len(request.run_ids)} runs with {len(request.keys)} keys"
        )
    if not 1 <= request.buckets <= MAX_BUCKETS:
        raise InvalidInput(f"Invalid value {request.buckets} for parameter 'buckets': expected 1 to {MAX_BUCKETS}")
    query = CurveQuery(
        run_ids=tuple(request.run_ids),
        keys=tuple(request.keys),
        axis=request.x,
        from_x=request.from_x,
        to_x=request.to_x,
        buckets=request.buckets,
    )
    writer = ColumnWriter()
    charts = [_chart(writer, key, group) for key, group in groupby(tracking.read_curves(query), lambda one: one.key)]
    return browsing.CurvesAnswer(charts=charts, body=writer.body())


def _chart(writer: ColumnWriter, key: str, group: Iterable[Curve]) -> browsing.Chart:
    curves = list(group)
    low, high = curves[0].low, curves[0].high
    # The x of all lines first: equal ones lie there once, and alike ones close to each other compress.
    x_type: browsing.ColumnType = "f4" if high - low <= _EXACT_STEPS else "f8"
    places = [writer.add([x - low for x in curve.x.tolist()], x_type) for curve in curves]
    return browsing.Chart(
        key=key,
        from_x=low,
        to_x=high,
        x0=low,
        curves=[_line(writer, curve, place) for curve, place in zip(curves, places, strict=True)],
    )


def _line(writer: ColumnWriter, curve: Curve, x: browsing.Column) -> browsing.ChartCurve:
    buckets = curve.buckets
    finite = np.concatenate([buckets.min[np.isfinite(buckets.min)], buckets.max[np.isfinite(buckets.max)]])
    span = float(finite.max() - finite.min()) if len(finite) else 0.0
    low, high, last = (writer.add(_rounded(one, span), "f4") for one in (buckets.min, buckets.max, buckets.last))
    return browsing.ChartCurve(
        run_id=curve.run_id,
        points=int(buckets.count.sum()),
        x=x,
        min=low,
        max=high,
        last=last,
        last_value=float_text(float(buckets.last[-1])),
        has_nan=bool(buckets.has_nan.any()),
    )


def _rounded(values: FloatColumn, span: float) -> npt.NDArray[np.float32]:
    """As float32 whose last bits are zero where the line's range, and the value itself, leave that unseen."""
    with np.errstate(over="ignore"):
        column = values.astype(np.float32)
    plain = np.isfinite(column)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        exponent = np.frexp(column)[1] - 1
        finest = np.floor(np.log2(span)) - _RANGE_BITS if 0 < span < np.inf else np.inf
        spare = np.where(plain, finest - (exponent - _MANTISSA_BITS), 0)
    bits = np.clip(spare, 0, _DROPPED_BITS).astype(np.int64)
    whole = column.view(np.int32).astype(np.int64)
    # Half of the last bit that stays, so that values are rounded, not cut; the sign is a bit of its own.
    rounded = (whole + np.where(bits > 0, (1 << bits) >> 1, 0)) >> bits << bits
    result: npt.NDArray[np.float32] = np.where(plain, rounded, whole).astype(np.int32).view(np.float32)
    return result
