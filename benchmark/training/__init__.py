"""Fitting one model to one data set."""
