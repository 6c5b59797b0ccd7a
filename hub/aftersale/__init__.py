"""The aftersale centre: goods that come back, and the money that goes back for them."""
