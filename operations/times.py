"""Times as people type them."""

from datetime import UTC, datetime

from operations.console import Stop


def moment(text: str, usage: str) -> datetime:
    """Return what *text* means: 2026-11-23, or 2026-11-23T10:00, in UTC unless it names an offset (+02:00)."""
    try:
        value = datetime.fromisoformat(text.strip())
    except ValueError as error:
        problem = f"SINCE={text} is not a date or a time" if text else "Say since when"
        raise Stop(f"{problem}: {usage} (in UTC, unless it ends in an offset such as +02:00).") from error
    return value if value.tzinfo else value.replace(tzinfo=UTC)
