"""Property tests run without a deadline: a slow machine is no failure."""

from hypothesis import settings

settings.register_profile("limbeck", deadline=None)
settings.load_profile("limbeck")
