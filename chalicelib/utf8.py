"""Text measured in bytes of UTF-8, as S3's keys and Step Functions' payloads are."""


def cut(text: str, size: int) -> str:
    """Return the beginning of *text*, at most *size* bytes of UTF-8, never half a character."""
    return text.encode()[:size].decode("utf-8", "ignore")
