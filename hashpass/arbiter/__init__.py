"""The race, live."""

from hashpass.arbiter.effects import Effects
from hashpass.arbiter.service import PATIENCE, Arbiter

__all__ = ["PATIENCE", "Arbiter", "Effects"]
