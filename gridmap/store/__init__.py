"""PostGIS: the only Python that opens connections and holds SQL, one module per noun.

Imports ``model``, ``errors`` and the pure parts; knows no web framework. Functions take an open connection
from :meth:`gridmap.store.database.Database.begin` and never commit: the action or handler that opened it does.
"""
