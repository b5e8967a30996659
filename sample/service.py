"""How the service works: bulletins, checklists, contacts, contracts, training, logistics."""

from __future__ import annotations

from datetime import date

from sample.facts import CENTRES, CONTRACTS
from sample.model import Doc, q


def documents() -> list[Doc]:
    return [
        *_bulletins(),
        _commissioning(),
        _alignment(),
        _storage(),
        _centres(),
        _contracts(),
        _training(),
        _certification(),
        _dangerous_goods(),
        _app(),
    ]


def _bulletins() -> list[Doc]:
    one = Doc(
        "bulletins/sb-2024-07.html",
        "Service bulletin SB-2024-07: casing bolts of the AL-65",
        date(2024, 7, 15),
    )
    one.p("Some AL-65 casings leaked because the bolts settled. This changes the torque table.")
    one.p(
        "From serial number 65-20400 the casing bolts of the AL-65 are tightened with {74 Nm} "
        "instead of 68 Nm.",
        q(
            "bulletin-al65",
            "What torque do the casing bolts of the AL-65 get now?",
            "How tight are the AL-65 casing bolts to be pulled since the bulletin?",
            "= To how many Nm are the housing screws of a current AL-65 tightened?",
            "~ What torqe do the caseing bolts of the AL-65 get at present?",
            kind="superseded",
        ),
    )
    one.p("The torque of the AL-65 impeller nut stays as it is.")
    two = Doc(
        "bulletins/sb-2025-02.html",
        "Service bulletin SB-2025-02: TC-4 firmware 3.2",
        date(2025, 3, 10),
    )
    two.p(
        "Firmware 3.2 of the TC-4 is installed with the service key in about {12 minutes}.",
        q(
            "bulletin-firmware-time",
            "How long does installing firmware 3.2 on a TC-4 take?",
            "What time do I plan for the TC-4 update to firmware 3.2?",
            "~ How long does the instalation of fimware 3.2 on a TC-4 take?",
        ),
    )
    two.s(
        "Firmware 3.2 raises the alarm memory of the TC-4 from 200 to {500 alarms}.",
        q(
            "bulletin-firmware-memory",
            "How many alarms does a TC-4 with firmware 3.2 keep?",
            "To what size does firmware 3.2 raise the alarm memory of the TC-4?",
            "= How many fault messages does a TC-4 with firmware 3.2 store?",
            kind="superseded",
        ),
    )
    three = Doc(
        "bulletins/sb-2025-04.html",
        "Service bulletin SB-2025-04: stators of the CD-60",
        date(2025, 5, 19),
    )
    three.p("A batch of CD-60 stators was vulcanised too hot and cracks early.")
    three.p(
        "Affected are CD-60 stators with the batch mark {K-338}.",
        q(
            "bulletin-stator-batch",
            "Which batch of CD-60 stators is affected?",
            "What mark do the bad CD-60 stators carry?",
            "~ Wich batch mark have the affectet CD-60 stators?",
        ),
    )
    three.s(
        "Affected CD-60 stators are replaced free of charge until {30 June 2026}.",
        q(
            "bulletin-stator-date",
            "Until when are affected CD-60 stators replaced free of charge?",
            "What is the last day to replace a cracked CD-60 stator of the batch at no cost?",
            "A customer has a CD-60 stator of the bad batch. >> Until when is it replaced free?",
        ),
    )
    return [one, two, three]


def _commissioning() -> Doc:
    doc = Doc("service/commissioning.md", "Commissioning checklist", date(2024, 5, 6))
    doc.p("Work through the list with the customer and leave him a signed copy.")
    doc.h("Before the start")
    doc.li(
        "The foundation bolts are grouted at least {72 hours} before commissioning.",
        q(
            "commissioning-grout",
            "How long before commissioning must the foundation bolts be grouted?",
            "The grout of the foundation bolts is fresh. When may we commission?",
            "~ How long befor comissioning are the foundation bolts groutet?",
        ),
    )
    doc.li(
        "The insulation resistance of the motor must be above {5 megohm} at commissioning.",
        q(
            "commissioning-insulation",
            "What insulation resistance must the motor have at commissioning?",
            "From how many megohm is the motor good for commissioning?",
            "~ What insulaton resistence must a motor have at commissioning?",
        ),
    )
    doc.h("After the start")
    doc.li(
        "The trial run at commissioning lasts {90 minutes} without an alarm.",
        q(
            "commissioning-trial",
            "How long is the trial run at commissioning?",
            "What length of trial run without alarm does commissioning ask for?",
            "We are commissioning a pump today. >> How long must the trial run last?",
        ),
    )
    doc.li(
        "The commissioning record is sent to {records@tarnbeck.example} within two days.",
        q(
            "commissioning-record",
            "Where do I send the commissioning record?",
            "Which address gets the commissioning record?",
            "~ Were do I send the comissioning recrod?",
        ),
    )
    return doc


def _alignment() -> Doc:
    doc = Doc(
        "service/alignment-and-vibration.docx", "Alignment and vibration limits", date(2024, 3, 18)
    )
    doc.p("Align the coupling cold, then check it once the pump has reached its temperature.")
    doc.p(
        "The parallel offset of a coupling at 3000 rpm must stay below {0.05 mm}.",
        q(
            "alignment-offset",
            "What parallel offset is allowed for a coupling at 3000 rpm?",
            "How exactly must a coupling at 3000 rpm be aligned in parallel?",
            "~ What parralel offset is alowed at 3000 rpm?",
        ),
    )
    doc.s(
        "A pump with more than {4.5 mm/s} of vibration is reported to the customer in writing.",
        q(
            "vibration-report",
            "From what vibration do I report a pump to the customer in writing?",
            "Which vibration level calls for a written report to the customer?",
            "~ From what vibraton must a pump be reportet in writing?",
        ),
    )
    doc.s(
        "A pump with more than {7.1 mm/s} of vibration is stopped.",
        q(
            "vibration-stop",
            "At what vibration is a pump stopped?",
            "How strongly may a pump vibrate before we must stop it?",
            "I measured the vibration of a pump. >> Above what value is the pump stopped?",
        ),
    )
    return doc


def _storage() -> Doc:
    doc = Doc("service/storage.md", "Storage and preservation", date(2023, 10, 9))
    doc.p("A pump that waits for its installation ages faster than one that runs.")
    doc.p(
        "The shaft of a stored pump is turned by hand every {three weeks}.",
        q(
            "storage-turn",
            "How often is the shaft of a stored pump turned?",
            "We keep a pump in the store, at what interval do I turn its shaft?",
            "~ How oftn is the shaft of a storred pump turned by hand?",
        ),
    )
    doc.s(
        "Preservation oil protects a stored pump for {14 months}, then it is renewed.",
        q(
            "storage-oil",
            "For how long does preservation oil protect a stored pump?",
            "When is the preservation oil of a stored pump renewed?",
            "~ How long does presevration oil protect a stored pmup?",
        ),
    )
    doc.s(
        "Elastomers are stored in the dark between {10 and 25 °C}.",
        q(
            "storage-elastomers",
            "At what temperature are elastomers stored?",
            "Between which temperatures do I keep elastomers in the dark?",
            "~ At wich temprature are elastomers stored?",
        ),
    )
    return doc


def _centres() -> Doc:
    doc = Doc("contacts/service-centres.html", "Service centres", date(2025, 4, 14))
    doc.p("Call the centre of your region. Outside its hours calls go to the centre in Ostermoor.")
    doc.t(
        ("Service centre", "Telephone", "Opening hours", "Manager", "Region"),
        CENTRES,
    )
    for n, (town, phone, hours, manager, region) in enumerate(CENTRES):
        if n % 2:
            doc.need(
                f"centre-hours-{n}",
                (hours,),
                f"When is the service centre in {town} open?",
                f"What are the opening hours of the {town} service centre?",
                f"~ Wehn is the servcie centre in {town} open?",
            )
        else:
            doc.need(
                f"centre-manager-{n}",
                (manager,),
                f"Who is the manager of the service centre in {town}?",
                f"Who runs the service centre of the region {region}?",
                f"~ Who is the manger of the sevice centre in {town}?",
            )
        doc.need(
            f"centre-phone-{n}",
            (phone,),
            f"What is the telephone number of the service centre in {town}?",
            f"How do I phone the {town} service centre?",
            f"I must talk to the service centre in {town}. >> What is its telephone number?",
        )
    return doc


def _contracts() -> Doc:
    doc = Doc("service/contracts-2025.xlsx", "Service contracts 2025", date(2025, 1, 13))
    doc.p("One contract covers one pump. The annual fee is invoiced in January.")
    doc.h("Contracts")
    doc.t(
        ("Contract", "Response time", "Visits a year", "Discount on parts", "Annual fee"),
        [(*c[:4], f"EUR {c[4]}") for c in CONTRACTS],
    )
    for name, response, visits, discount, fee in CONTRACTS:
        low = name.lower()
        doc.need(
            f"contract-response-{low}",
            (response,),
            f"What response time does the {name} contract promise?",
            f"How fast do we have to come with a {name} service contract?",
            f"~ What reponse time does the {name} contarct promise?",
        )
        doc.need(
            f"contract-fee-{low}",
            (fee,),
            f"What is the annual fee of a {name} contract?",
            f"How much is the {name} service contract per year?",
            f"= What does a {name} contract cost annually?",
        )
        if name != "Basic":
            doc.need(
                f"contract-discount-{low}",
                (discount,),
                f"What discount on parts does the {name} contract give?",
                f"By how many percent are parts cheaper with the {name} contract?",
                f"The customer has a {name} contract. >> What discount on parts does he get?",
            )
        else:
            doc.need(
                f"contract-visits-{low}",
                (visits,),
                f"How many visits a year are in the {name} contract?",
                f"How often do we visit each year under a {name} contract?",
                f"~ How many vists a year does the {name} contarct have?",
            )
    return doc


def _training() -> Doc:
    doc = Doc("training/catalogue-2025.pptx", "Training catalogue 2025", date(2025, 1, 27))
    doc.h("Courses at Ostermoor")
    doc.li("The course T1 Pump basics takes {2 days} and costs EUR 480.",
        q("training-t1", "How long is the T1 pump basics course?",
          "How many days do I plan for training T1?",
          "~ How many days taks the T1 cuorse on pump basics?"))  # fmt: skip
    doc.li("The course T3 Mechanical seals takes 3 days and costs {EUR 890}.",
        q("training-t3", "What does the T3 course on mechanical seals cost?",
          "Price of training T3?",
          "= What is the fee of the T3 course on mechanical seals?"))  # fmt: skip
    doc.li("The course T5 Controllers needs {a laptop with a serial adapter}.",
        q("training-t5", "What must participants bring to the T5 course on controllers?",
          "What does the controller course T5 need?",
          "~ What is neded for the T5 course on contollers?"))  # fmt: skip
    doc.h("Booking")
    doc.li("A course with fewer than {five participants} is cancelled.",
        q("training-cancel", "With how many participants is a course cancelled?",
          "What is the smallest number of participants for a course to take place?",
          "~ With how few participents is a cousre cancelled?"))  # fmt: skip
    doc.li("Partners get {20 percent} off the price of a course.",
        q("training-partners", "What do partners get off the price of a course?",
          "How much discount on courses is there for partners?",
          "= What discount do partners get on a training?"))  # fmt: skip
    return doc


def _certification() -> Doc:
    doc = Doc("training/certification.pptx", "Certification of technicians", date(2024, 2, 26))
    doc.h("Levels")
    doc.li("A technician of level 1 works under supervision.")
    doc.li("A technician of level 2 needs {18 months} of field work.",
        q("certification-level2", "How much field work does a technician of level 2 need?",
          "After how long in the field can a technician reach level 2?",
          "~ How much feild work does a level 2 techncian need?"))  # fmt: skip
    doc.h("Examination")
    doc.li("The certification exam is passed with {75 percent}.",
        q("certification-pass", "With how many percent is the certification exam passed?",
          "What result do I need to pass the certification exam?",
          "I have registered for the certification exam. >> What result passes it?"))  # fmt: skip
    doc.li("A certificate expires after {four years}.",
        q("certification-expiry", "When does a technician's certificate expire?",
          "For how many years is the certificate of a technician good?",
          "~ When does a certifcate of a technican expire?"))  # fmt: skip
    return doc


def _dangerous_goods() -> Doc:
    doc = Doc("logistics/export-and-freight.md", "Freight and export", date(2024, 12, 2))
    doc.p("Every shipment is handed over with a packing list and photographs of the crate.")
    doc.p(
        "Orders that arrive before {14:30} leave Ostermoor on the same day.",
        q(
            "freight-cutoff",
            "Until what time must an order arrive to leave the same day?",
            "When is the daily cut-off for same-day dispatch from Ostermoor?",
            "~ Untill what time does an order leave Ostermoor the smae day?",
        ),
    )
    doc.s(
        "Shipments above {1,500 kg} go with the carrier Morgenroth Freight.",
        q(
            "freight-heavy",
            "Above what weight is Morgenroth Freight the carrier?",
            "From which weight do shipments go with Morgenroth Freight?",
            "~ Above wich wieght does Morgenroth Freight carry?",
        ),
    )
    doc.s(
        "Transport damage is reported to the carrier within {seven days}.",
        q(
            "freight-damage",
            "Within what time is transport damage reported to the carrier?",
            "The crate arrived broken. How long may we wait before telling the carrier?",
            "~ Within what time is transprot damage reportet to the carrier?",
        ),
    )
    return doc


def _app() -> Doc:
    doc = Doc("service/field-app.html", "The field service app", date(2025, 2, 24))
    doc.p(
        "The field service app works without a network for up to {36 hours}.",
        q(
            "app-offline",
            "How long does the field service app work without a network?",
            "I have no network in the basement, how long can I use the field app?",
            "~ How long does the feild service app work whithout network?",
        ),
    )
    doc.s(
        "A photo in the field service app may have at most {12 megabytes}.",
        q(
            "app-photo",
            "How large may a photo in the field service app be?",
            "What is the size limit for photos in the field app?",
            "I am filling in a report in the field service app. >> How large may a photo be?",
        ),
    )
    doc.s(
        "The helpdesk of the field service app answers on extension {7755}.",
        q(
            "app-helpdesk",
            "Which extension has the helpdesk of the field service app?",
            "Whom do I ring when the field app hangs, which extension?",
            "~ Wich extention has the field service app helpdesk?",
        ),
    )
    return doc
