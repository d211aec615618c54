"""The tests of `tests.server.test_workers`, over PostgreSQL."""

import pytest

from tests.server.test_workers import *  # noqa: F403

pytestmark = pytest.mark.xdist_group("postgres")
