"""Addresses as people say and write them: what was meant, what it may be, and whose desk answers for it.

Pure: knows ``coverage``, ``duty`` and below, and no database; ``gridmap.store.addresses`` looks names up.
"""
