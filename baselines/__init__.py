"""The models, one family a file, in the contract of benchmark.model.CTRModel."""
