"""Needs that take two documents."""

from __future__ import annotations

from sample.model import Need

# need, need, questions
_PAIRS = (
    ("al-40-flow", "crate-al-40",
     "What is the maximum flow of the AL-40, and how large is its crate?",
     "For an offer on the AL-40 I need its top flow and the crate dimensions.",
     "AL-40: maximum flow and size of the crate?"),
    ("al-65-power", "weight-al-65",
     "What rated motor power does the AL-65 have and what is its net weight?",
     "Give me the motor power of the AL-65 and how heavy it is without the crate.",
     "How strong is the AL-65 motor and how many kilograms does the pump weigh net?"),
    ("al-100-head", "torque-impeller-al-100",
     "Which maximum head does the AL-100 reach, and what torque does its impeller nut get?",
     "I need the AL-100's highest head and the tightening torque of the impeller nut.",
     "AL-100: what head at most, and how tight is the impeller nut?"),
    ("br-12-pressure", "torque-casing-br-12",
     "What working pressure is the BR-12 casing designed for and what torque do its bolts get?",
     "Tell me the maximum working pressure of the BR-12 and the torque of the casing bolts.",
     "BR-12: casing pressure limit and casing bolt torque?"),
    ("br-24-head", "wear-br-24",
     "What maximum head does the BR-24 reach, and which clearance should it have when new?",
     "The BR-24 is weak: what head should it reach and what was its clearance when new?",
     "BR-24: maximum head and clearance when new?"),
    ("cd-30-speed", "shelf-cd30-210",
     "At what rated speed does the CD-30 run, and on which shelf is its mechanical seal kit?",
     "I repair a CD-30: what is its speed and on what shelf do I find CD30-210?",
     "CD-30: rated speed, and shelf of the mechanical seal kit?"),
    ("cd-60-oil", "lubricant-2",
     "How much oil does the CD-60 take, and which product is approved as gear oil for a Cedar?",
     "Oil change on a CD-60: what charge, and what brand of gear oil for the Cedar series?",
     "CD-60 oil charge and approved Cedar gear oil?"),
    ("dr-80-flow", "price-dr80-310",
     "What is the maximum flow of the DR-80, and what does its bearing set cost now?",
     "The DR-80 customer asks for its top flow and the current price of DR80-310.",
     "DR-80: maximum flow and today's price of the bearing set?"),
    ("dr-150-power", "price-dr150-210",
     "What rated power has the DR-150 motor and what does its mechanical seal kit cost today?",
     "Please tell me the DR-150's motor power and the current price of DR150-210.",
     "DR-150: rated motor power, and price of the mechanical seal kit now?"),
    ("el-15-flow", "crate-el-15",
     "What is the maximum flow of the EL-15 and how large is its crate?",
     "How much does the EL-15 dose at most, and in what crate size is it shipped?",
     "EL-15: maximum flow and crate size?"),
    ("fr-250-speed", "lubricant-6",
     "At what speed does the FR-250 run, and which product is approved as its bearing grease?",
     "FR-250: rated speed, and approved bearing grease of the Fir series?",
     "How fast does the FR-250 turn and which brand of bearing grease does a Fir get?"),
    ("warranty-pump", "returns-days",
     "How long is the warranty on a new pump, and how many days may unused parts be returned?",
     "A dealer asks for our warranty on new pumps and for the time to return unused parts.",
     "What are the current periods for pump warranty and for returning unused parts?"),
    ("rate-1", "travel-day",
     "What is the hourly rate of a field technician now, and what is our own daily allowance?",
     "What do we bill for an hour of a field technician and what daily allowance do we get?",
     "Field technician per hour today, and daily allowance for a full day of travel?"),
    ("contract-response-plus", "rate-6",
     "How fast must we respond with a Plus contract, and what is the call-out fee on Sundays?",
     "What response time has the Plus contract and what is the flat Sunday call-out rate now?",
     "Plus contract: response time? And the current flat rate for Sunday call-outs?"),
    ("contract-fee-premium", "warranty-repair",
     "What is the annual fee of a Premium contract, and what warranty has a workshop repair?",
     "Annual fee for Premium, and how long is a repair in our workshop under warranty?",
     "How much is a Premium contract a year and for how long do we guarantee a repair?"),
    ("tc4-e01", "bulletin-firmware-time",
     "What does alarm E01 of a TC-4 mean, and how long does installing firmware 3.2 take?",
     "The TC-4 shows E01 and gets firmware 3.2: what is the alarm, how long is the update?",
     "TC-4: meaning of E01, and duration of the installation of firmware 3.2?"),
    ("tc4-e04-remedy", "cedar-dry",
     "What is the remedy for E04 on a TC-4, and how fast does dry running destroy a Cedar?",
     "TC-4 reports E04 on a Cedar: what do I do and how long does the stator survive?",
     "E04 on the TC-4: what to do, and after what time is a dry Cedar destroyed?"),
    ("interval-9", "drift-chain",
     "How often do I check the seal chamber oil on a Drift, and what must its chain carry?",
     "What is the Drift interval for the oil in the seal chamber and the rating of the chain?",
     "Drift: seal chamber oil check interval, and how strong must the lifting chain be?"),
    ("commissioning-trial", "vibration-stop",
     "How long is the trial run at commissioning, and above what vibration is a pump stopped?",
     "At commissioning: duration of the trial run, and the vibration at which I must stop?",
     "What are the trial run time at commissioning and the vibration limit for stopping?"),
    ("decon-form", "returns-rma",
     "Which form goes on the crate of a returned pump, and how long is the RMA number valid?",
     "A pump comes back: what decontamination form, and for what time is the RMA good?",
     "Decontamination form number and validity of the RMA number?"),
    ("freight-damage", "complaint-answer",
     "How soon is transport damage reported to the carrier and a complaint first answered?",
     "A customer complains about a broken crate: when is our first answer due, and when must "
     "the carrier know of the transport damage?",
     "Deadlines for transport damage to the carrier and for the first answer to a complaint?"),
    ("training-t1", "certification-pass",
     "How long is the T1 pump basics course, and what result passes the certification exam?",
     "New technician: days of course T1, and percent needed in the certification exam?",
     "What is the length of T1, and the pass mark of the certification exam?"),
)  # fmt: skip


def needs(single: list[Need]) -> list[Need]:
    """One need for each pair, made of the facts and documents of its parts."""
    known = {need.slug: need for need in single}
    made: list[Need] = []
    for line in _PAIRS:
        first, second, *questions = line
        parts = (known[first], known[second])
        made.append(
            Need(
                f"{first}-and-{second}",
                "multi",
                tuple(dict.fromkeys(path for part in parts for path in part.documents)),
                tuple(fact for part in parts for fact in part.facts),
                tuple(questions),
            )
        )
    return made
