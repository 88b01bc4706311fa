"""The words of the console: what the contract's short codes are called in the viewer's language."""

from __future__ import annotations

from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

from central.console.language import gettext

LIGHT: dict[str, LazyString] = {
    "green": lazy_gettext("Within limits"),
    "yellow": lazy_gettext("Needs attention"),
    "red": lazy_gettext("Alarm"),
    "grey": lazy_gettext("No data"),
}
QUANTITY: dict[str, LazyString] = {
    "temperature": lazy_gettext("Temperature"),
    "relative_humidity": lazy_gettext("Relative humidity"),
    "dew_point": lazy_gettext("Dew point"),
    "illuminance": lazy_gettext("Illuminance"),
    "uv_irradiance": lazy_gettext("UV irradiance"),
    "pm1": lazy_gettext("Finest dust PM1"),
    "pm2_5": lazy_gettext("Fine dust PM2.5"),
    "pm10": lazy_gettext("Dust PM10"),
    "co2": lazy_gettext("Carbon dioxide"),
    "voc": lazy_gettext("Volatile compounds"),
    "voc_mass": lazy_gettext("Volatile compounds"),
    "formaldehyde": lazy_gettext("Formaldehyde"),
    "nitrogen_dioxide": lazy_gettext("Nitrogen dioxide"),
    "sulfur_dioxide": lazy_gettext("Sulfur dioxide"),
    "ozone": lazy_gettext("Ozone"),
    "voc_index": lazy_gettext("Volatile compounds index"),
    "magnetic_flux_density": lazy_gettext("Magnetic flux density"),
    "air_pressure": lazy_gettext("Air pressure"),
    "current": lazy_gettext("Current"),
    "voltage": lazy_gettext("Voltage"),
    "count": lazy_gettext("Count"),
}
# UCUM code -> as people write it
UNIT = {"Cel": "°C", "[ppm]": "ppm", "[ppb]": "ppb", "ug/m3": "µg/m³", "uW/cm2": "µW/cm²", "uT": "µT", "1": ""}
DECIMALS = {"temperature": 1, "dew_point": 1, "relative_humidity": 1, "voltage": 2}  # others are shown without decimals
ALARM_STATE: dict[str, LazyString] = {
    "unacknowledged": lazy_gettext("Active, not acknowledged"),
    "acknowledged": lazy_gettext("Active, acknowledged"),
    "returned": lazy_gettext("Over, not acknowledged"),
    "shelved": lazy_gettext("Shelved"),
    "suppressed": lazy_gettext("Held back"),
    "normal": lazy_gettext("Over"),
}
ALARM_SHOW: dict[str, LazyString] = {
    "open": lazy_gettext("Open"),
    "shelved": lazy_gettext("Shelved"),
    "suppressed": lazy_gettext("Held back"),
    "history": lazy_gettext("Past"),
    "all": lazy_gettext("All"),
}
WORKS_STATE: dict[str, LazyString] = {
    "planned": lazy_gettext("planned"),
    "on": lazy_gettext("going on"),
    "over": lazy_gettext("over"),
    "cancelled": lazy_gettext("cancelled"),
}
DAY_KIND: dict[str, LazyString] = {
    "off": lazy_gettext("day off"),
    "work": lazy_gettext("make-up workday"),
    "weekend": lazy_gettext("weekend"),
    "day": lazy_gettext("workday"),
}
WEEKDAY: dict[str, LazyString] = {
    "0": lazy_gettext("Mo"),
    "1": lazy_gettext("Tu"),
    "2": lazy_gettext("We"),
    "3": lazy_gettext("Th"),
    "4": lazy_gettext("Fr"),
    "5": lazy_gettext("Sa"),
    "6": lazy_gettext("Su"),
}
MONTH: dict[str, LazyString] = {
    "1": lazy_gettext("January"),
    "2": lazy_gettext("February"),
    "3": lazy_gettext("March"),
    "4": lazy_gettext("April"),
    "5": lazy_gettext("May"),
    "6": lazy_gettext("June"),
    "7": lazy_gettext("July"),
    "8": lazy_gettext("August"),
    "9": lazy_gettext("September"),
    "10": lazy_gettext("October"),
    "11": lazy_gettext("November"),
    "12": lazy_gettext("December"),
}
ALARM_TONE = {
    "unacknowledged": "red",
    "acknowledged": "yellow",
    "returned": "yellow",
    "shelved": "grey",
    "suppressed": "grey",
    "normal": "green",
}
PRIORITY: dict[str, LazyString] = {
    "low": lazy_gettext("Low"),
    "medium": lazy_gettext("Medium"),
    "high": lazy_gettext("High"),
    "urgent": lazy_gettext("Urgent"),
}
NOTE: dict[str, LazyString] = {
    "raised": lazy_gettext("Raised"),
    "returned": lazy_gettext("Back to normal"),
    "acknowledged": lazy_gettext("Acknowledged"),
    "shelved": lazy_gettext("Shelved"),
    "unshelved": lazy_gettext("Shelving ended"),
    "note": lazy_gettext("Note"),
    "escalated": lazy_gettext("Escalated"),
    "suppressed": lazy_gettext("Held back"),
    "released": lazy_gettext("No longer held back"),
    "certain": lazy_gettext("Beyond the sensor's uncertainty"),
    "told": lazy_gettext("Told again"),
    "found": lazy_gettext("Found in late readings"),
}
CONTACT_KIND: dict[str, LazyString] = {
    "door": lazy_gettext("Door"),
    "motion": lazy_gettext("Motion"),
    "leak": lazy_gettext("Leak"),
    "smoke": lazy_gettext("Smoke"),
    "exit": lazy_gettext("Exit request"),
    "card": lazy_gettext("Card"),
    "mains": lazy_gettext("Mains"),
    "ups": lazy_gettext("UPS"),
    "output": lazy_gettext("Relay"),
}
WORKS_KIND: dict[str, LazyString] = {
    "fumigation": lazy_gettext("Fumigation"),
    "cleaning": lazy_gettext("Cleaning"),
    "repair": lazy_gettext("Repair"),
    "other": lazy_gettext("Other works"),
}
CONTACT_STATE: dict[str, LazyString] = {
    "open": lazy_gettext("open"),
    "closed": lazy_gettext("closed"),
    "active": lazy_gettext("active"),
    "inactive": lazy_gettext("inactive"),
    "unknown": lazy_gettext("unknown"),
}
CONTACT_SAID: dict[str, LazyString] = {  # by kind and state, where "active" would say nothing to a person
    "mains inactive": lazy_gettext("in order"),
    "mains active": lazy_gettext("power failure"),
    "ups inactive": lazy_gettext("in order"),
    "ups active": lazy_gettext("gives an alarm"),
    "output inactive": lazy_gettext("switched off"),
    "output active": lazy_gettext("switched on"),
}
VERDICT: dict[str, LazyString] = {
    "good": lazy_gettext("Good"),
    "look": lazy_gettext("Look again"),
    "bad": lazy_gettext("Bad: retake"),
}
VERDICT_TONE = {"good": "green", "look": "yellow", "bad": "red"}
CHECK: dict[str, LazyString] = {
    "sharpness": lazy_gettext("Sharpness"),
    "exposure": lazy_gettext("Exposure"),
    "skew": lazy_gettext("Skew"),
    "crop": lazy_gettext("Crop"),
    "blank": lazy_gettext("Blank page"),
    "duplicate": lazy_gettext("Duplicate"),
    "glare": lazy_gettext("Glare"),
    "finger": lazy_gettext("Finger"),
    "moire": lazy_gettext("Moiré"),
    "consistency": lazy_gettext("Consistency"),
    "sequence": lazy_gettext("Page sequence"),
    "code": lazy_gettext("Separator code"),
    "time": lazy_gettext("Time"),
}
BATCH_STATE: dict[str, LazyString] = {
    "open": lazy_gettext("Being captured"),
    "closed": lazy_gettext("Waiting for acceptance"),
    "accepted": lazy_gettext("Accepted"),
    "rejected": lazy_gettext("Rejected"),
    "rework": lazy_gettext("Being reworked"),
}
BATCH_TONE = {"open": "grey", "closed": "yellow", "accepted": "green", "rejected": "red", "rework": "grey"}
REVIEW_STATE: dict[str, LazyString] = {
    "open": lazy_gettext("Open"),
    "claimed": lazy_gettext("In review"),
    "escalated": lazy_gettext("Escalated"),
    "closed": lazy_gettext("Closed"),
}
REVIEW_VERDICT: dict[str, LazyString] = {  # in the order of the keys 1 to 4
    "expected": lazy_gettext("Expected"),
    "nuisance": lazy_gettext("False alarm"),
    "unclear": lazy_gettext("Unclear: escalate"),
    "breach": lazy_gettext("Breach"),
}
CAUSE: dict[str, LazyString] = {
    "authorised-access": lazy_gettext("Authorised access"),
    "patrol": lazy_gettext("Patrol"),
    "delivery": lazy_gettext("Handover or delivery"),
    "maintenance": lazy_gettext("Maintenance"),
    "door-fault": lazy_gettext("Door or contact at fault"),
    "draught": lazy_gettext("Draught or vibration"),
    "unknown": lazy_gettext("Unknown"),
    "unauthorised-access": lazy_gettext("Unauthorised access"),
}
ROLE: dict[str, LazyString] = {
    "facility": lazy_gettext("Facility staff"),
    "operator": lazy_gettext("Line operator"),
    "security": lazy_gettext("Security staff"),
    "archivist": lazy_gettext("Archivist"),
    "auditor": lazy_gettext("Auditor"),
    "admin": lazy_gettext("Administrator"),
}
LANE: dict[str, LazyString] = {
    "events": lazy_gettext("Events"),
    "capture": lazy_gettext("Capture"),
    "readings": lazy_gettext("Readings"),
}

ACT: dict[str, LazyString] = {  # what stands in the ledger as done by a person or by the centre
    "acceptance.choose": lazy_gettext("Sampling plan chosen"),
    "acceptance.plan": lazy_gettext("Sampling plan set"),
    "page.review": lazy_gettext("Page reviewed"),
    "agent.enrol": lazy_gettext("Agent enrolled"),
    "alarm.acknowledge": lazy_gettext("Alarm acknowledged"),
    "alarm.escalate": lazy_gettext("Alarm escalated"),
    "alarm.note": lazy_gettext("Note on an alarm"),
    "alarm.raise": lazy_gettext("Alarm raised by the centre"),
    "alarm.return": lazy_gettext("Alarm of the centre over"),
    "alarm.history": lazy_gettext("Excursion found in late readings"),
    "alarm.release": lazy_gettext("Alarm no longer held back"),
    "alarm.repeat": lazy_gettext("Alarm said again"),
    "alarm.shelve": lazy_gettext("Alarm shelved"),
    "alarm.suppress": lazy_gettext("Alarm held back"),
    "alarm.unshelve": lazy_gettext("Shelving ended"),
    "batch.accept": lazy_gettext("Batch accepted"),
    "batch.reject": lazy_gettext("Batch rejected"),
    "calendar.set": lazy_gettext("Calendar confirmed"),
    "clip.request": lazy_gettext("Clip asked for"),
    "command": lazy_gettext("Command to an agent"),
    "export": lazy_gettext("Data exported"),
    "gap": lazy_gettext("Gap in an agent's records"),
    "login": lazy_gettext("Signed in"),
    "login.failed": lazy_gettext("Sign-in refused"),
    "logout": lazy_gettext("Signed out"),
    "node.enrol": lazy_gettext("Sensor node enrolled"),
    "object.view": lazy_gettext("Image or clip viewed"),
    "page.delete": lazy_gettext("Page deleted"),
    "page.insert": lazy_gettext("Page inserted"),
    "page.move": lazy_gettext("Page moved"),
    "package.ask": lazy_gettext("Package asked for"),
    "package.made": lazy_gettext("Package made"),
    "package.failed": lazy_gettext("Package not made"),
    "page.reject": lazy_gettext("Page rejected"),
    "page.sequence": lazy_gettext("Page number looked at"),
    "recognition.again": lazy_gettext("Texts to be read anew"),
    "recognition.first": lazy_gettext("Texts to be read first"),
    "recognition.retry": lazy_gettext("Texts to be tried again"),
    "volume.describe": lazy_gettext("Suggested title answered"),
    "calibration.record": lazy_gettext("Sensor calibrated"),
    "limits.profile": lazy_gettext("Limit profile edited"),
    "room.limits": lazy_gettext("Room's limits set"),
    "room.set": lazy_gettext("Room named"),
    "bench.people.add": lazy_gettext("Person added to a bench"),
    "bench.people.pin": lazy_gettext("PIN of a person at a bench changed"),
    "bench.people.set": lazy_gettext("Person at a bench changed"),
    "patrol.check": lazy_gettext("Checkpoint checked"),
    "patrol.remove": lazy_gettext("Patrol round taken away"),
    "patrol.round": lazy_gettext("Patrol round defined"),
    "plan.place": lazy_gettext("Something placed on a plan"),
    "plan.remove": lazy_gettext("Plan taken away"),
    "plan.set": lazy_gettext("Plan drawn or renamed"),
    "readings.policy": lazy_gettext("Set how long readings are kept"),
    "readings.thin": lazy_gettext("Single readings let go"),
    "report.file": lazy_gettext("Report filed"),
    "report.schedule": lazy_gettext("Report schedule set"),
    "review.set": lazy_gettext("Door event reviewed"),
    "token.add": lazy_gettext("Token made"),
    "token.revoke": lazy_gettext("Token revoked"),
    "user.add": lazy_gettext("Person added"),
    "user.disable": lazy_gettext("Person locked out"),
    "user.enable": lazy_gettext("Person let in again"),
    "user.password": lazy_gettext("Password changed"),
    "user.roles": lazy_gettext("Roles changed"),
    "consignment.set": lazy_gettext("Consignment's counting set"),
    "discrepancy.resolve": lazy_gettext("Discrepancy resolved"),
    "process.limits": lazy_gettext("Time limits of the steps set"),
    "step.back": lazy_gettext("Volume sent back to an earlier step"),
    "step.begin": lazy_gettext("Step begun"),
    "step.checked": lazy_gettext("Check ended by the centre"),
    "step.finish": lazy_gettext("Step finished"),
    "step.skip": lazy_gettext("Step skipped"),
    "step.undo": lazy_gettext("Slip undone"),
    "volume.amend": lazy_gettext("Volume's particulars changed"),
    "volume.hold": lazy_gettext("Volume held"),
    "volume.link": lazy_gettext("Batch linked to a volume"),
    "volume.register": lazy_gettext("Volume registered"),
    "volume.release": lazy_gettext("Volume released"),
    "volume.withdraw": lazy_gettext("Volume withdrawn"),
    "works.cancel": lazy_gettext("Works cancelled"),
    "works.end": lazy_gettext("Works ended early"),
    "works.plan": lazy_gettext("Works planned"),
}


def word(table: dict[str, LazyString], code: object) -> str:
    """The word for a code; a code that no table knows is shown as it came."""
    found = table.get(str(code))
    return str(code if found is None else found)


def unit(code: str | None) -> str:
    """A UCUM unit as people write it."""
    return UNIT.get(code or "", code or "")


def decimals(quantity: str) -> int:
    """How many decimals a quantity is shown with."""
    return DECIMALS.get(quantity, 0)


def for_browser() -> dict[str, str]:
    """The texts that the browser's scripts show, by key."""
    return {
        "age_s": gettext("{n} s ago"),
        "age_min": gettext("{n} min ago"),
        "age_h": gettext("{n} h ago"),
        "age_d": gettext("{n} d ago"),
        "connection_connected": gettext("Live since {since}"),
        "connection_reconnecting": gettext("Reconnecting since {since}"),
        "connection_off": gettext("Not live"),
        "undo": gettext("Undo"),
        "done": gettext("Done"),
        "refused": gettext("That was refused ({status})"),
        "no_connection": gettext("The centre cannot be reached; nothing was changed"),
        "signed_out": gettext("You are signed out: sign in again"),
        "chart_empty": gettext("No readings in this span"),
        "chart_failed": gettext("The chart could not be loaded"),
        "patrol_kept": gettext("{n} kept on this phone; sent as soon as the centre can be reached"),
        "patrol_taken": gettext("Checked"),
        "calendar_changed": gettext("{n} changed, not saved yet"),
        "time": gettext("Time"),
        "date": gettext("Date"),
        "mean": gettext("Mean"),
        "course_gap": gettext("gap"),
        "course_no_data": gettext("no data"),
        "course_alarm": gettext("alarm"),
        "course_door": gettext("door open"),
        "course_output": gettext("relay on"),
        "course_works": gettext("works"),
        "course_remove": gettext("Take {name} out of the chart"),
        "course_latest": gettext("The latest values; point at the chart to read others"),
        "course_full": gettext("The chart shows at most {n} courses; take one out first"),
        "course_units": gettext("The chart shows two units at most; take a course out first"),
        "course_compare": gettext("Compare with …"),
        "course_other": gettext("Show another …"),
        "course_raw": gettext("Each point is one value as it was measured."),
        "course_means": gettext("The line is the mean, the shade the lowest to the highest value; zoom in to see each value."),
        "course_cut": gettext("There are more openings and alarms than can be drawn; zoom in to see all."),
        "years_none": gettext("There are no readings of these days in earlier years yet."),
        "calendar_label": gettext("{what}, a column a day and a row an hour"),
        "calendar_hint": gettext("A column is a day, a row an hour from midnight at the top; press a day to open it."),
        "calendar_in": gettext("within limits"),
        "calendar_touched": gettext("extremes beyond limits"),
        "calendar_out": gettext("mean beyond limits"),
        "calendar_hours": gettext("Hours with data"),
        "calendar_hours_out": gettext("Hours beyond limits"),
        "plan_at": gettext("{name}: from the left {x} %, from the top {y} %"),
        "plan_saved": gettext("{name} is saved"),
        "plan_off": gettext("{name} is off the plan"),
        "link_copied": gettext("Link copied"),
        "limits_none": gettext("Tick what is kept in this room first; a value of your own goes into a copy of a profile"),
        "export_none": gettext("Choose at least one course"),
        "export_order": gettext("The end comes after the beginning"),
        "chosen_none": gettext("none chosen"),
        "chosen": gettext("{n} chosen"),
        "chosen_many": gettext("Choose at most {n} volumes at once"),
        "steps_done": gettext("Done for {n}"),
        "steps_failed": gettext("Not done for {n}:"),
        "line_wrong": gettext("Line {n}"),
        "lines_wrong": gettext("Nothing was registered. Mistakes:"),
        "lines_right": gettext("Nothing is wrong: {n} volumes can be registered"),
        "lines_more": gettext("and more"),
        "volumes_registered": gettext("{n} volumes are registered"),
        "volume_unknown": gettext("No volume of this number is registered"),
        "lowest": gettext("Lowest"),
        "highest": gettext("Highest"),
    }


HIT_KIND: dict[str, LazyString] = {
    "batch": lazy_gettext("Batch"),
    "box": lazy_gettext("Box"),
    "page": lazy_gettext("Page"),
    "volume": lazy_gettext("Volume"),
}

READING_STATE: dict[str, LazyString] = {  # of the worker that reads texts
    "idle": lazy_gettext("all is read"),
    "off": lazy_gettext("switched off"),
    "paused": lazy_gettext("waits"),
    "reading": lazy_gettext("reading"),
    "stopped": lazy_gettext("not running"),
}

NUMBER_KIND: dict[str, LazyString] = {  # of a suggested number
    "case": lazy_gettext("case"),
    "contract": lazy_gettext("contract"),
    "customer": lazy_gettext("customer"),
    "other": lazy_gettext("number"),
}
