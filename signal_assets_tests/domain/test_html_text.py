import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.html_text import html_to_text, is_html, plain_text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("", ""),
        ("plain text, a < b & c", "plain text, a < b & c"),
        ("<p>One.</p><p>Two.</p>", "One.\n\nTwo."),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("<div>a<div>b</div>c</div>d", "a\nb\nc\nd"),
        ("<ul><li>x</li><li>y</li></ul>", "- x\n- y"),
        ("<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>", "1 2\n3"),
        ("<b>S</b>AP &amp; <i>Exact</i>", "SAP & Exact"),
        ("5&nbsp;collega&#39;s&#8211;ja", "5 collega's–ja"),
        ("a<script>alert('x')</script><style>b {}</style>c", "ac"),
        ("<p>cut off <b>in the mid", "cut off in the mid"),
        ("\x00<p>nul\x00</p>", "nul"),
    ],
)
def test_markup_becomes_what_a_person_reads(markup, text):
    assert html_to_text(markup) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<P class='x'>Wij</P>", True),
        ("een<br/>twee", True),
        ("omzet < 5 mln en > 3 mln", False),
        ("mail naar <naam>", False),
        ("List<String> en a<b", False),
    ],
)
def test_only_markup_counts_as_html(text, expected):
    assert is_html(text) is expected


def test_markup_nested_without_end_is_taken_out_in_linear_time():
    started = time.monotonic()
    assert html_to_text("<div>" * 100_000 + "SAP") == "SAP"
    assert time.monotonic() - started < 5


@given(st.text(alphabet="<>/&;#abdilpruv1 \n\x00\ufdd0\ud800"))
def test_any_text_gives_text_without_blanks_around_it(markup):
    text = html_to_text(markup)
    assert text == text.strip()


@pytest.mark.parametrize(
    ("published", "text"),
    [
        ("Regel 1\nRegel 2 & <naam>", "Regel 1\nRegel 2 & <naam>"),
        ("Regel 1\n<b>Regel</b> 2", "Regel 1\nRegel 2"),
        ("<p>Regel\n1</p><p>Regel 2</p>", "Regel 1\n\nRegel 2"),
    ],
)
def test_only_what_is_marked_up_is_changed(published, text):
    assert plain_text(published) == text
