"""Studies of many runs, and the campaigns that run them."""
