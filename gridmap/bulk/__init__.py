"""Files of points placed in bulk: read in batches, placed, written with all their columns and ours.

Memory stays bounded whatever the size of a file.
"""
