"""Pure rules of an order: its shape, its holds, its parts and where they may come from."""
