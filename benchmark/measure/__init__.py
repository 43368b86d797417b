"""Pure measurements: prediction quality, spectra, cost."""
