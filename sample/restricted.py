"""Documents with restricted readers: incident reports, human resources, management."""

from __future__ import annotations

from datetime import date

from sample.model import Asked, Doc, q


def documents() -> list[Doc]:
    return [*_incidents(), *_hr(), *_management()]


# number, format, date, customer, place, pump, what happened, cause, downtime, remedy
_INCIDENTS = (
    ("2024-011", "docx", date(2024, 2, 20), "Gerlinde Dairy", "Haffkirch", "AL-65",
     "lost its prime every night", "a leaking foot valve", "31 hours",
     "fit a stainless foot valve and check the priming every month"),
    ("2024-019", "md", date(2024, 4, 11), "Rüssow Waterworks", "Bad Rüssow", "BR-24",
     "broke its shaft", "a water hammer after a power cut", "58 hours",
     "fit a slow-closing check valve"),
    ("2024-026", "docx", date(2024, 6, 27), "Pellworth Paper Mill", "Quellsand", "CD-60",
     "burned its stator", "dry running after the level switch was bridged", "19 hours",
     "seal the level switch against tampering"),
    ("2024-034", "md", date(2024, 9, 5), "Nyhamn Shipyard", "Lindvik", "DR-150",
     "tripped on moisture in the motor", "a cable entry cut by a shackle", "44 hours",
     "lead the cable through a protective hose"),
    ("2025-003", "docx", date(2025, 1, 22), "Ostermoor Hospital", "Ostermoor", "FR-250",
     "lost its vacuum during operation", "lime in the ring-liquid line", "5 hours",
     "install a water softener before the pump"),
    ("2025-008", "md", date(2025, 3, 13), "Tilda Swimming Baths", "Haffkirch", "EL-15",
     "dosed four times too much chlorine", "a stroke setting in the wrong unit", "12 hours",
     "lock the stroke setting with a code"),
)  # fmt: skip


def _incidents() -> list[Doc]:
    docs: list[Doc] = []
    for n, (number, suffix, day, customer, place, pump, what, cause, down, remedy) in enumerate(
        _INCIDENTS
    ):
        doc = Doc(
            f"incidents/inc-{number}.{suffix}", f"Incident report INC-{number}: {customer}", day
        )
        doc.p("Confidential: names a customer. For the service group only.")
        doc.h("What happened")
        doc.p(f"At {customer} in {place} {_an(pump)} pump {what} on {day.day} {day:%B %Y}.")
        doc.s(
            f"The incident at {customer} stopped the plant for {{{down}}}.",
            q(
                f"incident-{number}-downtime",
                f"How long was the plant of {customer} stopped?",
                f"What downtime did the incident at {customer} cause?",
                f"~ How long did the incidnet at {customer} stop the palnt?",
            )
            if n % 2
            else None,
        )
        doc.h("Cause")
        doc.p(
            f"The cause of the incident at {customer} was {{{cause}}}.",
            q(
                f"incident-{number}-cause",
                f"What caused the incident at {customer}?",
                f"Why did the {pump} at {customer} fail?",
                f"I am reading the report on {customer}. >> What was the cause of the incident?",
            ),
        )
        doc.h("Remedy")
        doc.p(
            f"To prevent a repetition, {customer} must {{{remedy}}}.",
            q(
                f"incident-{number}-remedy",
                f"What must {customer} do to prevent a repetition?",
                f"Which measure did we impose on {customer} after the incident?",
                f"~ What must {customer} do to prevnet a repitition?",
            )
            if n % 2 == 0
            else None,
        )
        docs.append(doc)
    return docs


def _an(name: str) -> str:
    return f"an {name}" if name[0] in "AEF" else f"a {name}"


def _hr() -> list[Doc]:
    handbook = Doc("hr/handbook.docx", "Employee handbook for service staff", date(2025, 1, 6))
    handbook.p("For human resources. Questions of staff are answered from this handbook.")
    _section(handbook, "Joining and leaving", (
        ("The probation of a new employee lasts {five months}.",
         q("hr-probation", "How long is the probation of a new employee?",
           "When does probation end for somebody who just joined?",
           "= How long does the trial period of a new employee last?")),
        ("An employee who wants to resign gives {seven weeks} of notice.",
         q("hr-notice", "How much notice does an employee give who wants to resign?",
           "What notice period holds when staff resign?",
           "= I want to quit, how many weeks of notice must an employee give?")),
        ("A referral bonus of {EUR 1,250} is paid when the recruited person has stayed a year.",
         q("hr-referral", "How high is the referral bonus?",
           "What is paid to somebody who recruits a colleague?",
           "~ How high is the refferal bonnus for a recruited person?")),
    ))  # fmt: skip
    _section(handbook, "Sickness", (
        ("An employee who is sick calls the team leader before {8:15}.",
         q("hr-sick-call", "Until what time does a sick employee call the team leader?",
           "I am sick today, by when do I call my team leader?",
           "= When must an employee who is ill call the team leader?")),
        ("A doctor's note is due from the {fourth day} of sickness.",
         q("hr-sick-note", "From which day of sickness is a doctor's note due?",
           "When does someone who is sick need a note from the doctor?",
           "~ From wich day of sicknes is a docter's note due?")),
    ))  # fmt: skip
    leave = Doc("hr/leave-2025.md", "Leave rules 2025", date(2025, 1, 2))
    leave.p("These rules supersede the leave rules 2022.")
    _section(leave, "Leave", (
        ("The annual leave of a full-time employee is {32 days}.",
         q("hr-leave", "How many days of annual leave does a full-time employee have?",
           "What annual leave do full-time staff get now?",
           "= How many days of vacation does a full-time employee get?",
           "~ How many days of anual laeve does a full-time employee get?", kind="superseded")),
        ("Annual leave may be carried over until {15 April} of the next year.",
         q("hr-carry", "Until when may annual leave be carried over?",
           "What is the last date for leave left over from the previous year?",
           "= Until when can unused holiday be carried over?", kind="superseded")),
        ("Special leave for moving house is {2 days}.",
         q("hr-moving", "How much special leave is there for moving house?",
           "I am moving to a new flat, what special leave do I get?",
           "~ How much speical leave is given for moveing house?")),
        ("Leave in July and August is requested before {1 March}.",
         q("hr-summer", "Until when is leave in July and August requested?",
           "What is the deadline to request leave for the summer?",
           "Let us talk about leave in July and August. >> Before what date is it requested?")),
    ))  # fmt: skip
    old = Doc("hr/leave-2022.md", "Leave rules 2022", date(2022, 1, 3))
    old.p("Superseded by the leave rules 2025.")
    old.p("In 2022 the annual leave of a full-time employee was 28 days.")
    old.s("In 2022 annual leave could be carried over until 31 March.")
    pay = Doc("hr/pay-bands-2025.xlsx", "Pay bands 2025", date(2025, 1, 10))
    pay.p("Confidential. Monthly gross pay at 38 hours a week.")
    pay.h("Bands")
    bands = (
        ("S1", "apprentice", "EUR 1,180", "EUR 1,420"),
        ("S2", "technician", "EUR 3,140", "EUR 3,860"),
        ("S3", "senior technician", "EUR 3,790", "EUR 4,560"),
        ("S4", "team leader", "EUR 4,480", "EUR 5,390"),
    )
    pay.t(("Band", "Job", "Lowest pay", "Highest pay"), bands)
    for band, job, _, high in bands[1:]:
        pay.need(f"hr-pay-{band.lower()}", (high,),
                 f"What is the highest pay in band {band}?",
                 f"How much can a {job} earn at most in band {band}?",
                 f"~ What is the higest pay in bnad {band}?")  # fmt: skip
    pay.need("hr-pay-low", (bands[3][2],), "What is the lowest pay of a team leader?",
             "Where does the pay of a team leader in band S4 start?",
             "We talk about band S4. >> What is its lowest pay?")  # fmt: skip
    home = Doc("hr/working-from-home.html", "Working from home", date(2024, 7, 1))
    home.p("Field staff work from home only for reports and training.")
    home.p("Office staff may work from home on {two days a week}.",
        q("hr-home", "How many days may office staff work from home?",
          "On how many days of the week is working from home fine for office staff?",
          "= How much telework may office staff do each week?"))  # fmt: skip
    home.s("The allowance for working from home is {EUR 27 a month}.",
        q("hr-home-allowance", "What is the allowance for working from home?",
          "How much a month is paid for working from home?",
          "= What allowance is paid for a home office?"))  # fmt: skip
    return [handbook, leave, old, pay, home]


def _section(doc: Doc, heading: str, sentences: tuple[tuple[str, Asked], ...]) -> None:
    doc.h(heading)
    for text, asked in sentences:
        doc.p(text, asked)


def _management() -> list[Doc]:
    strategy = Doc("management/strategy-2026.pptx", "Service strategy 2026", date(2025, 6, 2))
    strategy.h("Goals")
    strategy.li("The service wants to fix {82 percent} of faults on the first visit in 2026.",
        q("strategy-first", "What share of faults does the strategy want fixed on the first visit?",
          "What is our goal for the first-visit fix in 2026?",
          "~ What shrae of faults is to be fixed on the frist visit in 2026?"))  # fmt: skip
    strategy.li("A new service centre opens in {Varnholm} in 2026.",
        q("strategy-centre", "Where does a new service centre open in 2026?",
          "In which town will we open another service centre in 2026?",
          "I am reading the service strategy 2026. >> Where does the new service centre open?"))  # fmt: skip
    strategy.h("Closures")
    strategy.li("The strategy ends the repair of TC-3 controllers on {30 September 2026}.",
        q("strategy-tc3", "When does the repair of TC-3 controllers end?",
          "On what date do we stop repairing TC-3 controllers under the strategy?",
          "~ When does the repiar of TC-3 contollers end?"))  # fmt: skip
    budget = Doc("management/budget-2025.xlsx", "Service budget 2025", date(2024, 12, 9))
    budget.p("Approved by the board on 9 December 2024.")
    budget.h("Budget")
    lines = (
        ("spare parts stock", "EUR 1,240,000"),
        ("vehicles", "EUR 386,000"),
        ("training", "EUR 94,500"),
        ("tools", "EUR 71,200"),
    )
    budget.t(("Item", "Budget 2025"), lines)
    for n, (item, amount) in enumerate(lines):
        budget.need(f"budget-{n}", (amount,),
                    f"What is the budget 2025 for {item}?",
                    f"How much may we spend on {item} in 2025?",
                    f"= What is the spending plan for {item} in 2025?")  # fmt: skip
    review = Doc("management/supplier-review.docx", "Review of suppliers 2024", date(2025, 2, 11))
    review.p("Suppliers are rated on quality, price and punctuality from 0 to 100 points.")
    review.p("The supplier Kettler Seals was rated with {61 points} in 2024.",
        q("supplier-kettler", "With how many points was the supplier Kettler Seals rated?",
          "What rating did Kettler Seals get in the review?",
          "= How was the vendor Kettler Seals rated in 2024?"))  # fmt: skip
    review.s("The contract with the supplier Brosch Castings ends on {31 October 2025}.",
        q("supplier-brosch", "When does the contract with the supplier Brosch Castings end?",
          "Until what date are we bound to Brosch Castings?",
          "~ When does the contarct with the suplier Brosch Castings end?"))  # fmt: skip
    return [strategy, budget, review]
