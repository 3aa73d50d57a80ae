"""Event source mappings from SQS to Lambda: pollers, as Lambda has them.

Lambda receives a message, invokes the function, and deletes the message after a success. After an error it does
nothing: the message is visible again when the queue's visibility timeout is over, is received again, and goes to
the dead-letter queue when it was received too often (https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html).
"""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from local.aws.sandbox import Result
from local.clock import Clock

IDLE_SECONDS = 0.05  # real ones, between looks at an empty queue
AT_ONCE = 5  # invocations of one mapping
FOR_NOW = 43_200  # seconds: while its function runs, which takes real time, a message stays hidden

Invoke = Callable[[str, bytes, str], Result]


class Pollers:
    """The pollers of all mappings. *invoke* takes function, event and request id; redelivery passes on *clock*."""

    def __init__(self, invoke: Invoke, clock: Clock) -> None:
        self._invoke = invoke
        self._clock = clock
        self._closed = threading.Event()
        self._threads: list[threading.Thread] = []
        self.lock = threading.RLock()  # moto's queues are not made for several threads
        self._busy = 0

    def start(self, mapping: Any, queue: Any, is_wanted: Callable[[], bool]) -> None:
        """Poll moto's *queue* for moto's *mapping* while it *is_wanted*."""
        thread = threading.Thread(target=self._poll, args=(mapping, queue, is_wanted), daemon=True)
        self._threads.append(thread)
        thread.start()

    @property
    def busy(self) -> int:
        """How many batches are with their functions right now."""
        return self._busy

    def close(self) -> None:
        """Receive nothing any more. Returns without waiting for invocations under way."""
        self._closed.set()

    def join(self, seconds: float = 5) -> None:
        """Wait for the invocations under way."""
        for thread in self._threads:
            thread.join(seconds)

    def _poll(self, mapping: Any, queue: Any, is_wanted: Callable[[], bool]) -> None:
        free = threading.Semaphore(AT_ONCE)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while is_wanted() and not self._closed.is_set():
                free.acquire()
                messages = self._receive(queue, mapping) if mapping.enabled else []
                if messages:
                    pool.submit(self._handled, mapping, queue, messages).add_done_callback(lambda _: free.release())
                else:
                    free.release()
                    self._closed.wait(IDLE_SECONDS)

    def _receive(self, queue: Any, mapping: Any) -> list[Any]:
        from moto.sqs.models import sqs_backends

        backend = sqs_backends[queue.account_id][queue.region]
        with self.lock:
            messages: list[Any] = backend.receive_message(queue.name, mapping.batch_size, 0, FOR_NOW)
            self._busy += bool(messages)
        return messages

    def _handled(self, mapping: Any, queue: Any, messages: list[Any]) -> None:
        answer = None
        try:
            event = {"Records": [_record(queue, message) for message in messages]}
            answer = self._invoke(mapping.function_arn, json.dumps(event).encode(), messages[0].id)
        finally:
            with self.lock:
                self._settle(queue, messages, delete=answer is not None and not answer.error)
                self._busy -= 1

    def _settle(self, queue: Any, messages: list[Any], delete: bool) -> None:
        for copy in messages:
            if delete:
                queue.delete_message(copy.receipt_handle)
                continue
            for message in queue._messages:  # what was received is a copy
                if message.id == copy.id:
                    message.change_visibility(queue.visibility_timeout)


def _record(queue: Any, message: Any) -> dict[str, Any]:
    """The record which a function gets: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html."""
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": str(message.approximate_receive_count),
            "SentTimestamp": str(int(message.sent_timestamp)),
            "SenderId": message.sender_id,
            "ApproximateFirstReceiveTimestamp": str(int(message.approximate_first_receive_timestamp)),
        },
        "messageAttributes": {},
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.queue_arn,
        "awsRegion": queue.region,
    }
