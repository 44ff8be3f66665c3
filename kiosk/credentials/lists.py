"""Trust lists as files: ours, which `kiosk.credentials.listing` describes, or those of others
(`kiosk.credentials.published`)."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from kiosk.credentials import certificates, published
from kiosk.credentials.formats import SIGNED
from kiosk.credentials.listing import KIDS_OF_ISSUER, VERSION, Issuer, Listing, Revoked
from kiosk.credentials.text import Malformed
from kiosk.credentials.trust import TrustList
from kiosk.errors import ConfigError

MAX_BYTES = 32 * 1024 * 1024
_TOLD_MAX = 20
"""Of a million ids that are all wrong, nobody reads more."""


class _Ours(msgspec.Struct, forbid_unknown_fields=True):
    version: int
    issuers: list[Issuer] = []
    revoked: list[Revoked] = []


def parse_trust(data: bytes) -> TrustList:
    """Trust list from any format that is known. Raises ConfigError."""
    return TrustList(listing=parse_listing(data))


def trust_in(der: bytes) -> TrustList:
    """Trust in one certificate and nobody else, whatever it may sign. Raises ConfigError when it
    cannot be read."""
    if certificates.load(der) is None:
        raise ConfigError(["no certificate that can be read; expected X.509 in DER"])
    signer = Issuer(kid=certificates.kid(der), certificate=der)
    others = (e for e in published.believe_certificate(der) if e.format != signer.format)
    return TrustList(listing=Listing([signer, *others]))


def parse_listing(data: bytes, issuer: str = "") -> Listing:
    """The same, before any key in it is looked at. `issuer` is the URL of whoever published
    it, for a key set (JWKS) that does not say. Raises ConfigError."""
    if len(data) > MAX_BYTES:
        raise ConfigError([f"trust list: {len(data)} bytes, at most {MAX_BYTES}"])
    found = published.read(data, issuer)
    return found if found is not None else _read_ours(data)


def _read_ours(data: bytes) -> Listing:
    try:
        ours = msgspec.json.decode(data.removeprefix(published.BYTE_ORDER_MARK), type=_Ours)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError([f"trust list: {error}"]) from error
    if ours.version not in (1, VERSION):
        raise ConfigError(
            [f"trust list: version {ours.version}, this firmware reads 1 and {VERSION}"]
        )
    problems: list[str] = []
    for number, issuer in enumerate(ours.issuers):
        problems += (f"issuers[{number}] {why}" for why in _wrong_with(issuer, ours.version))
    revoked = []
    for number, entry in enumerate(ours.revoked):
        wrong = [*_wrong_with_revoked(entry)]
        known, wrong = (entry, wrong) if wrong else _as_asked_for(entry)
        problems += (f"revoked[{number}] {why}" for why in wrong)
        revoked.append(known)
    if problems:
        more = len(problems) - _TOLD_MAX
        told = problems[:_TOLD_MAX] + ([f"{more} more mistakes like these"] if more > 0 else [])
        raise ConfigError([f"trust list: {problem}" for problem in told])
    return Listing(ours.issuers, revoked)


def _wrong_with(issuer: Issuer, version: int) -> Iterator[str]:
    if version == 1 and (not issuer.certificate or issuer.key):
        yield "needs a certificate"
    elif bool(issuer.certificate) == bool(issuer.key):
        yield "needs either a certificate or a key"
    if issuer.format not in SIGNED:
        yield _unknown_format(issuer.format)
        return
    if issuer.format in KIDS_OF_ISSUER and not issuer.issuer:
        yield f"needs its issuer, by which {issuer.format} knows a key"
    known = SIGNED[issuer.format].USAGES
    if not known and issuer.usages:
        yield f"has usages, and codes of the format {issuer.format} are all of one kind"
    elif strange := set(issuer.usages).difference(known):
        yield f"has usage {min(strange)[:_TOLD_MAX]!r}, expected any of {', '.join(known)}"


def _wrong_with_revoked(revoked: Revoked) -> Iterator[str]:
    if revoked.ids is None and not revoked.kid:
        yield "names neither a kid nor ids"
    if revoked.format not in SIGNED:
        yield _unknown_format(revoked.format)
    elif revoked.format in KIDS_OF_ISSUER and not revoked.issuer:
        yield f"needs the issuer, by which {revoked.format} knows a key"


def _unknown_format(format: str) -> str:
    known = ", ".join(sorted(SIGNED))
    return f"has format {format[:_TOLD_MAX]!r}, expected one whose codes are signed: {known}"


def _as_asked_for(revoked: Revoked) -> tuple[Revoked, list[str]]:
    """The entry with its ids as `read` of the format asks for them, and what is wrong with
    them."""
    listed = SIGNED[revoked.format].listed
    ids: list[str] = []
    problems = []
    for number, id in enumerate(revoked.ids or ()):
        try:
            ids += listed(id)
        except Malformed as problem:
            problems.append(f"ids[{number}]: {problem}")
    if revoked.ids is None or ids == revoked.ids:
        return revoked, problems
    return msgspec.structs.replace(revoked, ids=list(dict.fromkeys(ids))), problems
