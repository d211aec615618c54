"""The tests of `tests.server.test_registry`, over PostgreSQL."""

import pytest

from tests.server.test_registry import *  # noqa: F403

pytestmark = pytest.mark.xdist_group("postgres")
