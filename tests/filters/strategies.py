"""Random filters, orders, and runs for them to meet: small alphabets, so that matches and ties happen.

`render` and `render_order` write the AST back as text.
"""

from __future__ import annotations

import math
import re
from typing import Any

import msgspec
from hypothesis import strategies as st

from runstone.entities import Metric, RunStatus
from runstone.filters import Comparison, Field, Filter, Kind, Not, Operator, OrderTerm, Presence
from runstone.filters.ast import And, all_of, any_of
from runstone.filters.fields import AGGREGATES, EXPERIMENTS, OPERATORS, RUNS, FieldType, Language
from runstone.filters.match import Subject
from runstone.series.points import MetricBatch
from runstone.series.summary import summarize

KEYS = ("a", "b", "loss", "val/loss", "my key")
TEXTS = (
    "", "a", "b", "A", "ab", "aab", "a%b", "a_b", "a\nb", "it's", 'say "x"', "C:\\", "[a]", "a*",
    "0.1", "1e-1", ".10", "1", "1.0", " 1 ", "-3", "+0.5", "1e999", "inf", "nan", "1_0", "٣",
    "ß", "SS", "ss", "İ", "i", "I", "É", "é", "e\N{COMBINING ACUTE ACCENT}", "\uffff", "😀",
    "FINISHED", "RUNNING", "train",
)  # fmt: skip
PATTERNS = (
    "", "%", "%%", "_", "__", "a%", "%b", "a_b", "a%b", "%a%b%", "_a%", "%\n%", "%e_", "É", "é%", "ss",
    "ß", "i", "I%", "%'%", "C:\\", "[a]", "a*", "RUN%", "%.1", "\\%",
)  # fmt: skip
REGEXES = (
    "",
    "^a",
    "a|b",
    "b$",
    ".",
    "(?s)a.b",
    r"^\d",
    "(?i)é",
    "(?i)ss",
    r"\[",
    "'",
    r"\.",
    "^$",
    "RUN|FIN",
)
FLOATS = (0.0, -0.0, 1.0, -1.0, 2.0, 3.0, 0.1, 0.5, 5e-324, 2.0**53, 1e308, math.inf, -math.inf)
TIMES = (-5, 0, 1, 1_000, 2**53, 2**53 + 1, 1_769_817_600_000)
TIME_LITERALS = (*TIMES, 0.5, 2.0**53, 1e300, -math.inf)


class SampleRun(msgspec.Struct, frozen=True, kw_only=True):
    """What to record for a run. A dataset is its `name` and `digest`, and perhaps a `context`."""

    run_id: str
    run_name: str
    status: RunStatus
    user_id: str
    start_time: int | None
    end_time: int | None
    metrics: tuple[Metric, ...]
    params: dict[str, str]
    tags: dict[str, str]
    datasets: tuple[dict[str, str], ...]

    @property
    def batch(self) -> MetricBatch:
        return MetricBatch.of_metrics(self.metrics)

    def subject(self, *, experiment_id: str = "0", artifact_uri: str = "") -> Subject:
        """The run as a filter sees it; ids and places that a store gives can be named."""
        attributes = {name: getattr(self, name) for name in ("run_id", "run_name", "user_id", "start_time", "end_time")}
        attributes |= {
            "status": self.status.value,
            "experiment_id": experiment_id,
            "artifact_uri": artifact_uri,
        }
        return Subject(
            attributes=attributes,
            params=self.params,
            tags=self.tags,
            series=summarize(self.batch),
            datasets=self.datasets,
        )


def sample_runs() -> st.SearchStrategy[SampleRun]:
    """Runs to record; ids are random, so that several of them differ."""
    texts = st.sampled_from(TEXTS)
    times = st.none() | st.sampled_from(TIMES)
    return st.builds(
        SampleRun,
        run_id=st.uuids().map(lambda uuid: uuid.hex),
        run_name=texts,
        status=st.sampled_from(RunStatus),
        user_id=texts,
        start_time=times,
        end_time=times,
        metrics=st.lists(_metrics(), max_size=6).map(tuple),
        params=st.dictionaries(st.sampled_from(KEYS), texts, max_size=4),
        tags=st.dictionaries(st.sampled_from(KEYS), texts, max_size=4),
        datasets=st.lists(_datasets(), max_size=3, unique_by=lambda dataset: (dataset["name"], dataset["digest"])).map(
            tuple
        ),
    )


def _metrics() -> st.SearchStrategy[Metric]:
    steps = st.integers(0, 3)
    return st.builds(Metric, st.sampled_from(KEYS), st.sampled_from((*FLOATS, math.nan)), steps, steps)


def _datasets() -> st.SearchStrategy[dict[str, str]]:
    words = st.sampled_from(("a", "b", "ab", "train", "É"))
    return st.fixed_dictionaries({"name": words, "digest": words}, optional={"context": words})


def run_subjects() -> st.SearchStrategy[Subject]:
    """Runs as filters see them."""
    return st.builds(
        SampleRun.subject,
        sample_runs(),
        experiment_id=st.sampled_from(("0", "1")),
        artifact_uri=st.sampled_from(TEXTS),
    )


def experiment_subjects() -> st.SearchStrategy[Subject]:
    """Experiments as filters see them."""
    attributes = {
        "experiment_id": st.sampled_from(("0", "1", "12")),
        "name": st.sampled_from(TEXTS),
        "creation_time": st.none() | st.sampled_from(TIMES),
        "last_update_time": st.none() | st.sampled_from(TIMES),
    }
    tags = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(TEXTS), max_size=4)
    return st.builds(Subject, attributes=st.fixed_dictionaries(attributes), tags=tags)


def run_filters() -> st.SearchStrategy[Filter]:
    """Filters of runs, as the parser makes them."""
    return _filters(RUNS)


def experiment_filters() -> st.SearchStrategy[Filter]:
    """Filters of experiments, as the parser makes them."""
    return _filters(EXPERIMENTS)


def run_orders() -> st.SearchStrategy[tuple[OrderTerm, ...]]:
    """Orders of runs of up to three terms."""
    return _orders(RUNS)


def experiment_orders() -> st.SearchStrategy[tuple[OrderTerm, ...]]:
    """Orders of experiments of up to three terms."""
    return _orders(EXPERIMENTS)


def _filters(language: Language) -> st.SearchStrategy[Filter]:
    return st.recursive(_comparisons(language), _combinations, max_leaves=6)


def _combinations(terms: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    several = st.lists(terms, min_size=2, max_size=3)
    return terms.map(Not) | several.map(all_of) | several.map(any_of)


def _orders(language: Language) -> st.SearchStrategy[tuple[OrderTerm, ...]]:
    fields = _fields(language, datasets=False)
    return st.lists(st.builds(OrderTerm, fields, st.booleans()), max_size=3).map(tuple)


@st.composite
def _fields(draw: st.DrawFn, language: Language, *, datasets: bool = True) -> Field:
    kinds = {kind for kind in language.prefixes.values() if datasets or kind is not Kind.DATASET}
    kind = draw(st.sampled_from(sorted(kinds)))
    if kind is Kind.ATTRIBUTE:
        return Field(kind, draw(st.sampled_from(sorted(language.attributes))))
    if kind is Kind.DATASET:
        return Field(kind, draw(st.sampled_from(language.dataset_keys)))
    if kind is Kind.METRIC:
        return Field(kind, draw(st.sampled_from(KEYS)), draw(st.sampled_from(sorted(AGGREGATES))))
    return Field(kind, draw(st.sampled_from(KEYS)))


@st.composite
def _comparisons(draw: st.DrawFn, language: Language) -> Filter:
    field = draw(_fields(language))
    field_type = language.type_of(field)
    operator = draw(st.sampled_from((None, *OPERATORS[field_type])))
    if operator is None:
        return Presence(field, draw(st.booleans()))
    if field_type == "param" and operator in OPERATORS["text"]:
        field_type = draw(st.sampled_from(("text", "number")) if operator in OPERATORS["number"] else st.just("text"))
    values = st.sampled_from(_literals(field_type, operator))
    if operator in ("IN", "NOT IN"):
        return Comparison(field, operator, tuple(draw(st.lists(values, min_size=1, max_size=3))))
    return Comparison(field, operator, draw(values))


def _literals(field_type: FieldType, operator: Operator) -> tuple[Any, ...]:
    if field_type == "text":
        return {"LIKE": PATTERNS, "ILIKE": PATTERNS, "RLIKE": REGEXES}.get(operator, TEXTS)
    return TIME_LITERALS if field_type == "time" else FLOATS


def render(term: Filter) -> str:
    """The filter as text; `parse_run_filter` or `parse_experiment_filter` gives it back."""
    if isinstance(term, Comparison):
        return f"{_render_field(term.field)} {term.operator} {_render_value(term.value)}"
    if isinstance(term, Presence):
        return f"{_render_field(term.field)} IS {'NOT ' * term.present}NULL"
    if isinstance(term, Not):
        return f"NOT ({render(term.term)})"
    word = " AND " if isinstance(term, And) else " OR "
    return word.join(f"({render(part)})" if not isinstance(part, Comparison) else render(part) for part in term.terms)


def render_order(term: OrderTerm) -> str:
    """The term as text; `parse_run_order` or `parse_experiment_order` gives it back."""
    return _render_field(term.field) + " DESC" * term.descending


def _render_field(field: Field) -> str:
    key = field.key if re.fullmatch(r"[\w/]+", field.key) else '"' + field.key.replace('"', '""') + '"'
    name = key if field.kind is Kind.ATTRIBUTE else f"{field.kind.value}s.{key}"
    return name if field.aggregate == "last" else f"{field.aggregate}({name})"


def _render_value(value: object) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_render_value, value))})"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value).replace("inf", "1e999")
