"""Every error that sensors raise; one root, so that the loop that can retry catches one name (runs on MicroPython too)."""


class SensorError(Exception):
    """Root of all that goes wrong between a device and its readings."""


class ChipError(SensorError):
    """Bytes from a chip that do not decode: a wrong length or a wrong CRC."""


class TransportError(SensorError):
    """The wire failed: the device is absent, unplugged or refuses."""


class SilentError(TransportError):
    """Nothing, or not all, was answered within the time that the device is given."""


class OptionError(SensorError):
    """An option that the driver cannot work with, or two devices that contradict each other on one wire."""
