"""What --results may say: paths, and URIs without secrets."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lal.errors import Refused
from lal.store import Store, address_of, folder_and_name, joined
from lal.store.local import Local

NAMES = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_characters="/", exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
    lambda name: name not in (".", "..")
)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("results", "results"),
        ("a b/c", "a b/c"),
        ("file:///tmp/x", "/tmp/x"),
        ("file://localhost/tmp/x", "/tmp/x"),
        ("file:///tmp/a%20b", "/tmp/a b"),
        ("s3:/not-a-uri", "s3:/not-a-uri"),
    ],
)
def test_paths_are_folders_of_this_machine(text: str, path: str) -> None:
    store = Store(text)
    assert isinstance(store.place, Local)
    assert store.address == store.where() == str(Path(path).absolute())


@pytest.mark.parametrize("text", ["file://elsewhere/tmp/x", "file://", "file:///x?y=1", "file:///x#y"])
def test_other_machines_files_are_refused(text: str) -> None:
    with pytest.raises(Refused, match=r"must be of a folder of this machine.*write its path"):
        Store(text)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("s3://bucket", "s3://bucket/runs/a"),
        ("s3://bucket/", "s3://bucket/runs/a"),
        ("s3://bucket/a/b/", "s3://bucket/a/b/runs/a"),
        ("s3://bucket/a?endpoint_override=127.0.0.1:9000&scheme=http&region=eu", "s3://bucket/a/runs/a"),
        ("gs://bucket/a", "gs://bucket/a/runs/a"),
        ("gs://anonymous@bucket/a", "gs://anonymous@bucket/a/runs/a"),
        ("abfss://container@account.dfs.core.windows.net/a", "abfss://container@account.dfs.core.windows.net/a/runs/a"),
    ],
)
def test_uris_are_kept_and_shown_without_their_options(text: str, where: str) -> None:
    """Nothing is asked of a place before it is used."""
    store = Store(text)
    assert store.where("runs/a") == where
    assert Store(store.address).place is store.place
    assert store.free_bytes() is None


SECRETS = [
    "s3://AKIA:hunter2@bucket/x",
    "s3://AKIA@bucket/x",
    "gs://user:hunter2@bucket/x",
    "s3://bucket/x?secret_key=hunter2",
    "s3://bucket/x?region=eu&access_key=hunter2",
    "s3://bucket/x?session_token=hunter2",
    "abfss://container@account/x?sas_token=hunter2",
    "abfss://container@account/x?client_secret=hunter2",
    "hdfs://host/x?password=hunter2",
    "s3://AKIA:hunter2@/x",
    "s3://AKIA:hunter2@bucket:port/x",
    "s3://bucket/x?hunter2",
    "s3://AKIA:hunter2@bucket/../x",
]


@pytest.mark.parametrize("text", SECRETS)
def test_credentials_in_a_uri_are_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(Refused, match=r"--results must") as refusal:
        Store(text)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(
    "text",
    ["s3://", "s3:///x", "s3://bucket/a//b", "s3://bucket/../b", "s3://bucket/a/.", "s3://bucket/a%2F..%2Fb", "s3://bucket/a#b", "s3://bucket/a\nb", "://x"],
)
def test_uris_that_mean_no_plain_folder_are_refused(text: str) -> None:
    with pytest.raises(Refused, match=r"write a path, or a URI such as s3://"):
        Store(text).names("")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ftp://host/x", "Unrecognized filesystem"),
        ("http://host/x", "Unrecognized filesystem"),
        ("mock://a/b", "must be a place that outlives this process"),
        ("s3://bucket/x?regoin=eu", "did you mean 'region'"),
        ("s3://bucket/x?region=eu&scheme=ftp", "scheme of an s3:// URI must be http or https"),
        ("s3://bucket/x?region=eu&force_virtual_addressing=yes", "must be true or false"),
        ("gs://bucket/x?regoin=eu", "regoin"),
    ],
)
def test_what_pyarrow_does_not_open_is_refused_with_the_reason(text: str, told: str) -> None:
    with pytest.raises(Refused, match=told):
        Store(text).names("")


@given(NAMES, st.lists(NAMES, max_size=3), st.sampled_from(["", "region=eu", "endpoint_override=127.0.0.1:1&scheme=http"]))
def test_any_folder_of_a_bucket_comes_back_from_its_uri(name: str, folders: list[str], query: str) -> None:
    root = f"s3://bucket{f'?{query}' if query else ''}"
    inner = joined(root, "/".join([*folders, name]))
    assert address_of(inner).path.split("/") == [*folders, name]
    assert str(address_of(inner)) == inner
    assert folder_and_name(inner) == (joined(root, "/".join(folders)), name)


@given(st.text(max_size=40))
def test_whatever_stands_in_a_uri_is_a_place_or_refused(text: str) -> None:
    try:
        address = address_of(f"s3://{text}")
    except Refused:
        return
    assert address.host
    assert ".." not in address.path.split("/")
    assert address_of(str(address)) == address


def test_a_path_is_parted_and_joined_as_paths_are() -> None:
    assert folder_and_name("a/b.png") == ("a", "b.png")
    assert folder_and_name("b.png") == (".", "b.png")
    assert joined("results", "runs/a") == "results/runs/a"
