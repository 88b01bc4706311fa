"""What stands on the pages: recognised text, page numbers and their sequence, full-text search, suggested titles."""
