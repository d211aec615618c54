"""What the filter language reads, and where it points when it cannot."""

from __future__ import annotations

import pytest

from runstone.errors import FilterError, InvalidInput
from runstone.filters import (
    And,
    Comparison,
    Field,
    Filter,
    Kind,
    Not,
    Or,
    OrderTerm,
    Presence,
    parse_experiment_filter,
    parse_experiment_order,
    parse_run_filter,
    parse_run_order,
)
from runstone.filters.literals import MAX_LIKE_LENGTH, MAX_REGEX_LENGTH
from runstone.filters.parser import MAX_COMPARISONS, MAX_DEPTH, MAX_ORDER_TERMS, MAX_VALUES
from runstone.filters.tokens import MAX_TEXT_LENGTH

A = Comparison(Field(Kind.METRIC, "a"), ">", 1.0)
B = Comparison(Field(Kind.METRIC, "b"), ">", 1.0)
C = Comparison(Field(Kind.METRIC, "c"), ">", 1.0)


def field_of(text: str) -> Field:
    found = parse_run_filter(f"{text} IS NULL")
    assert isinstance(found, Presence)
    return found.field


def value_of(text: str) -> object:
    found = parse_run_filter(text)
    assert isinstance(found, Comparison)
    return found.value


@pytest.mark.parametrize("text", [None, "", "  \n\t "])
def test_nothing_is_no_filter(text: str | None) -> None:
    assert parse_run_filter(text) is None
    assert parse_experiment_filter(text) is None


@pytest.mark.parametrize("terms", [None, []])
def test_nothing_is_no_order(terms: list[str] | None) -> None:
    assert parse_run_order(terms) == ()
    assert parse_experiment_order(terms) == ()


# -- fields


@pytest.mark.parametrize(
    ("prefixes", "kind"),
    [
        (("metrics", "metric"), Kind.METRIC),
        (("params", "param", "parameters", "parameter"), Kind.PARAM),
        (("tags", "tag"), Kind.TAG),
    ],
)
def test_a_key_has_a_prefix_in_any_of_its_forms(prefixes: tuple[str, ...], kind: Kind) -> None:
    for prefix in prefixes:
        assert field_of(f"{prefix}.loss") == Field(kind, "loss")


@pytest.mark.parametrize("text", ["status", "attributes.status", "attribute.status", "attr.status", "run.status"])
def test_an_attribute_needs_no_prefix(text: str) -> None:
    assert field_of(text) == Field(Kind.ATTRIBUTE, "status")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("run_id", "run_id"),
        ("experiment_id", "experiment_id"),
        ("artifact_uri", "artifact_uri"),
        ("user_id", "user_id"),
        ("end_time", "end_time"),
        ("name", "run_name"),
        ("`run name`", "run_name"),
        ('"Run name"', "run_name"),
        ("attributes.`Run Name`", "run_name"),
        ("created", "start_time"),
        ("attr.Created", "start_time"),
    ],
)
def test_attributes_have_one_canonical_name(text: str, name: str) -> None:
    assert field_of(text) == Field(Kind.ATTRIBUTE, name)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("metrics.val/loss", "val/loss"),
        ("metrics.val-loss", "val-loss"),
        ("metrics.system.gpu:0", "system.gpu:0"),
        ("metrics.1st", "1st"),
        ("metrics.größe", "größe"),
        ("metrics.损失", "损失"),
        ("metrics.and", "and"),
        ("metrics.min", "min"),
        ("metrics.`my key`", "my key"),
        ('metrics."my key"', "my key"),
        ('metrics."say ""x"""', 'say "x"'),
        ("metrics.`a``b`", "a`b"),
        ('metrics."it\'s"', "it's"),
    ],
)
def test_a_key_is_plain_or_in_double_quotes_or_backticks(text: str, key: str) -> None:
    assert field_of(text) == Field(Kind.METRIC, key)


@pytest.mark.parametrize("name", ["name", "digest", "context"])
def test_datasets_have_three_attributes(name: str) -> None:
    assert field_of(f"datasets.{name}") == field_of(f"dataset.{name}") == Field(Kind.DATASET, name)


@pytest.mark.parametrize("aggregate", ["min", "max", "first", "last", "count"])
def test_a_function_looks_at_the_whole_history_of_a_metric(aggregate: str) -> None:
    wanted = Field(Kind.METRIC, "val loss", aggregate)  # type: ignore[arg-type]
    assert field_of(f'{aggregate}(metrics."val loss")') == wanted
    assert field_of(f"{aggregate.upper()} ( metric.`val loss` )") == wanted


# -- operators and values


@pytest.mark.parametrize("operator", ["=", "!=", "<", "<=", ">", ">="])
def test_signs_compare_numbers_with_or_without_spaces(operator: str) -> None:
    wanted = Comparison(Field(Kind.METRIC, "a"), operator, -1.0)  # type: ignore[arg-type]
    assert parse_run_filter(f"metrics.a {operator} -1") == wanted
    assert parse_run_filter(f"metrics.a{operator}-1") == wanted


@pytest.mark.parametrize("operator", ["LIKE", "ILIKE", "RLIKE"])
@pytest.mark.parametrize("field", ["tags.t", "params.p", "run_name", "datasets.name"])
def test_patterns_compare_texts(field: str, operator: str) -> None:
    positive = parse_run_filter(f"{field} {operator.lower()} 'x'")
    assert positive == Comparison(field_of(field), operator, "x")  # type: ignore[arg-type]
    negative = parse_run_filter(f"{field} not {operator} 'x'")
    assert negative == And((Presence(field_of(field), True), Not(positive)))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12.0),
        ("+3", 3.0),
        ("-.5", -0.5),
        ("5.", 5.0),
        ("1e-3", 0.001),
        ("-2.5E+2", -250.0),
        ("1e999", float("inf")),
        ("9" * 5_000, float("inf")),
    ],
)
def test_metrics_and_params_are_compared_with_floats(text: str, number: float) -> None:
    for field in ("metrics.a", "params.a"):
        value = value_of(f"{field} = {text}")
        assert value == number
        assert isinstance(value, float)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'x'", "x"),
        ('"x"', "x"),
        ("''", ""),
        ("'it''s'", "it's"),
        ('"it\'s"', "it's"),
        ('"a""b"', 'a"b'),
        ("'C:\\'", "C:\\"),
        ("'two\nlines'", "two\nlines"),
        ("'0.1'", "0.1"),
    ],
)
def test_a_text_stands_in_single_or_double_quotes(text: str, value: str) -> None:
    assert value_of(f"params.a = {text}") == value


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("run_id IN ('a', \"b\")", ("a", "b")),
        ("run_id in ('a',)", ("a",)),
        ("params.a IN ('1')", ("1",)),
        ("params.a IN (1, 2.5)", (1.0, 2.5)),
        ("metrics.a IN (-1,1)", (-1.0, 1.0)),
        ("start_time IN (0, '1970-01-01 00:00:01')", (0, 1000)),
    ],
)
def test_a_list_holds_texts_or_numbers(text: str, values: tuple[object, ...]) -> None:
    assert value_of(text) == values


def test_not_in_is_one_operator() -> None:
    wanted = Comparison(Field(Kind.TAG, "t"), "NOT IN", ("a",))
    assert parse_run_filter("tags.t Not\n In ('a')") == wanted


@pytest.mark.parametrize("field", ["metrics.a", "params.a", "tags.a", "end_time", "datasets.name", "min(metrics.a)"])
def test_everything_may_be_asked_for_its_presence(field: str) -> None:
    assert parse_run_filter(f"{field} is null") == Presence(field_of(field), False)
    assert parse_run_filter(f"{field} IS not  NULL") == Presence(field_of(field), True)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1769817600000", 1_769_817_600_000),
        ("-1", -1),
        ("9007199254740993", 9_007_199_254_740_993),
        ("'2026-01-31'", 1_769_817_600_000),
        ("'2026-01-31 00:00'", 1_769_817_600_000),
        ("'2026-01-31T00:00:00Z'", 1_769_817_600_000),
        ("'2026-01-31t01:00:00.5+01:00'", 1_769_817_600_500),
        ("'2026-01-30T19:00:00.0019-0500'", 1_769_817_600_001),
        ("'2026-01-31 05:30:00 +05:30'", 1_769_817_600_000),
        ("'1969-12-31T23:59:59,999'", -1),
        ("'0001-01-01T00:00+01'", -62_135_600_400_000),
    ],
)
def test_a_time_is_milliseconds_or_an_iso_text_in_utc(text: str, ms: int) -> None:
    value = value_of(f"start_time >= {text}")
    assert value == ms
    assert isinstance(value, int)


def test_a_time_beyond_64_bits_is_a_float() -> None:
    value = value_of("start_time < 9223372036854775808")
    assert isinstance(value, float)
    assert isinstance(value_of("start_time < 9223372036854775807"), int)


# -- logic


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("metrics.a>1 and metrics.b>1", And((A, B))),
        ("metrics.a>1 AND metrics.b>1 AND metrics.c>1", And((A, B, C))),
        ("metrics.a>1 or metrics.b>1 And metrics.c>1", Or((A, And((B, C))))),
        ("(metrics.a>1 OR metrics.b>1) AND metrics.c>1", And((Or((A, B)), C))),
        ("NOT metrics.a>1 AND metrics.b>1", And((Not(A), B))),
        ("not(metrics.a>1 AND metrics.b>1)", Not(And((A, B)))),
        ("NOT NOT metrics.a>1", Not(Not(A))),
        ("((metrics.a>1))", A),
        ("metrics.a>1 AND (metrics.b>1 AND metrics.c>1)", And((A, B, C))),
        ("(metrics.a>1 OR metrics.b>1) OR metrics.c>1", Or((A, B, C))),
        ("params.a='x'and params.b='y'", None),
    ],
)
def test_not_binds_closer_than_and_and_closer_than_or(text: str, wanted: Filter | None) -> None:
    found = parse_run_filter(text)
    assert isinstance(found, And) if wanted is None else found == wanted


# -- experiments and orders


def test_experiments_have_attributes_and_tags() -> None:
    assert parse_experiment_filter("name LIKE 'a%' AND attribute.creation_time > '1970-01-02' AND tag.t = 'x'") == And(
        (
            Comparison(Field(Kind.ATTRIBUTE, "name"), "LIKE", "a%"),
            Comparison(Field(Kind.ATTRIBUTE, "creation_time"), ">", 86_400_000),
            Comparison(Field(Kind.TAG, "t"), "=", "x"),
        )
    )
    assert parse_experiment_order(["last_update_time desc", "tags.t"]) == (
        OrderTerm(Field(Kind.ATTRIBUTE, "last_update_time"), True),
        OrderTerm(Field(Kind.TAG, "t")),
    )


@pytest.mark.parametrize("text", ["metrics.a > 1", "params.a = 'x'", "run.name = 'x'", "datasets.name = 'x'"])
def test_experiments_have_nothing_else(text: str) -> None:
    with pytest.raises(FilterError, match=r"unknown prefix .* expected one of tags, attributes"):
        parse_experiment_filter(text)
    with pytest.raises(FilterError, match="experiments have no metrics"):
        parse_experiment_order(["min(metrics.a)"])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("metrics.loss DESC", OrderTerm(Field(Kind.METRIC, "loss"), True)),
        ("params.x", OrderTerm(Field(Kind.PARAM, "x"))),
        (" attributes.start_time  asc ", OrderTerm(Field(Kind.ATTRIBUTE, "start_time"))),
        ("Created Desc", OrderTerm(Field(Kind.ATTRIBUTE, "start_time"), True)),
        ("min(metrics.`my loss`)", OrderTerm(Field(Kind.METRIC, "my loss", "min"))),
        ("tags.DESC", OrderTerm(Field(Kind.TAG, "DESC"))),
        ("`Run name`", OrderTerm(Field(Kind.ATTRIBUTE, "run_name"))),
    ],
)
def test_an_order_is_a_field_and_perhaps_a_direction(text: str, wanted: OrderTerm) -> None:
    assert parse_run_order([text]) == (wanted,)


# -- errors: `^` in the text stands before the fault


@pytest.mark.parametrize(
    ("marked", "problem", "expected"),
    [
        ("^strt_time > 1", "unknown attribute 'strt_time'", "(did you mean start_time?)"),
        ("^loss > 1", "unknown attribute 'loss'", "has a prefix, as in metrics.loss"),
        ("attributes.^foo = 'x'", "unknown attribute 'foo'", "one of run_id, run_name,"),
        ("^metrcs.a > 1", "unknown prefix 'metrcs'", "(did you mean metrics?)"),
        ("^METRICS.a > 1", "unknown prefix 'METRICS'", "one of metrics, params,"),
        ("^avg(metrics.a) > 1", "unknown function 'avg'", "one of last, min, max, first, count"),
        ("min(^params.a) > 1", "min() of no metric", "metrics.loss"),
        ("min(^'a') > 1", "unexpected text 'a'", "metrics.loss"),
        ("min(metrics.a ^> 1", "unexpected '>'", "')'"),
        (
            "datasets.^nme = 'x'",
            "unknown dataset attribute 'nme'",
            "name, digest, context (did you mean name?)",
        ),
        ("metrics.^ a > 1", "no name after 'metrics.'", 'metrics."my name"'),
        ('tags.^"" = 1', "no name after 'tags.'", 'tags."my name"'),
        ("^'a' = 'b'", "unexpected text 'a'", "a field such as"),
        ("^1 < metrics.a", "unexpected number 1", "a field such as"),
        ("^and metrics.a > 1", "unexpected 'and'", "a field such as"),
        (
            "metrics.a ^== 1",
            "unknown operator '=='",
            "=, !=, <, <=, >, >=, IN, NOT IN, IS NULL or IS NOT NULL",
        ),
        ("metrics.a ^<> 1", "unknown operator '<>'", "!="),
        ("metrics.a ^LIKE 'x'", "LIKE cannot compare a number", "="),
        ("start_time ^NOT ILIKE 'x'", "ILIKE cannot compare a time", "="),
        ("tags.a ^< 'x'", "< cannot compare a text", "RLIKE"),
        ("tags.a NOT ^= 'x'", "unexpected '='", "IN, LIKE, ILIKE or RLIKE"),
        ("tags.a ^, 'x'", "unexpected ','", "="),
        ("tags.a ^name = 'x'", "unexpected 'name'", "="),
        ("tags.a IS ^'x'", "unexpected text 'x'", "NULL or NOT NULL"),
        ("tags.a IS NOT ^5", "unexpected number 5", "NULL"),
        (
            "params.a = ^x",
            "'x' is neither a number nor in quotes",
            "a text in quotes such as 'abc' or a number",
        ),
        ("params.a = ^`x`", "unexpected name `x`", "a text in quotes"),
        ("params.a > ^'0.1'", "unexpected text '0.1'", "a number without quotes"),
        ("params.a LIKE ^1", "unexpected number 1", "a text in quotes"),
        ("tags.a = ^1", "unexpected number 1", "a text in quotes"),
        ("metrics.a > ^'1'", "unexpected text '1'", "a number without quotes"),
        ("metrics.a > ^nan", "'nan' is neither", "a number"),
        ("metrics.a > ^1_000", "'1_000' is not a number", "one such as 12"),
        ("metrics.a = ^1and metrics.b = 2", "'1and' is not a number", "one such as 12"),
        ("start_time > ^'yesterday'", "'yesterday' is no date or time", "'2026-01-31'"),
        ("start_time > ^'2026-02-30'", "'2026-02-30' is no date or time", "'2026-01-31'"),
        ("start_time > ^'2026-01-01T00:00+99:00'", "is no date or time", "'2026-01-31'"),
        ("run_id IN ^'a'", "unexpected text 'a'", "'(' and a list"),
        ("run_id IN (^)", "unexpected ')'", "a text in quotes"),
        ("run_id IN (^,)", "unexpected ','", "a text in quotes"),
        ("run_id IN ('a' ^'b')", "unexpected text 'b'", "',' or ')'"),
        ("run_id IN ('a'^", "the filter ends", "',' or ')'"),
        ("params.a IN (1, ^'b')", "a list of both texts and numbers", "one or the other"),
        ("tags.a RLIKE ^'('", "is no regular expression", ""),
        ("tags.a = ^'it", "unfinished quote", "a closing '"),
        ("tags.a = 'it\\'s^'", "unfinished quote", "written twice"),
        ("tags.a = ^'it''s", "unfinished quote", "a closing '"),
        ("tags.^`a = 'x'", "unfinished quote", "a closing `"),
        ("tags.a = 'x'^;", "unexpected ';'", "quotes around"),
        ("tags.a^@b = 'x'", "unexpected '@'", "quotes around"),
        ("tags.a = 'x^\0'", "which no store can hold", ""),
        ("tags.a = 'x^\ud800'", "which no store can hold", ""),
        ("tags.a = ^", "the filter ends", "a text in quotes"),
        ("tags.a^", "the filter ends", "=, !="),
        ("tags.a = 'x' and^", "the filter ends", "a field such as"),
        ("tags.a = 'x' ^tags.b = 'x'", "unexpected 'tags.b'", "AND, OR or the end"),
        ("(tags.a = 'x'^", "the filter ends", "AND, OR or ')'"),
        ("tags.a = 'x'^)", "unexpected ')'", "AND, OR or the end"),
        ("(^)", "unexpected ')'", "a field such as"),
    ],
)
def test_an_error_points_at_the_fault_and_says_what_was_expected(marked: str, problem: str, expected: str) -> None:
    column = marked.index("^")
    text = marked.replace("^", "", 1)
    with pytest.raises(FilterError) as caught:
        parse_run_filter(text)
    error = caught.value
    assert (error.column, error.text) == (column, text)
    assert problem in error.problem
    assert expected in error.expected
    assert str(error).startswith("Invalid filter: ")


@pytest.mark.parametrize(
    ("marked", "problem"),
    [
        ("^", "the order ends"),
        ("^datasets.name DESC", "runs cannot be ordered by datasets"),
        ("metrics.a ^NULLS LAST", "unexpected 'NULLS'"),
        ("metrics.a DESC ^DESC", "unexpected 'DESC'"),
        ("metrics.a^, params.b", "unexpected ','"),
        ("^loss DESC", "unknown attribute 'loss'"),
    ],
)
def test_an_error_of_an_order_points_at_the_fault(marked: str, problem: str) -> None:
    with pytest.raises(FilterError, match=r"^Invalid order: ") as caught:
        parse_run_order(["metrics.fine", marked.replace("^", "", 1)])
    assert caught.value.column == marked.index("^")
    assert problem in caught.value.problem


def test_the_message_shows_the_line_with_a_caret_under_the_fault() -> None:
    with pytest.raises(FilterError) as caught:
        parse_run_filter("metrics.a > 1\nAND loss > 1\nAND metrics.b > 1")
    assert str(caught.value).splitlines()[-2:] == ["  AND loss > 1", "      ^"]


def test_the_message_shows_only_what_is_near_the_fault_in_a_long_line() -> None:
    text = " AND ".join(["metrics.a > 1"] * 100 + ["loss > 1"] + ["metrics.b > 1"] * 100)
    with pytest.raises(FilterError) as caught:
        parse_run_filter(text)
    *_, line, pointer = str(caught.value).splitlines()
    assert line[pointer.index("^") :].startswith("loss > 1")
    assert len(line) < 130


@pytest.mark.parametrize("text", [5, ["metrics.a > 1"], b"metrics.a > 1"])
def test_a_filter_that_is_no_text_is_refused(text: object) -> None:
    with pytest.raises(InvalidInput, match="expected a text"):
        parse_run_filter(text)  # type: ignore[arg-type]


def test_an_order_that_is_one_text_and_not_a_list_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"expected a list of texts; try \['metrics.a DESC'\]"):
        parse_run_order("metrics.a DESC")
    with pytest.raises(InvalidInput, match="expected a text"):
        parse_run_order([1])  # type: ignore[list-item]


# -- limits


def refusal(text: str) -> FilterError:
    with pytest.raises(FilterError) as caught:
        parse_run_filter(text)
    return caught.value


@pytest.mark.parametrize("opening", ["(", "NOT ", "NOT (", "metrics.a>1 OR (metrics.a>1 AND (NOT "])
def test_nesting_has_a_limit_and_no_depth_breaks_the_parser(opening: str) -> None:
    assert refusal(opening * (MAX_TEXT_LENGTH // len(opening))).problem == "nesting too deep"
    levels = opening.count("(") + opening.count("NOT")
    count = MAX_DEPTH // levels
    assert parse_run_filter(opening * count + "metrics.a > 1" + ")" * (opening.count("(") * count))


def test_a_filter_has_a_longest_length() -> None:
    assert parse_run_filter("metrics.a > 1" + " " * (MAX_TEXT_LENGTH - 13)) == A
    error = refusal("metrics.a > 1" + " " * MAX_TEXT_LENGTH)
    assert error.column == MAX_TEXT_LENGTH
    assert len(str(error)) < 500


def test_a_filter_has_a_largest_number_of_comparisons() -> None:
    parse_run_filter(" AND ".join(["metrics.a > 1"] * MAX_COMPARISONS))
    assert refusal(" OR ".join(["metrics.a > 1"] * (MAX_COMPARISONS + 1))).problem == "too many comparisons"


def test_a_filter_has_a_largest_number_of_listed_values() -> None:
    half = "metrics.a IN (" + ",".join(["1"] * (MAX_VALUES // 2)) + ")"
    parse_run_filter(f"{half} OR {half}")
    assert refusal(f"{half} OR {half} OR metrics.a IN (1)").problem == "too many values in lists"


def test_patterns_have_a_longest_length() -> None:
    parse_run_filter(f"tags.a RLIKE '{'x' * MAX_REGEX_LENGTH}' AND tags.a LIKE '{'x' * MAX_LIKE_LENGTH}'")
    assert refusal(f"tags.a RLIKE '{'x' * (MAX_REGEX_LENGTH + 1)}'").column == 13
    assert refusal(f"tags.a ILIKE '{'x' * (MAX_LIKE_LENGTH + 1)}'").column == 13


@pytest.mark.parametrize("pattern", ["(" * 499 + ")" * 499, "a{99999999999999999999}", "(?P<n>a)(?P<n>b)", "*", "[a"])
def test_a_pattern_that_python_cannot_compile_never_escapes_as_another_error(pattern: str) -> None:
    try:
        parse_run_filter(f"tags.a RLIKE '{pattern}'")
    except FilterError as error:
        assert error.column == 13


def test_an_order_may_have_only_so_many_terms() -> None:
    assert len(parse_run_order(["tags.a"] * MAX_ORDER_TERMS)) == MAX_ORDER_TERMS
    with pytest.raises(InvalidInput, match="21 terms is too long"):
        parse_run_order(["tags.a"] * (MAX_ORDER_TERMS + 1))
