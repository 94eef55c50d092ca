"""Readings of models on tables: rows of named numbers."""
