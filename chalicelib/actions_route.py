"""POST /slack/actions: what people click, type in Home, or choose in a message's menu.

Slack waits three seconds for the acknowledgement, whose body it does not read. A Lambda does nothing after its
response, so the answer is sent before: to the response URL, which only the asker sees, or as their Home.
https://docs.slack.dev/interactivity/handling-user-interaction
"""

from collections.abc import Callable
from typing import Any

from chalicelib import (
    actions,
    answers,
    authentication,
    clients,
    home,
    home_tab,
    log,
    opening,
    parking,
    questions,
    settings,
)
from chalicelib import shortcut as archiving
from chalicelib.actions import Action, Home, Question, Shortcut
from chalicelib.answers import Answer, Link, Links
from chalicelib.authentication import HttpResponse
from chalicelib.bucket import Bucket
from chalicelib.deadline import Deadline
from chalicelib.errors import HostRefused, IntegratorError, Refused, SecretsUnreadable, SettingsWrong
from chalicelib.home import View
from chalicelib.listings import Listings
from chalicelib.questions import Place
from chalicelib.settings import Settings
from chalicelib.slack import Slack, check_status

SECONDS = 1.8
"""For finding the answer, of Slack's three; sending it may take `_TIMEOUT` more, and the rest is the network's."""
_TIMEOUT = (0.3, 0.5)
ACKNOWLEDGED: HttpResponse = (200, {})


def respond(request: Any, now: float, began: float) -> HttpResponse:
    """Return the response to Chalice's *request*, which came at *now* (epoch seconds), *began* (time.monotonic)."""
    end = began + SECONDS
    try:
        body = authentication.raw_body(request)
        content = authentication.authenticate(body, request.headers, now, actions.payload)
        action = actions.action(content)
        if action is None:
            log.info("nothing to do")
            return ACKNOWLEDGED
        app_settings = settings.load(
            "BUCKET", "ACCESS_TOKEN", "SLACK_URL", "SLACK_INTEGRATOR_SF", "SLACK_INTEGRATOR_PARKING"
        )
    except (Refused, SecretsUnreadable, SettingsWrong) as error:
        return authentication.refusal(error)
    answering = _Answering(app_settings, end, lambda ticket: opening.link(request, ticket, now))
    return answering.show(action) if _is_in_home(action) else answering.reply(action)


def _is_in_home(action: Action) -> bool:
    return isinstance(action, Home) or (isinstance(action, Question) and action.channel is None)


class _Answering:
    """Finds answers until *end*, and sends them."""

    def __init__(self, app_settings: Settings, end: float, link: Link) -> None:
        self._settings, self._end, self._link = app_settings, end, link
        self._slack = Slack(clients.http(), app_settings)
        self._bucket = Bucket(app_settings.bucket, clients.s3_for_answers())

    def show(self, action: Action) -> HttpResponse:
        """Publish what is asked for as the person's Home."""
        try:
            view = self._view(action)
        except IntegratorError as error:
            log.error("not looked up", error=type(error).__name__, reason=str(error))
            view = home.with_answer(answers.failure(error))
        return self._response_after(lambda: home_tab.publish(self._slack, action.person.user, view))

    def _view(self, action: Action) -> View:
        place = Place(action.person.team, action.person.user, "")
        with Deadline(self._end) as deadline:
            desk = home_tab.Desk(self._slack, self._bucket, deadline, self._link)
            if isinstance(action, Question):
                return home_tab.with_answer(action.text, place, desk)
            return home_tab.beginning(place, desk)

    def reply(self, action: Action) -> HttpResponse:
        """Send the answer to the response URL: in place of the message that was clicked, or as a new one."""
        try:
            answer = self._shortcut(action) if isinstance(action, Shortcut) else self._answer(action)
        except IntegratorError as error:
            log.error("not done", error=type(error).__name__, reason=str(error))
            failure = archiving.failure if isinstance(action, Shortcut) else answers.failure
            answer = failure(error)
        body = {**answer, "replace_original": not isinstance(action, Shortcut)}
        return self._response_after(lambda: self._post(str(action.person.response_url), body))

    def _answer(self, action: Action) -> Answer:
        assert isinstance(action, Question), "a click in a message asks something"
        person = action.person
        at_once = questions.without_search(action.text)
        if at_once:
            return at_once
        place = Place(person.team, person.user, str(action.channel))
        with Deadline(self._end) as deadline:
            listings, links = Listings(self._bucket, deadline), Links(self._slack.owns, self._link)
            return questions.answer(action.text, place, self._slack, listings, links)

    def _shortcut(self, action: Shortcut) -> Answer:
        app_settings, client = self._settings, clients.stepfunctions()
        stage = archiving.Stage(
            self._slack,
            self._bucket,
            client,
            app_settings.state_machine,
            lambda name, text, links: parking.park(clients.sqs(), app_settings.parking, name, text, links),
        )
        with Deadline(self._end) as deadline:
            # What is under way at the deadline may still happen: starting once more changes nothing.
            (text,) = deadline.map(lambda shortcut: archiving.archive_files(shortcut, stage, deadline), [action])
        return {"response_type": "ephemeral", "text": text}

    def _post(self, url: str, body: Answer) -> None:
        """Post to a response URL, which takes five posts in half an hour: that it takes no more is no fault."""
        response = self._slack.post(url, body, timeout=_TIMEOUT, with_token=False)
        check_status(response)
        if response.status_code != 200:
            log.warning("answer not taken", status=response.status_code)

    def _response_after(self, send: Callable[[], None]) -> HttpResponse:
        """Return the acknowledgement; 503, at which Slack shows a warning sign, where the answer was not sent."""
        try:
            send()
        except HostRefused as error:
            log.warning("answer not sent", reason=str(error))
        except IntegratorError as error:
            log.error("answer not sent", error=type(error).__name__, reason=str(error))
            return 503, {}
        return ACKNOWLEDGED
