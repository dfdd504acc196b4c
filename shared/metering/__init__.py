"""Meters and prices: what is counted of a draw, and what a unit of it costs."""
