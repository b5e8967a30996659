"""Mails: minutes of meetings with their decisions."""

from __future__ import annotations

from datetime import date

from sample.model import Asked, Doc, q

_FROM = "Service office <office@tarnbeck.example>"
_TO = "All service centres <centres@tarnbeck.example>"

_MEETINGS = (
    ("2024-03-parts-round", "Minutes: spare parts round of March 2024", date(2024, 3, 22), (
        ("The parts round decided to keep {three} BR24-210 seal kits in every service van.",
         q("mail-van", "How many BR24-210 seal kits are kept in every service van?",
           "What number of BR-24 seal kits did the parts round put in each van?",
           "~ How many BR24-210 seal kits are keept in each servce van?")),
        ("Old rotors of the Cedar series are sent to {Haffkirch} for recoating.",
         q("mail-rotors", "Where are old Cedar rotors sent for recoating?",
           "A worn Cedar rotor is to be recoated. Which centre does it go to?",
           "= To which town do we ship used Cedar rotors for recoating?")),
    )),
    ("2024-06-van-fleet", "Minutes: service vans", date(2024, 6, 14), (
        ("Service vans are inspected every {40,000 km} from now on.",
         q("mail-inspection", "How often are service vans inspected?",
           "After how many kilometres does a service van go to inspection?",
           "~ After how many kilometers are servise vans inspectd?")),
        ("Winter tyres for the service vans are fitted by {25 October}.",
         q("mail-tyres", "By when are winter tyres fitted to the service vans?",
           "What is the last day for putting winter tyres on the vans?",
           "We spoke about the service vans. >> By when are their winter tyres fitted?")),
    )),
    ("2024-10-hotline", "Minutes: hotline at night", date(2024, 10, 17), (
        ("The night hotline is staffed by {Quellsand} from November.",
         q("mail-night", "Which centre staffs the night hotline?",
           "Who answers the hotline at night since November?",
           "~ Wich centre stafs the hotline at nigth?")),
        ("A night call is logged with the category {N4}.",
         q("mail-category", "With which category is a night call logged?",
           "How do I classify a call on the night hotline?",
           "~ With wich catgory is a nihgt call logged?")),
    )),
    ("2025-02-seal-quality", "Minutes: quality of mechanical seals", date(2025, 2, 20), (
        ("The quality meeting decided to test {one seal in twelve} on the leak bench.",
         q("mail-seals", "How many seals are tested on the leak bench?",
           "What sample of mechanical seals goes on the leak bench?",
           "~ What smaple of seals is testet on the leak bench?")),
        ("The owner of the leak bench is {Ruth Anselm}.",
         q("mail-bench", "Who is the owner of the leak bench?",
           "Whom do I ask about the leak bench?",
           "The seals are tested on the leak bench. >> Who is its owner?")),
    )),
    ("2025-04-summer-planning", "Minutes: planning for the summer of 2025", date(2025, 4, 25), (
        ("During the summer of 2025 every centre keeps at least {four technicians} on duty.",
         q("mail-summer", "How many technicians does a centre keep on duty in summer 2025?",
           "What is the minimum crew of a centre during the summer?",
           "= How many fitters stay on duty in each centre in the summer of 2025?")),
        ("The overhaul of the test stand in Ostermoor takes place in {week 31}.",
         q("mail-stand", "When is the test stand in Ostermoor overhauled?",
           "In which week can the Ostermoor test stand not be used?",
           "~ In wich week is the test stnad in Ostermoor overhauld?")),
    )),
    ("2025-05-ring-main", "Minutes: digital service reports", date(2025, 5, 15), (
        ("Paper service reports are no longer accepted after {1 August 2025}.",
         q("mail-paper", "From when are paper service reports no longer accepted?",
           "Until what date may I still hand in a service report on paper?",
           "~ Aftr what date are paper sevice reports no longer acepted?")),
        ("A digital service report needs the signature of {the customer and the technician}.",
         q("mail-signature", "Whose signature does a digital service report need?",
           "Who must sign a digital service report?",
           "= Whose signature, besides the mechanic's, is on a digital service report?")),
    )),
)  # fmt: skip


def documents() -> list[Doc]:
    return [_mail(*meeting) for meeting in _MEETINGS]


def _mail(name: str, subject: str, day: date, decisions: tuple[tuple[str, Asked], ...]) -> Doc:
    doc = Doc(f"mails/{name}.eml", subject, day, mail_from=_FROM, mail_to=_TO)
    doc.p("Dear colleagues,")
    doc.p("thank you for your time. These are the decisions; please tell your teams.")
    for text, asked in decisions:
        doc.p(text, asked)
    doc.p("Corrections to the minutes are welcome until Friday.")
    doc.p("Kind regards, Annelie Brook, service office")
    return doc
