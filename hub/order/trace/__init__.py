"""Everything that happened to one order, told for whoever may see it."""
