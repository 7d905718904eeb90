"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# A busy machine is slow, not wrong: what takes too long is for the whole suite's deadline to say.
settings.register_profile("hashpass", deadline=None)
settings.load_profile("hashpass")
