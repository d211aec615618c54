"""Orders as SQL, and keyset paging. Knows tables by name, and no entity.

A page ends at the values by which it is ordered; the next page asks for what comes after them, at the same cost however
deep it lies. An order may be walked in parts, one behind the other, each with a source of rows of its own: which parts
these are for runs is chosen in `run_search`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from runstone.filters.ast import And, Filter, Kind, Not, Or, OrderTerm
from runstone.stores.cursor import Position, Query, read_token, write_token
from runstone.stores.models import DatasetChoice, ModelOrder
from runstone.stores.sql.conditions import Conditions, Scope, columns_of, on_datasets
from runstone.stores.sql.database import Dialect, Row, Transaction

__all__ = ["Part", "Search", "find_page", "uses_counts"]


def uses_counts(node: Filter | None, order: tuple[OrderTerm, ...]) -> bool:
    """Whether an answer depends on the exact count of a series' points."""
    return any(term.field.aggregate == "count" for term in order) or (node is not None and _counts(node))


def _counts(node: Filter) -> bool:
    if isinstance(node, And | Or):
        return any(map(_counts, node.terms))
    if isinstance(node, Not):
        return _counts(node.term)
    return node.field.aggregate == "count"


class Part(NamedTuple):
    """Some of the rows, which come before or behind all others in the order.

    `constants` are columns of the order, by number, that have one value in all rows of the part, and so say where it
    stands among the parts; one that is a text is SQL for NULL. `lead` is an expression in whose order an index gives
    the rows: a column of the order, or the beginning of one; `lead_column` is the number of that column. `id` is where
    the source has a row's number before the row itself is looked up. A source that has the key by which the order
    begins needs no join for it.
    """

    source: str
    source_arguments: Sequence[object] = ()
    conditions: Sequence[str] = ()
    arguments: Sequence[object] = ()
    constants: Mapping[int, int | str] = {}
    lead: str = ""
    lead_column: int = 0
    id: str = ""
    omits_first_join: bool = False


class _Join(NamedTuple):
    text: str
    arguments: list[object]


class Search:
    """One query under construction: its conditions, its order, and the arguments in the order of the text."""

    def __init__(self, scope: Scope, dialect: Dialect, artifact_root: str) -> None:
        self.scope = scope
        self.dialect = dialect
        self.conditions = Conditions(scope, dialect, artifact_root)
        self._joins: list[_Join] = []
        self._order: list[tuple[str, bool]] = []

    def keep_within(self, expression: str, values: Sequence[int | str]) -> None:
        """Leave out the rows whose `expression` is none of the values: one argument, however many they are."""
        self.conditions.where(self.dialect.is_member(expression), self.dialect.list_argument(values))

    # -- order

    def order_by(self, terms: Sequence[OrderTerm | ModelOrder]) -> None:
        """Order by the terms, then by the scope's default order."""
        for term in terms:
            if isinstance(term, ModelOrder):
                self._order_by(term.term, term.dataset)
            else:
                self._order_by(term)
        self._order.extend(self.scope.default_order)

    def _order_by(self, term: OrderTerm, dataset: DatasetChoice | None = None) -> None:
        field = term.field
        if field.kind is Kind.ATTRIBUTE:
            self._order_by_attribute(term)
            return
        table, column = columns_of(self.scope, field, numeric=True)
        owner = self.scope.owner
        alias = f"o{len(self._joins)}"
        join = _Join(f"LEFT JOIN {table} {alias} ON {alias}.{owner} = {self.scope.id} AND {alias}.key = ?", [field.key])
        if field.kind is Kind.METRIC and dataset is not None:
            join = _Join(join.text + self._is_latest(alias, dataset, join.arguments), join.arguments)
        self._joins.append(join)
        missing = (f"{alias}.{owner} IS NULL", 2)
        if field.kind is Kind.TAG:
            self._rank(missing)
        else:
            self._rank(missing, (f"{alias}.{column} IS NULL", 1))
        self._order.append((f"{alias}.{column}", term.descending))
        if field.kind is Kind.PARAM:
            # Params that are no numbers come after those that are, as texts.
            text = f"CASE WHEN {alias}.number IS NULL THEN {alias}.value END"
            self._order.append((text, term.descending))

    def _order_by_attribute(self, term: OrderTerm) -> None:
        arguments: list[object] = []
        expression = self.conditions.attribute(term.field, arguments)
        if arguments:
            # The expression stands in the text more than once; a join computes it once, with one argument.
            alias = f"o{len(self._joins)}"
            inner, own = self.scope.source, self.scope.id
            text = f"JOIN (SELECT {own} AS id, {expression} AS value FROM {inner}) {alias} ON {alias}.id = {own}"
            self._joins.append(_Join(text, arguments))
            expression = f"{alias}.value"
        self._rank((f"{expression} IS NULL", 1))
        self._order.append((expression, term.descending))

    def _is_latest(self, alias: str, dataset: DatasetChoice, arguments: list[object]) -> str:
        """The condition that a model's figure is the latest of its name on the dataset."""
        own = on_datasets(alias, [dataset], arguments)
        other = on_datasets("n", [dataset], arguments)
        place, other_place = (
            ", ".join(f"{one}.{column}" for column in ("timestamp", "step", "dataset_name", "dataset_digest"))
            for one in (alias, "n")
        )
        owner = self.scope.owner
        return (
            f"{own} AND NOT EXISTS (SELECT 1 FROM {self.scope.metrics} n WHERE n.{owner} = {alias}.{owner} "
            f"AND n.key = {alias}.key{other} AND ({other_place}) > ({place}))"
        )

    def _rank(self, *cases: tuple[str, int]) -> None:
        whens = " ".join(f"WHEN {condition} THEN {rank}" for condition, rank in cases)
        self._order.append((f"CASE {whens} ELSE 0 END", False))

    # -- running it

    @property
    def position_length(self) -> int:
        """How many values tell where a row stands in the order."""
        return len(self._order)

    def page(
        self, tx: Transaction, limit: int, after: Position | None, parts: Sequence[Part] = ()
    ) -> tuple[list[int], Position | None]:
        """The ids of at most `limit` rows behind the position `after`, and the position of the last if more follow.

        The parts, in their order, make up all rows; without any, the scope's source is the only one.
        """
        rows: list[Row] = []
        for part in parts or (Part(self.scope.source),):
            place = 0 if after is None else _place(part, after)
            # A part is looked into only when those before it have not filled the page.
            if place >= 0 and len(rows) <= limit:
                rows += tx.rows(*self._statement(part, limit - len(rows), after if place == 0 else None))
        ids = [int(row[0]) for row in rows[:limit]]
        return ids, rows[limit - 1][1:] if len(rows) > limit else None

    def _statement(self, part: Part, limit: int, after: Position | None) -> tuple[str, list[object]]:
        joins = self._joins[1 if part.omits_first_join else 0 :]
        arguments = [*part.source_arguments, *(argument for join in joins for argument in join.arguments)]
        arguments += [*part.arguments, *self.conditions.arguments]
        conditions = [*part.conditions, *self.conditions.texts_of(part.id or self.scope.id)]
        columns = [
            (number, expression, down)
            for number, (expression, down) in enumerate(self._order)
            if number not in part.constants
        ]
        if after is not None:
            conditions.append(_seek(part, columns, after, arguments))
        selected = [self.scope.id]
        for number, (expression, _) in enumerate(self._order):
            selected.append(str(part.constants.get(number, expression)))
        order = _without_repeats([*_lead_order(part, self._order), *(one[1:] for one in columns)])
        return (
            f"SELECT {', '.join(f'{column} AS c{number}' for number, column in enumerate(selected))} "
            f"FROM {part.source} {' '.join(join.text for join in joins)} "
            f"WHERE {' AND '.join(conditions) or '1 = 1'} ORDER BY {order} LIMIT {limit + 1}",
            arguments,
        )


def _lead_order(part: Part, order: Sequence[tuple[str, bool]]) -> list[tuple[str, bool]]:
    return [(part.lead, order[part.lead_column][1])] if part.lead else []


def _without_repeats(columns: Sequence[tuple[str, bool]]) -> str:
    seen: dict[str, bool] = {}
    for expression, down in columns:
        seen.setdefault(expression, down)
    return ", ".join(f"{expression}{' DESC' if down else ''}" for expression, down in seen.items())


def _place(part: Part, after: Position) -> int:
    """Whether the part lies before the position (-1), behind it (1), or around it (0)."""
    for number, value in sorted(part.constants.items()):
        known = after[number]
        if isinstance(value, int) and isinstance(known, int | float) and value != known:
            return -1 if value < known else 1
    return 0


def _seek(part: Part, columns: Sequence[tuple[int, str, bool]], after: Position, arguments: list[object]) -> str:
    """The rows behind a position: equal in the first columns, and greater (or less) in the next one."""
    alternatives, sought = [], []
    if part.lead:
        down = next(down for number, _, down in columns if number == part.lead_column)
        first = f"{part.lead} {'<=' if down else '>='} {_beginning(part)}"
        arguments.append(after[part.lead_column])
    for depth, (number, expression, down) in enumerate(columns):
        value = after[number]
        if value is None:
            continue  # a rank column before it has told this row apart: all that tie with it have NULL here
        terms = []
        for earlier_number, earlier, _ in columns[:depth]:
            if after[earlier_number] is not None:
                terms.append(f"{earlier} = ?")
                sought.append(after[earlier_number])
        terms.append(f"{expression} {'<' if down else '>'} ?")
        sought.append(value)
        alternatives.append(" AND ".join(terms))
    arguments += sought
    behind = "(" + " OR ".join(f"({alternative})" for alternative in alternatives) + ")"
    return f"{first} AND {behind}" if part.lead else behind


def _beginning(part: Part) -> str:
    """The position's value as the lead has it."""
    return "substr(?, 1, 64)" if part.lead.startswith("substr") else "?"


def find_page(search: Search, tx: Transaction, query: Query) -> tuple[list[int], str | None]:
    """The ids of the query's page, in order, and the token of the next page. Raises InvalidInput for a bad token."""
    if query.filter is not None:
        search.conditions.where_filter(query.filter)
    search.order_by(query.order)
    ids, position = search.page(tx, query.max_results, read_token(query, search.position_length))
    return ids, None if position is None else write_token(query, position)
