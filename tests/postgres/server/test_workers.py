"""Tests of `tests.server.test_workers`, over PostgreSQL."""

import pytest

from tests.server.test_workers import (  # noqa: F401
    test_a_worker_that_dies_is_replaced,
    test_four_workers_answer,
    test_what_was_acknowledged_before_the_end_is_there_after_it,
)

pytestmark = pytest.mark.xdist_group("postgres")
