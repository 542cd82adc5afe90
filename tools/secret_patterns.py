"""Keys of the services we ask, as detect-secrets looks for them; its own patterns know others."""

import re

from detect_secrets.plugins.base import RegexBasedDetector


class AnthropicKeyDetector(RegexBasedDetector):
    """Keys of Anthropic: of the API and of the administration."""

    secret_type = "Anthropic API Key"  # noqa: S105 - a name  # nosec B105
    denylist = (re.compile(r"\bsk-ant-[a-z0-9]{2,10}-[A-Za-z0-9_-]{16,}"),)


class KvkKeyDetector(RegexBasedDetector):
    """Keys of the Business Register, but for the one it prints for everybody to try it with."""

    secret_type = "KvK API Key"  # noqa: S105 - a name  # nosec B105
    denylist = (re.compile(r"\bl7(?:xx)?[0-9a-f]{32}\b"),)
