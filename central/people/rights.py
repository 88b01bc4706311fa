"""Who may do what: the one table of roles and rights."""

from __future__ import annotations

ROLES = ("facility", "operator", "security", "archivist", "auditor", "admin")
AGENT = "agent"  # a program of ours with an agent's token; not a role that a person can have

PUBLIC = "public"  # anyone, signed in or not
SIGNED_IN = "signed-in"  # any person, and any program with a person's token

# right: the roles that have it. The auditor reads all and changes nothing; the admin has no right to content by itself.
TABLE: dict[str, tuple[str, ...]] = {
    "environment.read": ("facility", "operator", "security", "archivist", "auditor"),
    "alarms.read": ("facility", "operator", "security", "archivist", "auditor"),
    "alarms.act": ("facility", "security"),
    "works.plan": ("facility",),
    "calendar.read": ("facility", "operator", "security", "archivist", "auditor", "admin"),
    "calendar.edit": ("facility", "admin"),
    "patrols.read": ("facility", "security", "auditor"),
    "patrols.walk": ("facility", "security"),
    "patrols.edit": ("facility",),
    "plans.edit": ("facility",),
    "reports.file": ("facility", "archivist"),
    "limits.read": ("facility", "operator", "security", "archivist", "auditor"),
    "limits.set": ("facility",),
    "sensors.calibrate": ("facility",),
    "security.read": ("security", "auditor"),
    "security.review": ("security",),
    "clips.view": ("security", "auditor"),
    "digitization.read": ("operator", "archivist", "auditor"),
    "pages.view": ("operator", "archivist", "auditor"),
    "provenance.read": ("operator", "archivist", "auditor"),
    "process.read": ("operator", "archivist", "auditor"),
    "process.work": ("operator", "archivist"),
    "process.skip": ("archivist",),
    "process.manage": ("archivist",),
    "yields.people": ("archivist",),  # figures by person
    "batches.judge": ("archivist",),
    "acceptance.plan": ("archivist",),
    "packages.read": ("operator", "archivist", "auditor"),
    "packages.make": ("archivist",),
    "packages.fetch": ("archivist",),
    "stations.read": ("operator", "archivist", "auditor"),
    "stations.command": ("operator",),
    "operators.read": ("archivist", "auditor", "admin"),
    "operators.manage": ("archivist", "admin"),
    "search": ("operator", "archivist", "auditor"),
    "recognition.direct": ("operator", "archivist"),
    "volumes.describe": ("operator", "archivist"),
    "clips.request": ("security",),
    "agents.command": ("facility", "admin"),
    "agents.read": ("facility", "operator", "security", "archivist", "auditor", "admin"),
    "ledger.read": ("archivist", "auditor"),
    "acts.read": ("auditor",),  # what people did, in the ledger's entries; others see that it was done, not what
    "people.read": ("auditor", "admin"),
    "people.manage": ("admin",),
    "objects.upload": (AGENT,),
    "documents.restore": (AGENT,),
}
READS = frozenset(right for right in TABLE if right.endswith((".read", ".view")) or right == "search")

# which right a live event needs: its name on the stream -> right
LIVE: dict[str, str] = {
    "reading": "environment.read",
    "alarm": "alarms.read",
    "works": "environment.read",
    "patrol": "patrols.read",
    "contact": "security.read",
    "clip": "security.read",
    "review": "security.read",
    "page": "digitization.read",
    "press": "digitization.read",
    "batch": "digitization.read",
    "volume": "process.read",
    "command": "agents.read",
    "agent": "agents.read",
}


def rights_of(roles: frozenset[str]) -> frozenset[str]:
    """Every right that at least one of the roles has."""
    return frozenset(right for right, having in TABLE.items() if not roles.isdisjoint(having))


def live_events_of(rights: frozenset[str]) -> frozenset[str]:
    """The names of the live events that someone with these rights may see."""
    return frozenset(event for event, right in LIVE.items() if right in rights)
