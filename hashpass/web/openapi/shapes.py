"""What every shape is made with, and the examples that several show."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

REVEALED: Final = "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9"
SEED: Final = "5f1c0a9e4b7d2836c1f0e5a4938271605f4e3d2c1b0a99887766554433221100"
VISITOR: Final = "3a7bd3e2360a3d29eea436fcfb7e44c7"
TRACE: Final = "ip=203.0.113.7\nts=1790000000.000\nvisit_scheme=https\nuag=Mozilla/5.0\nsig=6b1f0c\n"


def an_object(
    description: str,
    properties: dict[str, Any],
    *,
    optional: Collection[str] = (),
    example: dict[str, Any] | None = None,
) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "description": description,
        "required": [name for name in properties if name not in optional],
        "properties": properties,
    }
    if example is not None:
        schema["examples"] = [example]
    return schema
