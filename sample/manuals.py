"""Operating manuals: one for each series, two controllers, and a withdrawn edition."""

from __future__ import annotations

from datetime import date

from sample.facts import COMPANY, MODELS, SERIES, TC3_CODES, TC4_CODES, Model
from sample.model import Doc, q

# attribute, sentence, plain questions, questions with a synonym; {m} is the model
_ATTRIBUTES = (
    (
        "flow",
        "The maximum flow of the {m} is {{{v}}}.",
        (
            "What is the maximum flow of the {m}?",
            "How much can the {m} pump at most?",
            "A customer wants to know the top flow of his {m}.",
        ),
        ("What capacity does the {m} have?", "What is the maximum throughput of the {m}?"),
    ),
    (
        "head",
        "The {m} reaches a maximum head of {{{v}}}.",
        (
            "Up to what head can the {m} pump?",
            "What maximum head does the {m} reach?",
            "Is there a figure for the highest head of the {m}?",
        ),
        ("What delivery height does the {m} reach?", "Maximum lift of the {m}?"),
    ),
    (
        "power",
        "The rated motor power of the {m} is {{{v}}}.",
        (
            "What is the rated motor power of the {m}?",
            "How strong is the motor of the {m}?",
            "Which motor power is on the rating plate of a {m}?",
        ),
        ("What is the motor rating of the {m}?", "Drive rating of the {m}?"),
    ),
    (
        "speed",
        "The {m} runs at a rated speed of {{{v}}}.",
        (
            "At what rated speed does the {m} run?",
            "How fast does the {m} turn?",
            "I need the speed of the {m} for the vibration analysis.",
        ),
        ("How many revolutions does the {m} make?", "What is the rotational speed of the {m}?"),
    ),
    (
        "temperature",
        "The temperature of the pumped fluid must not exceed {{{v}}} in the {m}.",
        (
            "What fluid temperature is allowed in the {m}?",
            "How hot may the pumped fluid get in a {m}?",
            "Highest fluid temperature that the {m} tolerates?",
        ),
        (
            "What is the highest medium temperature for the {m}?",
            "How hot may the liquid in the {m} become?",
        ),
    ),
    (
        "pressure",
        "The casing of the {m} is designed for a maximum working pressure of {{{v}}}.",
        (
            "What working pressure is the casing of the {m} designed for?",
            "Which maximum pressure may the {m} casing see?",
            "How much pressure can the {m} casing take?",
        ),
        (
            "What maximum working pressure does the {m} housing stand?",
            "For which working pressure is the {m} pump body designed?",
        ),
    ),
    (
        "noise",
        "The sound pressure level of the {m} at one metre is {{{v}}}.",
        (
            "What sound pressure level does the {m} have at one metre?",
            "How loud is the {m}?",
            "The site asks for the sound level of the {m}.",
        ),
        ("What is the noise level of the {m}?", "How much noise does the {m} make?"),
    ),
    (
        "oil",
        "The oil charge of the {m} is {{{v}}}.",
        (
            "How much oil goes into the {m}?",
            "What is the oil charge of the {m}?",
            "I am changing the oil on a {m}, how much do I need?",
        ),
        (
            "What is the oil fill quantity of the {m}?",
            "Which lubricant quantity does the {m} take?",
        ),
    ),
)

_SERIES_NOTES = {
    "Alder": (
        "An Alder pump must be vented at the plug on top of the casing for {two minutes} before "
        "the first start.",
        q(
            "alder-vent",
            "How long do I vent an Alder pump before its first start?",
            "Before starting an Alder for the first time, for what time must it be vented?",
            "~ How long must a Alder pump be vented befor the first strat?",
        ),
        "The suction line of an Alder pump needs a straight run of at least {five pipe diameters} "
        "before the flange.",
        q(
            "alder-suction",
            "What straight run does the suction line of an Alder need?",
            "How many pipe diameters of straight pipe go before the Alder suction flange?",
            "= What straight length must the inlet line of an Alder pump have before the flange?",
        ),
    ),
    "Birch": (
        "A Birch pump must not run against a closed discharge valve for longer than {40 seconds}.",
        q(
            "birch-closed",
            "How long may a Birch run against a closed discharge valve?",
            "The discharge valve of a Birch was shut while it ran, what time is tolerable?",
            "~ How long can a Birch run agianst a closed dischrge valve?",
        ),
        "The membrane tank of a Birch set is charged with nitrogen to {0.7 bar below} the "
        "cut-in pressure.",
        q(
            "birch-tank",
            "To what pressure is the membrane tank of a Birch set charged?",
            "How far below the cut-in pressure do I set the nitrogen in the Birch tank?",
            "= What precharge does the pressure vessel of a Birch set get?",
        ),
    ),
    "Cedar": (
        "A Cedar pump is destroyed by dry running within {90 seconds}, because the stator burns.",
        q(
            "cedar-dry",
            "How quickly does dry running destroy a Cedar pump?",
            "How long does a Cedar stator survive without fluid?",
            "~ How fast is a Cedar pump destoyed by dry runing?",
        ),
        "The rotor of a Cedar pump is coated with {glycerine} before it is pushed into the stator.",
        q(
            "cedar-rotor",
            "What do I coat the Cedar rotor with before assembly?",
            "Which agent helps push the rotor into the stator of a Cedar?",
            "~ What is the Cedar rotor coatet with befor assembly?",
        ),
    ),
    "Drift": (
        "A Drift pump may be immersed to a depth of {20 m} with its standard cable.",
        q(
            "drift-depth",
            "How deep may a Drift be immersed with the standard cable?",
            "What immersion depth does the Drift standard cable allow?",
            "= To what submersion depth can a Drift go with its standard cable?",
        ),
        "A Drift pump is only ever lifted by its chain, which must carry {four times} the weight "
        "of the pump.",
        q(
            "drift-chain",
            "How much must the lifting chain of a Drift carry?",
            "What safety factor does the chain of a Drift pump need?",
            "~ How much wieght must the lifting chian of a Drift carry?",
        ),
    ),
    "Elm": (
        "The dosing rate of an Elm pump repeats within {1.5 percent} once it has warmed up for ten "
        "minutes.",
        q(
            "elm-accuracy",
            "How exactly does the dosing rate of an Elm repeat?",
            "What repeat accuracy can I promise for a warmed-up Elm?",
            "~ How acurate does an Elm repeat its doseing rate?",
        ),
        "The suction hose of an Elm pump must not be longer than {3.2 m}.",
        q(
            "elm-hose",
            "How long may the suction hose of an Elm be?",
            "What is the limit for the suction hose length on an Elm dosing pump?",
            "= What is the longest inlet hose for an Elm?",
        ),
    ),
    "Fir": (
        "A Fir pump needs ring liquid at a flow of {9 litres per minute} and at most 30 °C.",
        q(
            "fir-ring",
            "How much ring liquid does a Fir pump need?",
            "What flow of ring liquid must I supply to the Fir?",
            "= What flow of service water does a Fir need?",
        ),
        "A Fir pump that cavitates is protected by opening the {gas ballast valve} by a "
        "quarter turn.",
        q(
            "fir-cavitation",
            "Which valve do I open when a Fir cavitates?",
            "A Fir vacuum pump crackles from cavitation, what protects it?",
            "~ Which vlave is opened when a Fir pump cavitaets?",
        ),
    ),
}

_TROUBLES = (
    ("The pump gives no flow", "air in the suction line", "vent the pump and check the foot valve"),
    ("The pump vibrates", "worn coupling elements", "replace the coupling elements as a set"),
    ("The seal drips", "dry running or grit", "replace the seal and flush the seal chamber"),
    ("The motor trips", "fluid too thick or too heavy", "compare the density with the order data"),
)


def documents() -> list[Doc]:
    return [
        *(_manual(s, n) for n, s in enumerate(SERIES)),
        _alder_2022(),
        _tc4(),
        _tc3(),
    ]


def _manual(series: str, n: int) -> Doc:
    doc = Doc(
        f"manuals/{series.lower()}-manual.pdf",
        f"{series} series: operating and maintenance manual",
        date(2025, 2, 3 + n),
    )
    article = "an" if series[0] in "AE" else "a"
    models = [model for model in MODELS if model.series == series]
    names = " and ".join(model.name for model in models)
    doc.h("About this manual")
    doc.p(
        f"This manual of {COMPANY} covers the {series} series, {article} {SERIES[series]}. It "
        f"applies to the models {names}. Keep it where the pump stands and hand it on with the "
        "pump. Work on the electrical connection is for electricians only."
    )
    doc.h("Technical data")
    for m, model in enumerate(models):
        _technical_data(doc, model, n * 2 + m)
    doc.h("Installation and first start")
    first, asked, second, asked_too = _SERIES_NOTES[series]
    doc.p(
        "Set the pump on a level foundation, align it, and connect the pipes without tension. "
        "Check the direction of rotation with a short start before the coupling is closed."
    )
    doc.s(first, asked)
    doc.h("Limits of use")
    doc.p(
        "Use the pump only for the fluid and duty point of the order confirmation. Ask the "
        "factory before you pump another fluid."
    )
    doc.s(second, asked_too)
    doc.h("Faults and remedies")
    doc.p(f"The table lists faults that any {series} pump can show, and what to do first.")
    doc.t(("Fault", "Likely cause", "Remedy"), _TROUBLES)
    doc.h("Spare parts and service")
    doc.p(
        "Order spare parts by their part number from the current spare parts price list. Parts "
        "of other makers end the warranty. Service centres are listed on the contacts page."
    )
    return doc


def _technical_data(doc: Doc, model: Model, turn: int) -> None:
    doc.h(f"{model.name} technical data", 2)
    doc.p(f"All values of the {model.name} hold for water at 20 °C and for a new pump.")
    for a, (attribute, sentence, plain, synonyms) in enumerate(_ATTRIBUTES):
        text = sentence
        value = str(getattr(model, attribute))
        if model.name == "FR-250" and attribute == "flow":
            text = "The maximum suction flow of the {m} is {{{v}}}."
        if model.name == "FR-250" and attribute == "head":
            text = "The {m} reaches an ultimate vacuum of {{{v}}}."
            plain = (
                "What ultimate vacuum does the {m} reach?",
                "How far down can the {m} evacuate a vessel?",
                "Final vacuum of the {m}?",
            )
            synonyms = ("What is the end pressure of the {m}?",)
        turned = turn + a
        asks = [plain[turned % 3], plain[(turned + 1) % 3], "= " + synonyms[turned % len(synonyms)]]
        if turned % 3 == 0:
            asks.append(f"I am working on {_an(model.name)}. >> {_FOLLOW_UPS[attribute]}")
        filled = tuple(ask.format(m=model.name) for ask in asks)
        # Two thirds are asked: the rest of the data is there to be confused with.
        asked = q(f"{model.name.lower()}-{attribute}", *filled) if turned % 3 < 2 else None
        doc.s(text.format(m=model.name, v=value), asked)


_FOLLOW_UPS = {
    "flow": "And what is its maximum flow?",
    "head": "What is the maximum it reaches in head or vacuum?",
    "power": "What rated motor power does it have?",
    "speed": "At what rated speed does it run?",
    "temperature": "How hot may the pumped fluid be in it?",
    "pressure": "Which maximum working pressure is its casing designed for?",
    "noise": "And its sound pressure level at one metre?",
    "oil": "How much is its oil charge?",
}


def _an(name: str) -> str:
    return f"an {name}" if name[0] in "AEF" else f"a {name}"


def _alder_2022() -> Doc:
    doc = Doc(
        "manuals/withdrawn/alder-manual-2022.pdf",
        "Alder series: operating manual, 2022 edition (withdrawn)",
        date(2022, 3, 14),
    )
    doc.p(
        "This edition of 2022 is withdrawn. It is superseded by the Alder manual of February 2025 "
        "and kept only for pumps built before 2023."
    )
    doc.h("Technical data of the 2022 design")
    doc.p("The AL-40 of 2022 had a maximum flow of 25 m³/h and a maximum head of 34 m.")
    doc.p("The AL-65 of 2022 had a maximum flow of 68 m³/h and an oil charge of 0.60 litres.")
    doc.p("The AL-100 of 2022 had a maximum flow of 148 m³/h and was rated at 110 °C.")
    doc.h("First start of the 2022 design")
    doc.p("An Alder pump of 2022 was vented for five minutes before the first start.")
    doc.p("The grease nipple of the 2022 bearing bracket stands on the left side.")
    return doc


def _tc4() -> Doc:
    doc = Doc(
        "manuals/tc4-controller.pdf", "TC-4 pump controller: manual and alarms", date(2024, 9, 2)
    )
    doc.h("Purpose")
    doc.p(
        "The TC-4 starts, protects and monitors up to four pumps. It replaces the TC-3, whose "
        "alarms have other numbers: never use a list of the TC-3 on a TC-4."
    )
    doc.h("Operation")
    doc.p(
        "The service menu of the TC-4 opens with the code {2580}.",
        q(
            "tc4-code",
            "What code opens the service menu of the TC-4?",
            "How do I get into the service menu on a TC-4 panel?",
            "~ What code opens the sevice menu of the TC-4 controler?",
        ),
    )
    doc.s("With its first firmware the TC-4 keeps the last 200 alarms with date and time.")
    doc.s(
        "A factory reset of the TC-4 needs the keys up and stop held for {eight seconds}.",
        q(
            "tc4-reset",
            "How do I reset a TC-4 to factory settings?",
            "How long must up and stop be held for a factory reset of the TC-4?",
            "I have a TC-4 controller here. >> How long do I hold the keys for its factory reset?",
        ),
    )
    doc.h("Alarms")
    for n, code in enumerate(TC4_CODES):
        meaning = f"Alarm {code.code} of the TC-4 means {{{code.meaning}}}."
        remedy = f"The cause of {code.code} is usually {code.cause}: {{{code.action}}}."
        asks = (
            (
                f"What does {code.code} mean on a TC-4?",
                f"The TC-4 shows alarm {code.code}, what is that?",
                f"= Which fault is {code.code} on the TC-4?",
            ),
            (
                f"TC-4 shows {code.code}. What do I do?",
                f"What is the remedy for alarm {code.code} on the TC-4?",
                f"The panel is a TC-4. >> It shows {code.code}, what is to be done?",
            ),
        )
        slug = f"tc4-{code.code.lower()}"
        doc.p(meaning, q(slug, *asks[0]) if n % 2 == 0 else None)
        doc.s(remedy, q(f"{slug}-remedy", *asks[1]) if n % 2 else None)
    return doc


def _tc3() -> Doc:
    doc = Doc("manuals/tc3-alarms.html", "TC-3 controller: list of alarms", date(2017, 5, 8))
    doc.p("The TC-3 was built until 2018. Its successor TC-4 numbers the alarms differently.")
    doc.t(
        ("Alarm of the TC-3", "Meaning", "Usual cause", "Remedy"),
        [(c.code, c.meaning, c.cause, c.action) for c in TC3_CODES],
    )
    for code in (TC3_CODES[1], TC3_CODES[4]):
        doc.need(
            f"tc3-{code.code.lower()}",
            (code.action,),
            f"What do I do about alarm {code.code} on an old TC-3?",
            f"The old TC-3 controller shows {code.code}, how is that remedied?",
            f"~ What is the remdy for alram {code.code} on a TC-3?",
        )
    return doc
