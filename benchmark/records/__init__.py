"""The record of a run, the scores beside it, and the results folder they lie in."""
