"""Reading Slack's export: what is there in the documented layout, and a sentence for all that is not an export."""

import json
import struct
import tracemalloc
import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest

from operations import slack_export
from operations.console import Stop
from operations.slack_export import Export
from tests.operations.exports import entries, message, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "export.zip"


def read(path: Path) -> list[tuple[str, str, str]]:
    """Conversation, kind and ts of every message."""
    with Export(path) as export:
        return [
            (day.conversation.id, day.conversation.channel_type, body["ts"])
            for day in export.days()
            for body in export.messages(day)
        ]


def test_messages_of_every_kind_of_conversation_are_read_the_oldest_day_first(path: Path) -> None:
    files = entries()
    files |= {"groups.json": [{"id": "G1", "name": "secret"}], "dms.json": [{"id": "D1", "members": ["U1", "U2"]}]}
    files |= {"mpims.json": [{"id": "G2", "name": "mpdm-a--b--c-1"}], "integration_logs.json": []}
    files |= {"general/2024-03-02.json": [message("3.0")], "secret/2024-03-01.json": [message("2.0")]}
    files |= {"D1/2013-11-27.json": [message("1.0")], "mpdm-a--b--c-1/2024-03-03.json": [message("4.0")]}
    messages = [("D1", "im", "1.0"), ("G1", "group", "2.0"), ("C1", "channel", "3.0"), ("G2", "mpim", "4.0")]
    assert read(write(path, files)) == messages


def test_an_export_that_was_packed_again_with_its_folder_is_read_too(path: Path) -> None:
    files = entries(**{"general/2024-03-01.json": [message("1.0")]})
    assert read(write(path, {f"Acme export/{name}": content for name, content in files.items()})) == [
        ("C1", "channel", "1.0")
    ]


def test_a_name_that_is_utf8_without_saying_so_finds_its_channel(path: Path) -> None:
    files = entries(**{"channels.json": [{"id": "C1", "name": "büro"}]})
    name = "büro".encode().decode("cp437")
    assert read(write(path, files | {f"{name}/2024-03-01.json": [message("1.0")]})) == [("C1", "channel", "1.0")]


def test_the_teams_of_its_people_are_told(path: Path) -> None:
    with Export(write(path, entries())) as export:
        assert export.teams() == {"T1", "T2"}


def test_a_folder_that_no_list_names_is_told_and_passed_over(path: Path) -> None:
    files = entries(**{"left/2024-03-01.json": [message("1.0")], "general/notes.txt": b"x"})
    with Export(write(path, files)) as export:
        assert export.unknown_folders() == {"left"}
        assert export.days() == []


@pytest.mark.parametrize("name", ["../general/2024-03-01.json", "/etc/passwd", "general/../../x", "..\\x", "\\x"])
def test_a_path_that_leads_out_of_the_export_is_refused(path: Path, name: str) -> None:
    with pytest.raises(Stop, match="leads out of its folder"):
        Export(write(path, entries(**{name: []})))


def test_a_link_in_place_of_a_file_is_refused(path: Path) -> None:
    write(path, entries())
    link = zipfile.ZipInfo("general/2024-03-01.json")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(Stop, match="a link in place of a file"):
        Export(path)


def test_of_a_zip_in_a_zip_the_inner_one_is_named(path: Path) -> None:
    with pytest.raises(Stop, match=r"another zip, 'Acme/export\.zip': unpack that one"):
        Export(write(path, {"Acme/export.zip": b"PK"}))


def test_a_zip_that_lists_the_same_bytes_again_and_again_is_refused(path: Path) -> None:
    """https://www.bamsoftware.com/hacks/zipbomb: files that overlap, each of them a bomb."""
    day = json.dumps([message(f"{n}.0", text=str(n * 7919)) for n in range(2_000)]).encode()
    whole = write(path, entries(**{"general/2024-03-01.json": day})).read_bytes()
    end = whole.rindex(b"PK\x05\x06")
    start = struct.unpack_from("<L", whole, end + 16)[0]
    last = whole.rindex(b"PK\x01\x02", start, end)
    again = [whole[last:end].replace(b"2024-03-01", b"2024-04-%02d" % n) for n in range(1, 31)]
    directory = whole[start:end] + b"".join(again)
    tail = struct.pack("<4sHHHHLLH", b"PK\x05\x06", 0, 0, 33, 33, len(directory), start, 0)
    path.write_bytes(whole[:start] + directory + tail)
    with pytest.raises(Stop, match="more bytes than it has"):
        Export(path)


def test_a_zip_that_unpacks_to_far_more_than_messages_do_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack_export, "ANY_RATIO", 10 * 1024**2)
    write(path, entries(**{"general/2024-03-01.json": b"[" + b" " * 11 * 1024**2 + b"]"}))
    with pytest.raises(Stop, match="unpacks to 11 MB"):
        Export(path)


def test_an_export_is_known_again_by_its_content_alone(path: Path, tmp_path: Path) -> None:
    files = entries(**{"general/2024-03-01.json": [message("1.0")]})
    copy, other = tmp_path / "copy.zip", tmp_path / "other.zip"
    write(copy, files)
    write(other, {**files, "general/2024-03-01.json": [message("1.1")]})
    prints = []
    for each in (write(path, files), copy, other):
        with Export(each) as export:
            prints.append(export.fingerprint())
    assert prints[0] == prints[1] != prints[2]


def test_texts_that_end_within_a_piece_within_a_character_are_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack_export, "_PIECE", 7)
    messages = [message(f"{number}.0", text="é€𝄞 " * number) for number in range(12)]
    body = ("\ufeff" + str(messages).replace("'", '"')).encode()
    with Export(write(path, entries(**{"general/2024-03-01.json": body}))) as export:
        [day] = export.days()
        assert list(export.messages(day)) == messages


BAD_DAYS: dict[str, Any] = {
    "cut": b'[{"ts": "1.0"}, {"ts": ',
    "not closed": b'[{"ts": "1.0"}',
    "empty": b"",
    "not UTF-8": b'[{"text": "\xff"}]',
    "nested": b"[" * 200_000,
    "no JSON": b"[<html>]",
}


@pytest.mark.parametrize("body", BAD_DAYS.values(), ids=BAD_DAYS.keys())
def test_a_day_that_is_damaged_ends_in_a_sentence_that_names_it(path: Path, body: Any) -> None:
    write(path, entries(**{"general/2024-03-01.json": body}))
    with pytest.raises(Stop, match=r"general/2024-03-01\.json"):
        read(path)


def damaged_bytes(whole: bytes) -> bytes:
    """*whole* with the packed content of one file spoiled."""
    at = whole.index(b"general/2024-03-01.json") + len("general/2024-03-01.json")
    return whole[: at + 20] + bytes(byte ^ 0x55 for byte in whole[at + 20 : at + 40]) + whole[at + 40 :]


BAD_ZIPS = {
    "no zip": lambda whole: b"<html>Sign in</html>",
    "empty": lambda whole: b"",
    "the beginning only": lambda whole: whole[: len(whole) // 2],
    "without its last byte": lambda whole: whole[:-1],
    "the end only": lambda whole: whole[-200:],
    "content spoiled": damaged_bytes,
    "a password": lambda whole: whole.replace(
        b"PK\x01\x02\x14\x03\x14\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01\x00"
    ),
    "an unknown packing": lambda whole: whole.replace(b"\x14\x00\x00\x00\x08\x00", b"\x14\x00\x00\x00\x63\x00"),
}


@pytest.mark.parametrize("spoil", BAD_ZIPS.values(), ids=BAD_ZIPS.keys())
def test_a_zip_that_is_damaged_ends_in_a_sentence(path: Path, spoil: Any) -> None:
    messages = [message(f"{number}.0", text=f"{number * 7919}") for number in range(200)]
    write(path, entries(**{"general/2024-03-01.json": messages}))
    whole = path.read_bytes()
    path.write_bytes(spoil(whole))
    assert path.read_bytes() != whole
    with pytest.raises(Stop):
        read(path)


def test_a_file_that_is_not_there_ends_in_a_sentence(path: Path) -> None:
    with pytest.raises(Stop, match="cannot be read"):
        Export(path)


def test_a_zip_without_a_list_of_channels_is_no_export(path: Path) -> None:
    with pytest.raises(Stop, match="no export"):
        Export(write(path, {"holiday/beach.jpg": b"x"}))


def test_two_files_of_one_name_are_refused(path: Path) -> None:
    write(path, entries())
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("channels.json", '[{"id": "C2", "name": "general"}]')
    with pytest.raises(Stop, match="two files of one name"):
        Export(path)


def test_two_conversations_of_one_name_are_refused(path: Path) -> None:
    with pytest.raises(Stop, match="C1 and G1"):
        Export(write(path, entries(**{"groups.json": [{"id": "G1", "name": "general"}]})))


def test_an_id_that_could_lead_elsewhere_in_the_archive_is_refused(path: Path) -> None:
    with pytest.raises(Stop, match="valid id"):
        Export(write(path, entries(**{"channels.json": [{"id": "C1/../../x", "name": "general"}]})))


@pytest.mark.long
def test_a_bomb_ends_in_a_sentence_and_in_bounded_memory(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slack_export, "LONGEST_FILE", 64 * 1024**2)
    write(path, entries(**{"general/2024-03-01.json": b"[" + b" " * 80 * 1024**2 + b"]"}))
    tracemalloc.start()
    with pytest.raises(Stop, match="unpacks to more"):
        read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * 1024**2
    write(path, entries(**{"general/2024-03-01.json": b'[{"text": "' + b"x" * 20 * 1024**2 + b'"}]'}))
    with pytest.raises(Stop, match="over 8 MB"):
        read(path)


@pytest.mark.parametrize("count", [3_000_000, 7])
def test_a_zip_whose_list_of_files_cannot_be_true_is_refused_before_it_is_read(path: Path, count: int) -> None:
    whole = write(path, entries()).read_bytes()
    end = whole.rindex(b"PK\x05\x06")
    wide = struct.pack("<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, 46 * 3_000_000, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    path.write_bytes(whole[:end] + wide + locator + whole[end:])
    with pytest.raises(Stop, match=f"more files than an export has: {count}\\."):
        Export(path)


def test_an_export_of_ten_thousand_days_is_read(path: Path) -> None:
    days: dict[str, Any] = {f"general/{number:04}-01-01.json": [] for number in range(10_000)}
    days["general/2024-03-01.json"] = [message("1.0")]
    assert read(write(path, entries(**days))) == [("C1", "channel", "1.0")]


def test_content_that_looks_like_the_end_of_a_large_zip_is_content(path: Path) -> None:
    write(path, entries(**{"general/2024-03-01.json": [message("1.0")]}))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr("look", b"\xff" * 80 + b"PK\x06\x07" + b"\xff" * 20)
    assert len(read(path)) == 1


def test_a_message_of_eight_megabytes_is_read(path: Path) -> None:
    text = "x" * (8 * 1024**2 - len('{"text": ""}'))
    with Export(write(path, entries(**{"general/2024-03-01.json": [{"text": text}]}))) as export:
        [day] = export.days()
        assert [len(each["text"]) for each in export.messages(day)] == [len(text)]


def test_what_is_no_list_is_named_so(path: Path) -> None:
    write(path, entries(**{"general/2024-03-01.json": {"messages": []}}))
    with pytest.raises(Stop, match="is no list"):
        read(path)


@pytest.mark.long
def test_a_big_day_is_read_in_the_memory_of_a_few_messages(path: Path) -> None:
    body = b"[" + b",".join(b'{"ts": "%d.0", "text": "%s"}' % (n, b"x" * 1000) for n in range(30_000)) + b"]"
    write(path, entries(**{"general/2024-03-01.json": body}))
    with Export(path) as export:
        [day] = export.days()
        tracemalloc.start()
        count = sum(1 for _ in export.messages(day))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert count == 30_000
    assert peak < 8 * 1024**2
