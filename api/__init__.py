"""The HTTP layer: parse, call, shape. Imports ``tiles`` and ``gridmap``, never the command line."""
