"""What is carried upstairs and hung on the wall: dossiers of a change, bounds in words 四至, posters. No database.

Imports ``redraw``, ``heatmap``, ``coverage`` and below. Only ``printing`` speaks to the libraries that make a PDF.
"""
