"""Files to rows of the model: every input row ends up accepted, or rejected with its reason and its line.

Imports the pure parts (``duty``, ``model``, ``errors`` …); knows no database and no web framework. What is
accepted is stored by an action, which calls a reader here first.
"""
