"""What few seeds allow to be said: pure functions of numbers, a file a subject. What each means, and when it is not given: docs/statistics.md."""

from analysis.statistics.aft import Fit, best_fit, fit, likelihood_ratio_p
from analysis.statistics.boundary import Boundary, boundary
from analysis.statistics.intervals import CONFIDENCE, Interval
from analysis.statistics.kaplan_meier import Survival, common_horizon, restricted_mean_difference, survival
from analysis.statistics.logrank import LogRank, log_rank
from analysis.statistics.means import difference_p, directions, mean_interval, mean_intervals
from analysis.statistics.multiplicity import holm
from analysis.statistics.paired import Paired, paired
from lal.intervals import wilson

__all__ = [
    "CONFIDENCE",
    "Boundary",
    "Fit",
    "Interval",
    "LogRank",
    "Paired",
    "Survival",
    "best_fit",
    "boundary",
    "common_horizon",
    "difference_p",
    "directions",
    "fit",
    "holm",
    "likelihood_ratio_p",
    "log_rank",
    "mean_interval",
    "mean_intervals",
    "paired",
    "restricted_mean_difference",
    "survival",
    "wilson",
]
