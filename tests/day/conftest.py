"""The same fresh book as for servicing."""

from __future__ import annotations

from tests.servicing.conftest import book

__all__ = ["book"]
