"""Redrawing the grid: what changes from one revision to the next. Pure: imports ``coverage`` and below."""
