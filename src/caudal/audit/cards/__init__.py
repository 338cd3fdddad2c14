"""One record of a model, rendered as the cards that others read: Hugging Face, CycloneDX, Croissant."""

from caudal.audit.cards.record import Figure as Figure
from caudal.audit.cards.record import ModelRecord as ModelRecord
from caudal.audit.cards.record import record_of as record_of
from caudal.audit.cards.render import FORMS as FORMS
from caudal.audit.cards.render import card as card
