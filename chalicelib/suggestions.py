"""The tags in use, and what somebody may have meant who found nothing.

The index alone does not show a name: a channel may have become private since. So each one is looked up, and shown
only if the asker sees one of its newest documents.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from chalicelib import index, layout, visibility
from chalicelib.listings import Listings
from chalicelib.matches import Match
from chalicelib.terms import Term
from chalicelib.visibility import Asker, Channels

SHOWN_TAGS = 20
"""Tags of a tag list."""
LOOKED_UP_TAGS = 30
"""Tags that are looked up for it: some of them may be none of the asker's business."""
NEWEST = 2
"""Records that are read of each tag or word."""
_PAGE = 500
_SCOPES = 4
"""Scopes that are listed for a suggestion, and those of a name in which its documents are looked up."""
_TERMS = 2
"""Terms for which there are suggestions."""
_NEAR = 3
_LOOKED_UP_NEAR = 8
_ALIKE = 0.6
MOST_COMPARED = 50
"""Names that are compared with what was typed letter by letter."""
_LONGEST_COMPARED = 40
"""Characters of each: comparing two takes time that grows with the square of their length."""
MOST_LISTINGS = visibility.MOST_SCOPES + LOOKED_UP_TAGS * _SCOPES
MOST_RECORDS = LOOKED_UP_TAGS * NEWEST


class TagList(NamedTuple):
    """The *names* of tags in use, sorted, and whether these are all."""

    names: list[str]
    is_complete: bool


def tags_in_use(begin: str, asker: Asker, listings: Listings, channels: Channels) -> TagList:
    """Return the tags that begin with *begin* and that *asker* sees a document of.

    That there are more is said of those that they may see: a tag of others makes no difference.
    """
    names = _names(index.TAGS, [begin], asker.scopes, asker, listings)
    first = sorted(names)[:LOOKED_UP_TAGS]
    visible, is_certain = _with_a_visible_document(
        {_tag(name): names[name] for name in first}, asker, listings, channels
    )
    is_complete = is_certain and len(visible) <= SHOWN_TAGS
    return TagList([str(term.tag) for term in visible[:SHOWN_TAGS]], is_complete)


def all_visible(terms: Sequence[Term], asker: Asker, listings: Listings, channels: Channels) -> bool:
    """Return False if *asker* sees none of the newest documents of one of *terms*."""
    single = [term for term in terms if term.tag is not None or len(term.words) == 1]
    visible, _ = _with_a_visible_document(dict.fromkeys(single, asker.scopes), asker, listings, channels)
    return len(visible) == len(single)


def nearest(terms: Sequence[Term], asker: Asker, listings: Listings, channels: Channels) -> list[str]:
    """Return the tags and words in use that are most like those of *terms* of which *asker* sees no document."""
    single = [term for term in terms if term.tag is not None or len(term.words) == 1][:_TERMS]
    near: dict[Term, list[Term]] = {}
    scopes: dict[Term, list[str]] = dict.fromkeys(single, asker.scopes)
    for term in single:
        alike = _alike(term, asker, listings)
        near[term] = list(alike)
        scopes.update(alike)
    visible, _ = _with_a_visible_document(scopes, asker, listings, channels)
    suggested = [
        other.text
        for term in single
        if term not in visible
        for other in [other for other in near[term] if other in visible][:_NEAR]
    ]
    return list(dict.fromkeys(suggested))


def _alike(term: Term, asker: Asker, listings: Listings) -> dict[Term, list[str]]:
    """Return the terms most like *term*, each with the scopes that have it: among tags for a tag, else words."""
    name = term.tag if term.tag is not None else term.words[0]
    kind, as_term = (index.TAGS, _tag) if term.tag is not None else (index.WORDS, _word)
    names = _names(kind, [name[:1], name[:3]], asker.scopes[:_SCOPES], asker, listings)
    return {as_term(other): names[other] for other in alike(name, names, _LOOKED_UP_NEAR)}


def alike(name: str, others: Iterable[str], most: int) -> list[str]:
    """Return up to *most* of *others* that are much like *name*, the likest first.

    It is as `difflib.get_close_matches` with a bound: counting letters, which is quick, picks whom to compare.
    """
    from difflib import SequenceMatcher

    matcher: SequenceMatcher[str] = SequenceMatcher()
    matcher.set_seq2(name[:_LONGEST_COMPARED])

    def likeness(of: Callable[[], float], other: str) -> float:
        matcher.set_seq1(other[:_LONGEST_COMPARED])
        return of()

    by_letters = sorted(((likeness(matcher.quick_ratio, other), other) for other in others), reverse=True)
    near = [other for ratio, other in by_letters if ratio >= _ALIKE and other != name][:MOST_COMPARED]
    by_likeness = sorted(((likeness(matcher.ratio, other), other) for other in near), reverse=True)
    return [other for ratio, other in by_likeness if ratio >= _ALIKE][:most]


def _tag(name: str) -> Term:
    return Term(f"#{name}", name, ())


def _word(name: str) -> Term:
    return Term(name, None, (name,))


def _names(
    kind: str, begins: Iterable[str], scopes: Iterable[str], asker: Asker, listings: Listings
) -> dict[str, list[str]]:
    """Return the names of *kind* in *scopes* that begin with any of *begins*, each with the scopes that have it."""
    pairs = [(scope, begin) for scope in scopes for begin in dict.fromkeys(begins)]
    pages = listings.deadline.map(
        lambda pair: listings.folders(index.prefix(kind, asker.team, pair[0]), pair[1], _PAGE), pairs
    )
    names: dict[str, list[str]] = {}
    for (scope, _), page in zip(pairs, pages, strict=True):
        for name in page.names:
            if scope not in names.setdefault(name, []):
                names[name].append(scope)
    return names


def _with_a_visible_document(
    terms: dict[Term, list[str]], asker: Asker, listings: Listings, channels: Channels
) -> tuple[list[Term], bool]:
    """Return those of *terms* of which one of the newest documents is visible, and whether that is certain.

    Each term comes with the scopes in which it is looked up.
    """
    places = _newest(terms, asker, listings)
    every_place = sorted({place for of_term in places.values() for place in of_term})
    newest_records = listings.records(
        layout.metadata_key(asker.team, index.file_of(place)) for place in every_place
    )
    records = dict(zip(every_place, newest_records, strict=True))
    matches = {
        term: [Match(record, [term]) for place in of_term if (record := records[place])]
        for term, of_term in places.items()
    }
    possible = {
        term: [(match, match.shares(visibility.may_be_visible(match.record, asker))) for match in of_term]
        for term, of_term in matches.items()
    }
    channel_ids = [
        channel
        for of_term in possible.values()
        for _, shares in of_term
        for channel in visibility.elsewhere(shares, asker)
    ]
    channels.learn(channel_ids)
    visible = [
        term
        for term, of_term in possible.items()
        if any(match.shares(visibility.visible(shares, asker, channels)) for match, shares in of_term)
    ]
    return visible, channels.knows(channel_ids)


def _newest(terms: dict[Term, list[str]], asker: Asker, listings: Listings) -> dict[Term, list[str]]:
    """Return the places of the newest documents of each of *terms*."""
    prefixes = [
        (term, index.prefix(*_key(term, asker.team, scope)))
        for term, scopes in terms.items()
        for scope in scopes[:_SCOPES]
    ]
    pages = listings.deadline.map(lambda pair: listings.keys(pair[1], "", NEWEST).names, prefixes)
    places: dict[Term, set[str]] = {term: set() for term in terms}
    for (term, _), names in zip(prefixes, pages, strict=True):
        places[term].update(names)
    return {term: sorted(of_term)[:NEWEST] for term, of_term in places.items()}


def _key(term: Term, team: str, scope: str) -> tuple[str, str, str, str]:
    if term.tag is not None:
        return index.TAGS, team, scope, term.tag
    return index.WORDS, team, scope, term.words[0]
