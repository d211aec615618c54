"""The tests of `tests.server.test_wire`, over PostgreSQL."""

import pytest

from tests.server.test_wire import *  # noqa: F403

pytestmark = pytest.mark.xdist_group("postgres")
