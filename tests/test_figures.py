"""Figures: which stand on a page, what their captions say, and how pictures are drawn anew. Pictures are made here."""

from __future__ import annotations

import io
import json
import time
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from tests.figures import BAD, FILLER, NEW, PROSE, drawn, of, page
from tools import pictures
from tools.captions import words_of
from tools.extract import Extractor
from tools.figures import resolved
from tools.source import Skipped

# ---- which stand on a page ----


def test_figures_of_html_with_what_is_said_of_them() -> None:
    said = {"@type": "ImageObject", "contentUrl": "https://x.example/img/dam.jpg", "creditText": "Dam Agency"}
    said["license"] = "https://creativecommons.org/licenses/by-nc/4.0/"
    head = f'<script type="application/ld+json">{json.dumps({"@graph": [said]})}</script>'
    body = f"""
    <figure><img src="img/dam.jpg" alt="A dam"><figcaption>Figure 1.2 The dam holds two rivers back.</figcaption>
    </figure>
    <figure itemscope itemtype="https://schema.org/ImageObject"><img src="lake.png"><figcaption>The lake freezes in
    winter. <span itemprop="creditText">A. Painter</span>
    <a rel="license" href="https://creativecommons.org/publicdomain/zero/1.0/">x</a></figcaption></figure>{PROSE}
    <div class="os-figure"><figure><span data-type="media"><img src="/os/3.jpg" alt="alt"></span></figure>
    <div class="os-caption-container"><span class="os-title-label">Figure </span><span class="os-number">3.4</span>
    <span class="os-caption">Warm water rises in summer. (credit a: modification of work by USGS; credit b: NOAA)</span>
    </div></div>
    <div class="wp-caption"><img src="wp.jpg"><p class="wp-caption-text">The spillway carries floods past the dam.</p>
    </div>
    <figure><img data-src="late.jpg" src="data:image/gif;base64,R0lGODlhAQABAAAAACw="><figcaption>The delta grows every
    year. Image: J. Doe / CC BY-SA 4.0</figcaption></figure>"""
    dam, lake, summer, spillway, delta = of("html", page(body, head))
    assert (dam.caption, dam.alt, dam.url) == ("The dam holds two rivers back.", "A dam", "img/dam.jpg")
    assert (dam.credit, dam.licence) == ("Dam Agency", "CC BY-NC 4.0") and dam.end > dam.start > 0
    assert (lake.credit, lake.licence) == ("A. Painter", "CC0 1.0")
    assert lake.licence_url == "https://creativecommons.org/publicdomain/zero/1.0/"
    assert summer.caption == "Warm water rises in summer." and summer.credit == "modification of work by USGS; NOAA"
    assert spillway.credit == spillway.licence == ""
    assert (delta.url, delta.credit, delta.licence) == ("late.jpg", "J. Doe", "CC BY-SA 4.0")


def test_a_licence_of_the_page_is_said_to_be_that() -> None:
    foot = '<p><a rel="license" href="https://creativecommons.org/licenses/by/4.0/">this page</a></p>'
    (figure,) = of("html", page(f'<figure><img src="a.png"><figcaption>The lake in May.</figcaption></figure>{foot}'))
    assert figure.licence == "CC BY 4.0 (of its page)"


NOT_FIGURES = {
    "no caption": '<figure><img src="a.png"></figure>',
    "a logo": '<figure><img src="/img/site-logo.png"><figcaption>The firm that runs the lake.</figcaption></figure>',
    "a spacer": '<figure><img src="spacer.gif"><figcaption>The firm that runs the lake.</figcaption></figure>',
    "small": '<figure><img src="a.png" width="32" height="32"><figcaption>The lake in May.</figcaption></figure>',
    "no picture": "<figure><pre>code</pre><figcaption>The code of the lake.</figcaption></figure>",
    "a teaser": '<aside><figure><img src="a.png"><figcaption>Ten tricks of the lake.</figcaption></figure></aside>',
    "a label alone": '<figure><img src="a.png"><figcaption>Figure 4</figcaption></figure>',
}


@pytest.mark.parametrize("case", NOT_FIGURES)
def test_what_is_no_figure(case: str) -> None:
    assert of("html", page(NOT_FIGURES[case])) == []


# The HTML of MediaWiki 1.39's parser, with $wgParserEnableLegacyMediaDOM off (as on Wikipedia) and on.
OLD = """<div class="thumb tright"><div class="thumbinner" style="width:302px;">
<a href="/index.php/File:Green_aurora.png" class="image"><img alt="Green bands in the sky"
src="/images/9/98/Green_aurora.png" decoding="async" width="300" height="200" class="thumbimage" /></a>
<div class="thumbcaption"><div class="magnify"><a href="/index.php/File:Green_aurora.png" class="internal"
title="Enlarge"></a></div>Oxygen atoms emit the green light of an <a class="mw-selflink selflink">aurora</a>.</div>
</div></div>"""


@pytest.mark.parametrize("thumb", [NEW, OLD], ids=["new", "old"])
def test_thumbs_of_mediawiki(thumb: str) -> None:
    (figure,) = of("html", f'<div class="mw-parser-output">{PROSE}{thumb}{PROSE}</div>')
    assert figure.caption == "Oxygen atoms emit the green light of an aurora."
    assert (figure.name, figure.alt) == ("File:Green aurora.png", "Green bands in the sky")


def test_figures_of_markdown() -> None:
    body = f"""# Lakes

{FILLER}

![alt one](one.png "The title says what the picture shows.")

![alt two](two.png)

*Figure 2: Water flows from the lake to the sea. Credit: NOAA*

Plain text goes on.

![alt three](three.png)
*The river bends to the north in the valley.*

![alt four](four.png)

An ordinary paragraph that is no caption follows.

[![alt five](five.png)](http://x.example)

Figure 5.1 The glacier feeds the lake in spring.

<figure><img src="six.jpg"><figcaption>The delta grows by a metre a year. &copy; C. Clicker</figcaption></figure>
"""
    one, two, three, five, six = of("markdown", body)
    assert one.caption == "The title says what the picture shows." and one.start == one.end == 0
    assert two.caption == "Water flows from the lake to the sea." and two.credit == "NOAA" and two.end > two.start
    assert three.url == "three.png" and three.end > three.start
    assert five.caption == "The glacier feeds the lake in spring." and six.credit == "C. Clicker"


CAPTIONS = {
    "Figure 1.2 The dam.": ("The dam.", "", ""),
    "Fig. 3. Water rises (credit: NASA).": ("Water rises", "NASA", ""),
    "Water rises. Credit: NASA/JPL-Caltech.": ("Water rises.", "NASA/JPL-Caltech", ""),
    "A view of the lake. Source: Own work, CC BY-SA 3.0.": ("A view of the lake.", "Own work", "CC BY-SA 3.0"),
    "The lake (© A. B. Clicker 2020)": ("The lake", "A. B. Clicker 2020", ""),
    "The Sun (credit: NASA) and the Moon rise.": ("The Sun (credit: NASA) and the Moon rise.", "NASA", ""),
    "Lake by night. Courtesy of NASA.": ("Lake by night.", "NASA", ""),
    "The photo by Adams shows a lake.": ("The photo by Adams shows a lake.", "", ""),
    "Source of the Nile. The river begins here.": ("Source of the Nile. The river begins here.", "", ""),
    "Rivers. (credit: modification of work by X (Y))": ("Rivers.", "modification of work by X (Y)", ""),
    "The red planet. Credit: ESA. It rises in the east.": ("The red planet.", "ESA", ""),
    "The red planet. Photo by A. Painter. It rises in the east.": ("The red planet.", "A. Painter", ""),
    "Image: The red planet. Credit: ESA": ("Image: The red planet.", "ESA", ""),
    "Two galaxies merge. Courtesy NASA.": ("Two galaxies merge.", "NASA", ""),
    "The current (I) source is a battery.": ("The current (I) source is a battery.", "", ""),
}


@pytest.mark.parametrize("caption", CAPTIONS)
def test_the_words_of_a_caption(caption: str) -> None:
    start, end, credit, licence = words_of(caption)
    assert (caption[start:end], credit, licence) == CAPTIONS[caption]


def test_hostile_captions_and_addresses() -> None:
    """figure-address"""
    body = "".join(
        f'<figure><img src="{src}" alt="{"&#27;[31m" * 3}&#8238;alt"><figcaption>{caption}</figcaption></figure>'
        for src, caption in (
            ("javascript:alert(1)", "A script stands here as a picture."),
            ("data:text/html;base64,PHN2Zz4=", "A page stands here as a picture."),
            ("data:image/png;base64," + "A" * 200_000, "A large picture stands in the page."),
            ("http://[::1", "A broken address stands here."),
            ("file:///etc/passwd", "A file of the machine stands here."),
            ("ok.png", "&lt;script&gt;x&lt;/script&gt; &#27;]0;owned&#7; ![x](http://evil.example/x) is said here."),
        )
    )
    found = of("html", page(body))
    assert len(found) == 5  # a tag of 200,000 characters lost its attributes
    (good,) = resolved(found, "https://x.example/page")
    assert good.url == "https://x.example/ok.png" and good.alt == "[31m [31m [31m alt"
    assert "\x1b" not in good.caption and "![" not in good.caption
    assert [f.url for f in resolved(found, "file:///home/a/page.html")] == [
        "file:///etc/passwd",
        "file:///home/a/ok.png",
    ]


def test_many_figures_cost_little() -> None:
    start = time.process_time()
    one = '<div class="caption"><figure><img src="a.png"><figcaption>The lake of the hills.</figcaption></figure>'
    found = of("html", page(one * 3000))
    assert len(found) <= 60 and time.process_time() - start < 8


# ---- pictures ----


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_pictures_are_drawn_anew_without_what_is_no_picture(kind: str) -> None:
    more: dict[str, Any] = {}
    if kind == "PNG":
        more["pnginfo"] = PngImagePlugin.PngInfo()
        more["pnginfo"].add_text("Comment", "<script>alert(1)</script>")
    elif kind != "GIF":
        exif = Image.Exif()
        exif[0x013B] = "<script>alert(1)</script>"
        more["exif"] = exif
    else:
        more["comment"] = "<script>alert(1)</script>"
    data = drawn(kind, **more)
    assert b"<script>" in data
    made = pictures.cleaned(data + b"<script>alert(2)</script>")
    assert b"script" not in made.data and (made.width, made.height) == (320, 200)
    again = Image.open(io.BytesIO(made.data))
    assert not again.info.get("exif") and not again.info.get("icc_profile") and again.mode == "RGB"
    assert pictures.cleaned(data).data == pictures.cleaned(data).data


def test_large_pictures_shrink_and_clear_ones_stand_on_white() -> None:
    made = pictures.cleaned(drawn("JPEG", (3000, 1500)))
    assert (made.width, made.height, made.suffix) == (1200, 600, ".jpg")
    out = io.BytesIO()
    Image.new("RGBA", (200, 200), (0, 0, 0, 0)).save(out, "PNG")
    assert Image.open(io.BytesIO(pictures.cleaned(out.getvalue()).data)).getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize("case", BAD)
def test_what_is_not_shown(case: str) -> None:
    data, reason = BAD[case]
    with pytest.raises(ValueError, match=reason):
        pictures.cleaned(data)


def test_the_process_that_reads_pages_reads_pictures() -> None:
    extractor = Extractor()
    try:
        good = extractor.picture(drawn(), "x")
        assert isinstance(good, pictures.Shown) and good.suffix == ".png"
        for case in ("figure-bomb", "figure-svg-script"):
            bad = extractor.picture(BAD[case][0], "http://x.example/b.png")
            assert isinstance(bad, Skipped) and BAD[case][1] in bad.reason
        assert isinstance(extractor.picture(drawn(), "x"), pictures.Shown)
    finally:
        extractor.close()
