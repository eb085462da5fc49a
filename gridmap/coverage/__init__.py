"""Who covers a place, from memory: the index, the grid, the snapshot on disk and the answer.

Pure: imports ``duty``, ``model``, ``shapes``, ``crs``, ``hexes`` and ``errors``; no database, no web.
"""
