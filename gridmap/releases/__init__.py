"""Releases: what the public and other territories see of counts. Pure: months, the tree, suppression, rows, hexes.

The proof that no count below k leaves is in ``suppression``. Imports ``hexes`` and ``errors``.
"""
