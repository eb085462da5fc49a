"""Measurements that anyone can repeat: GridMap beside other ways to the same answer, on the same work in one run.

Timings live here and nowhere in the tests. May import ``store`` and below; only the command line imports it.
"""
