"""The Home tab looked up and published, when somebody opens it or asks something there.

Slack keeps what was published last, for each person. Two openings at once publish the same: where Slack says that
another publication came between (`hash_conflict`), that one is as good.
https://docs.slack.dev/reference/methods/views.publish
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from chalicelib import (
    clients,
    history_home,
    home,
    installation,
    layout,
    log,
    questions,
    search,
    settings,
    suggestions,
    visibility,
)
from chalicelib.answers import Link, Links
from chalicelib.authentication import HttpResponse
from chalicelib.bucket import Bucket
from chalicelib.deadline import Deadline
from chalicelib.errors import IntegratorError, SlackRefused, Transient
from chalicelib.fields import identifier
from chalicelib.history_home import Past
from chalicelib.home import Beginning, View
from chalicelib.layout import Problem
from chalicelib.listings import Listings
from chalicelib.questions import Place
from chalicelib.search import Results
from chalicelib.slack import Slack
from chalicelib.visibility import Asker, Channels

SECONDS = 1.6
"""For looking up what is shown; publishing takes up to `_TIMEOUT` more."""
_TIMEOUT = (0.3, 0.8)


def publish_beginning(envelope: Mapping[str, Any], link: Link, began: float) -> HttpResponse:
    """Publish Home for whoever opened it, as the `app_home_opened` in *envelope* says; *link* opens documents.

    *began* is when the request came (time.monotonic): loading all that this takes counts, too.

    503 lets Slack tell again, a minute later: for somebody who sees nothing so far.
    """
    event = envelope["event"]
    team, user, view = installation.team(envelope), identifier(event.get("user")), event.get("view")
    if event.get("tab") != "home" or team is None or user is None:
        return 200, {"ok": True}
    app_settings = settings.load("BUCKET", "ACCESS_TOKEN", "SLACK_URL")
    slack = Slack(clients.http(), app_settings)
    before = view.get("hash") if isinstance(view, dict) else None
    try:
        with Deadline(began + SECONDS) as deadline:
            bucket = Bucket(app_settings.bucket, clients.s3_for_answers())
            home_view = beginning(Place(team, user, ""), Desk(slack, bucket, deadline, link))
        publish(slack, user, home_view, before if isinstance(before, str) else None)
    except IntegratorError as error:
        log.warning("home not published", error=type(error).__name__, reason=str(error))
        return (503, {"ok": False}) if isinstance(error, Transient) and before is None else (200, {"ok": True})
    return 200, {"ok": True}


class Desk(NamedTuple):
    """What Home is looked up with: Slack, the archive, until when, and what opens documents."""

    slack: Slack
    bucket: Bucket
    deadline: Deadline
    link: Link

    @property
    def listings(self) -> Listings:
        """Return the archive's listings."""
        return Listings(self.bucket, self.deadline)

    @property
    def links(self) -> Links:
        """Return what becomes a link."""
        return Links(self.slack.owns, self.link)


def beginning(place: Place, desk: Desk) -> View:
    """Return Home as it is when it is opened; what is new, the tags and the problems are looked up at once."""
    asker = visibility.asker(desk.slack, desk.listings, *place)
    if asker is None:
        return home.for_strangers()
    look_ups: list[Callable[[Asker, Desk], Any]] = [_new, _tags, _problems, _pasts]
    new, tags, problems, pasts = desk.deadline.map(lambda look_up: look_up(asker, desk), look_ups)
    return home.beginning(Beginning(asker, new, tags, problems, pasts), desk.links)


def _new(asker: Asker, desk: Desk) -> Results:
    return search.find([], "", asker, desk.listings, Channels(desk.slack, asker.team, desk.deadline))


def _tags(asker: Asker, desk: Desk) -> list[str]:
    channels = Channels(desk.slack, asker.team, desk.deadline)
    return suggestions.tags_in_use("", asker, desk.listings, channels).names


def _problems(asker: Asker, desk: Desk) -> list[Problem]:
    prefix = layout.problems_prefix(asker.team, asker.user)
    names = desk.listings.keys(prefix, "", home.MOST_PROBLEMS).names
    problems = desk.deadline.map(desk.bucket.read, [prefix + name for name in names])
    return [problem.value for problem in problems if problem]


def _pasts(asker: Asker, desk: Desk) -> list[Past]:
    channels = Channels(desk.slack, asker.team, desk.deadline)
    return history_home.pasts(asker, desk.bucket, desk.listings, channels, time.time())


def with_answer(text: str, place: Place, desk: Desk) -> View:
    """Return Home with the answer to *text*."""
    at_once = questions.without_search(text)
    return home.with_answer(at_once or questions.answer(text, place, desk.slack, desk.listings, desk.links))


def publish(slack: Slack, user: str, view: View, before: str | None = None) -> None:
    """Show *view* to *user*; *before* is the hash of what they saw when it was looked up."""
    arguments = {"user_id": user, "view": view, **({"hash": before} if before else {})}
    try:
        slack.call("views.publish", arguments, timeout=_TIMEOUT)
    except SlackRefused as error:
        if "(hash_conflict)" not in str(error):
            raise
        log.info("home was published meanwhile")
