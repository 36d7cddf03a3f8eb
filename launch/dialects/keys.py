"""The keys of the flat and the nested format, and what each sets here: the one table, which docs/dialects.md shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ROUTED, TRANSFORMERS = ("routed", "routed_transformer"), ("transformer", "routed_transformer")
ADAM = ("adamw", "adam")
CURVATURE = ("gradient", "weight_hessian", "fisher")
OPERATIONS = {"sub": "subtract", "mul": "multiply", "div": "divide", "both": "add+multiply"}


@dataclass(frozen=True)
class Key:
    """One key.

    Attributes:
        name: in the flat format.   section: where the nested format has it, under `name` and `aliases`.
        sets: dotted paths of a run.
        default: what the format takes where the key is not written; None = the default of what it sets.
        only: other keys -> their values with which this one is read; () = any that is something. With others it has no effect.
        words: its words -> those of this program.   implies: what else it sets, by dotted path.
        whole: a whole number, however it is spelt.
        epochs: counted in passes over the training set, set in steps.   switch: null and 0 turn it off; elsewhere null is `none`,
            or else as if the key were not written.
        adds: the metrics that `true` adds.   says: what the table tells besides.
    """

    name: str
    section: str
    sets: tuple[str, ...]
    default: Any = None
    none: Any = None
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    words: Mapping[str, Any] = field(default_factory=dict)
    implies: Mapping[str, Any] = field(default_factory=dict)
    whole: bool = False
    epochs: bool = False
    switch: bool = False
    adds: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    says: str = ""


MODEL_TYPES: dict[str, dict[str, Any]] = {
    "baseline": {"model.kind": "mlp"},
    "mlp": {"model.kind": "mlp"},
    "routed": {"model.kind": "routed"},
    "single_head": {"model.kind": "routed", "model.heads": 1},
    "gated": {"model.kind": "gated"},
    "transformer": {"model.kind": "transformer"},
    "routed_transformer": {"model.kind": "transformer", "model.feed_forward.kind": "routed"},
}
GATED_DEPTH = 10  # layers where n_layers is not written; the other networks have 4

KEYS: tuple[Key, ...] = (
    Key("p", "data", ("task.p",), 113, whole=True),
    Key("operation", "data", ("task.operation",), "add", words=OPERATIONS, says="`both`: add+multiply"),
    Key("k", "data", ("task.operands",), whole=True, says="number of operands"),
    Key("train_frac", "data", ("task.train_frac",), 0.3),
    Key("data_seed", "data", ("task.split_seed",), 42, whole=True, says="nested: `data.seed` is this and `seed`"),
    Key("hidden_dim", "model", ("model.width",), 128, whole=True),
    Key("n_layers", "model", ("model.depth",), 4, whole=True, says=f"gated: {GATED_DEPTH} where not written"),
    Key("n_heads", "model", ("model.heads",), 4, whole=True, only={"model_type": ("routed", *TRANSFORMERS)}, says="of attention in transformers"),
    Key(
        "n_ffn_heads",
        "model",
        ("model.feed_forward.heads",),
        whole=True,
        only={"model_type": ("routed_transformer",)},
        says="as many as n_heads where not written",
    ),
    Key("tie_embeddings", "model", ("model.tied",), only={"model_type": TRANSFORMERS}),
    Key("init_scale", "model", ("model.init_scale",)),
    Key(
        "gate_type",
        "model",
        ("model.gate",),
        only={"model_type": ("gated",)},
        words={"gumbel-softmax": "gumbel", "gumbel_softmax": "gumbel", "straight-through": "straight_through"},
    ),
    Key("task_loss", "training", ("loss",)),
    Key("routing_regularizer", "training", ("penalties.routing.kind",), "entropy", only={"model_type": ROUTED}, words={"none": None}, switch=True),
    Key("lambda_routing", "training", ("penalties.routing.weight",), 0.01, none=0.0, only={"routing_regularizer": ()}),
    Key("lambda_spectral", "training", ("penalties.spectral.weight",), implies={"penalties.spectral.kind": "spectral"}, switch=True),
    Key("spectral_k", "training", ("penalties.spectral.cutoff",), whole=True, only={"lambda_spectral": ()}),
    Key(
        "spectral_interval",
        "training",
        ("penalties.spectral.every",),
        whole=True,
        only={"lambda_spectral": ()},
        says="charged k times as much, so that λ means the same",
    ),
    Key("lambda_compute", "training", ("penalties.compute.weight",), 0.01, only={"model_type": ("gated",)}, switch=True),
    Key(
        "compute_cost_fn",
        "training",
        ("penalties.compute.kind",),
        "sum",
        only={"lambda_compute": ()},
        words={"weighted": "flops", "sum+entropy": "sum_entropy", "sum + entropy": "sum_entropy"},
    ),
    Key("optimizer", "training", ("optim.kind",), "adamw"),
    Key("lr", "training", ("optim.lr",), 1e-3, aliases=("learning_rate",)),
    Key("weight_decay", "training", ("optim.weight_decay",), 0.1, none=0.0),
    Key("beta1", "training", ("optim.betas.0",), 0.9, only={"optimizer": ADAM}, says="nested: also `betas: [beta1, beta2]`"),
    Key("beta2", "training", ("optim.betas.1",), 0.98, only={"optimizer": ADAM}),
    Key("eps", "training", ("optim.eps",), 1e-8, only={"optimizer": ADAM}),
    Key("grad_clip", "training", ("optim.clip",)),
    Key("warmup_epochs", "training", ("optim.warmup",), whole=True, epochs=True),
    Key("batch_size", "training", ("optim.batch_size",), whole=True, says="null, -1, or n_train and more: the full batch; nested: also in `data`"),
    Key("epochs", "training", ("budget.steps",), 50_000, whole=True, epochs=True, says="all of them are trained: `budget.stop` is null"),
    Key("num_steps", "training", ("budget.steps",), whole=True, says="instead of epochs"),
    Key("log_every", "training", ("measure.eval_every",), 100, whole=True, epochs=True),
    Key("save_routing_every", "training", ("measure.snapshot_every",), whole=True, epochs=True),
    Key("checkpoint_every", "training", ("measure.save_every",), whole=True, epochs=True, aliases=("save_param_interval",)),
    Key("compute_weight_curvature", "training", ("measure.metrics",), adds=CURVATURE),
    Key(
        "weight_curvature_interval",
        "training",
        tuple(f"measure.every.{metric}" for metric in CURVATURE),
        only={"compute_weight_curvature": ()},
        whole=True,
        epochs=True,
    ),
    Key("compute_optimizer_metrics", "training", ("measure.metrics",), adds=("adam",)),
)
BY_NAME = {key.name: key for key in KEYS}

# Keys that are about a file or its sweep, not about what a run computes.
ABOUT = {
    "model_type": "`model.kind`, as below; where it is not written: gated if a key of gates is, else routed",
    "name": "name of the sweep, or of an experiment's arm; where it is not written: the file's",
    "notes": "`question`, those of experiments behind their names",
    "description": "as `notes`",
    "seed": "`seeds: [seed]`, of initialisation and batches; 42 where it is not written",
}

REFUSED = {
    "device": "where a run is trained is no part of it; remove it and choose with --device or resources.gpu",
    "output_dir": "where results go is no part of a run; remove it and choose with --results",
    "weight_hessian_samples": "the number of probes is fixed and its standard error is reported; remove it",
    "compute_per_layer_metrics": "norms of every tensor are always measured; remove it, or name metrics in measure.metrics",
    "dimension": "it belongs to group composition, whose files say data.dimension; write it there, or remove it",
    "p1": "it belongs to group composition, whose files say data.p1; write it there, or remove it",
    "p2": "it belongs to group composition, whose files say data.p2; write it there, or remove it",
    "template_type": "it belongs to group composition, whose files say data.template_type; write it there, or remove it",
    "mnist_label": "it belongs to group composition, whose files say data.mnist_label; write it there, or remove it",
    "n_freqs": "it belongs to group composition, whose files say data.n_freqs; write it there, or remove it",
    "num_samples": "the table of all inputs is split by train_frac, not sampled, but for group composition (data.num_samples); remove it",
    "mode": "the table of all inputs is split by train_frac, neither sampled nor streamed; remove it",
    "transform_type": "it belongs to QuadraticRNN (model.transform_type); write it there, or remove it",
    "return_all_outputs": "networks here answer once, at the end, but for QuadraticRNN (model.return_all_outputs); remove it",
    "degree": "it belongs to the optimizer per_neuron, of group composition; remove it",
    "scaling_factor": "it belongs to the optimizer hybrid, of group composition; remove it",
    "reduction_threshold": "runs stop by test accuracy; remove it and set budget.stop.at_least",
    "verbose_interval": "progress is shown by the clock; remove it",
    "analysis": "figures are drawn by `lal report`; remove it",
}

# What the earlier programs' command lines took, as overrides here.
FLAGS = {
    "--config FILE": "`lal train FILE`, `lal sweep FILE`",
    "--sweep FILE": "`lal sweep FILE`",
    "--dry-run": "`lal plan FILE`",
    "--resume": "the same command again",
    "--gpu N": "refused: `resources.gpu=1` (or a fraction) gives each run one of all GPUs; `CUDA_VISIBLE_DEVICES=N` before the command leaves one",
    "--name X": "`name=X`",
    "--output-dir DIR": "`--results DIR`",
    "--p 17": "`task.p=17`",
    "--operation multiply": "`task.operation=multiply`",
    "--train-frac 0.5": "`task.train_frac=0.5`",
    "--model-type routed": "`model.kind=routed`",
    "--hidden-dim 64": "`model.width=64`",
    "--n-layers 2": "`model.depth=2`",
    "--n-heads 8": "`model.heads=8`",
    "--n-ffn-heads 2": "`model.feed_forward={kind: routed, heads: 2}`",
    "--epochs 5000": "`budget.steps=5000`",
    "--extra-epochs 5000": "`budget.steps=10000` (what there is and as many more)",
    "--lr 0.001": "`optim.lr=0.001`",
    "--weight-decay 0.5": "`optim.weight_decay=0.5`",
    "--beta1 0.9 --beta2 0.98": "`optim.betas=[0.9, 0.98]`",
    "--eps 1e-8": "`optim.eps=1e-8`",
    "--warmup-epochs 500": "`optim.warmup=500`",
    "--routing-reg entropy": "`penalties.routing={kind: entropy, weight: 0.01}`",
    "--routing-reg none": "`penalties.routing=null`",
    "--lambda-routing 0.1": "`penalties.routing.weight=0.1`",
    "--lambda-spectral 0.1": "`penalties.spectral={kind: spectral, weight: 0.1}`",
    "--log-every 50": "`measure.eval_every=50`",
    "--save-routing-every 1000": "`measure.snapshot_every=1000`",
    "--seed 7": "`seeds=[7]`",
}
