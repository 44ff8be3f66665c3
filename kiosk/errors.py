"""Every error this project raises on purpose: one root, few children.

Each child is also the builtin that a caller without knowledge of this project
would catch. A message says what was found, what was expected and what to do.
"""


class KioskError(Exception):
    """Root of all errors of this project."""


class ConfigError(KioskError, ValueError):
    """Configuration is missing or wrong; `problems` holds one sentence per mistake."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class CredentialError(KioskError, ValueError):
    """A payload belongs to a known format but breaks its rules.

    `format` names the format; the message never quotes the payload, since messages
    reach the journal and payloads are personal.
    """

    def __init__(self, format: str, problem: str) -> None:
        super().__init__(f"{format}: {problem}")
        self.format = format
        self.problem = problem


class SealError(KioskError, ValueError):
    """An envelope or a sealed record cannot be made or opened."""


class DocumentError(KioskError, ValueError):
    """A document is not signed by a known key, or is not what it should be."""


class WireError(KioskError, ValueError):
    """A message breaks the contract of `kiosk.wire`."""


class CueError(KioskError, OSError):
    """A daemon's socket cannot be opened."""


class OutboxError(KioskError, OSError):
    """The outbox cannot keep its promise (directory, lock, disk, damaged segment)."""


class OutboxFull(OutboxError):
    """The card is full: nothing is taken until records have drained."""


class OutboxStuck(OutboxError):
    """What was stored cannot be handed over; more can be stored all the same."""


class OutboxLocked(OutboxError):
    """Another scanner works on the same outbox."""


class HardwareError(KioskError, OSError):
    """A camera, panel or pin is absent or does not answer."""
