"""What passes at the door: rules from a file, the answer to a code by them, and why.

Which codes open the door is for the authorities of a province to decide and to change, so
it is configuration (`config/policy.toml`, examples in `config/policies/`), never code.
"""

from kiosk.credentials.policy.explaining import explain
from kiosk.credentials.policy.file import PolicyError, parse_policy
from kiosk.credentials.policy.judging import Explained, is_valid, judge
from kiosk.credentials.policy.rules import REASONS, Finding, Policy

__all__ = [
    "REASONS",
    "Explained",
    "Finding",
    "Policy",
    "PolicyError",
    "explain",
    "is_valid",
    "judge",
    "parse_policy",
]
