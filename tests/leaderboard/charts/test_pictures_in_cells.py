"""Small images in the cells of heat maps, on pages and in charts."""

import io

import numpy as np
import torch
from PIL import Image

from benchmark.results import Surface, Thumbnail
from leaderboard.charts.heat_maps import heat_map_chart, heat_maps
from leaderboard.charts.svg import Painter
from leaderboard.charts.thumbnails import sheet_of

SURFACE = Surface(
    picture="noise",
    x_label="severity",
    y_label="kind",
    z_label="accuracy",
    x=[1.0, 2.0, 3.0],
    y=[0.0, 1.0],
    x_text=["1", "2", "3"],
    y_text=["a", "b"],
    z=[[0.9, 0.8, 0.7], [0.6, 0.5, 0.4]],
    unit="share",
    role="control",
)


def thumbnails(picture="noise", count=6, size=4):
    return [
        Thumbnail.of(picture, f"{place}", torch.full((3, size, size + 1), place / 10))
        for place in range(count)
    ]


def test_images_of_the_surface_s_name_one_per_cell_are_in_its_cells():
    (shown,) = heat_maps([SURFACE], [*thumbnails("other"), *thumbnails()])
    assert [[each.caption for each in row] for row in shown.images] == [
        *(["0", "1", "2"], ["3", "4", "5"])
    ]


def test_other_images_are_in_no_cell():
    mixed = [*thumbnails(count=5), *thumbnails(count=1, size=5)]
    for others in (thumbnails("other"), thumbnails(count=5), thumbnails(count=7), mixed, []):
        (shown,) = heat_maps([SURFACE], others)
        assert shown.images == []
        assert "mark_image" not in str(heat_map_chart(shown).to_dict())


def test_a_sheet_has_each_image_in_its_window():
    (shown,) = heat_maps([SURFACE], thumbnails())
    sheet = sheet_of(shown.images)
    pixels = np.asarray(Image.open(io.BytesIO(sheet.png)))
    assert pixels.shape == (sheet.size[1], sheet.size[0], 3) == (8, 15, 3)
    for row in range(2):
        for column in range(3):
            left, top, width, height = map(int, sheet.window(row, column).split())
            window = pixels[top : top + height, left : left + width]
            assert set(window.ravel()) == {round((3 * row + column) / 10 * 255)}


def test_a_page_refers_to_a_file_and_a_page_of_its_own_has_the_content(tmp_path):
    png = sheet_of(heat_maps([SURFACE], thumbnails())[0].images).png
    address = Painter(folder=tmp_path / "charts").image(png)
    assert (tmp_path / address).read_bytes() == png
    assert Painter().image(png).startswith("data:image/png;base64,")


def test_charts_show_an_image_and_its_number_in_each_cell():
    (shown,) = heat_maps([SURFACE], thumbnails())
    spec = heat_map_chart(shown).to_dict()
    (values,) = spec["datasets"].values()
    assert all(value["image"].startswith("data:image/png") for value in values)
    assert [layer["mark"]["type"] for layer in spec["layer"]] == ["rect", "text", "image"]
