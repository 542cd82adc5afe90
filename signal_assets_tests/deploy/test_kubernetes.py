"""Kubernetes: the Job of a real run, the manifests and the chart's values, against the schemas."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg
import kubernetes_validate
import pytest
import yaml
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.test_utils import create_run_for_test

from signal_assets.clients.database import with_driver
from signal_assets.settings import Settings
from signal_assets.shipped import shipped
from signal_assets_tests.clients.databases import new_schema
from signal_assets_tests.deploy.cluster import Cluster, listening_cluster
from signal_assets_tests.deploy.manifests import (
    FOLDER,
    VERSION,
    instance_settings,
    manifest_of,
)

IMAGE = "registry.example.com/signal-assets:0.1.0"
MANIFESTS = [
    pytest.param(manifest, id=f"{manifest['kind']}-{manifest['metadata']['name']}")
    for file in ("settings.yaml", "api.yaml", "network.yaml")
    for manifest in yaml.safe_load_all((FOLDER / file).read_text("utf-8"))
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with listening_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def instance(
    tmp_path_factory: pytest.TempPathFactory, cluster: Cluster
) -> Iterator[dg.DagsterInstance]:
    """An instance of deploy/kubernetes/dagster.yaml that reaches its cluster from outside."""
    settings = instance_settings()
    settings["run_launcher"]["config"] |= {
        "load_incluster_config": False,
        "kubeconfig_file": str(cluster.kubeconfig),
    }
    home = tmp_path_factory.mktemp("home")
    (home / "dagster.yaml").write_text(yaml.safe_dump(settings), "utf-8")
    with new_schema() as postgres, pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_POSTGRES_URL", with_driver(postgres))
        environment.setenv("SIGNAL_ASSETS_LOGS_BUCKET", "logs")
        environment.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        with dg.DagsterInstance.from_config(str(home)) as instance:
            yield instance


@pytest.fixture
def launched(instance: dg.DagsterInstance, cluster: Cluster) -> Callable[..., dict[str, Any]]:
    """Launch a run with these tags, and return the Job that the cluster was sent."""
    cluster.jobs.clear()

    def launch(**tags: Any) -> dict[str, Any]:
        repository = RepositoryPythonOrigin(
            executable_path="python",
            code_pointer=ModuleCodePointer("signal_assets.definitions", "defs"),
            container_image=IMAGE,
            entry_point=["dagster"],
        )
        run = create_run_for_test(
            instance,
            job_name="harvest_job",
            job_code_origin=JobPythonOrigin("harvest_job", repository),
            tags=tags,
        )
        workspace: Any = None  # the launcher has no use for it
        instance.launch_run(run.run_id, workspace)
        [(path, job)] = cluster.jobs
        assert path == "/apis/batch/v1/namespaces/signal-assets/jobs"
        return job

    return launch


def test_the_job_of_a_run_is_one_that_kubernetes_takes(launched) -> None:
    kubernetes_validate.validate(launched(), VERSION, strict=True)


def test_a_run_takes_the_image_of_its_code_and_its_keys_from_the_secret(launched) -> None:
    container = launched()["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == IMAGE
    assert container["args"][:3] == ["dagster", "api", "execute_run"]
    assert container["envFrom"] == [
        {"configMapRef": {"name": "signal-assets"}},
        {"secretRef": {"name": "signal-assets"}},
    ]
    named = {variable["name"] for variable in container["env"]}
    assert named == {"DAGSTER_HOME", "DAGSTER_RUN_JOB_NAME"}


def test_a_run_has_no_rights_and_a_file_system_it_cannot_write(launched) -> None:
    assert_powerless(launched()["spec"]["template"]["spec"])


def test_a_run_is_tried_again_by_dagster_alone(launched) -> None:
    job = launched()
    assert job["spec"]["backoffLimit"] == 0
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"


def test_a_run_asks_for_more_memory_by_its_tag(launched) -> None:
    wanted = {"requests": {"memory": "8Gi"}, "limits": {"memory": "8Gi"}}
    job = launched(**{"dagster-k8s/config": {"container_config": {"resources": wanted}}})
    resources = job["spec"]["template"]["spec"]["containers"][0]["resources"]
    assert resources["requests"]["memory"] == resources["limits"]["memory"] == "8Gi"
    kubernetes_validate.validate(job, VERSION, strict=True)


def test_a_run_gets_no_rights_by_its_tag(launched, cluster: Cluster) -> None:
    privileged = {"container_config": {"security_context": {"privileged": True}}}
    with pytest.raises(Exception, match=r"container_config\.security_context"):
        launched(**{"dagster-k8s/config": privileged})
    assert cluster.jobs == []


def test_a_misspelt_key_in_a_job_is_refused(launched) -> None:
    job = launched()
    job["spec"]["template"]["spec"]["containers"][0]["securityContxt"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="securityContxt"):
        kubernetes_validate.validate(job, VERSION, strict=True)


def test_the_instance_says_all_that_the_shipped_one_says() -> None:
    default = yaml.safe_load(shipped("dagster.yaml").read_text("utf-8"))
    assert merged(default, instance_settings()) == instance_settings()


def test_storage_and_logs_are_those_of_the_variant_for_s3() -> None:
    s3 = yaml.safe_load(shipped("deploy/s3/dagster.yaml").read_text("utf-8"))
    for part in ("storage", "compute_logs"):
        assert instance_settings()[part] == s3[part]


def merged(base: Any, over: Any) -> Any:
    """Return `base` with what `over` says laid on it, at every depth."""
    if isinstance(base, dict) and isinstance(over, dict):
        return {key: merged(base.get(key), over.get(key, base.get(key))) for key in base | over}
    return over


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_a_manifest_is_one_that_kubernetes_takes(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, VERSION, strict=True)


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_a_manifest_with_a_misspelt_key_is_refused(manifest: dict[str, Any]) -> None:
    wrong = copy.deepcopy(manifest)
    wrong["metadata"]["nmae"] = wrong["metadata"].pop("name")
    with pytest.raises(kubernetes_validate.ValidationError, match="nmae"):
        kubernetes_validate.validate(wrong, VERSION, strict=True)


def test_the_service_leads_to_the_pods_of_the_api() -> None:
    pod = manifest_of("api.yaml", "Deployment", "signal-assets-api")["spec"]["template"]
    service = manifest_of("api.yaml", "Service", "signal-assets-api")["spec"]
    policy = manifest_of("network.yaml", "NetworkPolicy", "api-from-callers")["spec"]
    assert service["selector"].items() <= pod["metadata"]["labels"].items()
    assert policy["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    port = pod["spec"]["containers"][0]["ports"][0]
    assert service["ports"][0]["targetPort"] == port["name"]
    assert policy["ingress"][0]["ports"][0]["port"] == port["containerPort"]


def test_the_api_has_no_rights_and_a_file_system_it_cannot_write() -> None:
    deployment = manifest_of("api.yaml", "Deployment", "signal-assets-api")
    assert_powerless(deployment["spec"]["template"]["spec"])


def assert_powerless(pod: dict[str, Any]) -> None:
    """The pod runs as nobody in particular, and writes to its own empty folders only."""
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
        assert {"/tmp", "/var/lib/signal-assets"} <= mounts
        assert container["resources"]["limits"]["memory"]
    volumes = {volume["name"] for volume in pod["volumes"]}
    assert {mount["name"] for c in pod["containers"] for mount in c["volumeMounts"]} <= volumes


def test_every_variable_is_one_that_somebody_reads() -> None:
    settings = {str(field.validation_alias) for field in Settings.model_fields.values()}
    aws = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"}
    plain = manifest_of("settings.yaml", "ConfigMap", "signal-assets")["data"]
    secret = manifest_of("settings.yaml", "Secret", "signal-assets")["stringData"]
    assert set(plain) | set(secret) <= settings | aws
    assert set(plain) & set(secret) == set()


def test_no_manifest_holds_a_secret() -> None:
    for name in ("signal-assets", "signal-assets-postgresql"):
        secret = manifest_of("settings.yaml", "Secret", name)["stringData"]
        assert set(secret.values()) == {"CHANGE_ME"}
