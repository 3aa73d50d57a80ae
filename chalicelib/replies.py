"""The app's reply to a message: one, which stays true while the message changes.

Its mark keeps what became of each file, as the message's executions tell it. The message's record tells what still
stands, and which tags count. Whoever changes the reply claims it first, and reads the record again afterwards: so
edits, deletions and tags in the thread end in the same words, in whatever order they happen.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from chalicelib import layout, log, notices, posts, records, withdrawals
from chalicelib.archive import Archive, JsonObject
from chalicelib.errors import AccessRefused, IntegratorError, NoticeRefused
from chalicelib.layout import DocumentRecord, FirstUpload, LeftOut, MessageRecord, NoticeMark, ReplyFile
from chalicelib.marks import Marks, Place
from chalicelib.notices import Notice, Reaction
from chalicelib.slack import Slack

_ID = re.compile(r"[A-Z0-9]{1,18}", re.ASCII)
_CHANGED_AT = re.compile(r"-[ed]([0-9]+_[0-9]+)", re.ASCII)
_STORED = ("archived", "unchanged")
_MOST_ROUNDS = 5
"""Times that a reply is brought up to date at once; if the message still changes, its next outcome does it."""

Outcome = dict[str, Any]


class State(NamedTuple):
    """What is known at one moment: the *mark* of the reply, and the message's *record*.

    *created* is when its missing files were made.
    """

    mark: NoticeMark
    record: MessageRecord | None
    keep_after: int
    created: Mapping[str, int]

    @property
    def standing(self) -> list[ReplyFile]:
        """The files that were not taken back, in the order of the upload."""
        return [file for file in self.mark.get("said", []) if self.stands(file["id"])]

    def stands(self, file_id: str) -> bool:
        """Return True unless the file was taken back."""
        if self.record is None:
            return True
        creation_time = self.created.get(file_id, 0)
        is_taken_off = records.is_taken_off(self.record, file_id, self.keep_after, creation_time)
        return not (self.record["deleted"] or is_taken_off)

    @property
    def is_whole(self) -> bool:
        """True if none of the files that the reply ever named was taken back."""
        return all(map(self.stands, self.mark.get("files", [])))

    @property
    def is_gone(self) -> bool:
        """True if nothing is left that the reply could speak about."""
        files = self.mark.get("files", [])
        is_deleted = self.record is not None and self.record["deleted"]
        return is_deleted or (bool(files) and not any(map(self.stands, files)))


def follow(outcome: Outcome, archive: Archive, slack: Slack, now: float, claim_seconds: float) -> None:
    """Make the replies to all messages that the topic's *outcome* is about say what is true now.

    A sign tells whoever edited a message, or replied with a tag, that the documents have followed.
    """
    marks, has_posted, is_deleted = Marks(archive, now, claim_seconds), False, False
    for place in places(outcome, archive):
        with log.about(notice=place.name):
            reply = _Reply(place, outcome, marks, slack)
            has_posted |= reply.settle()
            record = reply.record()
            is_deleted |= record is not None and record["deleted"]
            if outcome["kind"] != "upload":
                withdrawals.follow(place, record, marks, slack)
    is_tagged = outcome["kind"] == "reply" and outcome["tags"]
    if (outcome["kind"] == "edit" or is_tagged) and not (has_posted or is_deleted):
        posts.add(Reaction(outcome["channel"], outcome["ts"]), slack)


def places(outcome: Outcome, archive: Archive) -> list[Place]:
    """Return the messages whose documents *outcome* is about."""
    if outcome["kind"] == "file_deletion":
        team, file_id = outcome["execution"].split("-")[:2]
        record: JsonObject[DocumentRecord] | None = archive.read(layout.metadata_key(team, file_id))
        shares = record.value["shares"] if record else []
        return [Place(share["team"], share["channel"], share["ts"]) for share in shares]
    root = outcome["thread_ts"] if outcome["kind"] == "reply" else None
    return [Place(outcome["team"], outcome["channel"], root or outcome["ts"])]


class _Reply:
    """The reply at *place*, of which *outcome* tells something new."""

    def __init__(self, place: Place, outcome: Outcome, marks: Marks, slack: Slack) -> None:
        self._place, self._outcome, self._marks, self._slack = place, outcome, marks, slack
        self._is_quiet = slack.settings.replies == "problems"
        self._has_posted = False

    def settle(self) -> bool:
        """Bring the reply up to date until nothing changes any more; return True if it was posted just now."""
        for _ in range(_MOST_ROUNDS):
            current = self._marks.read(self._place.name)
            state = self._state(current.value if current else NoticeMark(state="released", at=self._marks.now))
            step = self._step(state)
            if step is None:
                self._note(state, current)
                break
            claim = self._marks.claim(self._place.name, state.mark, current)
            new_mark = self._do(step, state, claim)
            if self._marks.write(self._place.name, new_mark, claim) is None:
                break
            log.info(new_mark["state"])
        return self._has_posted

    def _state(self, mark: NoticeMark) -> State:
        if mark["state"] == "claimed":  # by an invocation that died
            mark = {**mark, "state": "posted" if mark.get("reply") or mark.get("sign") else "released"}
        new_mark = _with_outcome(mark, self._outcome) if self._may_speak_again(mark) else mark
        record = self.record()
        absences = record.get("absent", {}) if record else {}
        creation_times = {
            file_id: self._created(file_id) for file_id in new_mark.get("files", []) if file_id in absences
        }
        return State(new_mark, record, self._slack.settings.keep_after_days, creation_times)

    def _created(self, file_id: str) -> int:
        key = layout.metadata_key(self._place.team, file_id)
        record: JsonObject[DocumentRecord] | None = self._marks.archive.read(key)
        return record.value["file"]["created"] if record else 0

    def record(self) -> MessageRecord | None:
        """Return the message's record."""
        current: JsonObject[MessageRecord] | None = self._marks.archive.read(layout.message_key(*self._place))
        return current and current.value

    def _may_speak_again(self, mark: NoticeMark) -> bool:
        """Return False for a reply that was taken back, unless an edit has brought other files since."""
        if mark["state"] != "withdrawn":
            return True
        return self._outcome["kind"] == "edit" and any(
            file["id"] not in mark.get("files", []) for file in self._outcome["files"]
        )

    def _step(self, state: State) -> "Notice | Reaction | str | None":
        """Return what has to be done: words to be posted or shown, a sign, `take back`, or None."""
        mark = state.mark
        is_there = bool(mark.get("reply") or mark.get("sign"))
        if state.is_gone:
            return "take back" if is_there else None
        if not state.standing:  # an earlier version's mark does not tell what was said of the others
            return "take back" if mark.get("reply") and not state.is_whole else None
        words = self._words(state)
        if mark.get("reply"):
            return words if mark.get("shown") != _digest(words) else None
        is_success = notices.is_success(state.standing, mark.get("left_out"))
        if mark.get("sign"):
            return None if is_success else words
        if mark["state"] in ("posted", "refused") or not self._is_news():
            return None
        if self._is_quiet and is_success and not mark.get("is_first"):
            return Reaction(self._place.channel, self._place.ts, notices.DONE)
        return words

    def _is_news(self) -> bool:
        """Return True for an upload, and for an edit that brought a file or failed to."""
        in_words = {"failed"} if self._is_quiet else {"archived", "failed"}
        statuses = {file["status"] for file in self._outcome["files"]}
        return self._outcome["kind"] == "upload" or (self._outcome["kind"] == "edit" and bool(in_words & statuses))

    def _words(self, state: State) -> Notice:
        tags = records.tags_of(state.record) if state.record else self._outcome["tags"]
        about = {
            **self._outcome,
            "ts": self._place.ts,
            "files": state.standing,
            "tags": tags,
            "tags_left_out": state.mark.get("left_out"),
        }
        return notices.reply(self._place.name, about, is_first=state.mark.get("is_first", False))

    def _do(self, step: Notice | Reaction | str, state: State, claim: JsonObject[NoticeMark]) -> NoticeMark:
        """Do what *step* says and return the mark of it; where it may succeed later the claim is released."""
        try:
            if isinstance(step, str):
                return self._take_back(state)
            if isinstance(step, Reaction):
                return self._sign(step, state)
            return self._update(step, state) if state.mark.get("reply") else self._post(step, state)
        except IntegratorError:
            self._marks.write(self._place.name, state.mark, claim)
            raise

    def _sign(self, sign: Reaction, state: State) -> NoticeMark:
        if self._is_first():
            return {**state.mark, "state": "released", "is_first": True}  # words, in the next round
        posts.add(sign, self._slack)
        return {**state.mark, "state": "posted", "sign": True}

    def _post(self, notice: Notice, state: State) -> NoticeMark:
        if state.mark.get("sign"):
            posts.remove(self._done_reaction, self._slack)
        try:
            ts = posts.post(notice, self._slack)
        except NoticeRefused as error:
            log.error("notice refused", channel=notice.channel, reason=str(error))
            return {**state.mark, "state": "refused", "sign": False}
        self._has_posted = True
        return {**_shown(state.mark, ts, notice), "sign": False}

    def _update(self, notice: Notice, state: State) -> NoticeMark:
        """Show the words of *notice*: in the reply, or in another one where Slack refuses to change this one."""
        ts = state.mark.get("reply") or ""
        refusal = posts.update(ts, notice, self._slack)
        if refusal == "message_not_found":
            return _taken_back(state.mark)
        return self._replace(ts, notice, state) if refusal else _shown(state.mark, ts, notice)

    def _replace(self, ts: str, notice: Notice, state: State) -> NoticeMark:
        """Post *notice* and delete the reply *ts*, which Slack lets nobody edit any more, as a workspace may want.

        Where Slack takes no reply either, the old one stays, unless it names what was taken back.
        """
        try:
            reply = posts.post(notice, self._slack)
        except (NoticeRefused, AccessRefused) as error:
            log.error("notice refused", channel=notice.channel, reason=str(error))
            reply = None
        if not state.is_whole:
            withdrawals.delete(notice.channel, ts, self._slack)
        elif reply:
            posts.first_accepted([("chat.delete", {"channel": notice.channel, "ts": ts})], self._slack)
        if reply is None:
            return _shown(state.mark, ts, notice) if state.is_whole else _taken_back(state.mark)
        return _shown(state.mark, reply, notice)

    def _take_back(self, state: State) -> NoticeMark:
        if reply := state.mark.get("reply"):
            withdrawals.delete(self._place.channel, reply, self._slack)
        if state.mark.get("sign") and not (state.record and state.record["deleted"]):
            posts.remove(self._done_reaction, self._slack)
        return _taken_back(state.mark)

    @property
    def _done_reaction(self) -> Reaction:
        return Reaction(self._place.channel, self._place.ts, notices.DONE)

    def _note(self, state: State, current: JsonObject[NoticeMark] | None) -> None:
        """Keep what the outcome told of files, though nothing changes in Slack: the next words need it."""
        if state.standing and state.mark != (current and current.value):
            self._marks.archive.write(layout.notice_key(self._place.name), state.mark, over=current)

    def _is_first(self) -> bool:
        """Return True for the first success of a person, and again for the same one."""
        user, team, archive = self._outcome.get("user") or "", self._outcome["team"], self._marks.archive
        if self._outcome["kind"] != "upload" or not _ID.fullmatch(user):
            return False
        key, first = layout.person_key(team, user), FirstUpload(execution=self._outcome["execution"])
        if archive.write(key, first, over=None):
            return True
        record: JsonObject[FirstUpload] | None = archive.read(key)
        return record is not None and record.value == first


def _with_outcome(mark: NoticeMark, outcome: Outcome) -> NoticeMark:
    """Return *mark* with what *outcome* tells of the message's files, and of the tags that were left out."""
    if outcome["kind"] not in ("upload", "edit"):
        return mark
    reply_files = _merge(mark.get("said", []), outcome["files"])
    files = [*dict.fromkeys([*mark.get("files", []), *(file["id"] for file in reply_files)])]
    left_out = _newest(mark.get("left_out"), outcome)
    return {**mark, "said": reply_files, "files": files, "left_out": left_out}


def _merge(reply_files: Iterable[ReplyFile], files: Iterable[Mapping[str, Any]]) -> list[ReplyFile]:
    by_id = {file["id"]: file for file in reply_files}
    for file in files:
        by_id[file["id"]] = _better(by_id.get(file["id"]), file)
    return list(by_id.values())


def _better(before: ReplyFile | None, file: Mapping[str, Any]) -> ReplyFile:
    """Return what is true of a file of which two executions tell: what is in the archive stays in it.

    That it was there already is true only if all say so: the later ones find what the first has archived.
    """
    after: ReplyFile = {
        "id": file["id"],
        "name": file["name"],
        "status": file["status"],
        "size": file["size"],
        "reason": file["reason"],
        "here_before": bool(file.get("here_before")),
    }
    if before is None or before["status"] not in _STORED:
        return after
    is_stored = after["status"] in _STORED
    return {**before, "here_before": before["here_before"] and after["here_before"]} if is_stored else before


def _newest(before: LeftOut | None, outcome: Outcome) -> LeftOut:
    """Return which tags the newest version of the message has too many, and how many of its links are none."""
    changed_at = _CHANGED_AT.search(str(outcome["execution"]))
    version = changed_at[1].replace("_", ".") if changed_at else outcome["ts"]
    if before is not None and records.is_newer(before["version"], version):
        return before
    tags = outcome.get("tags_left_out") or {}
    count, first, links = tags.get("count", 0), tags.get("first", []), tags.get("links", 0)
    return {"version": version, "count": count, "first": first, "links": links}


def _shown(mark: NoticeMark, reply: str | None, notice: Notice) -> NoticeMark:
    return {**mark, "state": "posted", "reply": reply, "shown": _digest(notice)}


def _taken_back(mark: NoticeMark) -> NoticeMark:
    return {"state": "withdrawn", "at": mark["at"], "files": mark.get("files", [])}


def _digest(notice: Notice) -> str:
    content = json.dumps([notice.text, notice.blocks], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]
