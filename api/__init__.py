"""The HTTP API for storefronts and partners."""
