"""Whose is what Slack sends: the workspace that the app is installed in, and what the app itself has posted."""

from collections.abc import Mapping
from typing import Any

from chalicelib.fields import identifier


def team(payload: Mapping[str, Any]) -> str | None:
    """Return the workspace that the app is installed in, for an event, a command or an action.

    In a channel shared by Slack Connect `team_id` is the sender's, and only `authorizations` tells ours
    (https://docs.slack.dev/apis/events-api#authorizations). An organisation that installed the app as a whole has
    an id of its own (E…), for where no workspace is named.
    """
    authorizations, place, view = (payload.get(name) for name in ("authorizations", "team", "view"))
    first = authorizations[0] if isinstance(authorizations, list) and authorizations else None
    ours = first if isinstance(first, dict) else {}
    candidates = (
        view.get("app_installed_team_id") if isinstance(view, dict) else None,
        ours.get("team_id"),
        payload.get("context_team_id"),
        place.get("id") if isinstance(place, dict) else None,
        payload.get("team_id"),
        ours.get("enterprise_id"),
        payload.get("enterprise_id"),
    )
    return next((candidate for candidate in candidates if identifier(candidate)), None)


def is_own(envelope: Mapping[str, Any], message: Mapping[str, Any]) -> bool:
    """Return True if the app itself posted *message*: by its app id, or as the bot user that got the event."""
    profile = message.get("bot_profile")
    by_app = profile.get("app_id") if isinstance(profile, dict) else message.get("app_id")
    if by_app and by_app == envelope.get("api_app_id"):
        return True
    return is_by_bot_user(envelope, message)


def is_by_bot_user(envelope: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Return True if the user of *event* is the app's bot user."""
    return bool(event.get("user")) and event["user"] in _bot_users(envelope)


def bot_user(envelope: Mapping[str, Any]) -> str | None:
    """Return the app's bot user, as which it got the event; None where Slack does not name it."""
    return next((user for user in _bot_users(envelope) if identifier(user)), None)


def _bot_users(envelope: Mapping[str, Any]) -> list[Any]:
    authorizations = envelope.get("authorizations")
    return [
        authorization.get("user_id")
        for authorization in (authorizations if isinstance(authorizations, list) else [])
        if isinstance(authorization, dict) and authorization.get("is_bot") is True
    ]
