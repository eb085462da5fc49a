"""A city's five principles for dividing cells, as numbers, for a grid and for a change against its base. Pure.

Imports ``coverage``, ``model``, ``projecting``, ``shapes`` and ``redraw.change``.
"""
