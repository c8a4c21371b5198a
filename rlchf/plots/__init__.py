"""All pictures."""
