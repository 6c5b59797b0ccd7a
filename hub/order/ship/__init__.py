"""What locations and couriers say of an order's deliveries, and what is said to them and to the channel."""
