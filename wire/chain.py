"""The hash chain over records, and the texts that agents and the centre sign.

Digests are SHA-256 (FIPS 180-4), raw 32 bytes inside, lower-case hex in messages. Signing itself (Ed25519) is not here.
"""

import binascii
import hashlib

HASH_BYTES = 32


def hex_of(raw):
    """Lower-case hex of bytes."""
    return binascii.hexlify(raw).decode()


def raw_of(text):
    """Raw 32 bytes of a lower-case 64-digit hex text; ValueError otherwise."""
    if not isinstance(text, str) or len(text) != 2 * HASH_BYTES or not all(c in "0123456789abcdef" for c in text):
        raise ValueError("not a lower-case hex SHA-256")
    return binascii.unhexlify(text)


def start(site, agent, lane, epoch):
    """h_0 of a lane's chain: SHA-256 of the names, so that no chain can pass for another's."""
    text = "muniment-chain/1\n%s\n%s\n%s\n%s\n" % (site, agent, lane, epoch)
    return hashlib.sha256(text.encode()).digest()


def line_digest(line):
    """The digest d of one record line (bytes without newline); a withheld line ``#<hex d>`` carries its own."""
    if line[:1] == b"#":
        return raw_of(line[1:].decode())
    return hashlib.sha256(line).digest()


def extend(h, digest):
    """h after one more record: SHA-256(h || d)."""
    return hashlib.sha256(h + digest).digest()


def head_of(h, lines):
    """h after all of these lines."""
    sha256 = hashlib.sha256
    for line in lines:
        h = sha256(h + line_digest(line)).digest()
    return h


def batch_text(site, agent, lane, epoch, last_seq, head_hex):
    """What an agent signs for a batch."""
    return ("muniment-batch/1\n%s\n%s\n%s\n%s\n%d\n%s\n" % (site, agent, lane, epoch, last_seq, head_hex)).encode()


def ack_text(site, agent, lane, epoch, seq, head_hex, refused_why, agreed_seq):
    """What the centre signs for an acknowledgement; refused_why is "" and agreed_seq -1 where it refuses nothing."""
    text = "muniment-ack/1\n%s\n%s\n%s\n%s\n%d\n%s\n%s\n%d\n"
    return (text % (site, agent, lane, epoch, seq, head_hex, refused_why, agreed_seq)).encode()


def command_text(site, agent, ident, name, args_json, expires):
    """What the centre signs for a command; args_json is the args as the codec writes them (keys sorted)."""
    text = "muniment-command/1\n%s\n%s\n%s\n%s\n%s\n%d\n" % (site, agent, ident, name, args_json, expires)
    return text.encode()


def key_id(public_key):
    """The first 16 hex of SHA-256 of a raw 32-byte public key."""
    return hex_of(hashlib.sha256(public_key).digest())[:16]
