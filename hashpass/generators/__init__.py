"""Hashes, passwords, API keys and phrases from 32 seed bytes. The same seed gives the same text, for ever."""
