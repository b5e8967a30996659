"""Plausible questions whose answer stands nowhere, or nowhere that the asker may read."""

from __future__ import annotations

from sample.model import Need

_NOWHERE = (
    # unknown models
    ("al-80-flow", "What is the maximum flow of the AL-80?",
     "How much can the AL-80 pump at most?", "Top flow of an AL-80?"),
    ("br-48-head", "What maximum head does the BR-48 reach?",
     "Up to what head can a BR-48 pump?", "Is the BR-48 good for 300 m of head?"),
    ("cd-90-power", "What is the rated motor power of the CD-90?",
     "How strong is the motor of a CD-90?", "Which motor power has the CD-90?"),
    ("dr-200-weight", "What is the net weight of the DR-200?",
     "How heavy is a DR-200 without its crate?", "Weight of the submersible DR-200?"),
    ("el-30-rate", "What is the maximum flow of the EL-30?",
     "How many litres per hour does an EL-30 dose?", "Dosing limit of the EL-30?"),
    ("fr-500-vacuum", "What ultimate vacuum does the FR-500 reach?",
     "How far down does the FR-500 evacuate?", "Final pressure of a FR-500?"),
    ("hazel-series", "How often do I grease the bearings of a Hazel pump?",
     "What is the maintenance interval of the Hazel series?", "Who maintains Hazel pumps?"),
    ("tc5-alarm", "What does alarm E04 on a TC-5 mean?",
     "The TC-5 shows E04, what do I do?", "Is there an alarm list of the TC-5?"),
    # unknown parts and numbers
    ("price-al40-550", "What does part AL40-550 cost?",
     "Current price of AL40-550?", "Please give me the net price of AL40-550."),
    ("price-coupling", "What does a coupling guard for the AL-65 cost?",
     "Price of the AL-65 coupling guard?", "How much is an AL-65 coupling guard?"),
    ("shelf-dr80-730", "On which shelf is DR80-730?",
     "Where in the store do I find DR80-730?", "Shelf of part DR80-730?"),
    ("old-number-8800", "Which part number replaces 8800-Q?",
     "What is the new number of the old part 8800-Q?", "A customer orders 8800-Q, what is it now?"),
    ("alarm-e23", "What does alarm E23 of the TC-4 mean?",
     "The TC-4 shows E23, what is that?", "Remedy for E23 on a TC-4?"),
    ("price-2021", "What did the AL-40 impeller cost in 2021?",
     "Price of AL40-110 on the 2021 list?", "How much was the AL-40 impeller four years ago?"),
    # attributes that are not documented
    ("al-40-colour", "What colour is the AL-40 painted in?",
     "Which RAL number has the paint of the AL-40?", "Paint of the AL-40?"),
    ("br-24-npsh", "What NPSH does the BR-24 require?",
     "Required NPSH of a BR-24?", "How much NPSH must be there for a BR-24?"),
    ("cd-60-price", "What does a complete CD-60 pump cost?",
     "List price of a new CD-60?", "How much is a whole CD-60?"),
    ("dr-80-cable", "What is the cross-section of the DR-80 cable?",
     "How thick is the cable of a DR-80?", "Which type of cable hangs on a DR-80?"),
    ("el-5-dealer", "Which dealer sells the EL-5 in Italy?",
     "Where can an Italian customer buy an EL-5?", "Who is our Italian dealer for the EL-5?"),
    ("fr-250-efficiency", "What is the efficiency of the FR-250?",
     "How efficient is a FR-250 motor?", "Efficiency class of the FR-250?"),
    ("al-100-atex", "Is the AL-100 certified for explosive atmospheres?",
     "Does the AL-100 have an ATEX certificate?", "May I install an AL-100 in zone 1?"),
    ("dr-150-solids", "What size of solids passes through the DR-150?",
     "Free passage of the DR-150?", "How big may stones be in a DR-150?"),
    ("elm-chemicals", "Is the Elm resistant to hydrofluoric acid?",
     "Can an Elm dose hydrofluoric acid?", "Does hydrofluoric acid attack the EL-5?"),
    ("founder", "Who founded Tarnbeck?",
     "In what year was Tarnbeck founded?", "Name of the founder of the company?"),
    ("shares", "How many employees does Tarnbeck have?",
     "What is the number of staff of the company?", "How large is the Tarnbeck workforce?"),
    # rules that no document states
    ("warranty-transfer", "Can the warranty be transferred to a second owner?",
     "The pump was sold on. Does its warranty go with it?", "Warranty for a second buyer?"),
    ("warranty-hired", "Does the warranty cover hired pumps?",
     "What warranty has a rental pump?", "A hired pump broke. Is that a warranty case?"),
    ("returns-custom", "Can custom-made shafts be returned?",
     "A customer no longer wants his custom shaft. Do we take it back?",
     "Is there a return for parts made to order?"),
    ("travel-pets", "May I take my dog on a business trip?",
     "Are pets allowed in a company car?", "Rules for dogs in the van?"),
    ("travel-flight", "Which airline do I book for business flights?",
     "May I fly business class to a customer?", "What is the rule for flights over eight hours?"),
    ("centre-munich", "What is the telephone number of the service centre in Munich?",
     "When is the Munich service centre open?", "Who runs the service centre in Munich?"),
    ("contract-gold", "What response time does the Gold contract promise?",
     "Annual fee of a Gold service contract?", "What discount has the Gold contract?"),
    ("training-t9", "What does the course T9 cost?",
     "How long is the training T9?", "When is the next T9 course held?"),
    ("freight-brazil", "How long does freight to Brazil take?",
     "What is the shipping time to Brazil?", "What does the freight of a pump to Brazil cost?"),
    ("app-password", "How do I reset my password for the field service app?",
     "I forgot the password of the field app, what now?", "Password rules of the field app?"),
    ("canteen", "What time does the canteen in Ostermoor open?",
     "When is lunch served in Ostermoor?", "Is there a canteen in Ostermoor?"),
    ("parking", "Where do visitors park in Quellsand?",
     "Is there visitor parking at the Quellsand centre?", "Parking at Quellsand?"),
    ("bulletin-2025-09", "What does service bulletin SB-2025-09 say?",
     "Which pumps does the bulletin SB-2025-09 cover?", "Summary of SB-2025-09?"),
)  # fmt: skip

# Answered in a document that the asker may not read.
_FORBIDDEN = (
    ("leave", "sam", "How many days of annual leave does a full-time employee have?",
     "What annual leave do full-time staff get now?",
     "Until when may annual leave be carried over?"),
    ("pay", "mira", "What is the highest pay in band S3?",
     "How much can a senior technician earn in band S3?", "Pay band of a team leader?"),
    ("budget", "mira", "What is the budget 2025 for vehicles?",
     "How much may we spend on tools in 2025?", "Service budget for training in 2025?"),
    ("strategy", "jonas", "Where does a new service centre open in 2026?",
     "What first-visit fix does the strategy want in 2026?",
     "When does the repair of TC-3 controllers end?"),
    ("supplier", "sam", "With how many points was the supplier Kettler Seals rated?",
     "When does the contract with Brosch Castings end?", "Rating of Kettler Seals in 2024?"),
    ("incident", "sam", "What caused the incident at Gerlinde Dairy?",
     "How long was the plant of Rüssow Waterworks stopped?",
     "Why did the pump at the Pellworth Paper Mill fail?"),
    ("incident-hospital", "jonas", "What caused the incident at Ostermoor Hospital?",
     "Which measure did we impose on Ostermoor Hospital?", "Why did the hospital lose vacuum?"),
    ("resign", "petra", "How much notice does an employee give who wants to resign?",
     "What notice period holds when staff resign?", "Weeks of notice for leaving Tarnbeck?"),
)  # fmt: skip

_OPEN = ("mira", "sam", "petra", "jonas")


def needs() -> list[Need]:
    nowhere = [
        Need(f"unknown-{slug}", "unanswerable", (), (), tuple(asks), _OPEN[n % 4])
        for n, (slug, *asks) in enumerate(_NOWHERE)
    ]
    forbidden = [
        Need(f"forbidden-{slug}", "unanswerable", (), (), tuple(asks), user)
        for slug, user, *asks in _FORBIDDEN
    ]
    return [*nowhere, *forbidden]
