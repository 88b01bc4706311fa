"""The closed table of quantities and units, with the range that a plausible value lies in.

Units are UCUM codes (https://ucum.org). The bounds reject what no storeroom can show; they are not limits for a medium.
"""

from wire.errors import WireError

# quantity: (unit, lowest plausible, highest plausible)
QUANTITIES = {
    "temperature": ("Cel", -60.0, 85.0),
    "relative_humidity": ("%", 0.0, 100.0),
    "illuminance": ("lx", 0.0, 200000.0),
    "uv_irradiance": ("uW/cm2", 0.0, 20000.0),
    "pm1": ("ug/m3", 0.0, 2000.0),
    "pm2_5": ("ug/m3", 0.0, 2000.0),
    "pm10": ("ug/m3", 0.0, 5000.0),
    "co2": ("[ppm]", 0.0, 40000.0),
    "voc": ("[ppb]", 0.0, 1000000.0),
    "voc_mass": ("ug/m3", 0.0, 1000000.0),
    "formaldehyde": ("[ppb]", 0.0, 100000.0),
    "nitrogen_dioxide": ("[ppb]", 0.0, 100000.0),
    "sulfur_dioxide": ("[ppb]", 0.0, 100000.0),
    "ozone": ("[ppb]", 0.0, 100000.0),
    "voc_index": ("1", 0.0, 500.0),
    "magnetic_flux_density": ("uT", -100000.0, 100000.0),
    "air_pressure": ("hPa", 300.0, 1200.0),
    "current": ("mA", -1000.0, 1000.0),
    "voltage": ("V", -1000.0, 1000.0),
    "count": ("1", 0.0, 9007199254740991.0),
}


def unit_of(quantity):
    """The UCUM unit of a quantity; WireError names the known quantities when it is not one of them."""
    entry = QUANTITIES.get(quantity)
    if entry is None:
        raise WireError("unknown quantity %r; known: %s" % (quantity, ", ".join(sorted(QUANTITIES))))
    return entry[0]


def plausible(quantity, value):
    """Whether a value lies inside the quantity's plausible range (both ends included)."""
    entry = QUANTITIES[quantity]
    return entry[1] <= value <= entry[2]
