"""Counts of elements and incidents by hex, cell and area, from columns in memory. Pure: knows no database.

``columns`` holds the facts, ``kept`` puts them on disk, ``counting`` is the compiled loop, ``question`` what may
be asked, ``places`` a revision's cells and areas, ``answer`` puts it together; ``forms``, ``picture`` write it.
"""
