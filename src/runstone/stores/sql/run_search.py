"""How a page of runs is found: by which index, chosen for each query. Knows the indexes of runs, and no entity.

There are two ways, and the wrong one takes 10 to 1,000 times as long. When some predicate is true of few runs, these
are *gathered* by its index, looked at, and sorted. Otherwise the index of the order is *walked*, and each run on the
way looked at, until the page is full. With n runs, of which c fulfil the predicate, a page of l costs about c looks the
one way and l * n / c the other, so gathering is cheaper up to c = sqrt(l * n): no statistics are needed to choose, only
a look whether an index has more entries than that (half as many, because the look has its cost, too). Where no
predicate is rare, but all of them together are, as a sample of the runs tells, the least common one is gathered.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from runstone.entities import ViewType
from runstone.filters.ast import Comparison, Filter, Kind, OrderTerm, Presence
from runstone.stores.base import RunQuery
from runstone.stores.cursor import read_token, write_token
from runstone.stores.sql import experiments
from runstone.stores.sql.candidates import (
    INDEXED_AGGREGATES,
    Arm,
    Candidates,
    arms_of,
    find_candidates,
    in_experiments,
    top_terms,
)
from runstone.stores.sql.conditions import RUNS, argument
from runstone.stores.sql.database import Dialect, Transaction
from runstone.stores.sql.runs import last_number
from runstone.stores.sql.search import Part, Search

__all__ = ["find_run_page", "most_to_gather", "stage_condition"]

_MAX_LOOKS = 8
"""So many predicates of a filter are asked how many runs they are true of."""

_SAMPLE = 400
"""So many runs are looked at to see how rare it is that a whole filter is true."""

_GATHERED, _WALKED = 0, 1
"""How a page was found, in the token of the next."""

_NO_NUMBER, _NO_TEXT, _NO_TIME = (f"CAST(NULL AS {kind})" for kind in ("DOUBLE PRECISION", "TEXT", "BIGINT"))
"""NULL in a column of an order; PostgreSQL needs a type for what it puts together."""

_RANGES = ("=", "<", "<=", ">", ">=")


def stage_condition(alias: str, view: ViewType) -> str:
    """That a run or an experiment is in the view."""
    return {
        ViewType.ACTIVE_ONLY: f"{alias}.deleted_time IS NULL",
        ViewType.DELETED_ONLY: f"{alias}.deleted_time IS NOT NULL",
        ViewType.ALL: "1 = 1",
    }[view]


def most_to_gather(limit: int, total: int) -> int:
    """Up to how many candidates it is cheaper to gather them than to walk for a page of `limit` over `total` runs."""
    return math.isqrt(limit * total) // 2


def find_run_page(
    tx: Transaction, query: RunQuery, root: str, *, most: Callable[[int, int], int] = most_to_gather
) -> tuple[list[int], str | None]:
    """The numbers of the page's runs, in order, and the next page's token. Raises InvalidInput for a bad token.

    `most` decides as `most_to_gather` does.
    """
    search = Search(RUNS, tx.dialect, root)
    search.order_by(query.order)
    token = read_token(query, search.position_length + 1)
    # What has been walked is walked on: to look at the predicates again costs as much as the page.
    after, walks_on = (None, False) if token is None else (token[1:], token[0] == _WALKED)
    choice = _Choice(tx, query, root)
    candidates = None if walks_on else choice.candidates(most)
    if candidates is not None and candidates.size == 0:
        return [], None
    choice.add_conditions(search)
    parts = _Walk(tx.dialect, query, choice.experiments).parts() if candidates is None else [_gathered(tx, candidates)]
    ids, position = search.page(tx, query.max_results, after, parts)
    way = _WALKED if candidates is None else _GATHERED
    return ids, None if position is None else write_token(query, [way, *position])


def count_in_sample(tx: Transaction, search: Search, total: int, size: int = _SAMPLE) -> int:
    """How many of `size` runs, spread evenly over all numbers up to `total`, fulfil the conditions."""
    numbers = tx.dialect.list_argument([1 + total * place // size for place in range(size)])
    found = search.conditions
    row = tx.row(
        f"SELECT count(*) FROM {tx.dialect.numbered_rows()} CROSS JOIN runs r "
        f"WHERE r.id = page.id AND {' AND '.join(found.texts_of('page.id'))}",
        [numbers, *found.arguments],
    )
    return int(row[0]) if row else 0


class _Choice:
    """Which way a query goes."""

    def __init__(self, tx: Transaction, query: RunQuery, root: str) -> None:
        self._tx = tx
        self._query = query
        self._root = root
        self.experiments = sorted({experiments.number(one) for one in query.experiment_ids})

    def add_conditions(self, search: Search) -> None:
        """What the query asks of a run, whichever way it is found."""
        if len(self.experiments) == 1:
            search.conditions.where("r.experiment = ?", self.experiments[0])
        else:
            member = self._tx.dialect.is_member("r.experiment")
            search.conditions.where(member, self._tx.dialect.list_argument(self.experiments))
        search.conditions.where(stage_condition("r", self._query.view))
        if self._query.filter is not None:
            search.conditions.where_filter(self._query.filter)

    def candidates(self, most: Callable[[int, int], int]) -> Candidates | None:
        """The runs to gather; None where the order is to be walked."""
        within_one = self._walks_within_one_experiment()
        if within_one and self._query.filter is None:
            return None
        limit, total = self._query.max_results + 1, last_number(self._tx)
        bound = most(limit, total)
        own = find_candidates(self._tx, in_experiments(self._tx.dialect, self.experiments), bound)
        if own is not None and within_one:
            # To walk goes over these runs alone.
            bound = most(limit, own.size)
        elif own is not None:
            bound = own.size
        arms = [arms_of(node, self._tx.dialect, self.experiments) for node in top_terms(self._query.filter)]
        looks = [one for one in arms if one is not None][:_MAX_LOOKS]
        best = self._smallest(looks, bound)
        if best is None and own is not None and not within_one:
            best = own
        if best is None and looks and len(arms) > 1 and bound:
            # None is rare by itself; together they may be.
            length = min(self._length_of_walk(limit, total), total)
            if length > 2 * bound:
                best = self._smallest(looks, length)
        return best

    def _smallest(self, looks: Sequence[Sequence[Arm]], bound: int) -> Candidates | None:
        best = None
        for arms in looks:
            found = find_candidates(self._tx, arms, bound)
            if found is not None:
                # The next must be worth its look.
                best, bound = found, found.size // 2
        return best

    def _length_of_walk(self, limit: int, total: int) -> int:
        """How many runs are walked over for a page, going by a sample."""
        search = Search(RUNS, self._tx.dialect, self._root)
        self.add_conditions(search)
        found = count_in_sample(self._tx, search, total)
        return limit * _SAMPLE // max(found, 1)

    def _walks_within_one_experiment(self) -> bool:
        order = self._query.order
        return len(self.experiments) == 1 and (not order or _is_attribute(order[0], "start_time"))


def _gathered(tx: Transaction, candidates: Candidates) -> Part:
    """All rows, among the candidates."""
    source = f"{tx.dialect.numbered_rows()} CROSS JOIN runs r"
    return Part(source, [candidates.runs], ["r.id = page.id"], id="page.id")


class _Walk:
    """The parts of an order, each along an index."""

    def __init__(self, dialect: Dialect, query: RunQuery, experiments: Sequence[int]) -> None:
        self._dialect = dialect
        self._query = query
        self._order = query.order
        self._experiments = experiments

    def parts(self) -> list[Part]:
        if not self._order:
            return list(self._by_start({}, 0, ()))
        first = self._order[0]
        kind, key = first.field.kind, first.field.key
        if kind is Kind.METRIC and first.field.aggregate in INDEXED_AGGREGATES:
            return list(self._by_metric(first))
        if kind is Kind.PARAM:
            return list(self._by_param(first))
        if kind is Kind.TAG:
            return list(self._by_tag(first))
        if kind is Kind.ATTRIBUTE and key in ("start_time", "end_time", "run_id", "run_name"):
            return list(self._by_attribute(key))
        return [self._unordered({}, ())]

    # -- of a key

    def _by_metric(self, term: OrderTerm) -> Iterator[Part]:
        column = f"o0.{term.field.aggregate}"
        source = self._owned("series", f"series_by_{term.field.aggregate}")
        key = term.field.key
        conditions, arguments = self._ranges(term, column)
        here = ["o0.key = ?", "r.id = o0.run"]
        value = [*here, f"{column} IS NOT NULL", *conditions]
        yield Part(source, (), value, [key, *arguments], {0: 0}, column, 1, "o0.run", omits_first_join=True)
        if not self._asks_for(term, same_aggregate=True):
            yield Part(
                source,
                (),
                [*here, f"{column} IS NULL"],
                [key],
                {0: 1, 1: _NO_NUMBER},
                id="o0.run",
                omits_first_join=True,
            )
        yield from self._missing(term, {0: 2, 1: _NO_NUMBER}, 2, "series")

    def _by_param(self, term: OrderTerm) -> Iterator[Part]:
        here = ["o0.key = ?", "r.id = o0.run"]
        key = term.field.key
        conditions, arguments = self._ranges(term, "o0.number")
        numbers = [*here, "o0.number IS NOT NULL", *conditions]
        source = self._owned("params", "params_by_number")
        yield Part(
            source, (), numbers, [key, *arguments], {0: 0, 2: _NO_TEXT}, "o0.number", 1, "o0.run", omits_first_join=True
        )
        texts = [*here, "o0.number IS NULL"]
        source = self._owned("params", "params_by_text")
        yield Part(
            source, (), texts, [key], {0: 1, 1: _NO_NUMBER}, _beginning("o0.value"), 2, "o0.run", omits_first_join=True
        )
        yield from self._missing(term, {0: 2, 1: _NO_NUMBER, 2: _NO_TEXT}, 3, "params")

    def _by_tag(self, term: OrderTerm) -> Iterator[Part]:
        here = ["o0.key = ?", "r.id = o0.run"]
        source = self._owned("tags", "tags_by_value")
        yield Part(
            source, (), here, [term.field.key], {0: 0}, _beginning("o0.value"), 1, "o0.run", omits_first_join=True
        )
        yield from self._missing(term, {0: 2, 1: _NO_TEXT}, 2, "tags")

    def _owned(self, table: str, index: str) -> str:
        return f"{self._dialect.by_index(f'{table} o0', index)} CROSS JOIN runs r"

    def _missing(self, term: OrderTerm, constants: dict[int, int | str], width: int, table: str) -> Iterator[Part]:
        """The runs without the key, unless the filter wants it. The columns of the next term begin at `width`."""
        if self._asks_for(term):
            return
        lacks = f"NOT EXISTS (SELECT 1 FROM {table} kv WHERE kv.run = r.id AND kv.key = ?{self._dialect.fence})"
        if len(self._order) == 1:
            yield from self._by_start(constants, width, [term.field.key], lacks)
        else:
            yield self._unordered(constants, [term.field.key], lacks, omits_first_join=True)

    def _ranges(self, term: OrderTerm, column: str) -> tuple[list[str], list[object]]:
        """What the filter says of the very column that is walked: there the walk begins and ends."""
        conditions: list[str] = []
        arguments: list[object] = []
        for node in top_terms(self._query.filter):
            if not isinstance(node, Comparison) or node.field != term.field or node.operator not in _RANGES:
                continue
            if isinstance(node.value, int | float):
                conditions.append(f"{column} {node.operator} ?")
                arguments.append(argument(node.value))
        return conditions, arguments

    def _asks_for(self, term: OrderTerm, *, same_aggregate: bool = False) -> bool:
        """Whether the filter is true only of runs that have the term's key (or its figure, which is no NaN)."""
        return any(_asks_for(node, term, same_aggregate=same_aggregate) for node in top_terms(self._query.filter))

    # -- of an attribute

    def _by_attribute(self, key: str) -> Iterator[Part]:
        if key == "start_time":
            # The default order's own columns of it follow those of the term, or of terms in between.
            last = -1 if len(self._order) > 1 else 2
            yield from self._by_start({}, 0, (), default=last)
            return
        column, index = {
            "end_time": ("r.end_time", "runs_by_end"),
            "run_name": ("r.name", "runs_by_name"),
            "run_id": ("r.run_id", ""),
        }[key]
        lead = _beginning(column) if key == "run_name" else column
        source = self._dialect.by_index("runs r", index) if index else "runs r"
        yield Part(source, (), [f"{column} IS NOT NULL"], (), {0: 0}, lead, 1)
        if key == "end_time":
            yield Part(source, (), [f"{column} IS NULL"], (), {0: 1, 1: _NO_TIME})

    def _by_start(
        self,
        constants: dict[int, int | str],
        width: int,
        arguments: Sequence[object],
        *conditions: str,
        default: int = -1,
    ) -> Iterator[Part]:
        """The runs that have a start time, and those that have none; the columns of that order begin at `width`.

        `default` is where the same columns follow a second time.
        """
        index = "runs_by_start" if len(self._experiments) == 1 else "runs_by_time"
        source = self._dialect.by_index("runs r", index)
        omits = width > 0
        for rank, condition in enumerate(("r.start_time IS NOT NULL", "r.start_time IS NULL")):
            known: dict[int, int | str] = {**constants, width: rank, **({default: rank} if default >= 0 else {})}
            if rank:
                known |= {width + 1: _NO_TIME, **({default + 1: _NO_TIME} if default >= 0 else {})}
                yield Part(source, (), [*conditions, condition], arguments, known, omits_first_join=omits)
            else:
                lead, column = "r.start_time", width + 1
                yield Part(source, (), [*conditions, condition], arguments, known, lead, column, omits_first_join=omits)

    def _unordered(
        self,
        constants: dict[int, int | str],
        arguments: Sequence[object],
        *conditions: str,
        omits_first_join: bool = False,
    ) -> Part:
        """All runs of the experiments, to be sorted."""
        source = self._dialect.by_index("runs r", "runs_by_start")
        return Part(source, (), conditions, arguments, constants, omits_first_join=omits_first_join)


def _beginning(column: str) -> str:
    return f"substr({column}, 1, 64)"


def _is_attribute(term: OrderTerm, key: str) -> bool:
    return term.field.kind is Kind.ATTRIBUTE and term.field.key == key


def _asks_for(node: Filter, term: OrderTerm, *, same_aggregate: bool) -> bool:
    if not isinstance(node, Comparison | Presence):
        return False
    is_same = node.field.kind is term.field.kind and node.field.key == term.field.key
    if same_aggregate:
        return is_same and isinstance(node, Comparison) and node.field.aggregate == term.field.aggregate
    return is_same and (isinstance(node, Comparison) or node.present)
