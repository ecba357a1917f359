"""Running stored results again, and how well others confirm a stored number."""
