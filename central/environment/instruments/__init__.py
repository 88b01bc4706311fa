"""The sensors as instruments: health, calibration, exchange of one for another."""
