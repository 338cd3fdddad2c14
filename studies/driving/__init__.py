"""Driving in closed loop: imitate a scripted expert, race on unseen tracks, see which policies hold up, and where not.

Everything is simulated: CarRacing-v3 with a preview of the road instead of pixels.
"""

from studies.driving.disturb import DISTURBANCES as DISTURBANCES
from studies.driving.disturb import Disturbance as Disturbance
from studies.driving.disturb import Schedule as Schedule
from studies.driving.disturb import schedule as schedule
from studies.driving.film import Take as Take
from studies.driving.film import film as film
from studies.driving.film import take as take
from studies.driving.imitate import Lesson as Lesson
from studies.driving.imitate import imitate as imitate
from studies.driving.imitate import policy as policy
from studies.driving.markdown import markdown as markdown
from studies.driving.page import page as page
from studies.driving.page import publish as publish
from studies.driving.page import read as read
from studies.driving.page import redraw as redraw
from studies.driving.policy import Driver as Driver
from studies.driving.policy import ExpertDriver as ExpertDriver
from studies.driving.policy import Policy as Policy
from studies.driving.policy import build as build
from studies.driving.race import Moment as Moment
from studies.driving.race import race as race
from studies.driving.records import MODELS as MODELS
from studies.driving.records import DriveRecipe as DriveRecipe
from studies.driving.records import DriveReport as DriveReport
from studies.driving.records import Episode as Episode
from studies.driving.records import Trained as Trained
from studies.driving.scores import Duel as Duel
from studies.driving.scores import Score as Score
from studies.driving.scores import duels as duels
from studies.driving.scores import scores as scores
from studies.driving.study import study as study
from studies.driving.verdict import verdict as verdict
