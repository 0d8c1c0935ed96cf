"""Pages of every service, pinned versions, several questions at a time."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.clouds.conftest import FakeCloud
from yunzhang.clouds.reading import reading
from yunzhang.errors import InputError, Outside

SERVERS = "/compute/v2.1/servers/detail"


def page(key: str, *ids: str, **more: Any) -> tuple[int, Any]:
    return 200, {key: [{"id": one} for one in ids], **more}


def test_links_of_each_service_are_followed(fake_cloud: FakeCloud) -> None:
    elsewhere = "https://public.example/compute/v2.1/servers/detail?limit=2&marker=b"
    links = {"servers_links": [{"rel": "next", "href": elsewhere}]}
    fake_cloud.answer("GET", f"{SERVERS}?limit=2", page("servers", "a", "b", **links))
    fake_cloud.answer("GET", f"{SERVERS}?limit=2&marker=b", page("servers", "c"))
    users = {"links": {"next": f"{fake_cloud.url}/v3/users?marker=b", "self": "x"}}
    fake_cloud.answer("GET", "/v3/users", page("users", "a", "b", **users))
    fake_cloud.answer("GET", "/v3/users?marker=b", page("users", "c", links={"next": None}))
    with reading("one") as reader:
        servers = reader.items("compute", "/servers/detail", "servers", {"limit": 2})
        people = reader.items("identity", "/users", "users")
    assert [item["id"] for item in servers] == ["a", "b", "c"]
    assert [item["id"] for item in people] == ["a", "b", "c"]


def test_images_name_their_next_page_without_an_address(fake_cloud: FakeCloud) -> None:
    for base in ("/image/v2", "/image/v2.0", "/image"):
        following = {"next": "/v2/images?limit=1&marker=a"}
        fake_cloud.answer("GET", f"{base}/images?limit=1", page("images", "a", **following))
        fake_cloud.answer("GET", f"{base}/images?limit=1&marker=a", page("images", "b"))
    with reading("one") as reader:
        found = reader.items("image", "/images", "images", {"limit": 1})
    assert [item["id"] for item in found] == ["a", "b"]


def test_a_filter_of_several_values_is_whole_on_the_next_page(fake_cloud: FakeCloud) -> None:
    links = {"ports_links": [{"rel": "next", "href": "http://x/?id=a&id=b&marker=m"}]}
    path = "/network/v2.0/ports"
    fake_cloud.answer("GET", f"{path}?id=a&id=b", page("ports", "a", **links))
    fake_cloud.answer("GET", f"{path}?id=a&id=b&marker=m", page("ports", "b"))
    with reading("one") as reader:
        found = reader.items("network", "/ports", "ports", {"id": ["a", "b"]})
    assert [item["id"] for item in found] == ["a", "b"]


def test_page_that_names_itself_ends_in_an_error(fake_cloud: FakeCloud) -> None:
    links = {"servers_links": [{"rel": "next", "href": "http://x/servers?marker=a"}]}
    fake_cloud.answer("GET", SERVERS, page("servers", "a", **links))
    with reading("one") as reader, pytest.raises(Outside) as failed:
        reader.items("compute", "/servers/detail", "servers")
    assert failed.value.code == "clouds.endless"


def test_single_objects_are_one_item(fake_cloud: FakeCloud) -> None:
    fake_cloud.answer("GET", "/v3/one", (200, {"thing": {"id": "a"}}))
    with reading("one") as reader:
        assert reader.items("identity", "/one", "thing") == [{"id": "a"}]
        assert reader.items("identity", "/one", "") == [{"thing": {"id": "a"}}]


def test_errors(fake_cloud: FakeCloud) -> None:
    fake_cloud.answer("GET", "/v3/gone", (404, {"error": {"message": "gone"}}))
    fake_cloud.answer("GET", "/v3/shut", (403, {"error": {"message": "shut"}}))
    with reading("one") as reader:
        assert reader.find("identity", "/gone") is None
        with pytest.raises(Outside) as failed:
            reader.get("identity", "/gone")
        assert failed.value.values["status"] == 404
        with pytest.raises(InputError) as refused:
            reader.find("identity", "/shut")
        assert refused.value.code == "clouds.forbidden"
        with pytest.raises(Outside):
            reader.each(lambda path: reader.get("identity", path), ["/gone", "/gone"])


def test_older_cloud_is_read_at_its_newest_and_too_old_refused(fake_cloud: FakeCloud) -> None:
    fake_cloud.versions["/compute/v2.1"] = "2.79"
    with reading("one") as reader:
        assert reader._versions["compute"] == "2.79"
        assert reader._versions["block_storage"] == "3.70"


def test_too_old_cloud_is_refused(fake_cloud: FakeCloud) -> None:
    fake_cloud.versions["/compute/v2.1"] = "2.53"
    with pytest.raises(Outside) as failed, reading("one"):
        pass
    assert failed.value.code == "clouds.too_old"
    assert failed.value.values["newest"] == "2.53"
