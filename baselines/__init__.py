"""The models, one family a file; benchmark.model.CTRModel is their contract."""
