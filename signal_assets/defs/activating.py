"""Activating a prompt: what must hold before it, or a model, reads for a search profile."""

from datetime import UTC, datetime

from signal_assets.clients.evaluations import CannotEvaluate
from signal_assets.clients.profile_files import LoadedProfile
from signal_assets.clients.prompts import PromptStore
from signal_assets.defs.evaluations import OnStep, default_reader, load_labelled, measure
from signal_assets.domain.activations import Activation, Verdict, judge
from signal_assets.domain.prompts import PromptVersion
from signal_assets.domain.records import Record
from signal_assets.settings import Settings


class ActivationRefused(Exception):
    """The prompt, or the model, may not become active; the message says why."""

    def __init__(self, message: str, verdict: Verdict | None = None) -> None:
        super().__init__(message)
        self.verdict = verdict


class Activated(Record):
    """A prompt that is active now, and why it could become so."""

    prompt: PromptVersion
    activation: Activation


def activate_prompt(
    settings: Settings,
    profile_file: LoadedProfile,
    store: PromptStore,
    version: int,
    *,
    activated_by: str,
    force_reason: str | None = None,
    on_step: OnStep = lambda: None,
) -> Activated:
    """Measure a prompt version with the model of the settings, and make it active if it may.

    Without labelled vacancies nothing is measured and the record says so. `force_reason` skips the
    objection, not the measuring; it is kept with who gave it. Without a key the keyword reader is
    what is measured, as it is what will read.

    Raises:
        UnknownPrompt: there is no such version.
        ActivationRefused: it falls below the bar or below the active one, or cannot be measured.
        BadEvaluationFile: the labelled vacancies of the profile cannot be used.
    """
    profile = profile_file.profile
    candidate = store.get(profile.name, version)
    model = settings.model if default_reader(settings) == "claude" else None
    known = {
        "search_profile": profile.name,
        "prompt_version": version,
        "model": model,
        "bar": profile.extraction.accuracy_bar,
        "activated_by": activated_by,
        "activated_at": datetime.now(UTC),
    }
    verdict, unmeasured = _measure(settings, profile_file, store, candidate, on_step)
    objection = unmeasured if verdict is None else verdict.objection
    if profile.evaluation is not None and objection is not None and force_reason is None:
        raise ActivationRefused(
            f"Prompt version {version} of {profile.name} does not become active: {objection}.",
            verdict,
        )
    if verdict is None:
        decision, reason = "unmeasured", unmeasured
    else:
        decision, reason = "measured", "at the bar and not below the active one"
    if force_reason is not None and objection is not None:
        decision, reason = "forced", force_reason
    activation = Activation.model_validate(
        known
        | {
            "decision": decision,
            "reason": reason,
            "accuracy": None if verdict is None else verdict.accuracy,
            "active_accuracy": None if verdict is None else verdict.active_accuracy,
        }
    )
    return Activated(
        prompt=store.activate(profile.name, version, activation), activation=activation
    )


def check_model(
    store: PromptStore, profile_file: LoadedProfile, prompt: PromptVersion, model: str
) -> None:
    """Let a model read only if it is the one that was activated; the first one is put on record.

    Profiles without labelled vacancies read with any model, as nothing could be measured.

    Raises:
        ActivationRefused: another model was activated.
    """
    profile = profile_file.profile
    if profile.evaluation is None:
        return
    active = store.active_model(profile.name)
    if active is None:
        store.record(
            Activation(
                search_profile=profile.name,
                prompt_version=prompt.version,
                model=model,
                decision="unmeasured",
                bar=profile.extraction.accuracy_bar,
                reason="the first model that read for this search profile",
                activated_by="the run",
                activated_at=datetime.now(UTC),
            )
        )
    elif active != model:
        raise ActivationRefused(
            f"{profile.name} is read with {active}; {model} was not measured. `signal-assets "
            f"prompts activate {prompt.version} --profile {profile.name}` measures it and makes it "
            "active if it is as good; SIGNAL_ASSETS_MODEL names the model."
        )


def _measure(
    settings: Settings,
    profile_file: LoadedProfile,
    store: PromptStore,
    candidate: PromptVersion,
    on_step: OnStep,
) -> tuple[Verdict | None, str]:
    """Return what measuring says, or None and why nothing was measured."""
    profile = profile_file.profile
    labelled = load_labelled(profile_file)
    if labelled is None:
        return None, "the search profile names no labelled vacancies: nothing was measured"
    reader = default_reader(settings)
    active = store.active(profile.name)
    active_model = store.active_model(profile.name) or settings.model
    old_settings = settings.model_copy(update={"model": active_model})
    is_same = active.version == candidate.version and active_model == settings.model
    try:
        new = measure(settings, profile, labelled, reader, candidate, on_step=on_step)
        old = None if is_same else measure(old_settings, profile, labelled, reader, active)
    except CannotEvaluate as error:
        return None, f"it could not be measured: {error}"
    return judge(new, old, profile.extraction.accuracy_bar), ""
