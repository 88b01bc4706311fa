"""MQTT topics: one function for each that is built, one parser for what arrives."""

from wire.errors import WireError

ROOT = "muniment/1"
LANES = ("events", "capture", "readings")  # in the order in which they are sent after an outage
NAME_MAX = 40
_NAME = "abcdefghijklmnopqrstuvwxyz0123456789-_"


def valid_name(name):
    """Whether a site, agent, node, sensor, contact, camera or station may be called so: 1-40 of a-z 0-9 - _."""
    if not isinstance(name, str) or not 1 <= len(name) <= NAME_MAX:
        return False
    return all(c in _NAME for c in name) and name[0] not in "-_"


def _checked(*names):
    for name in names:
        if not valid_name(name):
            raise WireError("%r is not a valid name: 1-%d of a-z, 0-9, - and _, not starting with - or _" % (name, NAME_MAX))


def agent_topic(site, agent, tail):
    """The topic muniment/1/{site}/{agent}/{tail}; WireError if a name is not valid."""
    _checked(site, agent)
    return "/".join((ROOT, site, agent, tail))


def lane_topic(site, agent, lane):
    """Where an agent publishes the batches of one lane."""
    if lane not in LANES:
        raise WireError("unknown lane %r; known: %s" % (lane, ", ".join(LANES)))
    return agent_topic(site, agent, lane)


def ack_topic(site, agent, lane):
    """Where the centre acknowledges batches of one lane."""
    return lane_topic(site, agent, lane) + "/ack"


def status_topic(site, agent):
    """Where an agent keeps its retained status, and its last will."""
    return agent_topic(site, agent, "status")


def command_topic(site, agent):
    """Where the centre sends commands to an agent."""
    return agent_topic(site, agent, "command")


def node_topic(site, agent, node):
    """Where a Wi-Fi sensor node publishes its frames; `/ack` after it is where its agent answers."""
    _checked(node)
    return agent_topic(site, agent, "node/" + node)


def node_ack_topic(site, agent, node):
    """Where an agent greets a node and acknowledges its samples."""
    return node_topic(site, agent, node) + "/ack"


def parse(topic):
    """Split a topic of ours into (site, agent, kind), kind = a lane, "LANE/ack", "status", "command" or "node/NAME"."""
    parts = topic.split("/")
    if len(parts) < 5 or len(parts) > 6 or "/".join(parts[:2]) != ROOT:
        raise WireError("not a topic of Muniment: %r" % topic[:200])
    _checked(parts[2], parts[3])
    tail = "/".join(parts[4:])
    if tail in LANES or tail in ("status", "command"):
        return parts[2], parts[3], tail
    if len(parts) == 6 and ((parts[5] == "ack" and parts[4] in LANES) or (parts[4] == "node" and valid_name(parts[5]))):
        return parts[2], parts[3], tail
    raise WireError("unknown topic %r" % topic[:200])
