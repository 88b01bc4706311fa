"""Everything that can go wrong on a scan line, one class a kind."""


class ScannerLineError(Exception):
    """Root of the package's errors."""


class ImageRefused(ScannerLineError):
    """Bytes that are no page image: unreadable, of another format, or larger than the profile allows."""


class CameraError(ScannerLineError):
    """A camera that could not be opened, or gave no frame in time."""


class ProfileError(ScannerLineError):
    """A page profile with an unknown name or a value out of its range; the text lists every mistake."""


class SpoolError(ScannerLineError):
    """The disk or the database of a bench refused what was asked of it."""


class BatchError(ScannerLineError):
    """A batch that cannot be opened, closed or changed as asked; the text says why in words for the operator."""


class JudgeError(ScannerLineError):
    """The page checks could not be run: their process died or stopped answering."""


class OperatorsError(ScannerLineError):
    """Operators as the centre or a document names them that are none: of another shape, or out of bounds."""


class SignInRefused(ScannerLineError):
    """A sign-in that was refused: `code` is `wrong` or `wait`, `wait_s` how long until the next try is looked at."""

    def __init__(self, code: str, wait_s: float) -> None:
        """Say which and how long."""
        super().__init__(f"sign-in refused: {code}")
        self.code, self.wait_s = code, wait_s


class TargetError(ScannerLineError):
    """No target of the kind asked for lies in the picture, or it cannot be measured; the text says why."""


class ScannerError(ScannerLineError):
    """A scanner that cannot be opened, or cannot be asked for what the bench wants; the text names the nearest it has."""


class TrainingError(ScannerLineError):
    """A training that cannot begin or end now; the text says why in words for the operator."""
