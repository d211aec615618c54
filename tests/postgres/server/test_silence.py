"""The tests of `tests.server.test_silence`, over PostgreSQL."""

import pytest

from tests.server.test_silence import *  # noqa: F403

pytestmark = pytest.mark.xdist_group("postgres")
