"""Personal data in text by Presidio's patterns and check digits, and an organisation's own.

No language model, nothing fetched: what a text is found to hold depends on that text alone. Time is
linear in its length: long texts are looked through in windows, and one expression that takes too
long on one window raises, as nobody would know what was missed.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.metadata import version
from typing import Any, NamedTuple, cast

from rag.backends.own_recognisers import own
from rag.config.redaction import RedactionSettings
from rag.redaction import Found, TooHard

REVISION = 1
"""Of what is done here beside the libraries."""
WINDOW = 4_000
MARGIN = 400
"""More than an address or a number is long: what begins in one window may end in the next."""
AROUND = 30
"""What tells of a number whether it is one of a phone stands so near."""
SECONDS = 10.0
"""One expression on one window takes a thousandth of it at worst."""
KEPT = 512
"""Texts that are remembered: one prompt is in several rows."""
LIBRARIES = ("google-re2", "phonenumbers", "presidio-analyzer", "regex")
_AT, _COLON, _DIGIT = re.compile("@"), re.compile(":"), re.compile(r"\d")
_ANY = re.compile("")
_CALLED = re.compile(r"(?!\s*-?\d+[.,]\d+\s*$)\s*(?:[0+(]|\d+\D)")
_MAY_BE_PHONE = re.compile(r"\d(?:\W{0,3}\d){5,}")


class Pattern(NamedTuple):
    """One expression of a recogniser."""

    kind: str
    by: str
    compiled: Any
    score: float
    valid: Callable[[str], bool | None]
    """By check digits; None where it has none."""
    invalid: Callable[[str], bool | None]
    sign: re.Pattern[str]
    """Without it there is nothing to find."""


class Presidio:
    """Finds what is to be replaced. The library is read when something is first looked for."""

    def __init__(self, settings: RedactionSettings, seal: Callable[[str], str]) -> None:
        """`seal` hashes with a key, as from a bare hash of a list of names these could be guessed.

        Raises ConfigError naming a recogniser that cannot be used.
        """
        self._settings = settings
        self._own = own(settings.recognisers)
        self._allowed = {_plain(one) for one in settings.allow}
        self._patterns: list[Pattern] | None = None
        self.versions = {name: version(name) for name in LIBRARIES}
        said = {"rev": REVISION, **self.versions, **settings.model_dump(mode="json")}
        said.pop("optional")
        self.revision = seal(f"redaction {json.dumps(said, sort_keys=True)}")[:16]
        self.find = lru_cache(KEPT)(self._find)
        self._numbers = lru_cache(8 * KEPT)(self._phones_in)

    @property
    def kinds(self) -> tuple[str, ...]:
        named = [*self._settings.kinds, *(one.kind for one in self._settings.recognisers)]
        return tuple(dict.fromkeys(named))

    def _find(self, text: str) -> tuple[Found, ...]:
        """What is to be replaced, in order, with nothing twice. Raises TooHard."""
        found: list[Found] = []
        for begin, piece, first, last in _windows(text):
            found += [
                one._replace(start=begin + one.start, end=begin + one.end)
                for one in self._in(piece)
                if first <= one.start < last
            ]
        return tuple(_apart(found))

    def _in(self, text: str) -> Iterator[Found]:
        for recogniser in self._own:
            yield from self._but_allowed(text, recogniser(text))
        if self._patterns is None:
            self._patterns = _patterns(self._settings)
        for pattern in self._patterns:
            if pattern.sign.search(text):
                yield from self._but_allowed(text, self._matches(pattern, text))
        if "PHONE_NUMBER" in self._settings.kinds:
            yield from self._but_allowed(text, self._phones(text))

    def _but_allowed(self, text: str, found: Iterator[Found]) -> Iterator[Found]:
        for one in found:
            if not self._allowed or _plain(text[one.start : one.end]) not in self._allowed:
                yield one

    def _matches(self, pattern: Pattern, text: str) -> Iterator[Found]:
        try:
            for match in pattern.compiled.finditer(text, timeout=SECONDS):
                start = match.start()
                for end in _ends(pattern, match):
                    value = text[start:end]
                    valid = pattern.valid(value)
                    score = pattern.score if valid is None else float(valid)
                    sure = score > 0 and score >= self._settings.min_score
                    if sure and not pattern.invalid(value):
                        yield Found(start, end, pattern.kind, pattern.by)
                        break
        except TimeoutError as error:
            raise TooHard(pattern.by) from error

    def _phones(self, text: str) -> Iterator[Found]:
        for begin, end in _zones(text):
            for start, until in self._numbers(text[begin:end]):
                yield Found(begin + start, begin + until, "PHONE_NUMBER", "PhoneRecognizer")

    def _phones_in(self, zone: str) -> tuple[tuple[int, int], ...]:
        from presidio_analyzer.predefined_recognizers import PhoneRecognizer

        if self._settings.min_score > PhoneRecognizer.SCORE:
            return ()
        recogniser = PhoneRecognizer(supported_regions=self._settings.phone_regions)
        found: list[tuple[int, int]] = []
        for one in recogniser.analyze(zone, []):
            value = zone[one.start : one.end]
            # Nothing but digits, without the 0 that calls begin with, is an article's number, and
            # with one point or comma a decimal.
            if _CALLED.match(value):
                found.append((one.start + len(value) - len(value.lstrip()), one.end))
        return tuple(found)


def _zones(text: str) -> Iterator[tuple[int, int]]:
    """Where a number may be, with what stands around it: most of a text has none, and the library
    looks at each digit of it once for every country."""
    begin = end = 0
    for match in _MAY_BE_PHONE.finditer(text):
        if match.start() - AROUND > end:
            if end:
                yield begin, end
            begin = match.start() - AROUND
        end = min(len(text), match.end() + AROUND)
        begin = max(0, begin)
    if end:
        yield begin, end


def _windows(text: str) -> Iterator[tuple[int, str, int, int]]:
    """Where each begins, what is in it, and between where in it finds must begin to be its own."""
    for begin in range(0, max(1, len(text)), WINDOW):
        left = max(0, begin - MARGIN)
        piece = text[left : begin + WINDOW + MARGIN]
        yield left, piece, begin - left, begin - left + WINDOW


def _apart(found: list[Found]) -> Iterator[Found]:
    """Overlapping ones as one, of the kind of the longest of them."""
    best: Found | None = None
    start = end = 0
    for one in sorted(found, key=lambda each: (each.start, -each.end)):
        if best is None or one.start >= end:
            if best is not None:
                yield best._replace(start=start, end=end)
            best, start, end = one, one.start, one.end
            continue
        if one.end - one.start > best.end - best.start:
            best = one
        end = max(end, one.end)
    if best is not None:
        yield best._replace(start=start, end=end)


def _ends(pattern: Pattern, match: Any) -> Sequence[int]:
    """Where a match may end: a word after an IBAN can look like its last digits."""
    if pattern.kind != "IBAN_CODE":
        return (match.end(),)
    return sorted({match.end(n) for n in range(match.re.groups + 1)} - {-1}, reverse=True)


def _plain(value: str) -> str:
    return " ".join(value.casefold().split())


# --- Presidio's recognisers ----------------------------------------------------------------------

_EXPRESSIONS = {
    # Presidio's leave out Mastercard's newer numbers.
    "CREDIT_CARD": r"\b(?:[3456]\d{3}|2[2-7]\d{2})[- ]?\d{3,4}[- ]?\d{3,4}[- ]?\d{3,5}\b",
    # Presidio's leave out the spaces that both are printed with.
    "DE_TAX_ID": r"\b[1-9]\d ?\d{3} ?\d{3} ?\d{3}\b",
    "DE_SOCIAL_SECURITY": r"\b\d{2} ?\d{6} ?[A-Z] ?\d{3}\b",
}
_TOP = re.compile(r"\.(?:[^\W\d_]{2,}|xn--[\w-]+)$")


def _valid(kind: str, check: Callable[[str], bool | None]) -> Callable[[str], bool | None]:
    if kind == "EMAIL_ADDRESS":
        # Presidio's would fetch the list of public suffixes, and knows no intranet.
        # And `token=@file.txt` is none.
        return lambda value: _TOP.search(value) is not None and "=@" not in value
    if kind in ("DE_TAX_ID", "DE_SOCIAL_SECURITY"):
        return lambda value: check(value.replace(" ", ""))
    return check


def _is_no_card(value: str) -> bool:
    """Whether digits whose check digit is right are no issuer's: one of ten article numbers is."""
    digits = re.sub(r"\D", "", value)
    long = (
        14 if digits[:2] in ("30", "36", "38", "39") else 15 if digits[:2] in ("34", "37") else 16
    )
    return len(digits) != long


def _is_nobodys(value: str) -> bool:
    """Whether an address is not of the internet, and so says nothing of anybody. One with four
    single digits is a section's or a version's number; as addresses, those are public services."""
    if len(value) == 7 and "." in value:
        return True
    try:
        return not ipaddress.ip_interface(value).ip.is_global
    except ValueError:
        return True


_INVALID: Mapping[str, Callable[[str], bool]] = {
    "CREDIT_CARD": _is_no_card,
    "IP_ADDRESS": _is_nobodys,
}


def _sign(kind: str, name: str) -> re.Pattern[str]:
    if kind == "EMAIL_ADDRESS":
        return _AT
    if name.startswith("IPv6"):
        return _COLON
    return _ANY if kind == "MAC_ADDRESS" else _DIGIT


def _patterns(settings: RedactionSettings) -> list[Pattern]:
    # It takes seconds to import, which nothing but a build should wait for.
    import regex
    from presidio_analyzer import PatternRecognizer, predefined_recognizers

    by_kind = cast(
        Mapping[str, type[PatternRecognizer]],
        {
            "EMAIL_ADDRESS": predefined_recognizers.EmailRecognizer,
            "CREDIT_CARD": predefined_recognizers.CreditCardRecognizer,
            "IBAN_CODE": predefined_recognizers.IbanRecognizer,
            "IP_ADDRESS": predefined_recognizers.IpRecognizer,
            "MAC_ADDRESS": predefined_recognizers.MacAddressRecognizer,
            "CRYPTO": predefined_recognizers.CryptoRecognizer,
            "US_SSN": predefined_recognizers.UsSsnRecognizer,
            "US_ITIN": predefined_recognizers.UsItinRecognizer,
            "UK_NINO": predefined_recognizers.UkNinoRecognizer,
            "UK_NHS": predefined_recognizers.NhsRecognizer,
            "DE_TAX_ID": predefined_recognizers.DeTaxIdRecognizer,
            "DE_SOCIAL_SECURITY": predefined_recognizers.DeSocialSecurityRecognizer,
            "DE_HEALTH_INSURANCE": predefined_recognizers.DeHealthInsuranceRecognizer,
            "DE_TAX_NUMBER": predefined_recognizers.DeTaxNumberRecognizer,
            "ES_NIF": predefined_recognizers.EsNifRecognizer,
            "IT_FISCAL_CODE": predefined_recognizers.ItFiscalCodeRecognizer,
            "PL_PESEL": predefined_recognizers.PlPeselRecognizer,
        },
    )
    found: list[Pattern] = []
    for kind in settings.kinds:
        if kind not in by_kind:
            continue
        one = cast(Any, by_kind[kind])()
        for pattern in one.patterns:
            expression = _EXPRESSIONS.get(kind) or pattern.regex or ""
            found.append(
                Pattern(
                    kind=kind,
                    by=type(one).__name__,
                    compiled=regex.compile(expression, flags=one.global_regex_flags or 0),
                    score=pattern.score,
                    valid=_valid(kind, one.validate_result),
                    invalid=_INVALID.get(kind, one.invalidate_result),
                    sign=_sign(kind, pattern.name),
                )
            )
    return found
