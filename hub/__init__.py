"""The hub: what an order is and what may happen to it."""
