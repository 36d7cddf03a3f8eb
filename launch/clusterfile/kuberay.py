"""Layer three for KubeRay: a RayJob or RayCluster that costs what was meant, and that nobody else can reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from launch.clusterfile import shell
from launch.clusterfile.finding import Finding, Keys, Rule, Values, items, mapping, shown, whole, within
from launch.clusterfile.kuberay_fields import unknown_fields
from launch.clusterfile.ray_up import MOST_IDLE_MINUTES, MOST_WORKERS
from launch.clusterfile.versions import here, image_is_of_here

API = "ray.io/v1"
KINDS = ("RayJob", "RayCluster")
# How clouds mark spot nodes: Karpenter, EKS node groups, GKE, AKS.
SPOT = {
    "karpenter.sh/capacity-type": "spot",
    "eks.amazonaws.com/capacityType": "SPOT",
    "cloud.google.com/gke-spot": "true",
    "kubernetes.azure.com/scalesetpriority": "spot",
}
SHARED = ("s3://", "gs://", "gcs://", "abfs://", "abfss://", "hdfs://")
GPU = "nvidia.com/gpu"
Group = tuple[Keys, Values]


def cluster_path(values: Values) -> Keys:
    """Where the cluster is described: a RayJob carries it."""
    return ("spec",) if values.get("kind") == "RayCluster" else ("spec", "rayClusterSpec")


def head(values: Values) -> Group:
    """Path and content of the head's group."""
    path = (*cluster_path(values), "headGroupSpec")
    return path, mapping(values, *path)


def workers(values: Values) -> list[Group]:
    """Path and content of each group of workers."""
    path = (*cluster_path(values), "workerGroupSpecs")
    return [((*path, index), mapping(each)) for index, each in enumerate(items(values, *path))]


def kind_is_known(values: Values) -> Iterator[Finding]:
    """The rules below read these two alone."""
    if values.get("apiVersion") != API:
        yield Finding(("apiVersion",), f"apiVersion must be {API}", shown(values.get("apiVersion")), f"write {API}")
    if values.get("kind") not in KINDS:
        yield Finding(("kind",), f"kind must be one of {', '.join(KINDS)}", shown(values.get("kind")), "write RayJob: it ends with its sweep")


def fields_are_known(values: Values) -> Iterator[Finding]:
    """A misspelt field is dropped by Kubernetes without a word."""
    if values.get("kind") in KINDS:
        yield from unknown_fields(values, str(values["kind"]))


def versions_are_those_of_here(values: Values) -> Iterator[Finding]:
    """Ray refuses to talk between versions; in a pod, its first container runs Ray."""
    path, ray = (*cluster_path(values), "rayVersion"), here("ray")
    if ray and within(values, *path) != ray:
        yield Finding(path, "rayVersion must be the version that is installed here", shown(within(values, *path)), f"write '{ray}'")
    for group, content in (head(values), *workers(values)):
        image = (*group, "template", "spec", "containers", 0, "image")
        yield from image_is_of_here(image, within(content, *image[len(group) :]))


def token_is_on(values: Values) -> Iterator[Finding]:
    """KubeRay makes the token, keeps it in a Secret, and hands it to every pod."""
    path = (*cluster_path(values), "authOptions", "mode")
    if within(values, *path) != "token":
        yield Finding(path, "Ray must ask for its token", shown(within(values, *path)), "write authOptions: {mode: token}")


def head_runs_nothing(values: Values) -> Iterator[Finding]:
    """A head that trains is a head that may run out of memory, and everything ends with it."""
    path, group = head(values)
    cpus = within(group, "rayStartParams", "num-cpus")
    if cpus != "0" and within(group, "resources", "CPU") != "0":
        yield Finding((*path, "rayStartParams", "num-cpus"), "the head must offer no CPU to runs", shown(cpus), 'write num-cpus: "0"')


def head_is_on_demand(values: Values) -> Iterator[Finding]:
    """When a spot head is taken away, the whole cluster ends."""
    path, group = head(values)
    if _spot_keys(group):
        where = (*path, "template", "spec", "nodeSelector")
        yield Finding(where, "the head must be on demand", "it selects spot nodes", "remove the selector; workers have it")


def workers_are_spot(values: Values) -> Iterator[Finding]:
    """Runs go on from checkpoints on another node, so the cheaper node is the right one."""
    for path, group in workers(values):
        keys, pod = _spot_keys(group), (*path, "template", "spec")
        tolerated = [within(each, "key") for each in items(group, "template", "spec", "tolerations")]
        if not keys:
            remedy = "write one of " + ", ".join(f'"{key}": "{value}"' for key, value in SPOT.items())
            yield Finding((*pod, "nodeSelector"), "workers must select spot nodes", shown(within(group, "template", "spec", "nodeSelector")), remedy)
        elif not any(key in tolerated for key in keys):
            key = min(keys)
            remedy = f'write - {{key: "{key}", operator: Exists, effect: NoSchedule}}'
            yield Finding((*pod, "tolerations"), "workers must tolerate the taint of spot nodes", f"none is for {key}", remedy)


def _spot_keys(group: Values) -> set[str]:
    selector = mapping(group, "template", "spec", "nodeSelector")
    return {key for key, value in SPOT.items() if selector.get(key) == value}


def workers_come_and_go(values: Values) -> Iterator[Finding]:
    """None while nothing is asked for; never more than were meant; gone soon after."""
    spec = cluster_path(values)
    if not workers(values):
        yield Finding((*spec, "workerGroupSpecs"), "there must be a group of workers", "there is none", "add one: the head trains nothing")
    for path, group in workers(values):
        least, most = group.get("minReplicas"), group.get("maxReplicas")
        if not whole(least) or least != 0:
            yield Finding((*path, "minReplicas"), "minReplicas must be 0", shown(least), "write 0: idle pods cost as much as busy ones")
        if not whole(most) or not 1 <= most <= MOST_WORKERS:
            contract = f"maxReplicas must be a whole number of 1..{MOST_WORKERS}"
            yield Finding((*path, "maxReplicas"), contract, shown(most), "write how many pods you would pay for")
    if within(values, *spec, "enableInTreeAutoscaling") is not True:
        path = (*spec, "enableInTreeAutoscaling")
        yield Finding(path, "the autoscaler must be on: workers start at 0", shown(within(values, *path)), "write enableInTreeAutoscaling: true")
    path = (*spec, "autoscalerOptions", "idleTimeoutSeconds")
    idle = within(values, *path)
    if not whole(idle) or not 60 <= idle <= 60 * MOST_IDLE_MINUTES:
        yield Finding(path, f"idleTimeoutSeconds must be written, 60..{60 * MOST_IDLE_MINUTES}", shown(idle), "write 300")


def devices_are_whole(values: Values) -> Iterator[Finding]:
    """Kubernetes hands out whole GPUs; fractions of one are shared inside Ray, by the sweep's `resources`."""
    for path, group in (head(values), *workers(values)):
        for key in ("limits", "requests"):
            where = ("template", "spec", "containers", 0, "resources", key, GPU)
            amount = within(group, *where)
            if amount is not None and not (whole(amount) or (isinstance(amount, str) and amount.isdigit())):
                yield Finding((*path, *where), "GPUs of a pod must be whole", shown(amount), "write 1, and gpu: 0.25 in the sweep's resources")


def dashboard_is_private(values: Values) -> Iterator[Finding]:
    """Whoever reaches the dashboard runs code: it stays inside Kubernetes, and `kubectl port-forward` is the way there."""
    path, group = head(values)
    for where in (("serviceType",), ("headService", "spec", "type")):
        kind = within(group, *where)
        if kind not in (None, "ClusterIP"):
            yield Finding((*path, *where), "the head's service must be ClusterIP", shown(kind), "write ClusterIP; reach it by kubectl port-forward")
    if within(group, "enableIngress") not in (None, False):
        yield Finding((*path, "enableIngress"), "the dashboard must have no ingress", shown(group["enableIngress"]), "write false")


def pods_have_roles(values: Values) -> Iterator[Finding]:
    """Results go to an object store from every pod; a service account gives access without a key in any file."""
    for path, group in (head(values), *workers(values)):
        where = ("template", "spec", "serviceAccountName")
        if not within(group, *where):
            yield Finding((*path, *where), "every pod must have a service account for the results", "nothing is written", "write serviceAccountName: ...")


def job_ends(values: Values) -> Iterator[Finding]:
    """A RayJob leaves nothing behind but its results, which several pods can only share on an object store."""
    if values.get("kind") != "RayJob":
        return
    ends = within(values, "spec", "shutdownAfterJobFinishes")
    if ends is not True and not mapping(values, "spec", "deletionStrategy"):
        yield Finding(("spec", "shutdownAfterJobFinishes"), "the cluster must end with its job", shown(ends), "write shutdownAfterJobFinishes: true")
    command: Any = within(values, "spec", "entrypoint")
    words = next((words for words in shell.parts(command) if "lal" in words and "sweep" in words), None) if isinstance(command, str) else None
    if words is None:
        yield Finding(("spec", "entrypoint"), "the entrypoint must run a sweep", shown(command), "write lal sweep NAME --address auto --results s3://...")
        return
    if not shell.option(words, "--address"):
        yield Finding(("spec", "entrypoint"), "the sweep must run on this cluster, not inside the head", "--address is missing", "add --address auto")
    results = shell.option(words, "--results") or ""
    if not results.startswith(SHARED):
        yield Finding(("spec", "entrypoint"), "results must be where every pod can write", f"--results is {results!r}", "write --results s3://BUCKET/FOLDER")


RULES: tuple[Rule, ...] = (
    kind_is_known,
    fields_are_known,
    versions_are_those_of_here,
    token_is_on,
    head_runs_nothing,
    head_is_on_demand,
    workers_are_spot,
    workers_come_and_go,
    devices_are_whole,
    dashboard_is_private,
    pods_have_roles,
    job_ends,
)
