"""Orders of one recipient in one delivery (合单): who may travel together, and until when they wait."""
