"""What rules, gifts and policies would have done with orders that are there."""
