"""What a model may know of data, and how it gets there."""
