"""Door passes for people without a phone, issued by a school or a commune itself.

One folder is an issuer: its key, its name, and the register of what it issued. People come
from a table (CSV), passes go onto printable sheets (PDF). Names stand in the register and on the
sheets, and nowhere else.
"""
