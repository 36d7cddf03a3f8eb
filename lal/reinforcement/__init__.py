"""A small reinforcement learner: what it lives in, what it learns with, and what is read off it.

A snapshot (`arrays/<episode>.npz`) holds, of S states that are looked at, in order (in a corridor its N positions, on a grid all positions row by row, the goal
last; elsewhere a sample of observations from before learning), D inputs each, A actions, U updates and E episodes so far:

states         (S, D) float32   as the network sees them
q              (S, A) float32   action values
value          (S,) float32     the largest of them: the value field V(s)
greedy_action  (S,) int8        which one that is
visits         (S,) int64       how often each state was left in training, those within one key of the tables counted together
returns        (E,) float32     of each episode, undiscounted
crystallization (E,) float32    C after each episode
and of a run under pressure
pressure       (S,) float32     beta(s) as it stands
uncertainty    (S,) float32     U(s) as it stands
pressure_by_update (U,) float32 mean of beta over the batch of each update
updates_by_episode (E,) int64   updates up to the end of each episode

The front is the column `front_position`: the right-most position of a corridor whose greedy action is not yet right; -1 once there is none. Columns of the
metric `pattern` are read off the same fields.
"""

from lal.part import members
from lal.reinforcement.corridor import Corridor
from lal.reinforcement.grid_world import GridWorld
from lal.reinforcement.gymnasium_environment import Gymnasium

ENVIRONMENTS = members("lal.environments", (Corridor, GridWorld, Gymnasium))
