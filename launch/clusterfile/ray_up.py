"""Layer three for `cluster.yaml`: what Ray and the cloud would accept, and what would cost money, runs or safety."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from launch.clusterfile import shell
from launch.clusterfile.finding import Finding, Rule, Values, items, mapping, shown, texts, whole, within
from launch.clusterfile.versions import Command, image_is_of_here, names_installed, pins_are_those_of_here

SETUP = ("initialization_commands", "setup_commands", "head_setup_commands", "worker_setup_commands")
START = ("head_start_ray_commands", "worker_start_ray_commands")
CLOUDS = ("aws", "gcp")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
ANYWHERE = ("0.0.0.0/0", "::/0")
SSH = 22
MOST_WORKERS = 200  # a guard against a slip of the keyboard, not a limit of anything
MOST_IDLE_MINUTES = 30
GCS_PORT = "6379"
TYPES = "available_node_types"


def cloud(values: Values) -> bool:
    """Whether nodes are rented, so that spot, zones and idle nodes mean anything."""
    return within(values, "provider", "type") in CLOUDS


def workers(values: Values) -> dict[str, Values]:
    """The node types other than the head's."""
    head = values.get("head_node_type")
    return {name: mapping(each) for name, each in mapping(values, TYPES).items() if name != head}


def head(values: Values) -> tuple[str, Values]:
    """Name and content of the head's node type."""
    name = str(values.get("head_node_type"))
    return name, mapping(values, TYPES, name)


def commands(values: Values) -> Iterator[Command]:
    """Every shell command of the file."""
    for key in (*SETUP, *START):
        yield from texts(values, key)
    for name in mapping(values, TYPES):
        for key in SETUP:
            yield from texts(values, TYPES, name, key)


def commands_are_readable(values: Values) -> Iterator[Finding]:
    """A quote left open swallows the rest of a command."""
    for path, command in commands(values):
        if not shell.readable(command):
            yield Finding(path, "a command must be one that a shell can read", shown(command), "close its quotes")


def versions_are_those_of_here(values: Values) -> Iterator[Finding]:
    """Ray refuses to talk between versions, and results of two versions of torch are not comparable."""
    yield from pins_are_those_of_here(commands(values))
    names = names_installed(commands(values))
    images = list(_images(values))
    for name in ("ray", "torch"):
        if name not in names and not (name == "ray" and images):
            yield Finding(
                ("setup_commands",), f"{name} must be installed at a pinned version", "no command installs it", f"add {name}==VERSION to a pip install"
            )
    for path, image in images:
        yield from image_is_of_here(path, image)


def _images(values: Values) -> Iterator[tuple[tuple[Any, ...], Any]]:
    places = [("docker",), *((TYPES, name, "docker") for name in mapping(values, TYPES))]
    for place in places:
        for key in ("image", "head_image", "worker_image"):
            if (image := within(values, *place, key)) is not None:
                yield (*place, key), image


def code_is_installed(values: Values) -> Iterator[Finding]:
    """Jobs bring their own copy of the code; its dependencies, and `lal` on the head, come from here."""
    targets = {str(each).rstrip("/") for each in mapping(values, "file_mounts")}
    folders = {each.removesuffix("/pyproject.toml") for each in targets}
    for _, command in texts(values, "setup_commands"):
        # Docker makes the folder above several mounts root's own, where pip cannot build: so a copy is as good.
        folders |= {words[-1].rstrip("/") for words in shell.parts(command) if words[0] == "cp" and len(words) > 2 and words[-2].rstrip("/") in folders}
        names = {word.partition("[")[0].rstrip("/").replace("$HOME", "~") for word in shell.installed_words(command)}
        if names & {"lal", *folders}:
            return
    yield Finding(
        ("setup_commands",),
        "setup_commands must install lal on every node",
        "no pip install names a mounted folder with its pyproject.toml",
        "mount the code in file_mounts and add pip install --constraint ~/lal/constraints.txt ~/lal",
    )


def head_runs_nothing(values: Values) -> Iterator[Finding]:
    """A head that trains is a head that may run out of memory, and everything ends with it."""
    name, node = head(values)
    cpus = within(node, "resources", "CPU")
    if cpus != 0 or isinstance(cpus, bool):
        yield Finding((TYPES, name, "resources", "CPU"), "the head must offer no CPU to runs", shown(cpus), "write resources: {CPU: 0}")


def head_is_on_demand(values: Values) -> Iterator[Finding]:
    """When a spot head is taken away, the whole cluster ends."""
    name, node = head(values)
    if cloud(values) and _spot(mapping(node, "node_config")):
        yield Finding((TYPES, name, "node_config"), "the head must be on demand", "it is a spot node", "remove its spot options; workers have them")


def workers_are_spot(values: Values) -> Iterator[Finding]:
    """Runs go on from checkpoints on another node, so the cheaper node is the right one."""
    for name, node in workers(values).items():
        if cloud(values) and not _spot(mapping(node, "node_config")):
            aws = within(values, "provider", "type") == "aws"
            remedy = "write InstanceMarketOptions: {MarketType: spot}" if aws else "write scheduling: [{preemptible: true}]"
            yield Finding((TYPES, name, "node_config"), "workers must be spot nodes", "it is on demand", remedy)


def _spot(node_config: Values) -> bool:
    if within(node_config, "InstanceMarketOptions", "MarketType") == "spot":
        return True
    scheduling = node_config.get("scheduling")
    asked = [mapping(each) for each in (scheduling if isinstance(scheduling, list) else [scheduling])]
    return any(each.get("preemptible") is True or each.get("provisioningModel") == "SPOT" for each in asked)


def workers_come_and_go(values: Values) -> Iterator[Finding]:
    """None while nothing is asked for; never more than were meant."""
    if not workers(values):
        yield Finding((TYPES,), "there must be a node type beside the head's", "there is none", "add one for workers: the head trains nothing")
    most = values.get("max_workers")
    if not whole(most) or not 1 <= most <= MOST_WORKERS:
        yield Finding(("max_workers",), f"max_workers must be a whole number of 1..{MOST_WORKERS}", shown(most), "write how many nodes you would pay for")
    for name, node in workers(values).items():
        least, own = node.get("min_workers", 0), node.get("max_workers", most)
        if least != 0:
            yield Finding((TYPES, name, "min_workers"), "min_workers must be 0", shown(least), "write 0: idle nodes cost as much as busy ones")
        if not whole(own) or own < 1 or (whole(most) and own > most):
            yield Finding((TYPES, name, "max_workers"), "a node type's max_workers must be 1..the file's max_workers", shown(own), "write one of these")


def idle_nodes_leave(values: Values) -> Iterator[Finding]:
    """Nodes that wait for nothing are let go soon, and for good."""
    minutes = values.get("idle_timeout_minutes")
    if cloud(values) and (not isinstance(minutes, int | float) or isinstance(minutes, bool) or not 1 <= minutes <= MOST_IDLE_MINUTES):
        yield Finding(("idle_timeout_minutes",), f"idle_timeout_minutes must be written, 1..{MOST_IDLE_MINUTES}", shown(minutes), "write 5")
    cached = within(values, "provider", "cache_stopped_nodes")
    if cloud(values) and cached is not False:
        contract = "stopped nodes must not be kept: their disks cost money, and spot nodes cannot be stopped"
        yield Finding(("provider", "cache_stopped_nodes"), contract, shown(cached), "write cache_stopped_nodes: false")


def two_zones(values: Values) -> Iterator[Finding]:
    """Spot nodes run out zone by zone. Ray takes several zones on AWS alone."""
    if within(values, "provider", "type") != "aws":
        return
    region, written = within(values, "provider", "region"), within(values, "provider", "availability_zone")
    zones = {each.strip() for each in str(written or "").split(",")} - {""}
    path = ("provider", "availability_zone")
    if len(zones) < 2:
        yield Finding(path, "spot nodes must be sought in two zones at least", shown(written), f"write {region}a,{region}b")
    for zone in sorted(zones):
        if not re.fullmatch(rf"{re.escape(str(region))}[a-z]", zone):
            yield Finding(path, f"a zone must be one of the region {region}", shown(zone), f"write {region} and a letter")


def nodes_have_roles(values: Values) -> Iterator[Finding]:
    """Results go to s3:// from every node; a role gives access without a key in any file."""
    if within(values, "provider", "type") != "aws":
        return
    for name, node in mapping(values, TYPES).items():
        if not mapping(node, "node_config", "IamInstanceProfile"):
            path = (TYPES, name, "node_config", "IamInstanceProfile")
            yield Finding(path, "every node must have a role for the results on s3://", "nothing is written", "write IamInstanceProfile: {Name: ...}")


def machine_images_are_named(values: Values) -> Iterator[Finding]:
    """Ray's own choice is an Ubuntu 18.04 whose driver no torch of today can use."""
    if within(values, "provider", "type") != "aws":
        return
    for name, node in mapping(values, TYPES).items():
        config = mapping(node, "node_config")
        if not config.get("ImageId") and not config.get("LaunchTemplate"):
            path = (TYPES, name, "node_config", "ImageId")
            yield Finding(path, "a node's machine image must be named", "nothing is written", "write ImageId: ami-..., or resolve:ssm:NAME as in cluster.yaml")


def dashboard_is_private(values: Values) -> Iterator[Finding]:
    """Whoever reaches the dashboard runs code: it listens on the head's loopback, and `ray dashboard` is the way there."""
    for path, words in _starts(values, "head_start_ray_commands", head=True):
        host = shell.option(words, "--dashboard-host")
        if host not in LOOPBACK:
            yield Finding(
                path, "the dashboard must listen on loopback alone", shown(host), "write --dashboard-host=127.0.0.1; reach it by `ray dashboard FILE`"
            )
    for index, rule in enumerate(items(values, "provider", "security_group", "IpPermissions")):
        ranges = [*items(rule, "IpRanges"), *items(rule, "Ipv6Ranges")]
        anyone = any(within(each, key) in ANYWHERE for each in ranges for key in ("CidrIp", "CidrIpv6"))
        if anyone and (within(rule, "FromPort"), within(rule, "ToPort")) != (SSH, SSH):
            path = ("provider", "security_group", "IpPermissions", index)
            yield Finding(path, "no port but 22 may be open to everyone", shown(rule), "remove it: `ray dashboard` tunnels through ssh")


def _starts(values: Values, key: str, *, head: bool) -> Iterator[tuple[Any, list[str]]]:
    for path, command in texts(values, key):
        if words := shell.ray_start(command, head=head):
            yield path, words


def ray_is_started(values: Values) -> Iterator[Finding]:
    """Written out, since Ray's defaults show the dashboard to the network."""
    heads = list(_starts(values, "head_start_ray_commands", head=True))
    others = list(_starts(values, "worker_start_ray_commands", head=False))
    if not heads:
        remedy = "write ray start --head --dashboard-host=127.0.0.1 --autoscaling-config=~/ray_bootstrap_config.yaml"
        yield Finding(("head_start_ray_commands",), "a command must start the head", "none runs ray start --head", remedy)
    if not others:
        remedy = f"write ray start --address=$RAY_HEAD_IP:{GCS_PORT}"
        yield Finding(("worker_start_ray_commands",), "a command must start a worker", "none runs ray start", remedy)
    for path, words in heads:
        if not shell.option(words, "--autoscaling-config"):
            remedy = "write --autoscaling-config=~/ray_bootstrap_config.yaml"
            yield Finding(path, "the head must start the autoscaler", "--autoscaling-config is missing: no worker would ever come", remedy)
        port = shell.option(words, "--port") or GCS_PORT
        for where, each in others:
            address = shell.option(each, "--address")
            if address != f"$RAY_HEAD_IP:{port}":
                yield Finding(where, "workers must join the head at its port", shown(address), f"write --address=$RAY_HEAD_IP:{port}")


def token_is_on(values: Values) -> Iterator[Finding]:
    """Ray 2.60 asks for a token only where it is told to."""
    everywhere = any("RAY_AUTH_MODE=token" in text for _, text in texts(values, "docker", "run_options"))
    for key in () if everywhere else START:
        if not any("RAY_AUTH_MODE=token" in text for _, text in texts(values, key)):
            yield Finding((key,), "Ray must ask for its token", "RAY_AUTH_MODE=token is not set", "write export RAY_AUTH_MODE=token; before ray start")
    if not any(str(each).endswith(".ray/auth_token") for each in mapping(values, "file_mounts")):
        remedy = 'add "~/.ray/auth_token": "~/.ray/auth_token" (made by `ray get-auth-token --generate`)'
        yield Finding(("file_mounts",), "the token must reach the nodes as a mounted file", "no mount ends in .ray/auth_token", remedy)


RULES: tuple[Rule, ...] = (
    commands_are_readable,
    versions_are_those_of_here,
    code_is_installed,
    head_runs_nothing,
    head_is_on_demand,
    workers_are_spot,
    workers_come_and_go,
    idle_nodes_leave,
    two_zones,
    nodes_have_roles,
    machine_images_are_named,
    dashboard_is_private,
    ray_is_started,
    token_is_on,
)
