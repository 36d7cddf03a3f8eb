"""The fields that KubeRay 1.7 and Kubernetes know in a RayJob or RayCluster, as far as a sweep's file goes. Kubernetes drops what it does not know.

Sources: KubeRay's API reference for ray.io/v1; Kubernetes' reference of PodSpec, Container, Toleration.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lal.errors import nearest
from launch.clusterfile.finding import Finding, Keys, shown

TEXTS = "texts"  # a mapping of text to text, such as rayStartParams

PLAIN = {
    "RayJob": "apiVersion kind metadata status",
    "RayCluster": "apiVersion kind metadata status",
    "RayJobSpec": """activeDeadlineSeconds backoffLimit clusterSelector deletionStrategy entrypoint entrypointNumCpus entrypointNumGpus
        entrypointResources jobId managedBy metadata preRunningDeadlineSeconds runtimeEnvYAML shutdownAfterJobFinishes submissionMode
        submitterConfig suspend ttlSecondsAfterFinished""",
    "RayClusterSpec": """enableInTreeAutoscaling gcsFaultToleranceOptions headServiceAnnotations historyServerOptions managedBy networkPolicy rayVersion suspend
        tlsOptions upgradeStrategy""",
    "AuthOptions": "mode secretName enableK8sTokenAuth",
    "AutoscalerOptions": "env envFrom idleTimeoutSeconds image imagePullPolicy resources securityContext upscalingMode version volumeMounts",
    "HeadGroupSpec": "enableIngress headService ingressOptions labels resources serviceType",
    "WorkerGroupSpec": "groupName idleTimeoutSeconds labels maxReplicas minReplicas numOfHosts priority replicas resources scaleStrategy suspend",
    "PodTemplate": "metadata",
    "PodSpec": """activeDeadlineSeconds affinity automountServiceAccountToken dnsConfig dnsPolicy enableServiceLinks ephemeralContainers hostAliases hostIPC
        hostNetwork hostPID hostUsers hostname hostnameOverride imagePullSecrets nodeName nodeSelector os overhead preemptionPolicy priority priorityClassName
        readinessGates resourceClaims resources restartPolicy runtimeClassName schedulerName schedulingGates securityContext serviceAccount serviceAccountName
        setHostnameAsFQDN shareProcessNamespace subdomain terminationGracePeriodSeconds topologySpreadConstraints volumes""",
    "Container": """args command envFrom image imagePullPolicy lifecycle livenessProbe name ports readinessProbe resizePolicy restartPolicy restartPolicyRules
        securityContext startupProbe stdin stdinOnce terminationMessagePath terminationMessagePolicy tty volumeDevices volumeMounts workingDir""",
    "Resources": "claims limits requests",
    "Toleration": "effect key operator tolerationSeconds value",
    "EnvVar": "name value valueFrom",
}
# Fields with a shape of their own; a list of one name is a list of that shape.
NESTED: dict[str, dict[str, str | list[str]]] = {
    "RayJob": {"spec": "RayJobSpec"},
    "RayCluster": {"spec": "RayClusterSpec"},
    "RayJobSpec": {"rayClusterSpec": "RayClusterSpec", "submitterPodTemplate": "PodTemplate"},
    "RayClusterSpec": {
        "authOptions": "AuthOptions",
        "autoscalerOptions": "AutoscalerOptions",
        "headGroupSpec": "HeadGroupSpec",
        "workerGroupSpecs": ["WorkerGroupSpec"],
    },
    "HeadGroupSpec": {"rayStartParams": TEXTS, "template": "PodTemplate"},
    "WorkerGroupSpec": {"rayStartParams": TEXTS, "template": "PodTemplate"},
    "PodTemplate": {"spec": "PodSpec"},
    "PodSpec": {"containers": ["Container"], "initContainers": ["Container"], "tolerations": ["Toleration"]},
    "Container": {"env": ["EnvVar"], "resources": "Resources"},
}


def unknown_fields(value: Any, shape: str | list[str], path: Keys = ()) -> Iterator[Finding]:
    """Yields a finding for each key that neither KubeRay nor Kubernetes knows, and for each value of the wrong kind."""
    if isinstance(shape, list):
        if not isinstance(value, list):
            yield Finding(path, "the value must be a list", shown(value), "write `- ` before each item")
            return
        for index, each in enumerate(value):
            yield from unknown_fields(each, shape[0], (*path, index))
    elif not isinstance(value, dict):
        yield Finding(path, "the value must be a mapping", shown(value), "write `key: value` lines")
    elif shape == TEXTS:
        yield from _texts(value, path)
    else:
        nested = NESTED.get(shape, {})
        known = [*PLAIN[shape].split(), *nested]
        for key, each in value.items():
            if key not in known:
                yield Finding((*path, key), f"a key must be a field of {shape}", f"there is no {key!r}", nearest(key, known))
            elif key in nested:
                yield from unknown_fields(each, nested[key], (*path, key))


def _texts(value: dict[str, Any], path: Keys) -> Iterator[Finding]:
    for key, each in value.items():
        if not isinstance(each, str):
            yield Finding((*path, key), "the value must be text: Kubernetes refuses the file otherwise", shown(each), f'write "{each}" in quotes')
