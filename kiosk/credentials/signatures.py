"""Signatures as payloads carry them: those of JOSE (RFC 7518, RFC 8037) and COSE (RFC 9053,
RFC 8230), which are the same bytes."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

PublicKey = ec.EllipticCurvePublicKey | RSAPublicKey | Ed25519PublicKey

_SHA256 = hashes.SHA256()
_PSS = padding.PSS(padding.MGF1(_SHA256), padding.PSS.DIGEST_LENGTH)
# Algorithm -> curve, bytes of each of r and s, how to verify.
_ECDSA = {
    "ES256": ("secp256r1", 32, ec.ECDSA(_SHA256)),
    "ES384": ("secp384r1", 48, ec.ECDSA(hashes.SHA384())),
    "ES512": ("secp521r1", 66, ec.ECDSA(hashes.SHA512())),
}


def holds(key: object, algorithm: str, signature: bytes, message: bytes) -> bool:
    """Whether `signature` is that of `key` over `message`.

    `algorithm`: ES256, ES384, ES512, PS256 or EdDSA. A key of another kind than the
    algorithm's is simply not the signer.
    """
    try:
        if algorithm in _ECDSA and isinstance(key, ec.EllipticCurvePublicKey):
            return _ecdsa(key, algorithm, signature, message)
        if algorithm == "PS256" and isinstance(key, RSAPublicKey):
            key.verify(signature, message, _PSS, _SHA256)
        elif algorithm == "EdDSA" and isinstance(key, Ed25519PublicKey):
            key.verify(signature, message)
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _ecdsa(
    key: ec.EllipticCurvePublicKey, algorithm: str, signature: bytes, message: bytes
) -> bool:
    """r and s one after the other, of equal length. Raises InvalidSignature."""
    curve, size, scheme = _ECDSA[algorithm]
    if key.curve.name != curve or len(signature) != 2 * size:
        return False
    r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
    key.verify(utils.encode_dss_signature(r, s), message, scheme)
    return True
