"""Finite groups. One member, one file, one line below; `group.py` has what is computed on each, `templates/` the functions that encode them."""

from lal.groups.cyclic import Cyclic
from lal.groups.dihedral import Dihedral
from lal.groups.permutation import Permutation
from lal.groups.product import Product
from lal.part import members

MEMBERS = members("lal.groups", (Cyclic, Product, Dihedral, Permutation))
