"""The marks by which a notice is posted once: claimed before, and marked after, both by conditional writes.

A claim as old as the function may run belongs to a dead invocation and is taken over. So there is never no notice,
and one too many only if Lambda or the answer is lost between post and mark.
"""

from typing import NamedTuple

from chalicelib import layout, log
from chalicelib.archive import Archive, JsonObject
from chalicelib.errors import ArchiveUnavailable, NoticePending
from chalicelib.layout import NoticeMark


class Place(NamedTuple):
    """A message that shows documents."""

    team: str
    channel: str
    ts: str

    @property
    def name(self) -> str:
        """What its notice is called: as the execution that archives the message."""
        return f"{self.team}-{self.channel}-{self.ts}".replace(".", "_")


class Marks(NamedTuple):
    """The marks in *archive*, at the time *now* (epoch seconds); a claim lives *claim_seconds*."""

    archive: Archive
    now: float
    claim_seconds: float

    def read(self, name: str) -> JsonObject[NoticeMark] | None:
        """Return the mark of the notice *name*. Raises NoticePending while another invocation works on it."""
        mark: JsonObject[NoticeMark] | None = self.archive.read(layout.notice_key(name))
        is_claimed = mark is not None and mark.value["state"] == "claimed"
        if mark and is_claimed and self.now - mark.value["at"] < self.claim_seconds:
            raise NoticePending("Another invocation is posting this notice.")
        return mark

    def claim(
        self, name: str, mark: NoticeMark | None, over: JsonObject[NoticeMark] | None
    ) -> JsonObject[NoticeMark]:
        """Claim the notice, and keep what *mark* tells. Raises NoticePending if another invocation was faster."""
        value = NoticeMark(state="claimed", at=self.now) if mark is None else mark
        new_mark: NoticeMark = {**value, "state": "claimed", "at": self.now}
        ours = self.archive.write(layout.notice_key(name), new_mark, over=over)
        if ours is None:
            raise NoticePending("Another invocation claimed this notice first.")
        return ours

    def write(self, name: str, mark: NoticeMark, over: JsonObject[NoticeMark]) -> JsonObject[NoticeMark] | None:
        """Write what became of the claim *over*; twice if need be, for a post without its mark is posted twice."""
        key = layout.notice_key(name)
        try:
            ours = self.archive.write(key, mark, over=over)
        except ArchiveUnavailable as error:
            log.warning("mark failed once", state=mark["state"], reason=str(error))
            ours = self.archive.write(key, mark, over=over)
        if ours is None:
            log.warning("claim was taken over", state=mark["state"])
        return ours
