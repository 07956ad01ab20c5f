"""`--format kubernetes`: all objects of one deployment."""

from __future__ import annotations

from plimsoll.deploy.manifest.document import Document
from plimsoll.deploy.manifest.kubernetes.autoscaler import autoscaler
from plimsoll.deploy.manifest.kubernetes.boost import boost
from plimsoll.deploy.manifest.kubernetes.budget import budget
from plimsoll.deploy.manifest.kubernetes.deployment import deployment
from plimsoll.deploy.manifest.kubernetes.keda import scaled_object
from plimsoll.deploy.manifest.kubernetes.service import service
from plimsoll.deploy.manifest.kubernetes.watch.alerts import rules
from plimsoll.deploy.manifest.kubernetes.watch.dashboard import config_map
from plimsoll.deploy.manifest.kubernetes.watch.monitor import monitor
from plimsoll.deploy.manifest.options import ManifestOptions
from plimsoll.deploy.manifest.values import Values
from plimsoll.warning import warn


def documents(values: Values, options: ManifestOptions) -> list[Document]:
    _warn_of_queries(options)
    made = [deployment(values, options), service(values, options), budget(values, options)]
    scaling = values.replicas.scaling
    if scaling is not None:
        made.append((scaled_object if options.scale == "keda" else autoscaler)(values, scaling, options))
    if values.boost is not None:
        made.append(boost(values, values.boost, options))
    if options.monitor:
        made += [monitor(values, options), rules(values, options), config_map(values, options)]
    return made


def _warn_of_queries(options: ManifestOptions) -> None:
    if options.scale == "keda" and not options.monitor:
        warn(
            "--scale keda asks Prometheus for the Service's name as job: --monitor adds a ServiceMonitor that gives it"
        )
    if options.namespace is None and (options.scale == "keda" or options.monitor or options.dashboard):
        warn("without --namespace the queries count all deployments of this name, in whatever namespace they are")
