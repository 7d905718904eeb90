"""Text that is looked for in lines of UTF-8, whatever the case of its letters."""

from __future__ import annotations

from attrs import field, frozen


@frozen
class Needle:
    """Finds what `str.casefold` makes equal. Most lines are plain ASCII, and those are not even decoded."""

    text: str
    _folded: str = field(init=False, repr=False)
    _plain: bytes | None = field(init=False, repr=False)
    """None if no ASCII line can hold it."""

    @_folded.default
    def _fold(self) -> str:
        return self.text.casefold()

    @_plain.default
    def _encode(self) -> bytes | None:
        return self._folded.encode() if self._folded.isascii() else None

    def is_in(self, text: str) -> bool:
        return self._folded in text.casefold()

    def is_in_bytes(self, data: bytes) -> bool:
        if data.isascii():
            return self._plain is not None and self._plain in data.lower()
        return self.is_in(data.decode(errors="replace"))
