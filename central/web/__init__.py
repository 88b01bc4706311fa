"""The web side of the centre: assembly, guards, problem documents, paging and the server."""
