"""Language models that judge by the principles of a constitution."""
