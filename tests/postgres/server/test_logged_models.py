"""The tests of `tests.server.test_logged_models`, over PostgreSQL."""

import pytest

from tests.server.test_logged_models import *  # noqa: F403

pytestmark = pytest.mark.xdist_group("postgres")
