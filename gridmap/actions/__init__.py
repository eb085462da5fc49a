"""What a user can do: one function each, one transaction each, the actor first. Imports ``ingest`` and below."""
