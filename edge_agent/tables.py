"""The agent's own configuration tables: what may stand in each, apart from the options that a device's driver brings along."""

from edge_agent.options import PORT_HIGH, Option
from edge_agent.rule import PRIORITIES

AGENT = (
    Option("name", "name", "This agent's name; topics, identities and the broker's user carry it.", required=True),
    Option("site", "name", "The site it belongs to, as the centre is configured.", required=True),
    Option("data", "text", "Folder for journal, key, video and pages; relative to the working directory.", required=True),
    Option("room", "name", "The room its devices are in; left out, the agent's name."),
    Option("sample_s", "number", "How often local rules see each sensor.", 1.0, low=0.1, high=3600, unit="s"),
    Option("report_s", "number", "How often a reading is journalled when nothing happens.", 60.0, low=1, high=86400, unit="s"),
    Option("health_s", "number", "How often each lane carries a health record.", 300.0, low=10, high=3600, unit="s"),
    Option(
        "keep_acked_days",
        "number",
        "How long acknowledged records and their files are kept for a restored centre.",
        14.0,
        low=0,
        high=3650,
        unit="d",
    ),
    Option("quota_mb", "integer", "Most that the data folder may take.", 2048, low=64, high=100_000_000, unit="MiB"),
    Option("events_reserve_mb", "integer", "Part of the quota kept for events.", 64, low=1, high=4096, unit="MiB"),
)
BROKER = (
    Option("host", "text", "The broker's host.", required=True),
    Option("port", "integer", "The broker's port.", 1883, low=1, high=PORT_HIGH),
    Option("password_file", "text", "File with the password; the environment's MUNIMENT_BROKER_PASSWORD goes first."),
    Option("tls_ca", "text", "File with the certificate authority; given, the link is TLS."),
)
CENTRAL = (
    Option("url", "url", "The centre's address, for uploads.", required=True),
    Option("token_file", "text", "File with this agent's token; the environment's MUNIMENT_CENTRAL_TOKEN goes first."),
    Option("public_key_file", "text", "File with the centre's public key, pinned at enrolment."),
    Option("tls_ca", "text", "File with the certificate authority of an https centre; left out, those that the system trusts."),
)
SIM = (
    Option("seed", "integer", "Start of the simulated world's random numbers.", 1, low=0, high=2**31 - 1),
    Option("speed", "number", "How much faster than the clock the simulated climate runs.", 1.0, low=0.01, high=10000),
    Option("temp_c", "number", "Mean temperature of the simulated room.", 18.0, low=-20, high=40, unit="Cel"),
    Option("rh_pct", "number", "Mean relative humidity of the simulated room.", 50.0, low=5, high=95, unit="%"),
    Option("people", "boolean", "Whether simulated people open doors.", True),
    Option("door_every_s", "number", "Mean time between simulated door openings.", 120.0, low=1, high=86400, unit="s"),
    Option("operator", "boolean", "Whether a simulated operator works at the benches.", True),
)
DEVICE = (Option("transport", "text", "`device` is the real wire, `sim` the simulated one.", "device", choices=("device", "sim")),)
SENSOR = (
    Option("sample_s", "number", "Overrides `[agent] sample_s`.", low=0.1, high=3600, unit="s"),
    Option("report_s", "number", "Overrides `[agent] report_s`.", low=1, high=86400, unit="s"),
    Option(
        "bad_s",
        "number",
        "How long readings must be missing or bad before the sensor's own alarm starts.",
        30.0,
        low=0,
        high=86400,
        unit="s",
    ),
    Option("bad_priority", "text", "How urgent the alarm about a bad sensor is.", "medium", choices=PRIORITIES),
    Option("room", "name", "Where it hangs, such as `outdoor`; left out, the agent's room."),
)
CONTACT = (
    Option("held_open_s", "number", "Alarm when the contact stays open (or active) for longer than this.", low=0.1, high=86400, unit="s"),
    Option("held_open_priority", "text", "How urgent the held-open alarm is.", "medium", choices=PRIORITIES),
    Option("after_hours", "hours", "Alarm when the contact opens (or becomes active) in this span of local time."),
    Option(
        "after_hours_off_days",
        "boolean",
        "Whether a day off is after hours all day; left out, it is for a contact with `after_hours`, once the centre has set a calendar.",
    ),
    Option("after_hours_priority", "text", "How urgent the after-hours alarm is.", "high", choices=PRIORITIES),
)
CONTROL = (
    Option("output", "name", "The relay that is switched: a dehumidifier, humidifier or fan.", required=True),
    Option("sensor", "name", "The sensor that it goes by.", required=True),
    Option("quantity", "text", "The quantity that it goes by.", required=True),
    Option("on_above", "number", "On when the value is above this (with `off_below`)."),
    Option("off_below", "number", "Off again when the value is below this."),
    Option("on_below", "number", "On when the value is below this (with `off_above`)."),
    Option("off_above", "number", "Off again when the value is above this."),
    Option("min_on_s", "number", "How long it stays on at least.", 0.0, low=0, high=86400, unit="s"),
    Option("min_off_s", "number", "How long it stays off at least, from the agent's start too.", 0.0, low=0, high=86400, unit="s"),
    Option("max_on_s", "number", "On for longer, it is switched off and an alarm says so.", low=1, high=604800, unit="s"),
    Option("dead_s", "number", "Without a good value for longer, the sensor counts as dead.", 300.0, low=1, high=86400, unit="s"),
    Option("dead_state", "text", "What the output does while the sensor is dead.", required=True, choices=("off", "on", "hold")),
)
CAMERA = (
    Option("url", "text", "The stream's address (driver `stream`): rtsp:// or http://."),
    Option("serial", "text", "The camera's serial number (driver `picamera2`)."),
    Option("contacts", "names", "Contacts whose opening makes this camera keep a clip.", ()),
    Option("pre_roll_s", "number", "How much before the event a clip shows.", 5.0, low=0, high=120, unit="s"),
    Option("post_roll_s", "number", "How much after the event a clip shows.", 5.0, low=0, high=600, unit="s"),
    Option("segment_s", "number", "Length of the segments that are always being written.", 2.0, low=0.5, high=60, unit="s"),
    Option("keep_hours", "number", "How long segments that no clip needs are kept.", 24.0, low=0.1, high=8760, unit="h"),
)
LAMP = tuple(Option(colour, "pin", f"GPIO of the {colour} light.") for colour in ("red", "yellow", "green"))
BENCH = (
    Option("pedal_pin", "pin", "GPIO of a foot pedal of one switch; for others, `[bench.NAME.pedal.NAME]`."),
    Option("retake_pin", "pin", "GPIO of a second pedal that takes the last page again."),
    Option(
        "session_required",
        "text",
        "What a session has to prove before pages are taken: each camera sees its own card, and a target is measured.",
        "off",
        choices=("off", "cards", "cards+target"),
    ),
    Option("target", "text", "The target that is measured at a session's start.", "auto", choices=("auto", "sheet", "colour", "ruler")),
    Option("target_level", "text", "The ISO 19264-1 level that the target must reach; `-` = none.", "-", choices=("A", "B", "C", "-")),
    Option("drift_delta_e", "number", "How far a reference patch may move within a session, in Delta E 1976.", 3.0, low=0.5, high=20),
    Option("hold_s", "number", "How long the pedal is held to open or close a batch.", 1.5, low=0.5, high=10, unit="s"),
    Option("lamp", "table", "The bench's three-colour lamp.", options=LAMP),
    Option("buzzer_pin", "pin", "GPIO of the bench's buzzer."),
    Option("screen", "bind", "Where the bench's own screen is served.", "127.0.0.1:8081"),
    Option("profile", "table", "Thresholds of the page checks that differ from the shipped profile.", {}),
    Option("pages_expected", "integer", "Pages that a batch is declared to have when its opening names none.", low=1, high=100_000),
    Option("dpi", "number", "Resolution of the images on the page.", low=50, high=2400),
    Option("sign_in", "boolean", "Whether no press counts until an operator has signed in at the bench's screen.", False),
    Option(
        "sign_out_idle_min", "integer", "An operator is signed out after so long without work; 0 = never.", 30, low=0, high=720, unit="min"
    ),
    Option("shift_ends", "times", 'Local times at which the operator is signed out, such as ["12:00", "17:30"].', ()),
    Option("goal_per_h", "integer", "Pages an hour that the screen compares the pace with.", low=1, high=20_000),
    Option("reserve_mb", "integer", "Captures are refused when less is free on the disk.", 256, low=1, high=1_000_000, unit="MiB"),
)
CAMERA_DRIVERS = ("stream", "picamera2")
