"""The one error root of the contract: what reaches a border and is not understood."""


class WireError(ValueError):
    """Bytes or values from outside that break the contract; the text says what and where."""
