"""``gridmap roles``: who may do what, as a page."""

from __future__ import annotations

from gridmap.role_page import role_page


def roles() -> None:
    """Print the table role × action × kind of data, in Markdown."""
    print(role_page(), end="")
