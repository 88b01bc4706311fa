"""The month of a room as a document to hand in."""
