"""The project's targets for speed, and whether the results reach them."""

from typing import Any, NamedTuple

from bench.acknowledge import BOLT, BOLT_PLAIN, OURS_PLAIN, OURS_UPLOAD, SIGNED
from bench.text import number
from bench.transfer import INTO_S3, LIMIT, OURS, OUT_OF_SLACK, RIVALS

REPLY_SECONDS = 2.0


class Line(NamedTuple):
    """A *target*, the *measured* figure, whether it *reached* the target, and a *remark*."""

    target: str
    measured: str
    reached: bool
    remark: str


def lines(results: dict[str, Any]) -> list[Line]:
    """Return a line for every target whose figures are in *results* (QUICK leaves some out)."""
    every = [*_cold(results["cold"]["ways"]["deployed"]), *_warm(results["warm"]["ways"]["HTTP"])]
    transfers = results["transfer"]["ways"]["TLS"]
    if "1 GiB" in transfers:
        every += _large(transfers["1 GiB"], results["transfer"]["steps"])
    return [*every, _small(transfers["1 MB"]), _reply(results["endtoend"])]


def _cold(figures: dict[str, Any]) -> list[Line]:
    bolt, bare = figures[BOLT.title], figures[SIGNED.title]
    result = []
    for contender, most in ((OURS_UPLOAD, 0.25), (OURS_PLAIN, 0.15)):
        ours = figures[contender.title]
        ratio = ours["answered"] / bolt["answered"]
        remark = (
            f"{number(ours['answered'])} ms of {number(bolt['answered'])}: the interpreter starts in "
            f"{number(ours['start'])}, the import takes {number(ours['import'])} and the first event "
            f"{number(ours['first'])}; a bare handler that signs takes {number(bare['answered'])}. In CPU "
            f"time, which other load does not stretch, the ratio is {number(ours['cpu'] / bolt['cpu'])}"
        )
        what = contender.title.removeprefix("ours, ")
        result.append(
            Line(f"cold, {what}: at most {most} of Bolt on Chalice", number(ratio), ratio <= most, remark)
        )
    return result


def _warm(figures: dict[str, Any]) -> list[Line]:
    bolt, plain = figures[BOLT.title]["p50"], figures[BOLT_PLAIN.title]["p50"]
    bare, chalice = figures[SIGNED.title]["p50"], figures[OURS_PLAIN.title]["p50"]
    parts = (
        f"of ours, {number(bare)} is what a bare handler needs that signs and sends, {number(chalice)} what "
        "Chalice needs and the signature of any message; the rest checks Slack's event, finds the tags and "
        "writes the input"
    )
    result = []
    for contender, most, why in ((OURS_UPLOAD, 0.4, f"; {parts}"), (OURS_PLAIN, 0.1, "")):
        ours = figures[contender.title]["p50"]
        remark = (
            f"p50 {number(ours)} ms, Bolt's is {number(bolt)} for an upload and {number(plain)} for a plain "
            f"message{why}"
        )
        what = contender.title.removeprefix("ours, ")
        result.append(
            Line(f"warm, {what}: at most {most} of Bolt's p50", number(ours / bolt), ours / bolt <= most, remark)
        )
    return result


def _large(figures: dict[str, Any], steps: dict[str, float]) -> list[Line]:
    ours, limit = figures[OURS], figures[LIMIT]
    others = {title: figures[title] for title in RIVALS if figures.get(title)}
    fastest = max(others, key=lambda title: others[title]["rate"])
    thriftiest = min(others, key=lambda title: others[title]["cpu"])
    ratio, ahead = ours["rate"] / limit["rate"], ours["rate"] / others[fastest]["rate"]
    cpu = f"{number(ours['cpu'])} CPU seconds per GB"
    other_cpu = f"{number(others[thriftiest]['cpu'])} of “{thriftiest}”"
    return [
        Line(
            "1 GiB over TLS: at least 0.85 of the limit (curl, curl)",
            number(ratio),
            ratio >= 0.85,
            f"{number(ours['rate'])} MB/s of {number(limit['rate'])}; the limit spends {number(limit['cpu'])} CPU "
            f"seconds per GB, ours {number(steps[OUT_OF_SLACK] + steps[INTO_S3])} on the same and "
            f"{number(sum(steps.values()) - steps[OUT_OF_SLACK] - steps[INTO_S3])} on what curl does not do",
        ),
        Line(
            "1 GiB over TLS: ahead of every contender",
            number(ahead),
            ahead > 1,
            f"the fastest other is “{fastest}” with {number(others[fastest]['rate'])} MB/s",
        ),
        Line("1 GiB over TLS: at most 200 MB resident", f"{number(ours['peak'])} MB", ours["peak"] <= 200, ""),
        Line(
            "1 GiB over TLS: fewer CPU seconds per GB than any",
            cpu,
            ours["cpu"] < others[thriftiest]["cpu"],
            f"the thriftiest other takes {other_cpu}",
        ),
    ]


def _small(figures: dict[str, Any]) -> Line:
    naive = figures["requests.content, put_object"]["call"]
    ours = figures[OURS]["call"]
    remark = f"{number(ours)} MB/s, requests.content and put_object {number(naive)}"
    return Line(
        "1 MB over TLS, the call alone: as fast as the naive way", number(ours / naive), ours >= naive, remark
    )


def _reply(stories: dict[str, Any]) -> Line:
    first, warm = stories["1 file of 1 MB, first upload"], stories["1 file of 1 MB, functions warm"]
    remark = f"{number(first['seconds'])} s when every function starts cold, {number(warm['seconds'])} s warm"
    is_reached = first["seconds"] <= REPLY_SECONDS
    return Line(
        "the reply within 2 s of the post, 1 MB, local stack", f"{number(first['seconds'])} s", is_reached, remark
    )
