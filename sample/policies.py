"""Policies that everyone reads, with the older editions that they replace."""

from __future__ import annotations

from datetime import date

from sample.model import Doc, q


def documents() -> list[Doc]:
    return [
        _warranty_2023(),
        _warranty_2025(),
        _returns_2022(),
        _returns_2025(),
        _travel_2023(),
        _travel_2025(),
        _lockout(),
        _decontamination(),
        _complaints(),
    ]


def _warranty_2023() -> Doc:
    doc = Doc("policies/warranty-2023.docx", "Warranty policy 2023", date(2023, 1, 16))
    doc.p(
        "This policy applies to pumps delivered in 2023 and 2024. It is superseded by the warranty "
        "policy 2025 for every pump delivered from 1 January 2025."
    )
    doc.h("Period")
    doc.p("In 2023 the warranty on a new pump was 24 months from delivery.")
    doc.s("In 2023 the warranty on spare parts was 6 months from the invoice date.")
    doc.s("In 2023 a repair carried a warranty of 3 months.")
    doc.h("Claims")
    doc.p("In 2023 a warranty claim had to be reported within 30 days of the failure.")
    doc.s("In 2023 warranty claims above EUR 2,000 were approved by the regional manager.")
    return doc


def _warranty_2025() -> Doc:
    doc = Doc("policies/warranty-2025.docx", "Warranty policy 2025", date(2025, 1, 1))
    doc.p(
        "This policy applies to pumps delivered from 1 January 2025. It supersedes the warranty "
        "policy 2023, whose periods must no longer be quoted to customers."
    )
    doc.h("Period")
    doc.p(
        "The warranty on a new pump is {36 months} from the date of delivery.",
        q(
            "warranty-pump",
            "How long is the warranty on a new pump?",
            "A pump was delivered this spring, for what time does our warranty run?",
            "~ How long is the waranty on a new pmup?",
            "= What guarantee does the buyer of a new pump get?",
            "The customer bought a pump this year. >> How long is its warranty?",
            kind="superseded",
        ),
    )
    doc.s(
        "The warranty on spare parts is {12 months} from the invoice date.",
        q(
            "warranty-parts",
            "What warranty do spare parts have?",
            "For how many months from the invoice do we stand behind a spare part?",
            "= How long is the guarantee on a replacement part?",
            kind="superseded",
        ),
    )
    doc.s(
        "A repair in our workshop carries a warranty of {9 months}.",
        q(
            "warranty-repair",
            "What warranty does a workshop repair carry?",
            "Our workshop repaired a pump, how long is the repair covered?",
            "~ What waranty does a repiar in our workshop carry?",
            kind="superseded",
        ),
    )
    doc.h("Claims")
    doc.p(
        "A warranty claim must be reported within {14 days} of the failure.",
        q(
            "warranty-report",
            "Within what time must a warranty claim be reported?",
            "How soon after the failure does the customer have to report a warranty claim?",
            "~ How soon must a waranty claim be reportd after the failure?",
            kind="superseded",
        ),
    )
    doc.s(
        "Warranty claims above EUR 3,500 are approved by the {head of service}.",
        q(
            "warranty-approval",
            "Who approves a warranty claim above EUR 3,500?",
            "A warranty claim comes to EUR 5,000. Who has to approve it?",
            "= Who signs off a guarantee claim above EUR 3,500?",
            kind="superseded",
        ),
    )
    doc.h("Exclusions")
    doc.p("The following are excluded from the warranty:")
    doc.li(
        "Damage by dry running is excluded from the warranty unless {the TC-4 log} proves a "
        "controller fault.",
        q(
            "warranty-dry",
            "When is dry-running damage covered by warranty after all?",
            "What can prove that dry running was a controller fault under the warranty?",
            "~ What must prove a controler fault so that dry runing is not excluded from warranty?",
        ),
    )
    doc.li("Wear parts such as seals and diaphragms are excluded after {2,000 running hours}.",
        q(
            "warranty-wear",
            "After how many running hours are wear parts excluded from warranty?",
            "Until when does the warranty cover seals and diaphragms?",
            "= When does the guarantee on wear parts such as seals end?",
        ),
    )  # fmt: skip
    return doc


def _returns_2022() -> Doc:
    doc = Doc("policies/returns-2022.docx", "Returns policy 2022", date(2022, 5, 2))
    doc.p("Superseded by the returns policy of February 2025.")
    doc.p("In 2022 unused parts could be returned within 60 days of delivery.")
    doc.s("In 2022 the restocking charge was 10 percent of the net price.")
    doc.s("In 2022 electrical parts could be returned if their seal was unbroken.")
    return doc


def _returns_2025() -> Doc:
    doc = Doc("policies/returns-2025.docx", "Returns policy 2025", date(2025, 2, 1))
    doc.p("This policy supersedes the returns policy 2022 and applies to all orders from now on.")
    doc.h("Unused parts")
    doc.p(
        "Unused parts can be returned within {21 days} of delivery.",
        q(
            "returns-days",
            "How many days does a customer have to return unused parts?",
            "Until when does a customer have to return parts he never used?",
            "= How long can a buyer send back unused parts?",
            "~ Within how many days can unsued parts be retruned?",
            kind="superseded",
        ),
    )
    doc.s(
        "The restocking charge is {18 percent} of the net price.",
        q(
            "returns-charge",
            "How high is the restocking charge?",
            "What share of the net price do we keep as a restocking charge?",
            "= What handling fee do we take on returned parts, in percent of the net price?",
            "A customer wants to return an impeller. >> What restocking charge do we deduct?",
            kind="superseded",
        ),
    )
    doc.s(
        "Electrical parts {cannot be returned}, even in their sealed box.",
        q(
            "returns-electrical",
            "Can electrical parts in their sealed box be returned?",
            "A sensor is still sealed in its box. Do electrical parts go back?",
            "~ Can elecrtical parts be retunred in a sealed box?",
            kind="superseded",
        ),
    )
    doc.h("Procedure")
    doc.p(
        "Every return needs an RMA number, which is valid for {45 days}.",
        q(
            "returns-rma",
            "How long is an RMA number valid?",
            "A customer got his return number in March, when does the RMA number run out?",
            "~ How long is a RMA nubmer vaild?",
        ),
    )
    doc.s(
        "Credit for a return is paid within {12 working days} after inspection.",
        q(
            "returns-credit",
            "When is the credit for a return paid?",
            "How long after inspection does the customer wait for the credit?",
            "= How quickly is the credit paid when parts are sent back?",
        ),
    )
    return doc


def _travel_2023() -> Doc:
    doc = Doc("policies/travel-expenses-2023.md", "Travel expenses 2023", date(2023, 3, 1))
    doc.p("Superseded by the travel expenses of April 2025.")
    doc.p("In 2023 the overnight allowance was EUR 85 and the daily allowance EUR 24.")
    doc.s("In 2023 receipts were handed in within 60 days.")
    return doc


def _travel_2025() -> Doc:
    doc = Doc("policies/travel-expenses-2025.md", "Travel expenses 2025", date(2025, 4, 1))
    doc.p("These rules supersede the travel expenses 2023 and apply to all service staff.")
    doc.h("Allowances")
    doc.p(
        "The overnight allowance is {EUR 115} without breakfast.",
        q(
            "travel-night",
            "What is the overnight allowance?",
            "How much may a night on the road cost?",
            "= How high is the hotel allowance for one night?",
            kind="superseded",
        ),
    )
    doc.s(
        "The daily allowance for a full day of travel is {EUR 31}.",
        q(
            "travel-day",
            "What is the daily allowance for a full day of travel?",
            "Which amount do I get for each full day away?",
            "~ What is the dayly alowance for a full day of travel?",
            kind="superseded",
        ),
    )
    doc.h("Receipts")
    doc.p(
        "Receipts are uploaded within {20 days} of the end of the trip.",
        q(
            "travel-receipts",
            "When must travel receipts be uploaded?",
            "My trip ended yesterday. How long do I have for the receipts?",
            "~ Within what time are reciepts uploded after a trip?",
            kind="superseded",
        ),
    )
    doc.h("Means of travel")
    doc.p(
        "Rail is first class on journeys of more than {three hours}.",
        q(
            "travel-rail",
            "From what length of journey may I take first class on the train?",
            "When is first class rail allowed?",
            "~ On which jouneys is frist class rail allowed?",
        ),
    )
    doc.s(
        "A company car is booked through the {fleet desk in Quellsand}.",
        q(
            "travel-car",
            "Who do I book a company car with?",
            "Where is a company car booked?",
            "= Where can I book a service vehicle?",
        ),
    )
    return doc


def _lockout() -> Doc:
    doc = Doc("policies/lockout.md", "Lockout before work on a pump", date(2024, 6, 10))
    doc.p("No one opens a pump that is not locked out. There is no exception for short jobs.")
    doc.h("Steps")
    doc.li(
        "The padlock for lockout is {red} and carries the name of its owner.",
        q(
            "lockout-padlock",
            "What colour is the lockout padlock?",
            "Which colour of padlock do I hang on the switch to lock out?",
            "= What colour has the isolation padlock?",
        ),
    )
    doc.li(
        "After lockout, wait {five minutes} until the capacitors of a frequency converter are "
        "discharged.",
        q(
            "lockout-wait",
            "How long do I wait after lockout for the capacitors to discharge?",
            "When are the capacitors of the frequency converter safe after lockout?",
            "~ How long to wiat after lockout untill the capacitors are discharged?",
        ),
    )
    doc.li(
        "The key of a forgotten lockout padlock may be released only by the {shift supervisor of the site}.",
        q(
            "lockout-key",
            "Who may release the key of a forgotten lockout padlock?",
            "A colleague went home and left his lockout padlock on. Who may release its key?",
            "~ Who may realese the key of a forgoten lockout padlock?",
        ),
    )
    return doc


def _decontamination() -> Doc:
    doc = Doc(
        "policies/decontamination.docx", "Decontamination of returned pumps", date(2024, 8, 19)
    )
    doc.p("A pump that pumped chemicals or sewage is cleaned by the customer before it is sent.")
    doc.p(
        "The decontamination form is {form D-17}, fixed to the outside of the crate.",
        q(
            "decon-form",
            "Which form goes on the crate of a decontaminated pump?",
            "What is the number of the decontamination form?",
            "= Which form is the cleaning certificate of a returned pump?",
        ),
    )
    doc.s(
        "A pump that arrives without the decontamination form is kept in {the quarantine bay} at "
        "the customer's cost.",
        q(
            "decon-missing",
            "Where is a pump kept that arrives without the decontamination form?",
            "What happens to a pump when the decontamination form is missing?",
            "~ Where is a pump kept that arives wihout the decontamination form?",
        ),
    )
    doc.s(
        "Storage without the decontamination form costs {EUR 38 a day}.",
        q(
            "decon-cost",
            "What does storage cost while the decontamination form is missing?",
            "How much per day do we bill when there is no decontamination form?",
            "A pump came in without its decontamination form. >> What does its storage cost?",
        ),
    )
    return doc


def _complaints() -> Doc:
    doc = Doc("policies/complaints.html", "Handling of complaints", date(2024, 9, 23))
    doc.p("A complaint is anything that a customer calls one. It is recorded on the same day.")
    doc.p(
        "The first answer to a complaint is sent within {6 working hours}.",
        q(
            "complaint-answer",
            "How fast is a complaint first answered?",
            "A customer complained this morning. When is the first answer due?",
            "~ How fast is a complant first anwsered?",
        ),
    )
    doc.s(
        "A complaint that is open after {15 working days} goes to the head of service.",
        q(
            "complaint-escalation",
            "When does an open complaint go to the head of service?",
            "After what time is an unresolved complaint passed to the head of service?",
            "= After how long does an open claim go to the head of service?",
        ),
    )
    doc.s(
        "A goodwill payment of up to {EUR 250} is decided by the service coordinator alone.",
        q(
            "complaint-goodwill",
            "Up to what amount may the service coordinator decide on goodwill?",
            "How large a goodwill payment can the coordinator grant alone?",
            "~ How large a good will payment may the cordinator decide alone?",
        ),
    )
    return doc
