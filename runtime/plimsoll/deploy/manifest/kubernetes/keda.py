"""KEDA's ScaledObject: replicas for the rate that clients want, or for the calls under way."""

from __future__ import annotations

import math

from plimsoll.deploy.manifest.document import Document, Noted, Tree
from plimsoll.deploy.manifest.kubernetes.autoscaler import behaviour, target_ref
from plimsoll.deploy.manifest.kubernetes.metadata import metadata
from plimsoll.deploy.manifest.kubernetes.watch.queries import RATE_WINDOW_S, SCRAPE_S, Queries
from plimsoll.deploy.manifest.options import PROMETHEUS_URL, ManifestOptions
from plimsoll.deploy.manifest.replicas import Scaling
from plimsoll.deploy.manifest.values import Values
from plimsoll.reports.units import milliseconds, number


def scaled_object(values: Values, scaling: Scaling, options: ManifestOptions) -> Document:
    return Document(
        {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "ScaledObject",
            "metadata": metadata(values.name, options),
            "spec": {
                "scaleTargetRef": target_ref(values.name),
                "minReplicaCount": scaling.least,
                "maxReplicaCount": scaling.most,
                "pollingInterval": Noted(SCRAPE_S, "as often as Prometheus asks the replicas"),
                "advanced": {"horizontalPodAutoscalerConfig": {"behavior": behaviour(scaling)}},
                "triggers": [_trigger(values, options)],
            },
        }
    )


def _trigger(values: Values, options: ManifestOptions) -> Tree:
    queries = Queries(values, options)
    if options.scale_on == "queue":
        query, threshold, why = queries.under_way(), *_calls(values)
    else:
        # There is no such series before the first request.
        query, threshold, why = f"{queries.offered_rps()} or 0 * sum({queries.of('plimsoll_slots')})", *_rate(values)
    return {
        "type": "prometheus",
        "metricType": Noted("AverageValue", "the whole of it, by the number of replicas"),
        "metadata": {
            "serverAddress": options.prometheus or PROMETHEUS_URL,
            "query": query,
            "threshold": Noted(threshold, why),
            "ignoreNullValues": Noted("false", "that Prometheus has lost the replicas is no reason to remove them"),
        },
    }


def _rate(values: Values) -> tuple[str, str]:
    rate_rps = values.needs.rate_rps
    text = f"{math.floor(rate_rps)}" if rate_rps >= 100 else f"{rate_rps:.3g}"
    return text, (
        f"requests/s of each replica, at which its limits were proved; over {RATE_WINDOW_S} s, with those that were"
        " refused"
    )


def _calls(values: Values) -> tuple[str, str]:
    """Little's law: so many are under way at the operating point."""
    level = values.profile.measurements.operating_level
    mean = level.in_flight_mean if level else values.needs.slots
    latency_s = level.latency_seconds.mean if level else None
    return f"{max(mean, 0.01):.3g}", (
        f"calls of each replica that run or wait, as were measured at {number(values.needs.rate_rps)} requests/s (mean"
        f" latency {milliseconds(latency_s)} ms, Little's law)"
    )
