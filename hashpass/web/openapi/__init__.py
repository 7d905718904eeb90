"""How the API describes itself."""

from hashpass.web.openapi.document import document

__all__ = ["document"]
