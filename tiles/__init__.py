"""Vector tiles: layers, rendering, archives and styles; asks the store, not HTTP."""
