"""What the OGC routes share: links, reference systems, parameters, documents and pages."""
