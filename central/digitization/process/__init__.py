"""The way of volumes through the line: receive, sort, repair, number, index, capture, check, accept, file."""
