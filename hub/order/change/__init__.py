"""What becomes of an order after it was placed: changed, cancelled, paid, closed, followed by another."""
