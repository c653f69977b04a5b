"""Implementations of a graph as levels that are compared with `==`, and the first place where two differ."""
