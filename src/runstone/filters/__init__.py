"""The filter language: `parser` (text -> AST), `ast` (its shape), `match` (its meaning in plain Python).

`fields` is the table of what can be filtered by. The parser's parts are `tokens`, `cursor`, `references`,
`literals`, `times` and `patterns`. Nothing here knows a store: a store turns the AST into its own query, and
must answer as `match` does.
"""

from runstone.filters.ast import (
    Aggregate,
    And,
    Comparison,
    Field,
    Filter,
    Kind,
    Not,
    Operator,
    Or,
    OrderTerm,
    Presence,
    Value,
)
from runstone.filters.parser import (
    parse_experiment_filter,
    parse_experiment_order,
    parse_logged_model_filter,
    parse_logged_model_order,
    parse_model_version_filter,
    parse_model_version_order,
    parse_registered_model_filter,
    parse_registered_model_order,
    parse_run_filter,
    parse_run_order,
)

__all__ = [
    "Aggregate",
    "And",
    "Comparison",
    "Field",
    "Filter",
    "Kind",
    "Not",
    "Operator",
    "Or",
    "OrderTerm",
    "Presence",
    "Value",
    "parse_experiment_filter",
    "parse_experiment_order",
    "parse_logged_model_filter",
    "parse_logged_model_order",
    "parse_model_version_filter",
    "parse_model_version_order",
    "parse_registered_model_filter",
    "parse_registered_model_order",
    "parse_run_filter",
    "parse_run_order",
]
