"""The values for Dagster's Helm chart: keys that the chart has, saying what our own files say."""

import re
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest
import yaml

from signal_assets_tests.deploy.manifests import (
    FOLDER,
    VERSION,
    instance_settings,
    manifest_of,
)

_POD = """env envConfigMaps envSecrets labels volumes volumeMounts annotations nodeSelector affinity
    tolerations podSecurityContext securityContext resources schedulerName readinessProbe
    livenessProbe startupProbe"""
_SERVER = """image deploymentLabels checkDbReadyInitContainer initContainerResources extraContainers
    extraPrependedInitContainers logFormat"""
CHART = {
    "": """global nameOverride fullnameOverride rbacEnabled imagePullSecrets dagsterWebserver
        computeLogManager pythonLogs dagster-user-deployments scheduler runLauncher postgresql
        generatePostgresqlPasswordSecret generateCeleryConfigSecret rabbitmq redis flower ingress
        dagsterDaemon busybox extraManifests migrate telemetry serviceAccount retention concurrency
        additionalInstanceConfig""",
    "global": """postgresqlSecretName dagsterHome serviceAccountName celeryConfigSecretName
        postgresqlAuthWifEnabled""",
    "postgresql": """image enabled postgresqlHost postgresqlUsername postgresqlPassword
        postgresqlDatabase postgresqlParams postgresqlScheme service""",
    "dagster-user-deployments": "enabled enableSubchart imagePullSecrets deployments",
    "dagster-user-deployments.deployments": f"""{_POD} name image dagsterApiGrpcArgs codeServerArgs
        port includeConfigInLaunchedRuns deploymentStrategy initContainers sidecarContainers
        serviceAccount service""",
    "dagster-user-deployments.deployments.image": "repository tag pullPolicy",
    "runLauncher": "type config",
    "runLauncher.config": "celeryK8sRunLauncher k8sRunLauncher customRunLauncher",
    "runLauncher.config.k8sRunLauncher": """image imagePullPolicy jobNamespace loadInclusterConfig
        kubeconfigFile envConfigMaps envSecrets envVars volumeMounts volumes labels
        failPodOnRunFailure resources schedulerName securityContext runK8sConfig""",
    "runLauncher.config.k8sRunLauncher.runK8sConfig": """containerConfig podSpecConfig
        podTemplateSpecMetadata jobSpecConfig jobMetadata""",
    "computeLogManager": "type config",
    "computeLogManager.config": """azureBlobComputeLogManager gcsComputeLogManager
        s3ComputeLogManager customComputeLogManager""",
    "computeLogManager.config.s3ComputeLogManager": """bucket localDir prefix useSsl verify
        verifyCertPath endpointUrl skipEmptyFiles uploadInterval uploadExtraArgs showUrlOnly
        region""",
    "dagsterWebserver": f"""{_POD} {_SERVER} replicaCount nameOverride pathPrefix service workspace
        enableReadOnly dbStatementTimeout dbPoolRecycle dbPoolMaxOverflow logLevel""",
    "dagsterWebserver.service": "type port annotations",
    "dagsterDaemon": f"""{_POD} {_SERVER} enabled heartbeatTolerance runCoordinator runMonitoring
        runRetries sensors schedules backfills""",
    "dagsterDaemon.runCoordinator": "enabled type config",
    "dagsterDaemon.runCoordinator.config": "queuedRunCoordinator customRunCoordinator",
    "dagsterDaemon.runCoordinator.config.queuedRunCoordinator": """maxConcurrentRuns
        tagConcurrencyLimits dequeueIntervalSeconds dequeueNumWorkers dequeueUseThreads
        blockOpConcurrencyLimitedRuns""",
    "dagsterDaemon.runMonitoring": """enabled startTimeoutSeconds cancelTimeoutSeconds
        maxResumeRunAttempts pollIntervalSeconds maxRuntimeSeconds freeSlotsAfterRunEndSeconds""",
    "dagsterDaemon.runRetries": "enabled maxRetries retryOnAssetOrOpFailure",
    "retention": "enabled schedule sensor autoMaterialize",
    "telemetry": "enabled",
}
"""The keys of chart 1.13 by their place, as its own schema and templates name them."""


def values() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / "values.yaml").read_text("utf-8"))
    return loaded


def unknown_keys(part: Any, place: str = "") -> Iterator[str]:
    """Yield each key at a place of the chart that the chart does not have there."""
    if isinstance(part, list):
        for item in part:
            yield from unknown_keys(item, place)
    elif isinstance(part, dict):
        for key, value in part.items():
            below = f"{place}.{key}".lstrip(".")
            if place in CHART and key not in CHART[place].split():
                yield below
            yield from unknown_keys(value, below)


def snake_cased(part: Any) -> Any:
    """Return `part` with the names of its keys as dagster.yaml writes them."""
    if isinstance(part, list):
        return [snake_cased(item) for item in part]
    if isinstance(part, dict):
        return {
            key if key == "applyLimitPerUniqueValue" else _snake(key): snake_cased(value)
            for key, value in part.items()
        }
    return part


def _snake(key: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", key).lower()


def test_every_key_is_one_of_the_chart() -> None:
    assert list(unknown_keys(values())) == []


def test_a_misspelt_key_is_found() -> None:
    wrong = values()
    wrong["dagsterDaemon"]["runRetries"]["maxRetry"] = 3
    wrong["dagster-user-deployments"]["deployments"][0]["enviroment"] = []
    assert list(unknown_keys(wrong)) == [
        "dagster-user-deployments.deployments.enviroment",
        "dagsterDaemon.runRetries.maxRetry",
    ]


def test_queue_monitoring_retries_and_retention_are_those_of_our_own_instance() -> None:
    ours, daemon = instance_settings(), values()["dagsterDaemon"]
    queue = daemon["runCoordinator"]["config"]["queuedRunCoordinator"]
    retention = {k: v for k, v in values()["retention"].items() if k != "enabled"}
    assert snake_cased(queue) == ours["concurrency"]["runs"]
    assert snake_cased(daemon["runMonitoring"]) == ours["run_monitoring"]
    assert snake_cased(daemon["runRetries"]) == ours["run_retries"]
    assert snake_cased(retention) == ours["retention"]
    assert values()["additionalInstanceConfig"]["nux"] == ours["nux"]
    assert values()["telemetry"] == ours["telemetry"]


def test_runs_and_logs_are_those_of_our_own_instance() -> None:
    ours = instance_settings()
    launcher = values()["runLauncher"]["config"]["k8sRunLauncher"]
    launched, logs = ours["run_launcher"]["config"], ours["compute_logs"]["config"]
    assert snake_cased(launcher["runK8sConfig"]) == snake_cased(launched["run_k8s_config"])
    assert snake_cased(launcher["securityContext"]) == snake_cased(launched["security_context"])
    assert [source["name"] for source in launcher["envSecrets"]] == launched["env_secrets"]
    assert snake_cased(values()["computeLogManager"]["config"]["s3ComputeLogManager"]) == logs
    [code] = values()["dagster-user-deployments"]["deployments"]
    assert code["volumes"] == launched["volumes"]
    assert code["volumeMounts"] == launched["volume_mounts"]
    assert values()["global"]["dagsterHome"] == launched["dagster_home"]


def test_the_driver_that_dagster_speaks_is_named() -> None:
    assert values()["postgresql"]["postgresqlScheme"] == "postgresql+psycopg2"


def test_the_secrets_are_those_of_the_manifest() -> None:
    name = values()["global"]["postgresqlSecretName"]
    secret = manifest_of("settings.yaml", "Secret", name)
    assert set(secret["stringData"]) == {"postgresql-password"}
    assert values()["generatePostgresqlPasswordSecret"] is False


@pytest.mark.parametrize("part", ["webserver", "daemon", "code"])
def test_what_a_part_says_of_its_pod_is_what_kubernetes_takes(part: str) -> None:
    said = {
        "webserver": values()["dagsterWebserver"],
        "daemon": values()["dagsterDaemon"],
        "code": values()["dagster-user-deployments"]["deployments"][0],
    }[part]
    probe = {
        key: value for key, value in said.get("readinessProbe", {}).items() if key != "enabled"
    }
    image = said["image"]
    container = {
        "name": part,
        "image": f"{image['repository']}:{image['tag']}",
        "imagePullPolicy": image["pullPolicy"],
        "envFrom": [
            *({"configMapRef": source} for source in said["envConfigMaps"]),
            *({"secretRef": source} for source in said["envSecrets"]),
        ],
        "resources": said["resources"],
        "securityContext": said["securityContext"],
        "volumeMounts": said["volumeMounts"],
    } | ({"readinessProbe": probe} if probe else {})
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": part},
        "spec": {
            "securityContext": said["podSecurityContext"],
            "containers": [container],
            "volumes": said["volumes"],
        },
    }
    kubernetes_validate.validate(pod, VERSION, strict=True)
    assert said["podSecurityContext"]["runAsNonRoot"] is True
    assert said["securityContext"]["readOnlyRootFilesystem"] is True


def test_policies_let_in_by_the_ports_that_the_chart_is_given() -> None:
    page = manifest_of("network.yaml", "NetworkPolicy", "webserver-from-proxy")["spec"]
    code = manifest_of("network.yaml", "NetworkPolicy", "code-location-from-dagster")["spec"]
    [deployment] = values()["dagster-user-deployments"]["deployments"]
    port = values()["dagsterWebserver"]["service"]["port"]
    assert page["ingress"][0]["ports"][0]["port"] == port
    assert values()["dagsterWebserver"]["readinessProbe"]["httpGet"]["port"] == port
    assert code["ingress"][0]["ports"][0]["port"] == deployment["port"]


def test_nothing_is_published() -> None:
    assert values()["ingress"]["enabled"] is False
    assert values()["dagsterWebserver"]["service"]["type"] == "ClusterIP"
