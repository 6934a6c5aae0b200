{{/* Checks of values against each other, which a schema does not express. */}}

{{- define "fusionlog.checkWorker" -}}
{{- $root := index . 0 -}}{{- $role := index . 1 -}}{{- $worker := index . 2 -}}
{{- $most := int (ternary $worker.autoscaling.maxReplicas $worker.replicas $worker.autoscaling.enabled) -}}
{{- if and (has $role (list "score" "label")) (gt $most (int $root.Values.kafka.partitions)) -}}
{{- fail (printf "workers.%s may be %d workers, but its topic has kafka.partitions=%d: the others would have nothing to do; raise kafka.partitions, and the partitions of the topic, or lower the workers" $role $most (int $root.Values.kafka.partitions)) -}}
{{- end -}}
{{- if and $worker.autoscaling.enabled (gt (int $worker.autoscaling.minReplicas) (int $worker.autoscaling.maxReplicas)) -}}
{{- fail (printf "workers.%s.autoscaling.minReplicas is above maxReplicas" $role) -}}
{{- end -}}
{{- if and $worker.autoscaling.enabled (not (include "fusionlog.isStateful" $role)) -}}
{{- fail (printf "workers.%s.autoscaling.enabled: %s is not scaled by load, set workers.%s.replicas" $role $role $role) -}}
{{- end -}}
{{- if and (has $role (list "label" "explain")) $root.Values.llm.urlKey (or $root.Values.llm.url (not $root.Values.llm.existingSecret)) -}}
{{- fail "llm.urlKey is a key of llm.existingSecret, and stands instead of llm.url: set the one secret, and no url" -}}
{{- end -}}
{{- if and (eq $role "explain") (not $root.Values.llm.url) (not $root.Values.llm.urlKey) (not $worker.settings.FUSIONLOG_LABEL__URL_FILE) -}}
{{- fail "workers.explain.enabled needs an LLM: set llm.url" -}}
{{- end -}}
{{- if and (eq $role "train") $root.Values.ray.enabled $root.Values.ray.distill.enabled -}}
{{- fail "workers.train.enabled and ray.distill.enabled both train the systems: keep one, workers.train for trainings when they are due" -}}
{{- end -}}
{{- if and (eq $role "train") (not $root.Values.ray.enabled) (not $worker.extraEnv) (not $worker.settings.FUSIONLOG_RAY_ADDRESS_FILE) -}}
{{- fail "workers.train.enabled needs a Ray: set ray.enabled, or FUSIONLOG_RAY_ADDRESS in workers.train.extraEnv" -}}
{{- end -}}
{{- if and (eq $role "notify") (not $root.Values.notifications.targets) -}}
{{- fail "workers.notify.enabled needs somebody to notify: set notifications.targets (docs/notifications.md)" -}}
{{- end -}}
{{- if and (not $root.Values.systems) (not $root.Values.existingSystemsConfigMap) -}}
{{- fail "systems is empty: describe at least one system (docs/systems-file.md), or name a ConfigMap in existingSystemsConfigMap" -}}
{{- end -}}
{{- if and $root.Values.systems $root.Values.existingSystemsConfigMap -}}
{{- fail "systems and existingSystemsConfigMap are both set: keep one" -}}
{{- end -}}
{{- end -}}

{{/* What is given in values instead of in secrets, so that a change rolls the pods: (list $ "role"). */}}
{{- define "fusionlog.givenSecrets" -}}
{{- $root := index . 0 -}}
{{- toJson (list $root.Values.kafka.auth.username $root.Values.kafka.auth.password (ternary $root.Values.llm.apiKey "" (has (index . 1) (list "label" "explain")))) -}}
{{- end -}}
