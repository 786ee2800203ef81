"""Reading a CRM's export file: what is in it, and the messages it amounts to. No network, no database.

``inspect`` looks the file through and says what it found and what it leaves open; ``read`` then gives its rows, one at a time.
"""

from crm_gateway.importing.inspecting import inspect
from crm_gateway.importing.layout import Column, Layout, Question, SheetLayout
from crm_gateway.importing.mapping import Consent, FileMapping, Options, consent_option, load_mapping
from crm_gateway.importing.reading import Accepted, PassedOver, Rejected, Row, read
from crm_gateway.importing.refusals import ImportRefused
from crm_gateway.importing.rejects import RejectsFile

__all__ = [
    "Accepted",
    "Column",
    "Consent",
    "FileMapping",
    "ImportRefused",
    "Layout",
    "Options",
    "PassedOver",
    "Question",
    "Rejected",
    "RejectsFile",
    "Row",
    "SheetLayout",
    "consent_option",
    "inspect",
    "load_mapping",
    "read",
]
