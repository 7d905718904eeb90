"""The rules of the game, pure: no clock, no randomness, no I/O. Time and seeds come in as arguments."""
