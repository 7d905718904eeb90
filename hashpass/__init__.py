"""HashPass hands out invite codes fairly: one puzzle, everybody races, the first valid answer wins."""

__version__ = "0.1.0"
