"""Dividing a community anew: street blocks, how they hang together, and ways to deal them out to cells. Pure.

A line of the contract in pyproject.toml imports only lines below it; all may import what ``plan`` may.
"""
