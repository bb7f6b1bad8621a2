"""What a PDF says by its fonts and places: headings, code, captions, notes, and what is no text of its own."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from pypdf import PdfReader

from tests.support import pdf_file
from tools.pdf import pdf
from tools.pdf_lines import read_lines
from tools.worker import read

FONTS = {
    "text": "ABCDEF+NimbusRomNo9L-Regu",
    "bold": "ABCDEF+NimbusRomNo9L-Medi",
    "code": "ABCDEF+CMTT10",
    "plot": "ABCDEF+Helvetica-Bold",
    "label": "Helvetica",  # not in the file, as the fonts of a plot are not
}
Piece = tuple[str, float, float, str]  # font, size, by how much it is raised, words


def text(words: str, size: float = 10, raised: float = 0) -> Piece:
    return ("text", size, raised, words)


def bold(words: str, size: float = 10) -> Piece:
    return ("bold", size, 0, words)


def code(words: str) -> Piece:
    return ("code", 9, 0, words)


def made(*pages: list[tuple[float, float, list[Piece]]], title: str = "") -> bytes:
    """A PDF of pages of lines: (x, y, pieces) each."""
    names = list(FONTS)
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    objects += [b"<< /Type /Font /Subtype /Type1 /BaseFont /%s >>" % FONTS[name].encode() for name in names]
    fonts = b" ".join(b"/%s %d 0 R" % (name.encode(), 3 + n) for n, name in enumerate(names))
    kids = []
    for lines in pages:
        parts = []
        for x, y, pieces in lines:
            parts.append(b"BT %f %f Td" % (x, y))
            for font, size, raised, words in pieces:
                said = words.encode("latin-1").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
                parts.append(b"/%s %f Tf 0 %f Td (%s) Tj" % (font.encode(), size, raised, said))
                parts.append(b"%f %f Td" % (0.5 * size * len(words), -raised))
            parts.append(b"ET")
        stream = b"\n".join(parts)
        objects.append(b"<< /Length %d >>\nstream\n" % len(stream) + stream + b"\nendstream")
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R"
            b" /Resources << /Font << %s >> >> >>" % (len(objects), fonts)
        )
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<< /Type /Pages /Kids [" + b" ".join(kids) + b"] /Count %d >>" % len(kids)
    objects.append(f"<< /Title ({title}) >>".encode())
    return pdf_file(objects)


def page(*lines: list[Piece] | None, top: float = 780) -> list[tuple[float, float, list[Piece]]]:
    """Lines 12 points apart; None leaves half a line of room more."""
    out, y = [], top
    for line in lines:
        if line is None:
            y -= 8
            continue
        out.append((60.0, y, line))
        y -= 12
    return out


BODY = [
    [text("The lake is fed by two rivers that come down from the hills in the")],
    [text("north and it has no outlet but the canal that the town built once.")],
]
MORE = [
    [text("The canal was dug by hand and it carries the water of the lake to")],
    [text("the mills of the town, which have stood there for three centuries.")],
]


def stored(data: bytes) -> str:
    return str(read("pdf", data)["text"])


def test_headings_go_by_their_face() -> None:
    found = stored(made(page([bold("1 Where the water comes from", 12)], None, *BODY, *MORE, [bold("Mills")], *MORE)))
    assert found.split("\n\n")[:2] == [
        "## Where the water comes from",
        "The lake " + found.split("The lake ")[1].split("\n\n")[0],
    ]
    assert "\n\n### Mills\n\nThe canal was dug" in found
    # Words in small letters, in another size than the text, are a heading's second line.
    two = stored(made(page([bold("Where the water of the lake", 14)], [bold("may come from", 14)], None, *BODY, *MORE)))
    assert two.startswith("## Where the water of the lake may come from\n\nThe lake")


def test_an_abstract_has_a_heading_in_any_type() -> None:
    front = [[text("The lakes of the hills", 17)], None, [text("Adam Brook", 12)], None, [text("Abstract", 9)], None]
    found = stored(made(page(*front, *BODY, None, *MORE)))
    assert "\n\n### Abstract\n\nThe lake is fed by two rivers" in found


def test_an_abstract_in_bold_is_text() -> None:
    lines = [
        [bold("Abstract. The lake is fed by two rivers that come down from the", 9)],
        [bold("hills in the north. It has no outlet but the canal that the town", 9)],
        [bold("built once. Lakes like it are found in most of the hills, and they", 9)],
        [bold("were counted by the survey. Most of them freeze in winter, and", 9)],
        [bold("some of them are dry in summer.", 9)],
    ]
    found = stored(made(page(*lines, None, [bold("1 Lakes", 12)], None, *BODY, *MORE, *BODY, *MORE)))
    assert found.startswith(
        "#### Abstract\n\nThe lake is fed by two rivers that come down from the hills in the north."
    )
    assert "some of them are dry in summer.\n\n## Lakes" in found


def test_a_heading_may_open_its_paragraph() -> None:
    first = [bold("Where it ends. "), text("The lake has no outlet but the canal that the")]
    found = stored(made(page(*BODY, None, first, [text("town built by hand, three centuries ago.")], *MORE)))
    assert "#### Where it ends\n\nThe lake has no outlet but the canal that the town built by hand" in found
    name = [bold("lake"), text(" holds what is known of lakes, and it is read before it is")]
    kept = stored(made(page(*BODY, None, name, [text("used by anything that depends on the lakes.")], *MORE)))
    assert "lake holds what is known of lakes" in kept


def test_code_is_no_prose() -> None:
    lines = [*BODY, None, [code("lake <- read(1999)")], [code("plot(lake)")], None, *MORE]
    assert "```\nlake <- read(1999)\nplot(lake)\n```\n\nThe canal" in stored(made(page(*lines)))
    inline = [
        [text("The lake is read by the function of the package that is called")],
        [code("lake()")],
        [text("and plotted.")],
    ]
    assert "called lake() and plotted." in stored(made(page(*inline, None, *MORE)))


def test_captions_and_labels_of_drawings_are_left_out() -> None:
    label = [("label", 8.0, 0.0, "Depth of water")]
    caption = [
        [text("Figure 3. The lake in spring. The plot shows its depth in metres, by")],
        [text("the day of the year.")],
    ]
    found = stored(made(page(*BODY, None, label, None, *caption, None, *MORE)))
    assert "Depth" not in found and "Figure" not in found and "spring" not in found and "day of the year" not in found
    assert found.endswith("three centuries.")
    told = stored(made(page(*BODY, [text("Figure 3 shows the depth of the lake, which is greatest in the")], *MORE)))
    assert "Figure 3 shows the depth" in told


@pytest.mark.parametrize("below", [True, False])
def test_tables_are_left_out_and_the_paragraph_goes_on(below: bool) -> None:
    opens = [text("The lake is fed by two rivers, and the survey of the town shows that their")]
    goes_on = [text("water comes from the hills in the north, where it rains in spring and fall.")]
    cells = [[text("River Length Depth")], [text("Brook 12.5 1.1")], [text("Stream 7.9 0.4")]]
    caption = [text("Table 1: Two rivers.")]
    table = [*cells, None, caption] if below else [caption, None, *cells]
    found = stored(made(page(*BODY, opens), page(*table, None, goes_on, *MORE)))
    assert "shows that their water comes from the hills" in found
    assert "12.5" not in found and "Length" not in found and "Table" not in found


def test_plots_with_fonts_of_their_own_are_left_out() -> None:
    plot = [[("plot", 11.0, 0.0, "Depth by day")], [("plot", 9.0, 0.0, "10 20 30 40")], [("plot", 9.0, 0.0, "Days")]]
    found = stored(made(page(*BODY, None, *plot, None, *MORE)))
    assert "Depth" not in found and "10 20" not in found and "Days" not in found
    headed = stored(made(page([("plot", 12.0, 0.0, "Lakes of the hills")], None, *BODY, *MORE)))
    assert headed.startswith("## Lakes of the hills\n\nThe lake")


def test_notes_stand_apart_and_their_marks_go() -> None:
    mark = [text("The canal was dug by hand.", 10), text("2", 7, 4), text(" It carries the water of the lake to the")]
    note = [text("2", 6, 3), text("The book of 1702 tells of it.", 8)]
    lines = page(*BODY, mark, [text("mills of the town, which have stood there for three centuries")]) + page(
        note, top=80
    )
    found = stored(
        made(lines, page([text("and which grind no more since the war. The lake is a park now, and")], *MORE))
    )
    assert "dug by hand. It carries the water of the lake to the mills" in found
    assert "for three centuries and which grind no more since the war." in found
    assert "\n\nThe book of 1702 tells of it." in found


def test_exponents_are_kept() -> None:
    power = [text("The lake holds 10"), text("6", 7, 4), text(" tons of water, which is what two rivers bring in.")]
    assert "holds 10⁶ tons of water" in stored(made(page(power, *MORE, *BODY)))


@pytest.mark.parametrize("name", ["References", "7. Acknowledgements", "Literature Cited"])
def test_lists_of_papers_are_no_text(name: str) -> None:
    cited = [[text("Brook A (1999). The depth of lakes in the hills. Journal of Lakes, 7, 1.")]]
    after = [[bold("A. The data", 12)], None, *MORE]
    found = stored(made(page([bold("1 Lakes", 12)], None, *BODY, None, [bold(name, 12)], None, *cited, None, *after)))
    assert "Brook" not in found and name not in found
    assert "## The data\n\nThe canal" in found


def test_a_table_of_contents_is_no_text() -> None:
    listed = [[bold("Contents", 12)], None, [bold("1 Lakes 2")], [text("1.1 Rivers . . . . . . . . . . . 3")], None]
    lines = [*listed, [bold("1 Lakes", 12)], None, *BODY, [bold("Rivers", 11)], None, *MORE]
    assert stored(made(page(*lines))).startswith("## Lakes\n\nThe lake is fed")
    bare = [
        [bold("1 The lakes 2")],
        [bold("2 Their rivers 3")],
        None,
        [bold("1 The lakes", 12)],
        None,
        *BODY,
        None,
        [bold("2 Their rivers", 12)],
    ]
    assert stored(made(page(*bare, None, *MORE))).startswith("## The lakes\n\nThe lake is fed")


def test_the_largest_type_is_the_title() -> None:
    lines = page([text("The lakes of the hills", 17)], [text("and their rivers*", 17)], None, *BODY, *MORE)
    assert pdf(made(lines)).title == "The lakes of the hills and their rivers"
    assert pdf(made(lines, title="CMR10")).title == "The lakes of the hills and their rivers"
    assert pdf(made(lines, title="Lakes and rivers")).title == "Lakes and rivers"


def test_compounds_keep_their_hyphen() -> None:
    broken = [
        [text("A cross-section of the lake shows where it is deep, and a cross-")],
        [text("section of the canal does not.")],
    ]
    assert "a cross-section of the canal does not" in stored(made(page(*broken, *BODY)))
    assert "evidence" in stored(
        made(page([text("Of a third river that fed the lake once there is no evi-")], [text("dence.")], *BODY))
    )


def test_names_and_pairs_keep_their_hyphen() -> None:
    name = [
        [text("The curve of the lake's depth by the day is known as the Nelson-")],
        [text("Aalen curve, and it is drawn each year.")],
    ]
    assert "the Nelson-Aalen curve" in stored(made(page(*name, *BODY)))
    pair = [
        [text("The depth of the lake is known of all the years of the pre-")],
        [text("and postwar times, and it is drawn.")],
    ]
    assert "the pre- and postwar times" in stored(made(page(*pair, *BODY)))


class Shown:
    """A page whose fonts give dingbats for letters."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines

    def extract_text(self, visitor_text: Callable[..., None]) -> None:
        for n, line in enumerate(self.lines):
            visitor_text(line + "\n", [1, 0, 0, 1, 0, 0], [1, 0, 0, 1, 60, 780 - 12 * n], None, 10)


def test_accents_are_put_on_their_letters() -> None:
    found = read_lines(
        [Shown(["S´ebastien M¨achler and Kamen´ık of Malm¨o", "The estimate ˆy, and it´s mean in ˚Arhus"])]
    )
    said = ["Sébastien Mächler and Kameník of Malmö", "The estimate ˆy, and it´s mean in Århus"]
    assert [line.text for line in found[0]] == said


def test_letters_named_like_dingbats() -> None:
    found = read_lines([Shown(["P❡♥❛❧✐③❡❞ ❧❡❛st sq✉❛r❡s", "♠✐①❡❞✲♠♦❞❡❧ ❡q✉❛t✐♦♥s ✭✶✾✾✾✮"])])
    assert [line.text for line in found[0]] == ["Penalized least squares", "mixed-model equations (1999)"]
    with pytest.raises(ValueError, match="which letters"):
        read_lines([Shown(["☺☻☹⚀⚁⚂⚃", "☺☻☹⚀⚁⚂⚃"])])


def test_gaps_between_words_are_found_in_fonts_with_numbers_of_their_own() -> None:
    """Character 32 of such a font is any letter, here a wide one; words stand a third of an em apart."""
    said = "the lake is fed by two rivers that come down from the hills and it has no outlet but the canal of the town"
    shown = [b"<%s>" % b"".join(b"%04x" % (256 + ord(c)) for c in word) for word in said.split()]
    stream = b"BT /F1 10 Tf 60 780 Td [" + b" -334 ".join(shown) + b"] TJ ET"
    letters = b"1 begincodespacerange <0000> <ffff> endcodespacerange 1 beginbfrange <0161> <017a> <0061> endbfrange"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n" % len(stream) + stream + b"\nendstream",
        b"<< /Type /Font /Subtype /Type0 /BaseFont /ABCDEF+Charis /Encoding /Identity-H"
        b" /DescendantFonts [6 0 R] /ToUnicode 7 0 R >>",
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /ABCDEF+Charis /DW 500 /W [32 [1000] 256 511 500] >>",
        b"<< /Length %d >>\nstream\n" % len(letters) + letters + b"\nendstream",
        b"<< >>",
    ]
    assert [line.text for line in read_lines(PdfReader(io.BytesIO(pdf_file(objects))).pages)[0]] == [said]


def test_letters_of_old_fonts() -> None:
    # TeX's own places for "fi" and for quotes, in a font that does not say so.
    line = [text("The \x1crst \x10lake\x11 was \x1clled by two rivers that come down from the hills in")]
    assert "The first “lake” was filled by" in stored(made(page(line, *BODY)))


def test_blanks_of_a_change_of_fonts_go() -> None:
    line = [
        text("The files of "),
        bold("Lake"),
        text(" 's makers are read by it, and it plots them ("),
        bold("Lake"),
        text(" , 1999)."),
    ]
    assert "Lake’s makers are read by it, and it plots them (Lake, 1999)." in stored(made(page(line, *BODY)))


def test_where_all_is_bold_that_is_no_sign() -> None:
    lines = [[("bold", size, raised, words) for _, size, raised, words in line] for line in (*BODY, *MORE)]
    found = stored(made(page([text("A lake", 8)], None, *lines)))
    assert "#" not in found and "which have stood there for three centuries." in found
