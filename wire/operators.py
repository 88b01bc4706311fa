"""Who may work at a bench, as the centre sends it: opaque id, name for the screen, PIN as scrypt hash; and how both sides compare lists."""

import binascii
import hashlib

OPERATORS_MAX = 200  # of one bench
ID_CHARS_MAX = 64
NAME_CHARS_MAX = 60
HASH_CHARS = 113  # scrypt$LOG2N$8$1$SALT$HASH: 16 bytes of salt and 32 of hash, in hex


def mistake_in(given):
    """Why something is no list of operators, in words; empty if it is one. Hashes are looked at by whoever verifies a PIN."""
    if not isinstance(given, list) or len(given) > OPERATORS_MAX:
        return "operators is a list of at most %d" % OPERATORS_MAX
    known = set()
    for number, one in enumerate(given, 1):
        if not isinstance(one, dict):
            return "operator %d is no object" % number
        ident, name, pin = one.get("id"), one.get("name"), one.get("pin")
        if not _is_text(ident, ID_CHARS_MAX) or ident in known:
            return "operator %d: id is a text of 1-%d characters, another for each" % (number, ID_CHARS_MAX)
        if not _is_text(name, NAME_CHARS_MAX):
            return "operator %d: name is a text of 1-%d characters" % (number, NAME_CHARS_MAX)
        if not _is_text(pin, HASH_CHARS) or not str(pin).startswith("scrypt$"):
            return "operator %d: pin is no scrypt hash" % number
        known.add(ident)
    return ""


def fingerprint(operators):
    """What tells the centre that a bench has the operators it sent: hex SHA-256 of ids, names and salted hashes, in any order."""
    lines = sorted("%s\n%s\n%s\n" % (one["id"], one["name"], one["pin"]) for one in operators)
    return binascii.hexlify(hashlib.sha256("".join(lines).encode()).digest()).decode()


def _is_text(value, most):
    return isinstance(value, str) and 1 <= len(value.strip()) <= len(value) <= most and all(ord(c) >= 32 and ord(c) != 127 for c in value)
