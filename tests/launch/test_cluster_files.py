"""The shipped cluster files are sound, and every way to spoil one is found: offline, without a cloud."""

from __future__ import annotations

import copy
import json
import logging
import re
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lal.cli import main
from lal.errors import Refused
from launch.clusterfile import instance_model, kuberay, ray_schema, ray_up
from launch.clusterfile.check import check, lint
from launch.clusterfile.finding import Finding, dotted

ROOT = Path(__file__).parents[2]
RAY_UP, RAY_JOB = ROOT / "cluster.yaml", ROOT / "launch/kuberay.yaml"
SHIPPED = {path: yaml.safe_load(path.read_text(encoding="utf-8")) for path in (RAY_UP, RAY_JOB)}
RULES = {RAY_UP: ray_up.RULES, RAY_JOB: kuberay.RULES}
GONE = object()
TOKEN = "3f" * 32


def edited(values: Any, path: str, value: Any) -> Any:
    """A copy of `values` with another value at the dotted path; list positions are numbers; GONE removes it."""
    changed = copy.deepcopy(values)
    inner, keys = changed, [int(each) if each.isdigit() else each for each in path.replace("\\.", "\0").split(".")]
    keys = [each.replace("\0", ".") if isinstance(each, str) else each for each in keys]
    for key in keys[:-1]:
        inner = inner[key]
    if value is GONE:
        del inner[keys[-1]]
    else:
        inner[keys[-1]] = value
    return changed


def found(path: Path, values: Any) -> list[Finding]:
    return list(lint(RULES[path], values).findings)


@pytest.mark.parametrize("path", [RAY_UP, RAY_JOB], ids=lambda path: path.name)
def test_shipped_files_have_no_findings_in_any_layer(path: Path) -> None:
    checked = check(path)
    assert checked.findings == []
    assert [layer.skipped for layer in checked.layers] == [""] * len(checked.layers)
    assert len(checked.layers) == (3 if path == RAY_UP else 1)


@pytest.mark.parametrize("name", ["cluster.yaml", "launch/kuberay.yaml", "launch/Dockerfile"])
def test_versions_are_those_of_the_constraints(name: str) -> None:
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    text = (ROOT / name).read_text(encoding="utf-8")
    installed = re.findall(r"\b([a-z]+)(?:\[[a-z,]+\])?==([\w.]+)", text)
    assert [(package, version) for package, version in installed if pins[package] != version] == []
    images = re.findall(r"(?:rayproject/ray|\blal):([\w.-]+)", text)
    assert images
    assert {tag.split("-")[0] for tag in images} == {pins["ray"]}
    assert {tag.split("-")[1] for tag in images} == {"py311"}
    assert set(re.findall(r'rayVersion: "(.*)"', text)) <= {pins["ray"]}
    assert {package for package, _ in installed} == (set() if name.endswith("kuberay.yaml") else {"ray", "torch"})


def test_nodes_get_what_the_project_is_built_from() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = [each.rstrip("*") for each in project["tool"]["setuptools"]["packages"]["find"]["include"]]
    needed = {"pyproject.toml", "constraints.txt", project["project"]["readme"], *project["project"]["license-files"], *packages}
    mounted = {source for target, source in SHIPPED[RAY_UP]["file_mounts"].items() if target == f"~/lal/{source}"}
    copied = re.findall(r"^COPY --chown=ray (.*) \S+$", (ROOT / "launch/Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert mounted == set(" ".join(copied).split()) == needed
    assert [each for each in needed if not (ROOT / each).exists()] == []


PIP = "pip install --constraint /tmp/lal/constraints.txt"
# rule, what is spoilt, how, and what is found: where, and words of contract, value or remedy
SPOILT: list[tuple[Any, str, Any, str, str]] = [
    (ray_up.commands_are_readable, "setup_commands.0", 'echo "open', "setup_commands[0]", "close its quotes"),
    (ray_up.versions_are_those_of_here, "setup_commands.0", f"{PIP} ray==2.59.0 torch==2.13.0 /tmp/lal", "setup_commands[0]", "write ray=="),
    (ray_up.versions_are_those_of_here, "setup_commands.0", f"{PIP} 'ray[default]>=2.60' torch==2.13.0", "setup_commands[0]", "write ray=="),
    (ray_up.versions_are_those_of_here, "setup_commands.0", f"{PIP} ray==2.60.0", "setup_commands", "torch must be installed at a pinned version"),
    (ray_up.versions_are_those_of_here, "setup_commands.0", f"{PIP} torch==2.13.0 numpy==1.0", "setup_commands[0]", "write numpy=="),
    (ray_up.versions_are_those_of_here, "docker.image", "rayproject/ray:2.6.0-py311", "docker.image", "tag of an image"),
    (ray_up.versions_are_those_of_here, "docker.image", "rayproject/ray", "docker.image", "tag of an image"),
    (ray_up.code_is_installed, "setup_commands", ["pip install ray==2.60.0 torch==2.13.0"], "setup_commands", "install lal on every node"),
    (ray_up.code_is_installed, "file_mounts.~/lal/pyproject\\.toml", GONE, "setup_commands", "install lal on every node"),
    (ray_up.head_runs_nothing, "available_node_types.head.resources.CPU", 2, "available_node_types.head.resources.CPU", "offer no CPU"),
    (ray_up.head_runs_nothing, "available_node_types.head.resources", {}, "available_node_types.head.resources.CPU", "offer no CPU"),
    (
        ray_up.head_is_on_demand,
        "available_node_types.head.node_config.InstanceMarketOptions",
        {"MarketType": "spot"},
        "available_node_types.head.node_config",
        "must be on demand",
    ),
    (ray_up.workers_are_spot, "available_node_types.gpu_spot.node_config.InstanceMarketOptions", GONE, "available_node_types.gpu_spot.node_config", "spot"),
    (ray_up.workers_come_and_go, "max_workers", GONE, "max_workers", "a whole number of 1..200"),
    (ray_up.workers_come_and_go, "max_workers", 100_000, "max_workers", "a whole number of 1..200"),
    (ray_up.workers_come_and_go, "max_workers", 8, "available_node_types.cpu_spot.max_workers", "1..the file's max_workers"),
    (ray_up.workers_come_and_go, "available_node_types.cpu_spot.max_workers", 0, "available_node_types.cpu_spot.max_workers", "1..the file's max_workers"),
    (ray_up.workers_come_and_go, "available_node_types.cpu_spot.min_workers", 2, "available_node_types.cpu_spot.min_workers", "idle nodes cost"),
    (ray_up.workers_come_and_go, "available_node_types", {"head": {}}, "available_node_types", "a node type beside the head's"),
    (ray_up.idle_nodes_leave, "idle_timeout_minutes", GONE, "idle_timeout_minutes", "must be written"),
    (ray_up.idle_nodes_leave, "idle_timeout_minutes", 600, "idle_timeout_minutes", "1..30"),
    (ray_up.idle_nodes_leave, "provider.cache_stopped_nodes", GONE, "provider.cache_stopped_nodes", "must not be kept"),
    (ray_up.two_zones, "provider.availability_zone", "us-west-2a", "provider.availability_zone", "two zones"),
    (ray_up.two_zones, "provider.availability_zone", "us-west-2a,us-east-1b", "provider.availability_zone", "'us-east-1b'"),
    (
        ray_up.nodes_have_roles,
        "available_node_types.cpu_spot.node_config.IamInstanceProfile",
        GONE,
        "available_node_types.cpu_spot.node_config.IamInstanceProfile",
        "must have a role",
    ),
    (
        ray_up.machine_images_are_named,
        "available_node_types.head.node_config.ImageId",
        GONE,
        "available_node_types.head.node_config.ImageId",
        "must be named",
    ),
    (
        ray_up.dashboard_is_private,
        "head_start_ray_commands.1",
        "ray start --head --dashboard-host=0.0.0.0 --autoscaling-config=~/ray_bootstrap_config.yaml",
        "head_start_ray_commands[1]",
        "'0.0.0.0'",
    ),
    (
        ray_up.dashboard_is_private,
        "head_start_ray_commands.1",
        "ray start --head --autoscaling-config=~/ray_bootstrap_config.yaml",
        "head_start_ray_commands[1]",
        "--dashboard-host=127.0.0.1",
    ),
    (
        ray_up.dashboard_is_private,
        "provider.security_group",
        {"GroupName": "lal", "IpPermissions": [{"FromPort": 8265, "ToPort": 8265, "IpProtocol": "tcp", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]},
        "provider.security_group.IpPermissions[0]",
        "no port but 22",
    ),
    (ray_up.ray_is_started, "head_start_ray_commands", GONE, "head_start_ray_commands", "must start the head"),
    (ray_up.ray_is_started, "worker_start_ray_commands", ["ray stop"], "worker_start_ray_commands", "must start a worker"),
    (
        ray_up.ray_is_started,
        "head_start_ray_commands.1",
        "ray start --head --dashboard-host 127.0.0.1",
        "head_start_ray_commands[1]",
        "no worker would ever come",
    ),
    (ray_up.ray_is_started, "worker_start_ray_commands.1", "ray start --address=$RAY_HEAD_IP:6380", "worker_start_ray_commands[1]", "RAY_HEAD_IP:6379"),
    (ray_up.token_is_on, "docker.run_options", [], "head_start_ray_commands", "RAY_AUTH_MODE=token is not set"),
    (ray_up.token_is_on, "file_mounts.~/\\.ray/auth_token", GONE, "file_mounts", "get-auth-token"),
]
HEAD, WORKER = "spec.rayClusterSpec.headGroupSpec", "spec.rayClusterSpec.workerGroupSpecs.1"
WORKER_AT = "spec.rayClusterSpec.workerGroupSpecs[1]"
SPOILT_JOB: list[tuple[Any, str, Any, str, str]] = [
    (kuberay.kind_is_known, "kind", "RayService", "kind", "RayJob, RayCluster"),
    (kuberay.kind_is_known, "apiVersion", "ray.io/v1alpha1", "apiVersion", "write ray.io/v1"),
    (kuberay.fields_are_known, "spec.shutdownAfterJobFinish", True, "spec.shutdownAfterJobFinish", "did you mean 'shutdownAfterJobFinishes'?"),
    (kuberay.fields_are_known, f"{WORKER}.template.spec.nodeSelctor", {}, f"{WORKER_AT}.template.spec.nodeSelctor", "did you mean 'nodeSelector'?"),
    (kuberay.fields_are_known, f"{WORKER}.rayStartParams.num-cpus", 2, f"{WORKER_AT}.rayStartParams.num-cpus", 'write "2" in quotes'),
    (kuberay.fields_are_known, f"{WORKER}.template.spec.containers", {}, f"{WORKER_AT}.template.spec.containers", "must be a list"),
    (kuberay.fields_are_known, f"{HEAD}.template", [], f"{HEAD}.template", "must be a mapping"),
    (kuberay.versions_are_those_of_here, "spec.rayClusterSpec.rayVersion", "2.59.0", "spec.rayClusterSpec.rayVersion", "installed here"),
    (kuberay.versions_are_those_of_here, f"{HEAD}.template.spec.containers.0.image", "lal:latest", f"{HEAD}.template.spec.containers[0].image", "tag"),
    (kuberay.token_is_on, "spec.rayClusterSpec.authOptions", GONE, "spec.rayClusterSpec.authOptions.mode", "authOptions: {mode: token}"),
    (kuberay.token_is_on, "spec.rayClusterSpec.authOptions.mode", "disabled", "spec.rayClusterSpec.authOptions.mode", "'disabled'"),
    (kuberay.head_runs_nothing, f"{HEAD}.rayStartParams", {}, f"{HEAD}.rayStartParams.num-cpus", 'num-cpus: "0"'),
    (
        kuberay.head_is_on_demand,
        f"{HEAD}.template.spec.nodeSelector",
        {"cloud.google.com/gke-spot": "true"},
        f"{HEAD}.template.spec.nodeSelector",
        "must be on demand",
    ),
    (kuberay.workers_are_spot, f"{WORKER}.template.spec.nodeSelector", GONE, f"{WORKER_AT}.template.spec.nodeSelector", "must select spot"),
    (kuberay.workers_are_spot, f"{WORKER}.template.spec.tolerations", [], f"{WORKER_AT}.template.spec.tolerations", "must tolerate"),
    (kuberay.workers_come_and_go, f"{WORKER}.minReplicas", 1, f"{WORKER_AT}.minReplicas", "idle pods cost"),
    (kuberay.workers_come_and_go, f"{WORKER}.maxReplicas", GONE, f"{WORKER_AT}.maxReplicas", "1..200"),
    (kuberay.workers_come_and_go, "spec.rayClusterSpec.workerGroupSpecs", [], "spec.rayClusterSpec.workerGroupSpecs", "a group of workers"),
    (kuberay.workers_come_and_go, "spec.rayClusterSpec.enableInTreeAutoscaling", False, "spec.rayClusterSpec.enableInTreeAutoscaling", "must be on"),
    (kuberay.workers_come_and_go, "spec.rayClusterSpec.autoscalerOptions", {}, "spec.rayClusterSpec.autoscalerOptions.idleTimeoutSeconds", "60..1800"),
    (
        kuberay.devices_are_whole,
        f"{WORKER}.template.spec.containers.0.resources.limits.nvidia\\.com/gpu",
        0.25,
        f"{WORKER_AT}.template.spec.containers[0].resources.limits.nvidia.com/gpu",
        "gpu: 0.25 in the sweep's resources",
    ),
    (kuberay.dashboard_is_private, f"{HEAD}.serviceType", "LoadBalancer", f"{HEAD}.serviceType", "must be ClusterIP"),
    (kuberay.dashboard_is_private, f"{HEAD}.headService", {"spec": {"type": "NodePort"}}, f"{HEAD}.headService.spec.type", "must be ClusterIP"),
    (kuberay.dashboard_is_private, f"{HEAD}.enableIngress", True, f"{HEAD}.enableIngress", "no ingress"),
    (kuberay.pods_have_roles, f"{WORKER}.template.spec.serviceAccountName", GONE, f"{WORKER_AT}.template.spec.serviceAccountName", "service account"),
    (kuberay.job_ends, "spec.shutdownAfterJobFinishes", GONE, "spec.shutdownAfterJobFinishes", "must end with its job"),
    (kuberay.job_ends, "spec.entrypoint", "python train.py", "spec.entrypoint", "must run a sweep"),
    (kuberay.job_ends, "spec.entrypoint", "lal sweep quickstart --results s3://bucket/lal", "spec.entrypoint", "add --address auto"),
    (kuberay.job_ends, "spec.entrypoint", "lal sweep quickstart --address auto", "spec.entrypoint", "where every pod can write"),
]
CASES = [(RAY_UP, *case) for case in SPOILT] + [(RAY_JOB, *case) for case in SPOILT_JOB]


@pytest.mark.parametrize(("path", "rule", "what", "how", "where", "words"), CASES, ids=[f"{case[1].__name__}-{case[2]}" for case in CASES])
def test_every_rule_finds_what_breaks_it(path: Path, rule: Any, what: str, how: Any, where: str, words: str) -> None:
    spoilt = edited(SHIPPED[path], what, how)
    mine = list(rule(spoilt))
    assert [each for each in mine if dotted(each.path) == where and words in f"{each.contract}, but {each.value}; {each.remedy}"], mine
    assert set(mine) <= set(found(path, spoilt))


def test_the_policies_of_the_docs_parse_and_name_what_the_file_names() -> None:
    text = (ROOT / "docs/cluster.md").read_text(encoding="utf-8")
    policies = [json.loads(each) for each in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    assert len(policies) == 2
    nodes = SHIPPED[RAY_UP]["available_node_types"].values()
    assert {each["node_config"]["IamInstanceProfile"]["Name"] for each in nodes} == {"lal-head", "lal-worker"}
    assert "role/lal-worker" in json.dumps(policies[1])
    assert SHIPPED[RAY_UP]["cluster_name"] in [each["Condition"]["StringEquals"]["aws:ResourceTag/ray-cluster-name"] for each in policies[1]["Statement"][1:2]]


def test_without_an_image_ray_must_be_installed() -> None:
    values = edited(edited(SHIPPED[RAY_UP], "docker", GONE), "available_node_types.gpu_spot.docker", GONE)
    assert list(ray_up.versions_are_those_of_here(values)) == []
    values = edited(values, "setup_commands", [f"{PIP} torch==2.13.0"])
    (said,) = ray_up.versions_are_those_of_here(values)
    assert said.contract == "ray must be installed at a pinned version"


def test_no_rule_is_without_an_example() -> None:
    assert {case[1] for case in CASES} == {*ray_up.RULES, *kuberay.RULES}


@pytest.mark.parametrize(
    ("path", "what", "how"),
    [
        (RAY_UP, "head_start_ray_commands.0", f"export RAY_AUTH_TOKEN={TOKEN}"),
        (RAY_UP, "head_start_ray_commands.0", "export RAY_AUTH_TOKEN=short"),
        (RAY_UP, "setup_commands.0", "AWS_SECRET_ACCESS_KEY=abc/def+ghi aws s3 ls"),
        (RAY_UP, "setup_commands.0", "export DB_PASSWORD=hunter2 'never closed"),
        (RAY_UP, "setup_commands.0", "pip install --index-url https://me:hunter2@host/simple ray"),
        (RAY_UP, "setup_commands.0", "curl -u AKIAIOSFODNN7EXAMPLE: host"),
        (RAY_UP, "provider.aws_credentials", {"aws_secret_access_key": "abcdef"}),
        (RAY_JOB, f"{WORKER}.template.spec.containers.0.env", [{"name": "AWS_SECRET_ACCESS_KEY", "value": "abcdef"}]),
        (RAY_JOB, "spec.runtimeEnvYAML", "env_vars: {DB_PASSWORD: x}\nexport DB_PASSWORD=hunter2"),
    ],
)
def test_keys_and_tokens_are_found_and_never_shown(path: Path, what: str, how: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoilt = edited(SHIPPED[path], what, how)
    assert [each for each in found(path, spoilt) if "no keys, tokens or passwords" in each.contract]
    (tmp_path / "spoilt.yaml").write_text(yaml.safe_dump(spoilt))
    for words in ([], ["--json"]):
        with pytest.raises(SystemExit) as ended:
            main(["cluster", "check", str(tmp_path / "spoilt.yaml"), *words])
        assert ended.value.code == 1
        told = capsys.readouterr().out
        assert not [secret for secret in (TOKEN, "=short", "abc/def", "AKIAIOSF", "abcdef", "hunter2") if secret in told]


@pytest.mark.parametrize(
    ("path", "what", "how"),
    [
        (RAY_UP, "auth.ssh_private_key", "~/.ssh/mine.pem"),
        (RAY_UP, "head_start_ray_commands.0", "export RAY_AUTH_MODE=token; export RAY_AUTH_TOKEN_PATH=~/.ray/other"),
        (RAY_UP, "docker.image", f"rayproject/ray:2.60.0@sha256:{TOKEN}"),
        (RAY_JOB, f"{WORKER}.template.spec.containers.0.env", [{"name": "RAY_AUTH_TOKEN", "valueFrom": {"secretKeyRef": {"name": "a", "key": "auth_token"}}}]),
    ],
)
def test_where_a_secret_is_kept_is_none(path: Path, what: str, how: Any) -> None:
    assert [each for each in found(path, edited(SHIPPED[path], what, how)) if "no keys" in each.contract] == []


def test_rays_schema_finds_wrong_shapes() -> None:
    values = edited(SHIPPED[RAY_UP], "max_worker", 3)
    values = edited(values, "setup_commands", "pip install ray")
    values = edited(values, "available_node_types.gpu_spot.resources.GPU", 0.25)
    values = edited(values, "provider.type", GONE)
    values = edited(values, "idle_timeout_minutes", -1)
    said = {dotted(each.path): f"{each.contract}; {each.remedy}" for each in ray_schema.layer(values).findings}
    assert said == {
        "max_worker": "a key must be one that Ray knows; did you mean 'max_workers'?",
        "setup_commands": "the value must be of type array; write one",
        "available_node_types.gpu_spot.resources.GPU": "the value must be of type integer; write one",
        "provider": "type must be given; add it",
        "idle_timeout_minutes": "the value must satisfy minimum: 0; write one that does",
    }


def test_rays_own_checks_go_beyond_its_schema() -> None:
    (said,) = ray_schema.layer(edited(SHIPPED[RAY_UP], "head_node_type", "haed")).findings
    assert "`head_node_type` must be one of `available_node_types`" in said.value


def test_ray_says_nothing_of_its_own(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("ray")
    logger.addHandler(caplog.handler)
    try:
        assert ray_schema.layer(edited(SHIPPED[RAY_UP], "available_node_types.gpu_spot.max_workers", GONE)).findings == ()
    finally:
        logger.removeHandler(caplog.handler)
    assert (caplog.records, *capfd.readouterr()) == ([], "", "")


def test_awss_model_finds_what_aws_would_refuse() -> None:
    node = "available_node_types.cpu_spot.node_config"
    values = edited(SHIPPED[RAY_UP], f"{node}.InstanceMarketOptions", {"MarketTyp": "spot"})
    values = edited(values, f"{node}.InstanceType", "c7i.4xlrge")
    values = edited(values, f"{node}.BlockDeviceMappings.0.Ebs.VolumeSize", "150")
    values = edited(values, f"{node}.MetadataOptions.HttpTokens", "requird")
    values = edited(values, f"{node}.SecurityGroupIds", "sg-1")
    values = edited(values, f"{node}.SubnetIds", ["subnet-1"])
    values = edited(values, f"{node}.IamInstanceProfile", "lal-worker")
    values = edited(values, "provider.region", "us-wset-2")
    said = {dotted(each.path).removeprefix(f"{node}."): each.remedy for each in instance_model.layer(values).findings}
    assert said == {
        "provider.region": "did you mean 'us-west-2'?",
        "InstanceMarketOptions.MarketTyp": "did you mean 'MarketType'?",
        "InstanceType": "did you mean 'c7i.4xlarge'?",
        "BlockDeviceMappings[0].Ebs.VolumeSize": "write one; quote it if it is text",
        "MetadataOptions.HttpTokens": "did you mean 'required'?",
        "SecurityGroupIds": "write `- ` before each item",
        "IamInstanceProfile": "write keys of Arn, Name",
    }


def test_a_layer_that_cannot_look_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(instance_model, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "ray.autoscaler._private.util", None)
    with pytest.raises(SystemExit) as ended:
        main(["cluster", "check", str(RAY_UP)])
    told = capsys.readouterr().out
    assert ended.value.code == 0
    assert "not checked: Ray's schema: the shape fits, but this Ray has moved its other checks" in told
    assert "not checked: AWS's model of instances: botocore is not installed; pip install 'lal[aws]'" in told
    assert "nothing found by lal's rules" in told
    monkeypatch.setattr(ray_schema, "find_spec", lambda name: None)
    assert "ships no schema" in ray_schema.layer({}).skipped


def test_other_clouds_have_no_model_here() -> None:
    values = yaml.safe_load("provider: {type: gcp, region: us-west1, availability_zone: us-west1-a}")
    assert instance_model.layer(values).skipped == "the provider is 'gcp', not aws"
    assert list(ray_up.two_zones(values)) == list(ray_up.nodes_have_roles(values)) == []
    worker = {"node_config": {"scheduling": [{"preemptible": True}]}}
    assert list(ray_up.workers_are_spot({**values, "available_node_types": {"cpu": worker}})) == []
    (said,) = ray_up.workers_are_spot({**values, "available_node_types": {"cpu": {"node_config": {}}}})
    assert "scheduling: [{preemptible: true}]" in said.remedy


def test_a_finding_says_file_line_path_contract_value_and_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = RAY_UP.read_text(encoding="utf-8").replace("max_workers: 16\nup", "max_workers: 4000\nup")
    line = text.splitlines().index("max_workers: 4000") + 1
    (tmp_path / "many.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["cluster", "check", str(tmp_path / "many.yaml"), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (ended.value.code, told["exit_code"], told["kind"]) == (1, 1, "ray up")
    assert told["findings"] == [
        {
            "layer": "lal's rules",
            "place": f"{tmp_path / 'many.yaml'}:{line}",
            "path": "max_workers",
            "contract": "max_workers must be a whole number of 1..200",
            "value": "it is 4000",
            "remedy": "write how many nodes you would pay for",
        }
    ]


NONSENSE = {
    "nothing": (b"", "must hold a mapping"),
    "a list": (b"- 1\n", "must hold a mapping"),
    "a sweep": (b"name: a\nbase: {}\n", "must have cluster_name and provider"),
    "no text": (b"\xff\xfe\x00", "must be UTF-8 text"),
    "aliases": (b"cluster_name: &a lal\nprovider: *a\n", "must be without aliases"),
    "tags": (b"cluster_name: !!python/name:os.system\n", "must be without tags"),
    "twice": (b"cluster_name: a\ncluster_name: b\n", "must be written once"),
    "two documents": (b"apiVersion: ray.io/v1\n---\napiVersion: v1\n", "must hold one document"),
    "too large": (b"cluster_name: " + b"a" * 2**20, "must have at most"),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, words = NONSENSE[name]
    (tmp_path / "file.yaml").write_bytes(data)
    with pytest.raises(Refused, match=words):
        check(tmp_path / "file.yaml")
    with pytest.raises(SystemExit) as ended:
        main(["cluster", "check", str(tmp_path / "file.yaml")])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("lal: ")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="must be readable"):
        check(tmp_path / "no.yaml")


def spots(values: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    return [path, *(spot for key, each in inner for spot in spots(each, (*path, key)))]


SPOTS = {path: spots(values)[1:] for path, values in SHIPPED.items()}
JUNK = [None, True, -1, 2.5, "", "cp", "pip install 'x", [[1]], {"a": [{}]}]


def replaced(path: Path, spot: tuple[Any, ...], junk: Any) -> Any:
    values = copy.deepcopy(SHIPPED[path])
    inner = values
    for key in spot[:-1]:
        inner = inner[key]
    inner[spot[-1]] = junk
    return values


@pytest.mark.parametrize("junk", [None, "cp", [[1]], {"a": [{}]}], ids=str)
@pytest.mark.parametrize("path", [RAY_UP, RAY_JOB], ids=lambda path: path.name)
def test_no_rule_falls_over_what_a_file_may_hold(path: Path, junk: Any) -> None:
    for spot in SPOTS[path]:
        for each in found(path, replaced(path, spot, junk)):
            assert each.contract and each.value and each.remedy


@settings(max_examples=30)  # each reads Ray's defaults from disk
@given(spot=st.sampled_from(SPOTS[RAY_UP]), junk=st.sampled_from(JUNK))
def test_neither_schema_nor_model_falls_over_it(spot: tuple[Any, ...], junk: Any) -> None:
    values = replaced(RAY_UP, spot, junk)
    for each in (*ray_schema.layer(values).findings, *instance_model.layer(values).findings):
        assert each.contract and each.value and each.remedy


def test_a_job_takes_the_code_and_nothing_else(tmp_path: Path) -> None:
    from ray._private.runtime_env.packaging import create_package

    create_package(str(ROOT), tmp_path / "job.zip", include_gitignore=True, excludes=[".git", ".venv"], logger=None)
    names = zipfile.ZipFile(tmp_path / "job.zip").namelist()
    assert {"lal/cli.py", "launch/tuner.py", "analysis/report.py", "sweeps/quickstart.yaml", "pyproject.toml"} <= set(names)
    assert not [name for name in names if name.split("/")[0] in ("docs", "tests", "results", ".venv", ".git", "cluster.yaml") or "__pycache__" in name]
    assert (tmp_path / "job.zip").stat().st_size < 4 * 2**20
