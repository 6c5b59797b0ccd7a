"""Where a parcel goes: the official divisions of China, and the matcher that finds one in what a customer typed."""
