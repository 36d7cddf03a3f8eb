"""What is learned. One member, one file, one line below."""

from lal.part import members
from lal.tasks.modular import Modular

MEMBERS = members("lal.tasks", (Modular,))
