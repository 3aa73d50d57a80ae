"""Delivers events to the app as the Events API does. https://docs.slack.dev/apis/events-api"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from local.clock import Clock
from local.slack.faults import DELIVERY, SIGNING, Faults
from local.slack.files import Json
from local.slack.identity import App
from local.slack.posting import Attempt, post
from local.slack.signing import signed_request

# Almost at once, after a minute, after five minutes.
RETRY_WAITS = (0.0, 60.0, 300.0)


@dataclass(eq=False)
class Delivery:
    """One event on its way to the app; *copies* are what misbehaviours sent besides."""

    envelope: Json
    attempts: list[Attempt] = field(default_factory=list)
    acknowledged: bool = False
    copies: list["Delivery"] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it ended, acknowledged or given up, within *timeout* real seconds."""
        return self.done.wait(timeout)


def in_background(work: Callable[..., Any], *arguments: Any) -> threading.Thread:
    """Start *work* in a thread that keeps no process alive."""
    thread = threading.Thread(target=work, args=arguments, daemon=True)
    thread.start()
    return thread


class Sender:
    """Sends to *request_url*, signed, with Slack's time limit and retries; waits pass on *clock*.

    *on_change* hears of every delivery and attempt.
    """

    def __init__(
        self,
        app: App,
        clock: Clock,
        faults: Faults,
        new_event_id: Callable[[], str],
        on_change: Callable[[], object],
    ) -> None:
        self.app = app
        self.clock = clock
        self.faults = faults
        self.new_event_id = new_event_id
        self.on_change = on_change
        self.request_url = ""
        self.closing = threading.Event()
        self._deliveries: list[Delivery] = []
        self._lock = threading.Lock()

    @property
    def deliveries(self) -> list[Delivery]:
        """Every delivery, oldest first."""
        with self._lock:
            return list(self._deliveries)

    def deliver(self, envelope: Json, retries: bool = True) -> Delivery:
        """Send *envelope*, again while it is not acknowledged, and return when that ended."""
        delivery = self._begin(envelope)
        self._run(delivery, retries)
        return delivery

    def deliver_later(self, envelope: Json, retries: bool = True) -> Delivery:
        """The same in the background."""
        delivery = self._begin(envelope)
        in_background(self._run, delivery, retries)
        return delivery

    def _begin(self, envelope: Json) -> Delivery:
        if not self.request_url:
            raise RuntimeError("the Slack double knows no request_url to deliver events to")
        delivery = Delivery(envelope)
        with self._lock:
            self._deliveries.append(delivery)
        self.on_change()
        return delivery

    def _run(self, delivery: Delivery, retries: bool) -> None:
        """The delivery with what misbehaviours add to it: a wait before, copies beside and after."""
        faults = {fault.name: fault for fault in self.faults.happening(DELIVERY, *_subjects(delivery.envelope))}
        if late := faults.get("late"):
            self._pause(late.options["seconds"])
        beside = []
        if duplicate := faults.get("duplicate"):
            copies = [self._copy(delivery, delivery.envelope) for _ in range(duplicate.options["copies"])]
            beside = [in_background(self._send_copy, copy, retries) for copy in copies]
        self._attempts(delivery, retries)
        for thread in beside:
            thread.join()
        if renamed := faults.get("new_event_id"):
            self._redeliver(delivery, renamed.options["copies"], renamed.options["after"])
        delivery.done.set()
        self.on_change()

    def _redeliver(self, delivery: Delivery, copies: int, after: float) -> None:
        """The same event under other ids, as in https://github.com/slackapi/node-slack-sdk/issues/2141."""
        for _ in range(copies):
            self._pause(after)
            self._send_copy(self._copy(delivery, delivery.envelope | {"event_id": self.new_event_id()}), False)

    def _send_copy(self, copy: Delivery, retries: bool) -> None:
        self._attempts(copy, retries)
        copy.done.set()

    def _copy(self, delivery: Delivery, envelope: Json) -> Delivery:
        copy = self._begin(envelope)
        delivery.copies.append(copy)
        return copy

    def _attempts(self, delivery: Delivery, retries: bool) -> None:
        """Try, and retry up to three times."""
        reason: str | None = None
        for number, wait in enumerate((0.0, *RETRY_WAITS) if retries else (0.0,)):
            if self._pause(wait):
                break
            attempt = self._attempt(delivery.envelope, number, reason)
            delivery.attempts.append(attempt)
            delivery.acknowledged = attempt.succeeded
            self.on_change()
            if attempt.succeeded or attempt.forbids_retries:
                break
            reason = attempt.reason

    def _attempt(self, envelope: Json, number: int, reason: str | None) -> Attempt:
        faults = self.faults.happening(SIGNING, *_subjects(envelope))
        request = signed_request(self.app, encode(envelope), faults)
        again = {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": reason or ""} if number else {}
        headers = request.headers | again
        return replace(post(self.request_url, request.body, headers), sent=headers)

    def _pause(self, seconds: float) -> bool:
        """Let *seconds* of the clock pass; whether the double is closing."""
        return self.closing.wait(self.clock.scaled(seconds))


def encode(envelope: Json) -> bytes:
    """*envelope* as Slack writes JSON: ASCII only, slashes escaped."""
    return json.dumps(envelope, separators=(",", ":")).replace("/", "\\/").encode()


def _subjects(envelope: Json) -> set[str]:
    """What a misbehaviour of the sender can be limited to: an event id, a type, a channel, a message's ts."""
    event = envelope.get("event") or {}
    names = (
        envelope.get("event_id"),
        envelope.get("type"),
        event.get("type"),
        event.get("channel"),
        event.get("ts"),
    )
    return {name for name in names if isinstance(name, str)}
