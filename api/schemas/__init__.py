"""The shapes of answers and bodies, one module for each noun.

Field names that clients may rely on are promises.
"""
