"""One file per command, of its name; `-` is `_` there."""

ACTIONS = (
    "identify",
    "selftest",
    "restart",
    "reboot",
    "logs",
    "set-time",
    "capture-diagnostics",
    "rotate-key",
    "install-certificate",
    "decommission",
)
