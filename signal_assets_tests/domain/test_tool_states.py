import pytest

from signal_assets.domain.tool_states import tool_state_at


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("Je boekt de inkoopfacturen in SAP.", "in_use"),
        ("Coding invoices and entering them in SAP.", "in_use"),
        ("Wij werken met SAP.", "in_use"),
        ("You will work with SAP every day.", "in_use"),
        ("Ons ERP systeem SAP staat centraal.", "in_use"),
        ("Experience with our systems such as SAP.", "in_use"),
        ("Ons bureau heeft uitgebreide ervaring met SAP.", "in_use"),
        ("Based on decades of experience with SAP we deliver.", "in_use"),
        ("Je hebt ervaring met SAP.", "asked"),
        ("De kandidaat heeft ervaring met SAP.", "asked"),
        ("Minimaal 7 jaar ervaring met SAP implementaties.", "asked"),
        ("Knowledge of SAP is a plus.", "asked"),
        ("Experience with an ERP such as SAP.", "asked"),
        ("Wij stappen over naar SAP.", "migrating"),
        ("New SAP implementation in 2026.", "migrating"),
        ("We are replacing SAP.", "migrating"),
        ("Wij werken niet met SAP.", None),
        ("Ons team bij SAP.", None),
    ],
)
def test_what_a_text_says_of_a_product(text, state):
    start = text.index("SAP")
    assert tool_state_at(text, start, start + 3) == state
