"""What is measured. One member, one file, one line below; rows hold the columns in this order."""

from lal.metrics.accuracy import Accuracy
from lal.metrics.adam import AdamState
from lal.metrics.collapse import SoftmaxCollapse
from lal.metrics.depth import FunctionalDepth
from lal.metrics.fisher import Fisher
from lal.metrics.fourier import Fourier
from lal.metrics.gates import GateState
from lal.metrics.gradient import GradientNorm
from lal.metrics.hard_routing import HardRouting
from lal.metrics.input_hessian import InputHessian
from lal.metrics.jacobian import JacobianNorm
from lal.metrics.margin import Margin
from lal.metrics.metric import Metric
from lal.metrics.mirror_clean import MirrorClean
from lal.metrics.price import Price
from lal.metrics.representation import RepresentationNorm
from lal.metrics.routing import Routing
from lal.metrics.smoothness import Smoothness
from lal.metrics.weight_hessian import WeightHessian
from lal.metrics.weight_norm import WeightNorm

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Accuracy(),
        Price(),
        Margin(),
        MirrorClean(),
        GateState(),
        FunctionalDepth(),
        Routing(),
        HardRouting(),
        WeightNorm(),
        RepresentationNorm(),
        SoftmaxCollapse(),
        AdamState(),
        Smoothness(),
        Fourier(),
        JacobianNorm(),
        InputHessian(),
        GradientNorm(),
        WeightHessian(),
        Fisher(),
    )
}
