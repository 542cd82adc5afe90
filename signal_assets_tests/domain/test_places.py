import pytest

from signal_assets.domain.places import get_province, normalize_place, normalize_places


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("Utrecht", "utrecht"),
        ("Utrecht, Utrecht, Nederland", "utrecht"),
        ("'s-Hertogenbosch", "den bosch"),
        ("The Hague, Netherlands", "den haag"),
        ("Amsterdam (hybrid)", "amsterdam"),
        ("Omgeving Tilburg", "tilburg"),
        ("Alphen a/d Rijn", "alphen aan den rijn"),
        ("Netherlands", None),
        ("Remote", None),
        ("1234", None),
        ("", None),
    ],
)
def test_a_location_gives_its_place(location, place):
    assert normalize_place(location) == place


def test_places_are_distinct_and_ordered():
    assert normalize_places(["The Hague", None, "Delft", "Den Haag"]) == ("delft", "den haag")


@pytest.mark.parametrize(("place", "province"), [("delft", "zuid-holland"), ("atlantis", None)])
def test_a_known_place_has_a_province(place, province):
    assert get_province(place) == province
