"""The trace's own parts: the chain's arithmetic, the anchors and the spool, as files. Imports no database.

What is written when stands in the README under "The trace".
"""
