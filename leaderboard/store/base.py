"""What all tables have in common."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase

SHA256 = String(64)


class Base(DeclarativeBase):
    """Root of the tables."""
