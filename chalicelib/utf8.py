"""Text measured in bytes of UTF-8, as S3's keys and Step Functions' payloads are."""


def cut(text: str, size: int) -> str:
    """Return the beginning of *text*, at most *size* bytes of UTF-8, never half a character."""
    return text.encode()[:size].decode("utf-8", "ignore")


def whole(text: str) -> str:
    """Return *text* with U+FFFD in place of lone surrogates, which JSON can hold and UTF-8 cannot."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
