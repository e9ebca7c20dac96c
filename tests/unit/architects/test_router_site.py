"""What is served by GET: a fixed map, with the headers of each page."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest

from app.architects.router.config import RouterConfig, RouterConfigError
from app.architects.router.site import Site, attachment, content_type_of


def site(tmp_path: Path, **more: Any) -> Site:
    for name in ("task.html", "welcome.html"):
        (tmp_path / name).write_text("<!doctype html><script>go()</script><script src='/a.js'></script>")
    pages = {"/task": str(tmp_path / "task.html"), "/welcome": str(tmp_path / "welcome.html")}
    return Site(RouterConfig("7", "secret", str(tmp_path), pages=pages, **more))


def policy(site: Site, url: str, host: str = "127.0.0.1:80") -> dict[str, str]:
    headers = dict(site.page_headers(site.pages[url], host))
    parts = headers[b"content-security-policy"].decode().split("; ")
    return dict(part.split(" ", 1) for part in parts)


def test_the_task_page_has_three_names(tmp_path: Path) -> None:
    made = site(tmp_path)
    assert made.pages["/"] is made.pages["/task"] is made.pages["/task_index"]


def test_a_task_page_runs_the_requesters_own_script_and_talks_to_this_host_alone(tmp_path: Path) -> None:
    made = policy(site(tmp_path, image_sources=("https://img.example.org",)), "/task", "host:81")
    assert "'unsafe-inline'" in made["script-src"]
    assert "'unsafe-inline'" in made["style-src"]
    assert made["connect-src"] == "'self' ws://host:81 wss://host:81"
    assert made["img-src"] == "'self' data: blob: https://img.example.org"
    assert made["media-src"] == "'self' data: blob:"
    assert made["object-src"] == "'none'"


def test_a_task_page_plays_videos_of_the_sites_that_its_task_names(tmp_path: Path) -> None:
    made = policy(site(tmp_path, media_sources=("https://v.example.org", "https://w.example.org:8443")), "/task")
    assert made["media-src"] == "'self' data: blob: https://v.example.org https://w.example.org:8443"
    assert made["img-src"] == "'self' data: blob:"


def test_our_own_page_runs_only_the_scripts_it_was_deployed_with(tmp_path: Path) -> None:
    digest = base64.b64encode(hashlib.sha256(b"go()").digest()).decode()
    assert policy(site(tmp_path), "/welcome")["script-src"] == f"'self' 'sha256-{digest}'"


def test_a_host_header_cannot_widen_the_policy(tmp_path: Path) -> None:
    assert policy(site(tmp_path), "/task", "x; script-src *")["connect-src"] == "'self'"


def test_pages_are_framed_only_by_whom_the_provider_names(tmp_path: Path) -> None:
    plain = site(tmp_path)
    assert policy(plain, "/task")["frame-ancestors"] == "'none'"
    assert dict(plain.page_headers(plain.pages["/task"], ""))[b"x-frame-options"] == b"DENY"
    framed = site(tmp_path, frame_ancestors=("https://www.mturk.com", "https://*.mturk.com"))
    assert policy(framed, "/task")["frame-ancestors"] == "https://www.mturk.com https://*.mturk.com"
    assert b"x-frame-options" not in dict(framed.page_headers(framed.pages["/task"], ""))


@pytest.mark.parametrize("origin", ["*", "https://a.org; script-src *", "javascript:", "https://a.org/path"])
def test_what_is_no_origin_is_refused_at_deployment(tmp_path: Path, origin: str) -> None:
    with pytest.raises(RouterConfigError, match="no origin"):
        site(tmp_path, image_sources=(origin,))
    with pytest.raises(RouterConfigError, match="no origin"):
        site(tmp_path, media_sources=(origin,))


def test_pages_are_never_stored(tmp_path: Path) -> None:
    made = site(tmp_path)
    headers = dict(made.page_headers(made.pages["/task"], ""))
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"referrer-policy"] == b"no-referrer"


def test_a_folder_is_listed_once_and_no_link_leads_out_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a b.png").write_bytes(b"x")
    (tmp_path / "secret.txt").write_text("s")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    made = site(tmp_path, static_folders={"/files/": str(folder)})
    (folder / "late.png").write_bytes(b"x")
    assert set(made.files) == {"/files/sub/a b.png"}
    assert made.files["/files/sub/a b.png"].content_type == "image/png"


def test_a_file_that_is_not_there_is_said_at_deployment(tmp_path: Path) -> None:
    with pytest.raises(RouterConfigError, match=r"gone\.js"):
        site(tmp_path, static={"/a.js": str(tmp_path / "gone.js")})
    with pytest.raises(RouterConfigError, match="/x"):
        Site(RouterConfig("7", "s", str(tmp_path), pages={"/x": str(tmp_path / "gone.html")}))


def test_types_do_not_depend_on_the_machine() -> None:
    assert content_type_of("a.JS") == "text/javascript; charset=utf-8"
    assert content_type_of("a.json") == "application/json; charset=utf-8"
    assert content_type_of("a.unheard-of") == "application/octet-stream"
    assert attachment("ä b.png") == b"attachment; filename*=UTF-8''%C3%A4%20b.png"


class TestConfig:
    def test_what_was_written_is_read(self) -> None:
        config = RouterConfig("7", "s", "/u", pages={"/": "/p"}, frame_ancestors=("https://a.org",), port=5)
        assert RouterConfig.from_json(config.to_json()) == config

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ("", "no JSON"),
            ("[]", "a JSON object"),
            ('{"task_run_id": "7", "secret": "s", "upload_dir": "/u", "pagez": {}}', "pagez"),
            ('{"task_run_id": "7", "secret": "s"}', "upload_dir"),
            ('{"task_run_id": "7", "secret": "s", "upload_dir": "/u", "pages": []}', "pages must be"),
            ('{"task_run_id": "7", "secret": "s", "upload_dir": "/u", "frame_ancestors": "x"}', "frame_ancestors"),
            ('{"task_run_id": "7", "secret": "s", "upload_dir": "/u", "limits": {"x": 1}}', 'no limit "x"'),
        ],
    )
    def test_a_wrong_configuration_is_said(self, text: str, complaint: str) -> None:
        with pytest.raises(RouterConfigError, match=complaint):
            RouterConfig.from_json(text)
