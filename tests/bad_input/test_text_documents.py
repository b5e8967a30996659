"""E1: text, CSV and JSON that is empty, broken, deceiving or far too large."""

import json
import struct
import zlib

import pytest

from tests.bad_input.cases import Case, Parse, check

PROSE = "The pump must be vented before the first start. Close the valve and read the gauge.\n"
RUSSIAN = "Насос необходимо прогреть перед запуском. Закройте вентиль и проверьте давление.\n"
JAPANESE = "ポンプを始動する前に、必ず空気を抜いてください。弁を閉じて圧力計を確認します。\n"
CHINESE = "启动泵之前必须排出空气。请关闭阀门并检查压力表的读数是否正常。\n"


def _png(width: int, height: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    crc = struct.pack(">I", zlib.crc32(b"IHDR" + head))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + head + crc


def _mixed(share_bad: float) -> bytes:
    line = "Das Ventil für die Prüfung öffnen und schließen. ".encode()
    bad = b"\xfc\xf6\xe4" * 5
    return line * 100 + bad * int(len(line) * 100 * share_bad / len(bad))


CASES = [
    Case(1, "empty txt", "a.txt", lambda: b"", "rejected:empty_file"),
    Case(2, "whitespace", "a.txt", lambda: b" \n\t\n" * 50, "rejected:no_text"),
    Case(2, "byte order mark", "a.txt", lambda: b"\xef\xbb\xbf", "rejected:no_text"),
    Case(27, "deep JSON", "a.json", lambda: b"[" * 100_000 + b"]" * 100_000, "rejected:nesting"),
    Case(
        27,
        "deep JSON in a line",
        "a.jsonl",
        lambda: b'{"a": "good line"}\n' + b"[" * 100_000 + b"]" * 100_000 + b"\n",
        "indexed:bad_lines: 2",
        ("a: good line",),
    ),
    Case(
        28,
        "odd JSON",
        "a.json",
        lambda: (
            b'{"pump": "one", "pump": "two", "flow": NaN, "lone": "x\\ud800y", "big": 1'
            + b"0" * 10_000
            + b"}"
        ),
        "indexed:duplicate_keys",
        ("pump: one, two", "lone: x?y"),
        ("nan", "\ud800"),
    ),
    Case(28, "no JSON", "a.json", lambda: b'{"a": ', "rejected:corrupt"),
    Case(
        29,
        "one bad line",
        "a.jsonl",
        lambda: b'{"a": "first"}\n{"a": \n{"a": "third"}\n',
        "indexed:bad_lines: 2",
        ("a: first", "a: third"),
    ),
    Case(
        34,
        "ragged CSV",
        "a.csv",
        lambda: b'Part,Price\nbolt,3\nnut\nseal,7,extra,more\n"open,9\nlast,11\n',
        "indexed:ragged",
        ("Part: bolt; Price: 3", "Part: last; Price: 11"),
    ),
    Case(
        34,
        "10 000 columns",
        "a.csv",
        lambda: b"\n".join(
            b",".join(b"%s%d" % (kind, n) for n in range(10_000)) for kind in (b"head", b"cell")
        ),
        "indexed:columns",
        ("head0: cell0",),
    ),
    Case(
        34,
        "NUL delimiter",
        "a.csv",
        lambda: b"Part name\x00Price\n" + b"long bolt\x003 EUR\n" * 9,
        "indexed:control_characters",
    ),
    Case(
        35,
        "text named pdf",
        "a.pdf",
        lambda: PROSE.encode(),
        "indexed:extension_mismatch",
        ("vented",),
    ),
    Case(35, "png named docx", "a.docx", lambda: _png(10, 10), "rejected:pixels|no_text_layer"),
    Case(37, "executable", "tool.bin", lambda: b"\x7fELF" + bytes(4_000), "rejected:unsupported"),
    Case(
        37,
        "unknown binary",
        "a.dat",
        lambda: bytes(range(256)) * 50,
        "rejected:unsupported",
    ),
    Case(37, "binary named txt", "a.txt", lambda: bytes(range(256)) * 50, "rejected:corrupt"),
    Case(
        38,
        "few broken bytes",
        "a.txt",
        lambda: _mixed(0.01),
        "indexed:encoding",
        ("für die Prüfung",),
    ),
    Case(38, "half broken", "a.txt", lambda: _mixed(0.2), "rejected:encoding"),
    Case(39, "UTF-16", "a.txt", lambda: PROSE.encode("utf-16"), "indexed", ("vented",)),
    Case(
        39,
        "UTF-16 unmarked",
        "a.txt",
        lambda: PROSE.encode("utf-16-le"),
        "indexed:encoding",
        ("vented",),
    ),
    Case(
        39,
        "UTF-7",
        "a.txt",
        lambda: "Der Schlüssel passt, die Größe auch.".encode("utf-7"),
        "indexed:encoding",
        ("Schlüssel", "Größe"),
    ),
    Case(
        39,
        "cp1251",
        "a.txt",
        lambda: (RUSSIAN * 5).encode("cp1251"),
        "indexed:encoding",
        ("Закройте",),
    ),
    Case(
        39,
        "Shift-JIS",
        "a.txt",
        lambda: (JAPANESE * 5).encode("shift_jis"),
        "indexed:encoding",
        ("空気を抜いて",),
    ),
    Case(
        39,
        "GB18030",
        "a.txt",
        lambda: (CHINESE * 5).encode("gb18030"),
        "indexed:encoding",
        ("关闭阀门",),
    ),
    Case(
        40,
        "control characters",
        "a.txt",
        lambda: b"vent\x00ed \x07pump\x1b[31m with words",
        "indexed:control_characters",
        ("vented pump",),
        ("\x00", "\x07", "\x1b"),
    ),
    Case(
        41,
        "bidirectional, tags, zero width",
        "a.txt",
        lambda: "safe \u202etxet\u202c pass\u200bword \U000e0041\U000e0042 end".encode(),
        "indexed:control_characters",
        ("password", "end"),
        ("\u202e", "\u200b", "\U000e0041"),
    ),
    Case(
        41,
        "1 000 combining marks",
        "a.txt",
        lambda: ("z" + "\u0301" * 1_000 + "algo in a text").encode(),
        "indexed:control_characters",
        ("algo",),
        ("\u0301" * 20,),
    ),
    Case(
        44,
        "emoji, RTL and CJK",
        "a.txt",
        lambda: (CHINESE * 300 + "مضخة " * 200 + "🔧" * 500).encode(),
        "indexed",
        ("🔧", "مضخة"),
    ),
    Case(46, "30 000 pixels square", "a.png", lambda: _png(30_000, 30_000), "rejected:pixels"),
    Case(46, "animated", "a.gif", lambda: b"GIF89a" + bytes(500), "rejected:pixels"),
    Case(46, "truncated", "a.jpg", lambda: b"\xff\xd8\xff\xe0" + bytes(9), "rejected:pixels"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_ends_as_stated(case: Case, parse: Parse) -> None:
    check(case, parse)


@pytest.mark.parametrize(
    ("number", "data"),
    [
        (42, b"x" * 1_000_000),
        (42, b"word " * 200_000),
        (43, b"word\n" * 1_000_000),
    ],
    ids=["one line of 1e6", "200 000 words", "1e6 lines"],
)
def test_endless_text_comes_in_bounded_blocks(number: int, data: bytes, parse: Parse) -> None:
    parsed = check(Case(number, "endless", "long.txt", lambda: data, "indexed"), parse)
    assert parsed is not None
    assert max(block.end - block.start for block in parsed.blocks) <= 20_000
    assert sum(block.end - block.start for block in parsed.blocks) > 0.9 * len(data) - len(data) / 4


def test_many_records_of_json_are_all_there(parse: Parse) -> None:
    lines = "\n".join(json.dumps({"id": n, "text": f"record {n}"}) for n in range(5_000))
    parsed = parse("many.jsonl", lines.encode())
    assert len(parsed.blocks) == 5_000
    assert "text: record 4999" in parsed.text
