"""Keys the sandbox accepts, one per service; it refuses every other key."""

SANDBOX_KEYS = {
    "claude": "sandbox-claude-key-7f3a1c",
    "kvk": "sandbox-kvk-key-2b9e4d",
    "company_info": "sandbox-company-info-key-5c8f0a",
    "company_info_soap": "sandbox-company-info-password-8e1d2c",
    "company_info_hub": "sandbox-company-info-hub-key-4a7b9f",
    "serpapi": "sandbox-serpapi-key-9d6b3e",
}

SOAP_USER_NAME = "sandbox-user"
"""The user name that goes with the password of `company_info_soap`."""

MOUNTS = {
    "claude": "/claude",
    "kvk": "/kvk/api",
    "company_info": "/company-info",
    "company_info_soap": "/company-info-soap",
    "company_info_hub": "/company-info-hub",
    "gleif": "/gleif/api/v1",
    "serpapi": "/serpapi",
    "boards": "/boards",
    "careers": "",
}
"""Service → path below which its base URL lies."""

_ENVIRONMENT = {
    "claude": "ANTHROPIC",
    "kvk": "KVK",
    "company_info": "COMPANY_INFO",
    "serpapi": "SERPAPI",
}


def environment_for(url: str) -> dict[str, str]:
    """Return the environment variables that point the product at the sandbox at `url`."""
    variables = {}
    for service, prefix in _ENVIRONMENT.items():
        variables[f"{prefix}_API_KEY"] = SANDBOX_KEYS[service]
        variables[f"{prefix}_BASE_URL"] = url + MOUNTS[service]
    variables["GLEIF_BASE_URL"] = url + MOUNTS["gleif"]
    variables["SIGNAL_ASSETS_BOARDS_BASE_URL"] = url + MOUNTS["boards"]
    return variables
