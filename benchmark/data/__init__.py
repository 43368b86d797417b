"""Data sets: cards, sources, readers, encoding and stores."""
