"""Finding orders by what a person types or filters by."""
