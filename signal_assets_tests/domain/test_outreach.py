import pytest

from signal_assets.domain.outreach import assess_outreach, why_left_out


@pytest.mark.parametrize(
    ("non_mailing", "legal_form", "verdicts"),
    [
        (False, "besloten_vennootschap", ("allowed", "allowed", "needs_opt_in")),
        (True, "besloten_vennootschap", ("blocked", "allowed", "needs_opt_in")),
        (None, "besloten_vennootschap", ("blocked", "allowed", "needs_opt_in")),
        (False, "eenmanszaak", ("allowed", "needs_opt_in", "needs_opt_in")),
        (False, "maatschap", ("allowed", "needs_opt_in", "needs_opt_in")),
        (False, None, ("allowed", "unknown", "needs_opt_in")),
        (False, "other", ("allowed", "unknown", "needs_opt_in")),
    ],
)
def test_each_channel_follows_its_own_rule(non_mailing, legal_form, verdicts):
    outreach = assess_outreach(non_mailing, legal_form)
    assert tuple(outreach.verdicts.values()) == verdicts


def test_under_the_policy_for_all_channels_the_indicator_blocks_each():
    outreach = assess_outreach(True, "besloten_vennootschap", non_mailing_policy="all_channels")
    assert set(outreach.verdicts.values()) == {"blocked"}


def test_every_verdict_names_its_rule():
    outreach = assess_outreach(None, None)
    assert all(channel.rule for channel in (outreach.post, outreach.phone, outreach.email))


@pytest.mark.parametrize(
    ("is_natural", "is_included", "is_left_out"),
    [(True, False, True), (None, False, True), (False, False, False), (True, True, False)],
)
def test_businesses_of_natural_persons_are_left_out_unless_asked_for(
    is_natural, is_included, is_left_out
):
    reason = why_left_out(is_natural, include_natural_person_businesses=is_included)
    assert (reason is not None) is is_left_out


@pytest.mark.parametrize("policy", ["post_only", "all_channels"])
@pytest.mark.parametrize("non_mailing", [True, False, None])
def test_an_indicator_that_company_info_set_blocks_every_channel(policy, non_mailing):
    outreach = assess_outreach(
        non_mailing,
        "besloten_vennootschap",
        non_mailing_policy=policy,
        company_info_non_mailing=True,
    )
    assert set(outreach.verdicts.values()) == {"blocked"}


def test_an_indicator_that_company_info_denies_changes_nothing():
    denied = assess_outreach(True, "besloten_vennootschap", company_info_non_mailing=False)
    assert denied == assess_outreach(True, "besloten_vennootschap")
