"""Driving in closed loop: imitate a scripted expert, race on unseen tracks, see which policies hold up, and where not.

Everything is simulated: CarRacing-v3 with a preview of the road instead of pixels.
"""

from caudal.drive.disturb import DISTURBANCES as DISTURBANCES
from caudal.drive.disturb import Disturbance as Disturbance
from caudal.drive.disturb import Schedule as Schedule
from caudal.drive.disturb import schedule as schedule
from caudal.drive.film import Take as Take
from caudal.drive.film import film as film
from caudal.drive.film import take as take
from caudal.drive.imitate import Lesson as Lesson
from caudal.drive.imitate import imitate as imitate
from caudal.drive.imitate import policy as policy
from caudal.drive.markdown import markdown as markdown
from caudal.drive.page import page as page
from caudal.drive.policy import Driver as Driver
from caudal.drive.policy import ExpertDriver as ExpertDriver
from caudal.drive.policy import Policy as Policy
from caudal.drive.policy import build as build
from caudal.drive.publish import publish as publish
from caudal.drive.publish import read as read
from caudal.drive.publish import redraw as redraw
from caudal.drive.race import Moment as Moment
from caudal.drive.race import race as race
from caudal.drive.records import MODELS as MODELS
from caudal.drive.records import DriveRecipe as DriveRecipe
from caudal.drive.records import DriveReport as DriveReport
from caudal.drive.records import Episode as Episode
from caudal.drive.records import Trained as Trained
from caudal.drive.scores import Duel as Duel
from caudal.drive.scores import Score as Score
from caudal.drive.scores import duels as duels
from caudal.drive.scores import scores as scores
from caudal.drive.study import study as study
from caudal.drive.verdict import verdict as verdict
