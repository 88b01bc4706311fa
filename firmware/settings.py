"""What a node is set to: `node.json` beside `main.py`, every value with a default and bounds."""

import json

FILE = "node.json"
LINKS = ("usb", "rs485", "mqtt")
NAME_MAX = 40
_NAME = "abcdefghijklmnopqrstuvwxyz0123456789-_"
# name: (default, lowest, highest)
NUMBERS = {
    "period_ms": (1000, 50, 3600000),
    "ram_samples": (600, 8, 20000),
    "segment_samples": (512, 16, 8192),
    "segments": (16, 0, 512),  # 0: no ring in flash
    "spill_samples": (64, 1, 512),
    "address": (1, 1, 247),
    "baud": (115200, 1200, 1000000),
    "port": (1883, 1, 65535),
    "keepalive_s": (30, 5, 600),
}
TEXTS = ("site", "agent", "host", "password", "wifi_name", "wifi_password", "tls_ca")
PINS = ("sda", "scl", "led", "tx", "rx", "direct", "onewire")
PIN_MAX = 48


class Settings:
    """One attribute a setting; `pins` a dict of those given, `chips` as Chips takes them."""

    def __init__(self, given):
        """given: the object in node.json; ValueError names what is wrong."""
        known = ("name", "link", "chips", "pins", "tls") + TEXTS + tuple(NUMBERS)
        for key in given:
            if key not in known:
                raise ValueError("node.json: unknown setting %r; known: %s" % (key, ", ".join(sorted(known))))
        self.name = given.get("name", "node")
        if not isinstance(self.name, str) or not 1 <= len(self.name) <= NAME_MAX or not all(c in _NAME for c in self.name):
            raise ValueError("node.json: name is 1-%d of a-z, 0-9, - and _" % NAME_MAX)
        self.link = given.get("link", "usb")
        if self.link not in LINKS:
            raise ValueError("node.json: link is one of %s" % ", ".join(LINKS))
        for key in NUMBERS:
            default, low, high = NUMBERS[key]
            value = given.get(key, default)
            if not isinstance(value, int) or not low <= value <= high:
                raise ValueError("node.json: %s is a whole number from %d to %d" % (key, low, high))
            setattr(self, key, value)
        for key in TEXTS:
            value = given.get(key, "")
            if not isinstance(value, str):
                raise ValueError("node.json: %s is a text" % key)
            setattr(self, key, value)
        self.tls = bool(given.get("tls", False))
        if self.link == "mqtt" and not all(given.get(key) for key in ("site", "agent", "host")):
            raise ValueError("node.json: link mqtt needs site, agent and host")
        self.pins = given.get("pins", {})
        for key in self.pins:
            if key not in PINS or not isinstance(self.pins[key], int) or not 0 <= self.pins[key] <= PIN_MAX:
                raise ValueError("node.json: pins are %s, each a number from 0 to %d" % (", ".join(PINS), PIN_MAX))
        self.chips = given.get("chips", [{"chip": "sht4x"}])
        if not isinstance(self.chips, list) or not all(isinstance(chip, dict) for chip in self.chips):
            raise ValueError("node.json: chips is a list of objects")


def load(path=FILE):
    """The settings in a file; the defaults where there is none. ValueError for what is wrong."""
    try:
        with open(path) as file:
            given = json.load(file)
    except OSError:
        given = {}
    if not isinstance(given, dict):
        raise ValueError("node.json is not an object")
    return Settings(given)
