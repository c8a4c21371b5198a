"""The orders with the least sum of squared distances to the ballots."""
