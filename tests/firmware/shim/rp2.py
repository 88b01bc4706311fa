"""The button of a Pico."""


def bootsel_button():
    return 0
