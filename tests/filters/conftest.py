"""Random tests know no clock: on a busy machine any of them may take long."""

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
