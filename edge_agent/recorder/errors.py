"""What can go wrong in the recorder."""


class RecorderError(Exception):
    """The root of the recorder's own errors."""


class StreamError(RecorderError):
    """A camera's stream cannot be opened, has no video, or fell silent."""


class ClipError(RecorderError):
    """Segments cannot be joined into a clip."""
