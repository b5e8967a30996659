"""E1: HTML, XML, Markdown and mail that runs, nests, amplifies or lies."""

import io
from email.message import EmailMessage

import pytest

from tests.bad_input.cases import Case, Parse, check

WORDS = "Vent the pump before the first start."
ACTIVE = f"""<html><head><base href="http://127.0.0.1:9/"><title>Pump</title>
<meta http-equiv="refresh" content="0;url=http://127.0.0.1:9/"><script>alert("run")</script>
</head><body><p onclick="alert('run')">{WORDS}</p><iframe srcdoc="<p>framed</p>"></iframe>
<svg onload="alert('run')"><text>drawn</text></svg><a href="javascript:alert('run')">link text</a>
</body></html>""".encode()
HIDDEN = f"""<p>{WORDS}</p><p style="display:none">Ignore one</p>
<p style="font-size:0">Ignore two</p>
<p style="color:#fff">Ignore three</p><div hidden><p>Ignore four</p></div>
<div style="position:absolute;left:-9999px">Ignore five</div>""".encode()
AMPLIFIED = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "boom">'
    + b"".join(
        b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10)
    )
    + b"]><x><p>" + WORDS.encode() + b"</p>&a9;</x>"
)  # fmt: skip
EXTERNAL = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    b"<x><p>" + WORDS.encode() + b"</p>&e;</x>"
)


def _mail(inner: EmailMessage | None = None, attachments: int = 0) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = "office@pumps.example", "all@pumps.example"
    message["Subject"], message["Date"] = "About the pump", "Fri, 22 Mar 2024 12:00:00 +0000"
    message.set_content(WORDS)
    if inner is not None:
        message.add_attachment(inner)
    for number in range(attachments):
        message.add_attachment(
            b"MZ", maintype="application", subtype="octet-stream", filename=f"tool{number}.exe"
        )
    return message


def _nested_mail(depth: int) -> bytes:
    message = _mail()
    for _ in range(depth):
        message = _mail(message)
    return message.as_bytes()


def _traversal() -> bytes:
    message = _mail()
    message.add_attachment(b"x", maintype="a", subtype="b", filename="../../etc/cron.d/evil")
    return message.as_bytes()


def _winmail() -> bytes:
    message = _mail()
    data = b"\x78\x9f\x3e\x22" + bytes(200)
    message.add_attachment(data, maintype="application", subtype="ms-tnef", filename="winmail.dat")
    return message.as_bytes()


CASES = [
    Case(14, "hidden HTML", "a.html", lambda: HIDDEN, "indexed:hidden_text", (WORDS,)),
    Case(
        30,
        "20 000 nested boxes",
        "a.html",
        lambda: b"<div>" * 20_000 + WORDS.encode() + b"</div>" * 20_000,
        "rejected:nesting",
    ),
    Case(
        31,
        "active page",
        "a.html",
        lambda: ACTIVE,
        "indexed",
        (WORDS, "link text"),
        ("alert", "framed", "127.0.0.1"),
    ),
    Case(
        33,
        "entity amplification",
        "a.xml",
        lambda: AMPLIFIED,
        ("indexed", "rejected:corrupt"),
        (WORDS,),
        ("boom" * 10,),
    ),
    Case(33, "external entity", "a.xml", lambda: EXTERNAL, "indexed", (WORDS,), ("root:",)),
    Case(45, "attachment that climbs", "a.eml", _traversal, "indexed:embedded_files", (WORDS,)),
    Case(45, "50 nested messages", "a.eml", lambda: _nested_mail(50), "rejected:nesting"),
    Case(45, "5 nested messages", "a.eml", lambda: _nested_mail(5), "indexed", (WORDS,)),
    Case(
        45,
        "1 000 attachments",
        "a.eml",
        lambda: _mail(attachments=1_000).as_bytes(),
        "indexed:embedded_files: 1000",
        ("tool0.exe", "and 950 more"),
        ("tool999.exe",),
    ),
    Case(
        45,
        "broken MIME",
        "a.eml",
        lambda: (
            b"From: a@b.example\nSubject: =?utf-8?B?####?=\nMIME-Version: 1.0\n"
            b"Content-Type: multipart/mixed; boundary=never\n\n" + WORDS.encode()
        ),
        "indexed",
        ("a@b.example",),
    ),
    Case(
        45,
        "wrong charset",
        "a.eml",
        lambda: (
            b"From: a@b.example\nSubject: x\nContent-Type: text/plain; charset=ascii\n"
            b"Content-Transfer-Encoding: 8bit\n\nPr\xfcfung der Pumpe\n"
        ),
        "indexed:encoding",
        ("Prüfung",),
    ),
    Case(45, "winmail.dat", "a.eml", _winmail, "indexed:embedded_files", (WORDS, "winmail.dat")),
    Case(
        47,
        "raw HTML and script links",
        "a.md",
        lambda: (
            f"# Pump\n\n<script>alert(1)</script>\n\n[a good link](javascript:alert(2)) {WORDS}\n"
        ).encode(),
        "indexed",
        (WORDS, "a good link"),
        ("alert",),
    ),
    Case(
        47,
        "100 000 nested quotes",
        "a.md",
        lambda: b"> " * 100_000 + WORDS.encode(),
        "rejected:nesting",
    ),
    Case(
        47,
        "100 000 nested lists",
        "a.md",
        lambda: b"- " * 100_000 + WORDS.encode(),
        "rejected:nesting",
    ),
    Case(
        47,
        "lists nested line by line",
        "a.md",
        lambda: "\n".join(" " * 4 * n + "- item" for n in range(2_000)).encode(),
        "rejected:nesting",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_ends_as_stated(case: Case, parse: Parse) -> None:
    parsed = check(case, parse)
    if case.number == 14:
        assert parsed is not None
        flags = {parsed.text[b.start : b.end]: b.hidden for b in parsed.blocks}
        assert not flags[WORDS]
        assert sum(hidden for text, hidden in flags.items() if "Ignore" in text) == 5


def test_32_a_table_of_100_000_rows_comes_in_bounded_blocks(parse: Parse) -> None:
    page = io.StringIO()
    page.write("<table><tr><th>Part</th><th>Price</th></tr>")
    for number in range(100_000):
        page.write(f"<tr><td>P{number}</td><td>{number}</td></tr>")
    parsed = parse("a.html", (page.getvalue() + "</table>").encode())
    assert "Part: P99999; Price: 99999" in parsed.text
    assert max(len(block.rows) for block in parsed.blocks) <= 501
    assert all(block.rows[0] == ("Part", "Price") for block in parsed.blocks)
