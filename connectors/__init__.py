"""One module per partner, by kind; the registry makes them from settings."""
