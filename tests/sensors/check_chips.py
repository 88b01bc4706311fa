"""Decodes one example with every chip's module and prints what came; runs under MicroPython and CPython alike."""

from sensors.chips import as7331, bme280, ds18b20, scd4x, sht3x, sht4x, veml7700
from sensors.errors import ChipError

TRIMS = (
    (27504, 26435, -1000),
    (36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000),
    (75, 360, 0, 322, 50, 30),
)


def refused(decode, data):
    """The words with which bytes are refused."""
    try:
        decode(data)
    except ChipError as error:
        return str(error)
    return "taken"


def main():
    """Print a line an example, floats to four digits, as a microcontroller's have few."""
    fine = bme280.fine(TRIMS, 519888)
    values = (
        fine,
        bme280.temp_c(fine),
        bme280.pressure_hpa(TRIMS, fine, 415148),
        bme280.rh_pct(TRIMS, fine, 30000),
        scd4x.co2_ppm(b"\x01\xf4\x33\x66\x67\xa2\x5e\xb9\x3c"),
        ds18b20.temp_c(ds18b20.ticks(ds18b20.scratchpad_of("72 01 4b 46 7f ff 0e 10 57 : crc=57 YES"))),
        veml7700.lux(1, 5000),
        as7331.uw_cm2(2, (3850, 347, 0), 0x08),
        sht3x.temp_c(24966),
        sht3x.rh_pct(32768),
        sht4x.temp_c(24966),
    )
    for value in values:
        print("%.4f" % value)
    print(sht4x.serial_text(b"\x00\x00\x81\x00\x00\x81"))
    print(refused(ds18b20.ticks, bytes(9)))
    print(refused(bme280.raw, b"\x80\x00\x00\x80\x00\x00\x80\x00"))
    print(refused(sht3x.heater_on, b"\x20\x00\x00"))


if __name__ == "__main__":
    main()
