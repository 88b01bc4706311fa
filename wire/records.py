"""The kinds of record: their fields in the order they are written, and the check that a record keeps to them.

One table a kind: (field, type, required). Types: "s" text, "i" integer, "n" finite number, "N" number or null, "b" true/false,
"o" object, "l" list, "h" hex SHA-256 or null. Unknown extra fields are kept: a newer agent may know more than an older centre.
"""

from wire.chain import raw_of
from wire.errors import WireError
from wire.units import unit_of

TEXT_MAX = 4096
T_MIN = 1577836800000  # 2020-01-01: an earlier wall time comes from a clock that was never set, see `clock` records

SCHEMA = {
    "channel": (
        ("i", "i", 1),
        ("sensor", "s", 1),
        ("q", "s", 1),
        ("u", "s", 1),
        ("serial", "s", 0),
        ("resolution", "n", 0),
        ("tolerance", "n", 0),
        ("room", "s", 0),
    ),
    "reading": (("i", "i", 1), ("v", "N", 1), ("raw", "n", 0), ("quality", "s", 0), ("why", "s", 0)),
    "contact": (("contact", "s", 1), ("state", "s", 1), ("kind", "s", 0), ("room", "s", 0), ("why", "s", 0)),
    "card": (("reader", "s", 1), ("card", "s", 1), ("result", "s", 1)),
    "alarm": (
        ("id", "s", 1),
        ("rule", "s", 1),
        ("state", "s", 1),
        ("subject", "s", 1),
        ("priority", "s", 0),
        ("value", "n", 0),
        ("limit", "n", 0),
        ("words", "o", 0),
        ("room", "s", 0),
        ("uncertain", "b", 0),
        ("held", "b", 0),
    ),
    "clip": (
        ("clip", "s", 1),
        ("camera", "s", 1),
        ("from", "i", 1),
        ("to", "i", 1),
        ("sha256", "h", 1),
        ("bytes", "i", 1),
        ("because", "l", 1),
        ("holes", "l", 1),
    ),
    "press": (
        ("press", "s", 1),
        ("station", "s", 1),
        ("pedal", "s", 1),
        ("outcome", "s", 1),
        ("pages", "l", 1),
        ("why", "s", 0),
        ("operator", "s", 0),
    ),
    "page": (
        ("page", "s", 1),
        ("press", "s", 1),
        ("batch", "s", 1),
        ("after", "s", 0),
        ("sha256", "h", 1),
        ("bytes", "i", 1),
        ("width", "i", 1),
        ("height", "i", 1),
        ("dpi", "n", 0),
        ("checks", "l", 1),
        ("verdict", "s", 1),
        ("station", "s", 1),
        ("operator", "s", 0),
        ("replaces", "s", 0),
        ("reason", "s", 0),
        ("side", "s", 0),
        ("deleted", "b", 0),
        ("placeholder", "s", 0),
        ("moved_from", "s", 0),
        ("insert", "b", 0),
    ),
    "batch": (
        ("batch", "s", 1),
        ("state", "s", 1),
        ("declared", "i", 0),
        ("counts", "o", 1),
        ("station", "s", 0),
        ("volume", "s", 0),
        ("operator", "s", 0),
        ("reason", "s", 0),
    ),
    "health": (("boot", "s", 0), ("facts", "o", 1)),
    "clock": (("boot", "s", 1), ("ok", "b", 1), ("step_ms", "i", 0), ("source", "s", 1)),
    "epoch": (("previous", "s", 1), ("agreed_seq", "i", 1), ("why", "s", 1)),
    "gap": (("from", "i", 1), ("to", "i", 1), ("why", "s", 1)),
    "config": (("facts", "o", 1),),
    "key": (("new", "s", 1),),
    "command.done": (("id", "s", 1), ("ok", "b", 1), ("why", "s", 0)),
}
COMMON = (("k", "s", 1), ("t", "i", 1), ("m", "i", 1))
ALWAYS = ("health", "clock", "epoch", "gap", "key", "config")  # may stand in any lane
LANE_KINDS = {
    "events": ("alarm", "contact", "card", "clip", "command.done") + ALWAYS,
    "capture": ("press", "page", "batch") + ALWAYS,
    "readings": ("channel", "reading") + ALWAYS,
}
CHOICES = {
    ("reading", "quality"): ("good", "suspect", "bad"),
    ("contact", "state"): ("open", "closed", "active", "inactive", "unknown"),
    ("press", "outcome"): ("captured", "rejected", "failed", "ignored", "control"),
    ("page", "verdict"): ("good", "look", "bad"),
    ("page", "placeholder"): ("missing", "oversize", "other"),
    ("alarm", "state"): ("active", "returned"),
    ("alarm", "priority"): ("low", "medium", "high", "urgent"),
    ("batch", "state"): ("open", "closed"),
}


def _is_int(value):
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value):
    return _is_int(value) or (isinstance(value, float) and value == value and value not in (float("inf"), float("-inf")))


def _fits(value, kind):
    if kind == "s":
        return isinstance(value, str) and len(value) <= TEXT_MAX
    if kind == "i":
        return _is_int(value) and -(2**53) < value < 2**53
    if kind == "n":
        return _is_number(value)
    if kind == "N":
        return value is None or _is_number(value)
    if kind == "b":
        return isinstance(value, bool)
    if kind == "o":
        return isinstance(value, dict)
    if kind == "l":
        return isinstance(value, list)
    try:
        return value is None or len(raw_of(value)) == 32
    except ValueError:
        return False


def field_order(kind):
    """The names of a kind's fields in the order the encoder writes them; WireError for an unknown kind."""
    if kind not in SCHEMA:
        raise WireError("unknown kind of record %r; known: %s" % (kind, ", ".join(sorted(SCHEMA))))
    return [f[0] for f in COMMON] + [f[0] for f in SCHEMA[kind]]


def check(record, lane=None):
    """Raise WireError unless the record keeps to its kind's table (and may stand in the lane, where one is given)."""
    if not isinstance(record, dict):
        raise WireError("a record is a JSON object, not %s" % type(record).__name__)
    kind = record.get("k")
    if not isinstance(kind, str) or kind not in SCHEMA:
        raise WireError("unknown kind of record %r" % (kind,))
    if lane is not None and kind not in LANE_KINDS[lane]:
        raise WireError("a %s record does not belong in the lane %s" % (kind, lane))
    for name, type_, required in COMMON + SCHEMA[kind]:
        if name not in record:
            if required:
                raise WireError("%s record: field %r is missing" % (kind, name))
        elif not _fits(record[name], type_):
            raise WireError("%s record: field %r has the wrong type or size" % (kind, name))
        elif (kind, name) in CHOICES and record[name] not in CHOICES[(kind, name)]:
            raise WireError("%s record: %s is one of %s" % (kind, name, ", ".join(CHOICES[(kind, name)])))
    if kind == "channel" and unit_of(record["q"]) != record["u"]:
        raise WireError("channel record: the unit of %s is %s" % (record["q"], unit_of(record["q"])))
    if kind == "reading" and record["v"] is None and record.get("quality", "good") == "good":
        raise WireError("reading record: a null value cannot be good")
    return record


def record(k, t_ms, m_ms, **fields):
    """A checked record: its kind k, wall time and CLOCK_BOOTTIME in integer milliseconds, then the kind's own fields (None = left out
    except for `v` and `sha256`)."""
    made = {"k": k, "t": t_ms, "m": m_ms}
    for name in fields:
        if fields[name] is not None or name in ("v", "sha256"):
            made[name] = fields[name]
    return check(made)
