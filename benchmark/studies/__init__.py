"""Many runs: which are missing, carried out together, and what they show."""
