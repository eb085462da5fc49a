"""GridMap keeps a city's service grid and answers who covers a place.

The domain library: no web framework here, usable from a notebook. Layers, from the outermost in, are drawn
in ``pyproject.toml`` under ``[tool.importlinter]``; a module imports only what stands below it.
"""

__version__ = "0.1.0"
