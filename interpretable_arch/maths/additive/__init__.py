"""Additive functions of features: a basis on quantile knots, purification, one convex optimum."""
