"""The ``gridmap`` command: thin, the outermost layer of all. It may import everything; nothing imports it."""

from gridmap.cli.commands import app, main

__all__ = ["app", "main"]
