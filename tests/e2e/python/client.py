"""The official Python client against an aggregated server that serves wardle.example.com.

Called with a kubeconfig and a namespace that exists. Exits with 0 when everything is as expected.
"""

import sys
import threading

from kubernetes import client, config, dynamic, watch
from kubernetes.client.exceptions import ApiException

GROUP, VERSION, PLURAL = "wardle.example.com", "v1beta1", "flunders"


def flunder(name, **labels):
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "Flunder",
        "metadata": {"name": name, "labels": labels},
        "spec": {"flunderReference": "other", "referenceType": "Flunder"},
    }


def custom_objects(api, namespace):
    """X-19: the verbs that generated code has."""
    at = (GROUP, VERSION, namespace, PLURAL)
    created = api.create_namespaced_custom_object(*at, flunder("one", app="one"))
    patched = api.patch_namespaced_custom_object(*at, "one", {"metadata": {"labels": {"colour": "green"}}})
    assert patched["metadata"]["labels"] == {"app": "one", "colour": "green"}, patched
    assert patched["metadata"]["resourceVersion"] != created["metadata"]["resourceVersion"], patched
    found = api.list_namespaced_custom_object(*at, label_selector="colour=green", limit=5)
    assert [item["metadata"]["name"] for item in found["items"]] == ["one"], found
    try:
        api.create_namespaced_custom_object(*at, flunder("one"))
        raise AssertionError("created twice")
    except ApiException as error:
        assert error.status == 409 and "AlreadyExists" in error.body, error
    deleted = api.delete_namespaced_custom_object(*at, "one")
    assert deleted["status"] == "Success" and deleted["details"]["uid"] == created["metadata"]["uid"], deleted


def watching(api, namespace):
    """W-10, W-17: events in order, until the time is over."""
    at = (GROUP, VERSION, namespace, PLURAL)
    version = api.list_namespaced_custom_object(*at)["metadata"]["resourceVersion"]

    def write():
        api.create_namespaced_custom_object(*at, flunder("two"))
        api.patch_namespaced_custom_object(*at, "two", {"metadata": {"labels": {"a": "b"}}})
        api.delete_namespaced_custom_object(*at, "two")

    writer = threading.Thread(target=write)
    writer.start()
    stream = watch.Watch().stream(
        api.list_namespaced_custom_object, *at, resource_version=version, timeout_seconds=5, _request_timeout=30
    )
    seen = [(event["type"], event["object"]["metadata"]["name"]) for event in stream]
    writer.join(timeout=30)
    assert seen == [("ADDED", "two"), ("MODIFIED", "two"), ("DELETED", "two")], seen


def discovered(namespace):
    """X-1, SSA-7: the dynamic client, which learns everything from discovery, and applies."""
    resources = dynamic.DynamicClient(client.ApiClient())
    flunders = resources.resources.get(api_version=f"{GROUP}/{VERSION}", kind="Flunder")
    applied = flunders.server_side_apply(body=flunder("three", by="python"), namespace=namespace, field_manager="python")
    assert applied.metadata.managedFields[0].manager == "python", applied
    again = flunder("three")
    del again["metadata"]["labels"]
    applied = flunders.server_side_apply(body=again, namespace=namespace, field_manager="python")
    assert applied.metadata.labels is None, applied
    assert [item.metadata.name for item in flunders.get(namespace=namespace).items] == ["three"]
    flunders.delete(name="three", namespace=namespace)


def main(kubeconfig, namespace):
    config.load_kube_config(kubeconfig)
    api = client.CustomObjectsApi()
    custom_objects(api, namespace)
    watching(api, namespace)
    discovered(namespace)


if __name__ == "__main__":
    main(*sys.argv[1:])
