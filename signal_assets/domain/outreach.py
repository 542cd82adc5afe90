"""Outreach: which channels may be used for a company, with the rule that says so.

The product marks channels; it sends nothing. The rules are those of Dutch law for unsolicited
offers: the register's non-mailing indicator for post, opt-in for calls to businesses of natural
persons (Telecommunications Act, since 1 July 2021), opt-in for e-mail.
"""

from typing import Literal

from signal_assets.domain.records import Record

ChannelVerdict = Literal["allowed", "needs_opt_in", "blocked", "unknown"]
NonMailingPolicy = Literal["post_only", "all_channels"]

OPT_IN_PHONE_FORMS = frozenset(("eenmanszaak", "vennootschap_onder_firma", "maatschap"))
"""A CV is personal data too, but the rule on calls names only these."""


class Channel(Record):
    """What may be done on one channel, and why."""

    verdict: ChannelVerdict
    rule: str


class Outreach(Record):
    """The verdict for each channel."""

    post: Channel
    phone: Channel
    email: Channel

    @property
    def verdicts(self) -> dict[str, ChannelVerdict]:
        """Channel → verdict, as the tables hold it."""
        return {
            "post": self.post.verdict,
            "phone": self.phone.verdict,
            "email": self.email.verdict,
        }

    @property
    def rules(self) -> dict[str, str]:
        """Channel → the rule that says so."""
        return {"post": self.post.rule, "phone": self.phone.rule, "email": self.email.rule}


def assess_outreach(
    non_mailing: bool | None,
    legal_form: str | None,
    *,
    non_mailing_policy: NonMailingPolicy = "post_only",
    company_info_non_mailing: bool | None = None,
) -> Outreach:
    """Say for each channel what may be done.

    An unknown non-mailing indicator blocks post: it must be checked before anything is sent. Under
    `all_channels` (the contract of Company.info) an indicator that is set blocks every channel; one
    that Company.info itself set does so under any policy.
    """
    if company_info_non_mailing or (non_mailing and non_mailing_policy == "all_channels"):
        blocked = Channel(
            verdict="blocked",
            rule="Non-mailing indicator set; Company.info's terms extend it to every channel.",
        )
        return Outreach(post=blocked, phone=blocked, email=blocked)
    return Outreach(
        post=_assess_post(non_mailing), phone=_assess_phone(legal_form), email=_assess_email()
    )


def why_left_out(
    is_natural_person_business: bool | None, *, include_natural_person_businesses: bool
) -> str | None:
    """Return why a company is kept out of a delivery, or None if it may be delivered.

    A legal form that nobody has stated counts as a natural person's.
    """
    if include_natural_person_businesses or is_natural_person_business is False:
        return None
    if is_natural_person_business:
        return "The business of a natural person: its data is personal data."
    return "Its legal form is unknown, so its data may be personal data."


def _assess_post(non_mailing: bool | None) -> Channel:
    if non_mailing is None:
        return Channel(
            verdict="blocked", rule="The register's non-mailing indicator is not known yet."
        )
    if non_mailing:
        return Channel(
            verdict="blocked",
            rule="Non-mailing indicator set in the Business Register: no unsolicited post.",
        )
    return Channel(verdict="allowed", rule="No non-mailing indicator in the Business Register.")


def _assess_phone(legal_form: str | None) -> Channel:
    if legal_form is None or legal_form == "other":
        return Channel(
            verdict="unknown",
            rule="Sales calls depend on the legal form, which is not known.",
        )
    if legal_form in OPT_IN_PHONE_FORMS:
        return Channel(
            verdict="needs_opt_in",
            rule="Sales calls to sole proprietors, VOF and maatschap need consent beforehand.",
        )
    return Channel(verdict="allowed", rule="Sales calls to a legal person need no consent.")


def _assess_email() -> Channel:
    return Channel(
        verdict="needs_opt_in",
        rule="Unsolicited e-mail needs consent, unless the address is published for it.",
    )
