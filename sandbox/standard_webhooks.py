"""The Standard Webhooks signature, as a sender makes it and a receiver checks it.

Source: standardwebhooks.com, specification 1.0.0; the secret is used as its own UTF-8 bytes.
"""

import base64
import hashlib
import hmac

TOLERANCE_S = 300


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` value: "v1," and the base64 of HMAC-SHA256 over id, timestamp and the raw body."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()


def is_genuine(secret: str, message_id: str, timestamp: str, given: str, body: bytes, now: float) -> bool:
    """Whether one of the space-separated signatures given is right and the timestamp within 300 seconds of now."""
    if not message_id or not timestamp.isdecimal() or abs(now - int(timestamp)) > TOLERANCE_S:
        return False
    expected = signature(secret, message_id, int(timestamp), body).encode()
    return any(hmac.compare_digest(expected, candidate.encode()) for candidate in given.split(" "))
