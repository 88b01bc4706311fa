"""The errors of the agent, under one root."""

from collections.abc import Sequence


class AgentError(Exception):
    """Anything of the agent's own that went wrong; the text says what and where."""


class KeyFileError(AgentError):
    """A key file is missing, unreadable, of the wrong size or readable by others."""


class JournalError(AgentError):
    """The journal cannot do what was asked; nothing was changed."""


class JournalFull(JournalError):
    """The disk takes no more now (full, over quota, failing, locked): nothing was stored; hold the records and try again."""


class JournalDamaged(JournalError):
    """The journal's file is not a sound database any more."""


class HandoffError(AgentError):
    """The core and a child did not understand each other, or the other side is gone."""


class FileGoneError(AgentError):
    """A file that a record speaks of is missing, unreadable or not what the record says."""


class UploadError(AgentError):
    """An upload cannot go on; the text says why."""


class ConfigError(AgentError):
    """A configuration with mistakes; `mistakes` lists all of them, in the order of their lines."""

    def __init__(self, mistakes: Sequence[object]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = tuple(mistakes)


class DocumentError(AgentError):
    """A document file that cannot be read or written."""


class CentreError(AgentError):
    """The centre answered over HTTP, but not with what was asked for; the text says what it said."""


class CommandRefused(AgentError):
    """A command from the centre that is not carried out; the text says why."""
