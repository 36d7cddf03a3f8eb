"""Results in the layouts of other programs: views that are written from the run folders, which stay the only truth. One layout, one file, one line below."""

from launch.exporting import group_agf

LAYOUTS = {"group-agf": group_agf}
