"""Functions on a group that encode its elements. One member, one file, one line below."""

from lal.groups.templates.fourier import Fourier
from lal.groups.templates.gaussian import Gaussian
from lal.groups.templates.given import Given
from lal.groups.templates.image import Image
from lal.groups.templates.one_hot import OneHot
from lal.part import members

MEMBERS = members("lal.templates", (Fourier, Gaussian, Image, OneHot, Given))
