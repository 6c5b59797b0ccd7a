"""What the ERP is told of goods that have left."""
