"""The tests of `tests.server.test_native`, over PostgreSQL."""

import pytest

from tests.server.test_native import *  # noqa: F403

pytestmark = pytest.mark.xdist_group("postgres")
