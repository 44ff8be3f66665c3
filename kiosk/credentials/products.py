"""Vaccines by one name each, whatever the certificate calls them.

    EU      value set "vaccine medicinal product" of the eHealth Network: HC1, `mp`
    CVX     CDC's codes of vaccines: SMART Health Cards
    ICD-11  WHO's extension codes: VDS-NC, `des`

Sources: the value set and CDC's list as published; which of them are one vaccine, and ICD-11,
by WHO's concept maps "EUDCC to ICD-11" and "CVX to ICD-11" (DDCC, 2023-02-15) where they are
equivalent, bivalent and children's doses included; CVX 308 to 313 by CDC's list of 2023. A code
that stands for many vaccines (XM68M6, "COVID-19 vaccines") names none: a VDS-NC then has the
brand beside it in words.
"""

from __future__ import annotations

_WORDS: dict[str, str] = {
    "pfizer": "EU/1/20/1528 208 217 218 219 300 301 302 308 309 310 520 XM8NQ0",
    "moderna": "EU/1/20/1507 207 221 227 228 229 230 311 312 519 XM3DT5",
    "astrazeneca": "EU/1/21/1529 Covishield Covid-19-recombinant R-COVI 210 XM4YL8 XM97T2",
    "janssen": "EU/1/20/1525 212 XM6QV1",
    "novavax": "EU/1/21/1618 NVX-CoV2373 Covovax 211 313 XM9T65",
    "valneva": "EU/1/21/1624 VLA2001 518",
    "sanofi": "EU/1/21/1580 Vidprevtyn 225 226",
    "sinopharm": "BBIBP-CorV WIBP-CorV 510 XM8866 XM1AU2",
    "vero-cell": "Inactivated-SARS-CoV-2-Vero-Cell",  # mostly Sinopharm's; the code does not say
    "hayat-vax": "Hayat-Vax XM9FQ7",
    "sinovac": "CoronaVac 511 XM7HT3",
    "abdala": "Abdala",
    "soberana-02": "Soberana-02 XM3PG0",
    "soberana-plus": "Soberana-Plus XM0RV9",
    "sputnik-v": "Sputnik-V 505 XM5ZJ4",
    "sputnik-light": "Sputnik-Light 504 XM5QM6",
    "epivaccorona": "EpiVacCorona EpiVacCorona-N 509 XM6SZ8 XM3SK8",
    "covivac": "CoviVac 503 XM85P5",
    "covaxin": "Covaxin 502 XM1G90",
    "convidecia": "Convidecia 506 XM1AG7",
    "medigen": "MVC-COV1901 515 XM4EC8",
}
CODES: dict[str, tuple[str, ...]] = {name: tuple(codes.split()) for name, codes in _WORDS.items()}
"""Name of a vaccine, as a policy has it -> its codes."""

_NAMES = {code: name for name, codes in CODES.items() for code in codes}
_BRANDS = {name: name for name in CODES} | {
    "comirnaty": "pfizer",
    "biontech": "pfizer",
    "spikevax": "moderna",
    "vaxzevria": "astrazeneca",
    "covishield": "astrazeneca",
    "jcovden": "janssen",
    "nuvaxovid": "novavax",
    "covovax": "novavax",
    "bbibp": "sinopharm",
    "coronavac": "sinovac",
    "sputnik v": "sputnik-v",
    "sputnik light": "sputnik-light",
}


def product(code: str, brand: str = "") -> str:
    """Name of a vaccine by its code, else by its brand in words if that is one alone; the code
    as it is when neither tells."""
    found = _NAMES.get(code)
    if found is None and brand:
        written = brand.casefold()
        named = {name for word, name in _BRANDS.items() if word in written}
        found = named.pop() if len(named) == 1 else None
    return code if found is None else found
