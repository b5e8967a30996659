"""What is true at Tarnbeck: the fact base from which documents and questions are made.

Company, products, people and places are invented.
"""

from __future__ import annotations

from dataclasses import dataclass

COMPANY = "Tarnbeck Pumps"


@dataclass(frozen=True)
class Model:
    name: str
    series: str
    flow: str
    head: str
    power: str
    speed: str
    temperature: str
    pressure: str
    noise: str
    oil: str
    weight: int
    crate: str
    gross: int
    casing_torque: int
    impeller_torque: int
    clearance: str
    wear_limit: str


# fmt: off
MODELS = (
    Model("AL-40", "Alder", "28 m³/h", "38 m", "4.0 kW", "2900 rpm", "110 °C", "10 bar",
          "68 dB(A)", "0.35 litres", 62, "80 x 60 x 70 cm", 81, 42, 55, "0.30 mm", "0.75 mm"),
    Model("AL-65", "Alder", "75 m³/h", "46 m", "11 kW", "2920 rpm", "115 °C", "12 bar",
          "72 dB(A)", "0.55 litres", 118, "110 x 75 x 85 cm", 146, 68, 90, "0.35 mm", "0.85 mm"),
    Model("AL-100", "Alder", "160 m³/h", "52 m", "30 kW", "2960 rpm", "120 °C", "16 bar",
          "77 dB(A)", "0.90 litres", 246, "150 x 90 x 105 cm", 301, 115, 165, "0.40 mm", "1.00 mm"),
    Model("BR-12", "Birch", "12 m³/h", "140 m", "7.5 kW", "2910 rpm", "90 °C", "25 bar",
          "66 dB(A)", "0.20 litres", 94, "60 x 60 x 130 cm", 117, 58, 36, "0.20 mm", "0.45 mm"),
    Model("BR-24", "Birch", "24 m³/h", "210 m", "22 kW", "2950 rpm", "95 °C", "40 bar",
          "74 dB(A)", "0.28 litres", 187, "70 x 70 x 175 cm", 224, 86, 48, "0.22 mm", "0.50 mm"),
    Model("CD-30", "Cedar", "30 m³/h", "60 m", "5.5 kW", "400 rpm", "60 °C", "6 bar",
          "63 dB(A)", "0.70 litres", 135, "210 x 50 x 60 cm", 168, 75, 120, "0.50 mm", "1.20 mm"),
    Model("CD-60", "Cedar", "58 m³/h", "118 m", "15 kW", "320 rpm", "65 °C", "13 bar",
          "65 dB(A)", "1.40 litres", 288, "290 x 65 x 75 cm", 347, 132, 210, "0.60 mm", "1.40 mm"),
    Model("DR-80", "Drift", "95 m³/h", "22 m", "7.4 kW", "1450 rpm", "40 °C", "4 bar",
          "58 dB(A)", "1.10 litres", 142, "75 x 75 x 110 cm", 171, 64, 82, "0.45 mm", "1.10 mm"),
    Model("DR-150", "Drift", "240 m³/h", "31 m", "26 kW", "1470 rpm", "45 °C", "5 bar",
          "61 dB(A)", "2.30 litres", 365, "105 x 105 x 160 cm", 428, 125, 175, "0.55 mm",
          "1.30 mm"),
    Model("EL-5", "Elm", "5.2 litres per hour", "160 m", "0.09 kW", "100 rpm", "50 °C", "16 bar",
          "52 dB(A)", "0.05 litres", 7, "35 x 30 x 30 cm", 9, 6, 9, "0.10 mm", "0.20 mm"),
    Model("EL-15", "Elm", "15.5 litres per hour", "98 m", "0.18 kW", "120 rpm", "55 °C", "9 bar",
          "54 dB(A)", "0.08 litres", 11, "40 x 35 x 35 cm", 14, 8, 12, "0.12 mm", "0.25 mm"),
    Model("FR-250", "Fir", "250 m³/h", "33 mbar", "8.6 kW", "1440 rpm", "80 °C", "2 bar",
          "70 dB(A)", "0.60 litres", 203, "120 x 70 x 95 cm", 247, 92, 105, "0.25 mm", "0.60 mm"),
)
# fmt: on

SERIES = {
    "Alder": "end-suction centrifugal pump for clean water and cooling circuits",
    "Birch": "vertical multistage pump for boiler feed and pressure boosting",
    "Cedar": "progressive cavity pump for sludge, paste and other thick media",
    "Drift": "submersible sewage pump for pits and lifting stations",
    "Elm": "motor-driven diaphragm pump for dosing chemicals",
    "Fir": "liquid-ring vacuum pump for degassing and drying",
}

PART_KINDS = (
    # code, name, price 2024 at size factor 1, lead time in days at factor 1, change for 2025
    ("110", "impeller", 186.0, 9, 1.045),
    ("210", "mechanical seal kit", 142.0, 4, 1.060),
    ("310", "bearing set", 118.0, 6, 1.030),
    ("410", "O-ring set", 23.5, 2, 1.080),
)
CEDAR_NAMES = {"110": "rotor", "310": "joint set"}
ELM_NAMES = {"110": "diaphragm", "210": "valve seat kit", "310": "gear set"}
_SIZES = {
    "AL-40": 1.0, "AL-65": 1.48, "AL-100": 2.21, "BR-12": 1.32, "BR-24": 2.05, "CD-30": 2.6,
    "CD-60": 3.9, "DR-80": 1.87, "DR-150": 3.14, "EL-5": 0.34, "EL-15": 0.41, "FR-250": 2.43,
}  # fmt: skip


@dataclass(frozen=True)
class Part:
    number: str
    model: str
    name: str
    price_2024: str
    price_2025: str
    lead_days: int
    shelf: str
    minimum: int


def _parts() -> tuple[Part, ...]:
    parts: list[Part] = []
    for m, model in enumerate(MODELS):
        for k, (code, name, base, days, rise) in enumerate(PART_KINDS):
            own = {"Cedar": CEDAR_NAMES, "Elm": ELM_NAMES}.get(model.series, {})
            size = _SIZES[model.name]
            old = round(base * size * 2) / 2
            new = round(old * (rise + m % 3 * 0.005) * 20) / 20
            parts.append(
                Part(
                    f"{model.name.replace('-', '')}-{code}",
                    model.name,
                    own.get(code, name),
                    f"{old:.2f}",
                    f"{new:.2f}",
                    days + (m * 5 + k * 3) % 11,
                    f"{'ABCDEF'[m % 6]}{k + 1}-{10 + m * 3 + k}",
                    2 + (m + 2 * k) % 7,
                )
            )
    return tuple(parts)


PARTS = _parts()


@dataclass(frozen=True)
class Code:
    code: str
    meaning: str
    cause: str
    action: str


TC4_CODES = (
    Code("E01", "motor overload", "a blocked impeller or a wrong motor setting",
         "turn the shaft by hand and compare the setting with the rating plate"),
    Code("E02", "phase failure", "a blown fuse or a loose supply terminal",
         "measure all three phases at the supply terminals"),
    Code("E03", "wrong direction of rotation", "two supply phases changed over",
         "swap two phases at the main switch"),
    Code("E04", "dry running", "an empty suction tank or a closed suction valve",
         "fill the suction line and vent the casing before the restart"),
    Code("E05", "bearing temperature above the limit", "grease that is too old or too much",
         "let the pump cool for 45 minutes and regrease the bearing"),
    Code("E06", "leak in the seal chamber", "a worn mechanical seal",
         "check the oil in the seal chamber for water and order a seal kit"),
    Code("E07", "discharge pressure too high", "a closed discharge valve",
         "open the discharge valve and reset the alarm"),
    Code("E08", "discharge pressure too low", "a worn impeller or air in the suction line",
         "measure the shut-off head and compare it with the curve"),
    Code("E09", "pressure sensor signal lost", "a broken cable or a defective sensor",
         "measure the sensor loop, which must show 4 to 20 mA"),
    Code("E10", "too many starts per hour", "a pressure switch band that is too narrow",
         "widen the switching band to at least 0.8 bar"),
    Code("E11", "communication with the panel lost", "a loose bus connector",
         "reseat the bus connector X14 and restart the panel"),
    Code("E12", "clock battery empty", "a battery older than five years",
         "replace the CR2450 battery behind the front cover"),
    Code("E13", "moisture in the motor housing", "a damaged cable entry",
         "switch the pump off at once and measure the insulation resistance"),
    Code("E14", "vibration above the alarm limit", "misalignment or cavitation",
         "measure the alignment and note the suction pressure"),
    Code("E15", "parameter set corrupt", "a power cut during saving",
         "load the backup from the service key with menu 7.3"),
    Code("E16", "service interval reached", "the running-hour counter",
         "carry out the service and reset the counter with menu 5.1"),
)  # fmt: skip

# The older controller numbers its alarms differently, a frequent cause of wrong repairs.
TC3_CODES = (
    Code("F1", "motor overload", "a blocked impeller", "reset the motor starter"),
    Code("F2", "dry running", "no water at the float switch", "clean the float switch"),
    Code("F3", "leak in the seal chamber", "a worn mechanical seal", "change the oil and the seal"),
    Code("F4", "thermal contact open", "a motor that is too hot", "wait until the motor is cold"),
    Code("F5", "memory error", "a worn-out EPROM", "replace the controller by a TC-4"),
)  # fmt: skip


@dataclass(frozen=True)
class Interval:
    series: str
    task: str
    every: str
    minutes: int


INTERVALS = (
    Interval("Alder", "regrease the bearings", "2,500 running hours", 25),
    Interval("Alder", "change the bearing oil", "4,000 running hours", 40),
    Interval("Alder", "check the coupling alignment", "6 months", 55),
    Interval("Birch", "regrease the motor bearings", "3,200 running hours", 20),
    Interval("Birch", "replace the mechanical seal", "16,000 running hours", 150),
    Interval("Birch", "check the membrane tank pressure", "3 months", 15),
    Interval("Cedar", "measure the stator wear", "1,500 running hours", 60),
    Interval("Cedar", "replace the stator", "6,000 running hours", 240),
    Interval("Cedar", "change the gear oil", "5,000 running hours", 50),
    Interval("Drift", "check the oil in the seal chamber", "1,000 running hours", 35),
    Interval("Drift", "measure the insulation resistance", "12 months", 20),
    Interval("Drift", "replace the lower bearing", "18,000 running hours", 210),
    Interval("Elm", "replace the diaphragm", "5,500 running hours", 30),
    Interval("Elm", "recalibrate the dosing rate", "4 months", 45),
    Interval("Fir", "clean the ring-liquid strainer", "2 weeks", 10),
    Interval("Fir", "descale the casing", "9 months", 180),
)

LUBRICANTS = (
    ("Alder", "bearing oil", "ISO VG 46 mineral oil", "Norvex Turbine 46"),
    ("Birch", "motor bearing grease", "lithium complex grease NLGI 2", "Norvex Plex 2"),
    ("Cedar", "gear oil", "ISO VG 220 gear oil", "Norvex Gear 220"),
    ("Cedar", "joint grease", "food-grade aluminium complex grease", "Halden FG-1"),
    ("Drift", "seal chamber oil", "white medicinal oil of 32 mm²/s", "Halden White 32"),
    ("Elm", "crankcase oil", "ISO VG 150 synthetic oil", "Halden Syn 150"),
    ("Fir", "bearing grease", "polyurea grease NLGI 2", "Norvex Urea 2"),
)

LABOUR_RATES = (
    # service, 2024, 2025
    ("field technician, per hour", "94.00", "98.50"),
    ("senior technician, per hour", "112.00", "118.00"),
    ("commissioning engineer, per hour", "128.00", "135.50"),
    ("workshop hour in Ostermoor", "86.00", "89.00"),
    ("travel, per kilometre", "0.92", "0.97"),
    ("call-out on Sundays and public holidays, flat", "310.00", "345.00"),
    ("remote diagnosis, per quarter of an hour", "24.00", "26.50"),
    ("vibration measurement with report, flat", "275.00", "289.00"),
)

CONTRACTS = (
    # tier, response time, visits a year, discount on parts, annual fee for a pump
    ("Basic", "72 hours", "1 visit", "0 %", "390.00"),
    ("Plus", "24 hours", "2 visits", "8 %", "720.00"),
    ("Premium", "8 hours", "4 visits", "15 %", "1,340.00"),
)

CENTRES = (
    # town, telephone, opening hours, manager, region
    ("Ostermoor", "+49 3999 410 100", "Monday to Friday 7:00 to 18:00", "Henrike Daal", "Centre"),
    ("Quellsand", "+49 3999 420 200", "Monday to Friday 8:00 to 17:00", "Bruno Tesk", "North"),
    ("Haffkirch", "+49 3999 430 300", "Monday to Saturday 8:00 to 16:00", "Leoni Marwitz", "East"),
    ("Bad Rüssow", "+49 3999 440 400", "Monday to Thursday 8:00 to 17:00", "Emre Koslin", "South"),
    ("Lindvik", "+46 999 55 010", "Monday to Friday 7:30 to 16:00", "Saga Nyberg", "Scandinavia"),
)

TOOLS = (
    # tool, calibration interval, where, tolerance
    ("torque wrench 10 to 100 Nm", "12 months", "Ostermoor workshop", "4 %"),
    ("laser alignment set", "24 months", "Opticon Laboratory", "0.01 mm"),
    ("vibration meter", "18 months", "Opticon Laboratory", "5 %"),
    ("insulation tester 1000 V", "12 months", "Ostermoor workshop", "3 %"),
    ("pressure gauge class 0.6", "6 months", "Ostermoor workshop", "0.6 %"),
    ("infrared thermometer", "36 months", "Opticon Laboratory", "2 °C"),
)
