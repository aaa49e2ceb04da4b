"""tools.load.server"""

import requests

from tools.load.server import serve


def test_one_request_in_three_for_a_raster_is_refused_and_ranges_are_given(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/b.tif").write_bytes(bytes(range(100)))
    (tmp_path / "list.json").write_text("{}")
    with serve(tmp_path, busy=True) as counts:
        answers = [
            requests.get(f"{counts.url}/a/b.tif", headers={"Range": "bytes=10-19"}, timeout=10) for _ in range(7)
        ]
        assert [answer.status_code for answer in answers] == [503, 206, 206, 503, 206, 206, 503]
        assert answers[1].content == bytes(range(10, 20))
        assert answers[1].headers["Content-Range"] == "bytes 10-19/100"
        assert requests.get(f"{counts.url}/list.json", timeout=10).text == "{}"
        assert requests.get(f"{counts.url}/../list.json", timeout=10).status_code in (200, 404)
    assert (counts.rasters, counts.refused) == (7, 3)


def test_a_server_that_is_not_busy_refuses_nothing(tmp_path):
    (tmp_path / "b.tif").write_bytes(b"0123456789")
    with serve(tmp_path, busy=False) as counts:
        assert [requests.get(f"{counts.url}/b.tif", timeout=10).content for _ in range(3)] == [b"0123456789"] * 3
        assert requests.head(f"{counts.url}/b.tif", timeout=10).headers["Content-Length"] == "10"
        assert requests.get(f"{counts.url}/none.tif", timeout=10).status_code == 404
    assert (counts.rasters, counts.refused) == (5, 0)
