"""The words of acceptance: what codes of reviews, plans and rework are called in the viewer's language."""

from __future__ import annotations

from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

REJECT_CODE: dict[str, LazyString] = {
    "blurred": lazy_gettext("Blurred"),
    "exposure": lazy_gettext("Too dark or too light"),
    "skewed": lazy_gettext("Crooked"),
    "cropped": lazy_gettext("Cut off"),
    "covered": lazy_gettext("Something lies on it"),
    "colour": lazy_gettext("Wrong colour"),
    "duplicate": lazy_gettext("Twice the same page"),
    "match": lazy_gettext("Does not match the index"),
    "missing": lazy_gettext("A page is missing here"),
    "order": lazy_gettext("Wrong order"),
    "other": lazy_gettext("Something else"),
}
WHY: dict[str, LazyString] = {
    "sample": lazy_gettext("Drawn for the sample"),
    "changed": lazy_gettext("Captured anew since the last round"),
    "neighbour": lazy_gettext("Beside a page that changed"),
    "earlier": lazy_gettext("Was to be looked at before the batch was closed again"),
    "placeholder": lazy_gettext("Holds the place of a page"),
    "doubtful": lazy_gettext("A check doubts it"),
}
SAMPLING: dict[str, LazyString] = {
    "none": lazy_gettext("No sample"),
    "percent": lazy_gettext("A share of the pages"),
    "iso2859": lazy_gettext("By ISO 2859-1"),
    "all": lazy_gettext("Every page"),
}
SEVERITY: dict[str, LazyString] = {
    "normal": lazy_gettext("normal inspection"),
    "tightened": lazy_gettext("tightened inspection"),
    "reduced": lazy_gettext("reduced inspection"),
}
LOT_STATE: dict[str, LazyString] = {
    "open": lazy_gettext("under review"),
    "accepted": lazy_gettext("accepted"),
    "rejected": lazy_gettext("rejected"),
    "superseded": lazy_gettext("drawn anew"),
}
REWORK: dict[str, LazyString] = {
    "away": lazy_gettext("The bench is not reachable; it is asked as soon as it is back."),
    "waiting": lazy_gettext("The bench is being asked."),
    "sent": lazy_gettext("Sent to the bench; it has not answered yet."),
    "refused": lazy_gettext("The bench could not take it yet and is asked again."),
    "taken": lazy_gettext("The bench has taken it up."),
    "done": lazy_gettext("Done at the bench and closed again."),
}
GROUPING: dict[str, LazyString] = {
    "unit": lazy_gettext("Unit"),
    "station": lazy_gettext("Station"),
    "operator": lazy_gettext("Operator"),
    "code": lazy_gettext("Reason"),
    "month": lazy_gettext("Month"),
}
SPAN: dict[str, LazyString] = {
    "30d": lazy_gettext("30 days"),
    "90d": lazy_gettext("90 days"),
    "1y": lazy_gettext("One year"),
    "all": lazy_gettext("All"),
}
SCOPE: dict[str, LazyString] = {
    "site": lazy_gettext("Whole site"),
    "unit": lazy_gettext("Unit"),
    "consignment": lazy_gettext("Consignment"),
}
