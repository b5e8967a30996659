"""Spare parts, prices, stock, torques, clearances, intervals: everything that is a table."""

from __future__ import annotations

from datetime import date

from sample.facts import (
    INTERVALS,
    LABOUR_RATES,
    LUBRICANTS,
    MODELS,
    PARTS,
    TOOLS,
)
from sample.model import Doc


def documents() -> list[Doc]:
    return [
        _prices_2024(),
        _prices_2025(),
        _rates("2024"),
        _rates("2025"),
        _stock(),
        _torques(),
        _wear(),
        _intervals(),
        _lubricants(),
        _tools(),
        _shipping(),
        _old_numbers(),
    ]


def _prices_2024() -> Doc:
    doc = Doc("prices/spare-parts-2024.xlsx", "Spare parts price list 2024", date(2024, 1, 8))
    doc.p("Valid from 1 January 2024 to 31 December 2024. Superseded by the price list 2025.")
    doc.h("Parts 2024")
    doc.t(
        ("Part number", "Part", "Model", "Net price 2024"),
        [(p.number, p.name, p.model, f"EUR {p.price_2024}") for p in PARTS],
    )
    for p in (PARTS[2], PARTS[13], PARTS[28]):
        doc.need(
            f"price-2024-{p.number.lower()}",
            (p.price_2024,),
            f"What did the {p.model} {p.name} cost in 2024?",
            f"Price of part {p.number} on the 2024 list?",
            f"~ What was the prize of {p.number} in the 2024 price lsit?",
        )
    return doc


def _prices_2025() -> Doc:
    doc = Doc("prices/spare-parts-2025.xlsx", "Spare parts price list 2025", date(2025, 1, 7))
    doc.p("Valid from 1 January 2025 until further notice. Supersedes the price list 2024.")
    doc.h("Parts 2025")
    doc.t(
        ("Part number", "Part", "Model", "Net price 2025"),
        [(p.number, p.name, p.model, f"EUR {p.price_2025}") for p in PARTS],
    )
    asked = [part for n, part in enumerate(PARTS) if n % 3 == 0]
    for n, p in enumerate(asked):
        plain = (
            f"What does the {p.name} for the {p.model} cost now?",
            f"Current price of part {p.number}?",
            f"How much do we charge at present for {_a(p.name)} of the {p.model}?",
            f"Please give me today's net price of {p.number}.",
        )
        extra = (
            f"~ Curent net prise of the {p.model} {p.name}?",
            f"= What is the present cost of the replacement part {p.number}?",
            f"I need the {p.name} of the {p.model}. >> What does it cost today?",
        )
        doc.need(
            f"price-{p.number.lower()}",
            (p.price_2025,),
            plain[n % 4],
            plain[(n + 1) % 4],
            extra[n % 3],
            kind="superseded",
        )
    return doc


def _a(name: str) -> str:
    return f"an {name}" if name[0] in "aeioO" else f"a {name}"


def _rates(year: str) -> Doc:
    doc = Doc(f"prices/labour-rates-{year}.csv", f"Labour rates {year}", date(int(year), 1, 9))
    at = 1 if year == "2024" else 2
    doc.t(
        ("Service", f"Net rate {year}", "Valid"),
        [(rate[0], f"EUR {rate[at]}", f"from 1 January {year}") for rate in LABOUR_RATES],
    )
    if year == "2025":
        questions = (
            ("How much is an hour of a field technician now?", "Current hourly rate, technician?"),
            ("What does a senior technician cost per hour today?", "Senior technician rate now?"),
            ("What do we bill for a commissioning engineer?", "Commissioning engineer per hour?"),
            ("Current rate of a workshop hour in Ostermoor?", "What is an hour in the workshop?"),
            ("What do we charge per kilometre of travel?", "Travel rate for each kilometre now?"),
            ("What is the flat fee for a call-out on a Sunday?", "Public holiday call-out price?"),
            ("What does remote diagnosis cost?", "Rate for a quarter of an hour of remote help?"),
            ("Price of a vibration measurement with report?", "What is a vibration report billed?"),
        )
        extra = (
            "~ What is the curent houry rate of a field technician?",
            "= What is the fee for a senior fitter per hour at present?",
            "~ Comissioning engineer, rate per huor today?",
            "= What is the labour cost of an hour in the Ostermoor repair shop?",
            "~ What is the travle rate per kilometer?",
            "= What is the surcharge for an emergency visit on a Sunday or public holiday?",
            "~ Present price of remote diagnossis per qarter of an hour?",
            "= What is the fee for a vibration survey with report?",
        )
        for n, rate in enumerate(LABOUR_RATES):
            doc.need(f"rate-{n + 1}", (rate[2],), *questions[n], extra[n], kind="superseded")
    return doc


def _stock() -> Doc:
    doc = Doc("parts/stock-ostermoor.csv", "Stock of spare parts in Ostermoor", date(2025, 3, 3))
    doc.t(
        ("Part number", "Part", "Model", "Shelf", "Minimum stock", "Lead time"),
        [
            (p.number, p.name, p.model, p.shelf, f"{p.minimum} pieces", f"{p.lead_days} days")
            for p in PARTS
        ],
    )
    for n, p in enumerate(part for k, part in enumerate(PARTS) if k % 4 == 1):
        if n % 2:
            doc.need(
                f"shelf-{p.number.lower()}",
                (p.shelf,),
                f"On which shelf is the {p.model} {p.name}?",
                f"Where in the Ostermoor store do I find {p.number}?",
                f"~ On wich shelve is part {p.number}?",
            )
        else:
            doc.need(
                f"lead-{p.number.lower()}",
                (f"{p.lead_days} days",),
                f"What is the lead time of the {p.name} for the {p.model}?",
                f"How long until {p.number} arrives if it is not in stock?",
                f"= What is the delivery time of the {p.name} of the {p.model}?",
            )
    return doc


def _torques() -> Doc:
    doc = Doc("service/torque-tables.xlsx", "Tightening torques 2024", date(2024, 2, 12))
    doc.p(
        "All torques hold for clean, lightly oiled threads. Later service bulletins take priority."
    )
    doc.h("Torques")
    doc.t(
        ("Model", "Casing bolts", "Impeller nut"),
        [(m.name, f"{m.casing_torque} Nm", f"{m.impeller_torque} Nm") for m in MODELS],
    )
    for n, m in enumerate(MODELS):
        if m.name == "AL-65":
            continue
        if n % 2:
            doc.need(
                f"torque-casing-{m.name.lower()}",
                (f"{m.casing_torque} Nm",),
                f"What torque for the casing bolts of the {m.name}?",
                f"How tight do I pull the casing bolts on {m.name}?",
                f"= To how many Nm are the housing screws of the {m.name} tightened?",
            )
        else:
            doc.need(
                f"torque-impeller-{m.name.lower()}",
                (f"{m.impeller_torque} Nm",),
                f"Tightening torque of the impeller nut, {m.name}?",
                f"How many Nm does the impeller nut of the {m.name} get?",
                f"~ What torqe does the impeler nut of the {m.name} need?",
            )
    return doc


def _wear() -> Doc:
    doc = Doc("service/wear-limits.html", "Clearances and wear limits", date(2024, 4, 22))
    doc.p("Measure the clearance at four points. At the wear limit the parts are replaced.")
    doc.t(
        ("Model", "Clearance when new", "Wear limit"),
        [(m.name, m.clearance, m.wear_limit) for m in MODELS],
    )
    for n, m in enumerate(m for k, m in enumerate(MODELS) if k % 2 == 0):
        limit = n % 2 == 0
        what = "wear limit" if limit else "clearance when new"
        doc.need(
            f"wear-{m.name.lower()}",
            (m.wear_limit if limit else m.clearance,),
            f"What is the {what} of the {m.name}?",
            f"At how many millimetres must the worn parts of the {m.name} be replaced?"
            if limit
            else f"Which clearance should a new {m.name} have?",
            f"= What is the maximum permitted gap of the {m.name}?"
            if limit
            else f"= What gap does a brand-new {m.name} have?",
        )
    return doc


def _intervals() -> Doc:
    doc = Doc("service/maintenance-intervals.xlsx", "Maintenance intervals", date(2025, 1, 20))
    doc.p("Intervals hold for eight hours a day in clean surroundings; halve them in dust.")
    doc.h("Intervals")
    doc.t(
        ("Series", "Task", "Every", "Planned time"),
        [(i.series, i.task, i.every, f"{i.minutes} minutes") for i in INTERVALS],
    )
    for n, i in enumerate(INTERVALS):
        if n % 4 == 3:
            doc.need(
                f"task-time-{n}",
                (f"{i.minutes} minutes",),
                f"How much time is planned to {i.task} on {_series(i.series)}?",
                f"What is the planned time for this task on the {i.series} series: {i.task}?",
                f"~ How much time is plannd on {_series(i.series)} to {_typo(i.task)}?",
            )
            continue
        extra = (
            f"~ How offen do I {_typo(i.task)} on {_series(i.series)}?",
            f"= What is the service period to {i.task} on {_series(i.series)}?",
            f"The customer has {_series(i.series)} pump. >> How often do I {i.task}?",
        )
        doc.need(
            f"interval-{n}",
            (i.every,),
            f"How often do I {i.task} on {_series(i.series)}?",
            f"What is the interval for the {i.series} series to {i.task}?",
            extra[n % 3],
        )
    return doc


def _series(name: str) -> str:
    return f"an {name}" if name[0] in "AE" else f"a {name}"


def _typo(task: str) -> str:
    for right, wrong in (
        ("bearing", "baering"),
        ("replace", "replcae"),
        ("coupling", "cuopling"),
        ("insulation", "insualtion"),
        ("strainer", "strianer"),
        ("casing", "cassing"),
        ("tank", "tnak"),
        ("gear", "geer"),
    ):
        if right in task:
            return task.replace(right, wrong, 1)
    return task


def _lubricants() -> Doc:
    doc = Doc("service/lubricants.csv", "Lubricants", date(2024, 11, 4))
    doc.t(("Series", "Where", "Lubricant", "Approved product"), LUBRICANTS)
    for n, (series, where, lubricant, product) in enumerate(LUBRICANTS):
        doc.need(
            f"lubricant-{n}",
            (lubricant if n % 2 else product,),
            f"Which {where} is specified for {_series(series)}?"
            if n % 2
            else f"Which product is approved as {where} for {_series(series)}?",
            f"What do I use as {where} in the {series} series?"
            if n % 2
            else f"Brand of the approved {where} for the {series} series?",
            f"~ What {where} does {_series(series)} pmup need, which lubricnt?"
            if n % 2
            else f"~ Wich product is aproved as {where} in {_series(series)}?",
        )
    return doc


def _tools() -> Doc:
    doc = Doc("service/tool-calibration.csv", "Calibration of tools", date(2025, 2, 17))
    doc.t(("Tool", "Calibrated every", "Calibrated by", "Tolerance"), TOOLS)
    for n, (tool, every, where, _) in enumerate(TOOLS):
        by = n % 2 == 1
        doc.need(
            f"tool-{n}",
            (where if by else every,),
            f"Who calibrates the {tool}?" if by else f"How often is the {tool} calibrated?",
            f"Where do I send my {tool} for calibration?"
            if by
            else f"What is the calibration interval of the {tool}?",
            f"~ Who calibrats the {tool}?" if by else f"~ How offten is the {tool} calibratet?",
        )
    return doc


def _shipping() -> Doc:
    doc = Doc("logistics/shipping-data.xlsx", "Shipping data of all pumps", date(2024, 10, 1))
    doc.p("Weights without fluid. Crates are heat-treated and may be stacked twice.")
    doc.h("Crates")
    doc.t(
        ("Model", "Net weight", "Crate", "Gross weight"),
        [(m.name, f"{m.weight} kg", m.crate, f"{m.gross} kg") for m in MODELS],
    )
    for n, m in enumerate(MODELS):
        if n % 2:
            doc.need(
                f"weight-{m.name.lower()}",
                (f"{m.weight} kg",),
                f"What is the net weight of the {m.name}?",
                f"How heavy is the {m.name} without its crate?",
                f"= What is the mass of the bare {m.name}?",
            )
        else:
            doc.need(
                f"crate-{m.name.lower()}",
                (m.crate,),
                f"How large is the crate of the {m.name}?",
                f"Crate dimensions for shipping one {m.name}?",
                f"= What size is the transport box of the {m.name}?",
            )
    return doc


def _old_numbers() -> Doc:
    doc = Doc("parts/old-part-numbers.csv", "Old and new part numbers", date(2023, 6, 12))
    pairs = [(f"{7100 + n * 13}-{'KLMN'[n % 4]}", p) for n, p in enumerate(PARTS) if n % 4 == 2]
    doc.t(
        ("Old part number", "New part number", "Part", "Model"),
        [(old, p.number, p.name, p.model) for old, p in pairs],
    )
    for old, p in pairs[::2]:
        doc.need(
            f"old-number-{old.lower()}",
            (p.number,),
            f"Which part number replaces {old}?",
            f"A customer orders {old}, what is its new number?",
            f"~ What is the new part nubmer of {old}?",
        )
    return doc
