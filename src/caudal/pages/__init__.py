"""What every page that people read is made of; one page each is the business of its room."""

from caudal.pages.markup import VOID as VOID
from caudal.pages.markup import Html as Html
from caudal.pages.markup import join as join
from caudal.pages.markup import tag as tag
from caudal.pages.markup import text as text
from caudal.pages.sheet import sheet as sheet
from caudal.pages.spelling import LANGUAGES as LANGUAGES
from caudal.pages.spelling import decimal as decimal
from caudal.pages.spelling import listed as listed
from caudal.pages.spelling import read_table as read_table
