"""Forms as Slack sends them: commands and actions."""

from urllib.parse import parse_qsl

_MOST_FIELDS = 100


def form(body: bytes) -> dict[str, str] | None:
    """Return the fields of the form that *body* is, the last of each name; None if it is none."""
    try:
        fields = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        return None
    return dict(fields)
