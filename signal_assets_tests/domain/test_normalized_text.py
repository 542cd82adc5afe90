import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.vacancies import normalize_text

signs = st.text() | st.text(alphabet="aB \t\n\u00a0\u200b\x00\u00ad\ufeff\x1cﬁé")


@given(signs)
def test_it_is_the_plain_definition_only_faster(text):
    visible = re.sub(
        "[\x00\u00ad\u200b\u200c\u200d\u2060\ufeff]", "", unicodedata.normalize("NFKC", text)
    )
    assert normalize_text(text) == re.sub(r"\s+", " ", visible).strip().lower()
