"""Training by several processes: who they are, and the table that they share out."""
