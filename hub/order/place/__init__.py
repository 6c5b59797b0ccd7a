"""The way of new orders: planned as a batch, written once, told to nobody yet."""
