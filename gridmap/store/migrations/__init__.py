"""Alembic migrations; each stands for itself and imports nothing of GridMap but this package's environment."""
