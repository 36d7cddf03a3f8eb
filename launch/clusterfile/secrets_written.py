"""No file that is committed and mailed around may give access to anything."""

from __future__ import annotations

import re
from collections.abc import Iterator

from launch.clusterfile.finding import SECRET, Finding, Values, every, within
from launch.parsing.reading import Keys

CONTRACT = "a cluster file must hold no keys, tokens or passwords"
NAMED = re.compile(r"(secret|token|password|passwd|credential|private[-_]?key|access[-_]?key|api[-_]?key)", re.IGNORECASE)
ASSIGNED = re.compile(r"\b\w*(SECRET|TOKEN|PASSWORD|ACCESS_KEY|API_KEY)\w*=(?P<value>[^\s'\"$]+)", re.IGNORECASE)
HARMLESS = re.compile(r"(~|/|\$|\./).*|token|required|optional|disabled|enabled|true|false|", re.IGNORECASE)
# Fields of AWS and Kubernetes that are named so and give no access: a switch, and names of where something is kept.
NO_ACCESS = {"HttpTokens", "secretName", "secretKeyRef", "ssh_private_key", "serviceAccountToken", "automountServiceAccountToken", "imagePullSecrets"}
PATHS = ("_PATH=", "_FILE=")


def nothing_gives_access(values: Values) -> Iterator[Finding]:
    """Yields a finding for each key, token or password that is written out. Its text is never shown."""
    for path, value in every(values):
        if isinstance(value, str) and value and (SECRET.search(value) or _assigns(value) or _is_named(values, path, value)):
            yield Finding(
                path,
                CONTRACT,
                "one is written out here (hidden)",
                "take it out, replace it where it was issued, and let nodes have roles (AWS: IamInstanceProfile; Kubernetes: serviceAccountName)"
                " and Ray's token from a mounted file or a Secret",
            )


def _assigns(text: str) -> bool:
    """Whether a command sets an environment variable to a secret, not to a path or another variable."""
    return any(not HARMLESS.fullmatch(found["value"]) and not any(each in found[0] for each in PATHS) for found in ASSIGNED.finditer(text))


def _is_named(values: Values, path: Keys, text: str) -> bool:
    """Whether the key of a value, or the `name` beside it (Kubernetes' `env`), says that it is a secret."""
    names = [each for each in path if isinstance(each, str)]
    if HARMLESS.fullmatch(text) or NO_ACCESS & set(names):
        return False
    beside = within(values, *path[:-1], "name") if names[-1:] == ["value"] else None
    name = beside if isinstance(beside, str) else names[-1]
    return bool(NAMED.search(name)) and "/" not in name and not name.endswith(("_PATH", "_FILE", "_MODE"))
