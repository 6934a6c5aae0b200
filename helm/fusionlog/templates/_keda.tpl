{{/* What KEDA reads: (list $ "role" autoscaling). */}}
{{- define "fusionlog.trigger" -}}
{{- $root := index . 0 -}}{{- $role := index . 1 -}}{{- $scaling := index . 2 -}}
{{- if eq $role "score" -}}
- type: kafka
  metricType: AverageValue
  metadata:
    bootstrapServers: {{ include "fusionlog.brokers" $root | quote }}
    consumerGroup: {{ printf "%sscore" $root.Values.kafka.topicPrefix | quote }}
    topic: {{ printf "%swindows.general" $root.Values.kafka.topicPrefix | quote }}
    lagThreshold: {{ $scaling.waitingPerReplica | int64 | quote }}
    offsetResetPolicy: earliest
    {{- with include "fusionlog.kedaLogin" $root }}
    sasl: {{ . }}
    {{- end }}
    tls: {{ ternary "enable" "disable" (not (empty (include "fusionlog.usesTls" $root))) }}
  {{- if include "fusionlog.kedaSecrets" (list $root "score") | fromJsonArray }}
  authenticationRef: {name: {{ include "fusionlog.fullname" $root }}-{{ $role }}}
  {{- end }}
{{- else -}}
- type: prometheus
  metricType: AverageValue
  metadata:
    serverAddress: {{ required (printf "workers.%s.autoscaling with KEDA needs monitoring.prometheusUrl: committed offsets do not show what waits for %s" $role $role) $root.Values.monitoring.prometheusUrl | quote }}
    query: {{ include "fusionlog.waiting" (list $root $role) | quote }}
    threshold: {{ $scaling.waitingPerReplica | int64 | quote }}
    # No series is no worker that reports: an error, so that the fallback holds, and not a load of 0.
    ignoreNullValues: "false"
{{- end -}}
{{- end -}}

{{/* What waits for ingest (unread records: open sessions hold commits back, so these never fall) or label (window shapes). */}}
{{- define "fusionlog.waiting" -}}
{{- $root := index . 0 -}}
{{- $pods := printf "namespace=%q,pod=~%q" $root.Release.Namespace (printf "%s-%s-.*" (include "fusionlog.fullname" $root) (index . 1)) -}}
{{- if eq (index . 1) "ingest" -}}
{{- $topics := printf "(%s|%skeyed[.]).*" ($root.Values.kafka.rawPrefix | replace "." "[.]") ($root.Values.kafka.topicPrefix | replace "." "[.]") -}}
sum(max by (topic, partition) (fusionlog_lag_records{ {{- $pods }},topic=~{{ $topics | quote }}}))
{{- else -}}
sum(fusionlog_labels_waiting{ {{- $pods }}})
{{- end -}}
{{- end -}}

{{- define "fusionlog.kedaLogin" -}}
{{- if include "fusionlog.usesSasl" . -}}
{{- get (dict "PLAIN" "plaintext" "SCRAM-SHA-256" "scram_sha256" "SCRAM-SHA-512" "scram_sha512" "OAUTHBEARER" "oauthbearer") .Values.kafka.saslMechanism -}}
{{- end -}}
{{- end -}}

{{/* Secrets that KEDA reads for a role's login, as a JSON list: (list $ "role"). */}}
{{- define "fusionlog.kedaSecrets" -}}
{{- $root := index . 0 -}}
{{- $kafka := $root.Values.kafka -}}
{{- $found := list -}}
{{- if include "fusionlog.usesSasl" $root -}}
{{- $secret := include "fusionlog.loginSecret" (list $root (index . 1) false) -}}
{{- if eq $kafka.saslMechanism "OAUTHBEARER" -}}
{{- $found = append $found (dict "parameter" "username" "name" $secret "key" $kafka.auth.oauth.clientIdKey) -}}
{{- $found = append $found (dict "parameter" "password" "name" $secret "key" $kafka.auth.oauth.clientSecretKey) -}}
{{- else -}}
{{- $isUser := include "fusionlog.hasKafkaUser" . -}}
{{- if not $isUser -}}{{- $found = append $found (dict "parameter" "username" "name" $secret "key" $kafka.auth.usernameKey) -}}{{- end -}}
{{- $found = append $found (dict "parameter" "password" "name" $secret "key" (ternary "password" $kafka.auth.passwordKey (not (empty $isUser)))) -}}
{{- end -}}
{{- end -}}
{{- with include "fusionlog.authoritySecret" $root -}}
{{- $found = append $found (dict "parameter" "ca" "name" . "key" $kafka.tls.caKey) -}}
{{- end -}}
{{- with include "fusionlog.certificateSecret" (list $root (index . 1)) -}}
{{- $isUser := eq . (include "fusionlog.kafkaUser" (list $root "score")) -}}
{{- $found = append $found (dict "parameter" "cert" "name" . "key" (ternary "user.crt" $kafka.tls.certKey $isUser)) -}}
{{- $found = append $found (dict "parameter" "key" "name" . "key" (ternary "user.key" $kafka.tls.keyKey $isUser)) -}}
{{- if $kafka.tls.keyPasswordKey -}}{{- $found = append $found (dict "parameter" "keyPassword" "name" . "key" $kafka.tls.keyPasswordKey) -}}{{- end -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{/* The TriggerAuthentication of a role: (list $ "role"). */}}
{{- define "fusionlog.triggerAuthentication" -}}
{{- $root := index . 0 -}}{{- $role := index . 1 -}}
{{- with include "fusionlog.kedaSecrets" . | fromJsonArray }}
---
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata:
  {{- include "fusionlog.metadata" (list $root $role (printf "%s-%s" (include "fusionlog.fullname" $root) $role) dict) | nindent 2 }}
spec:
  {{- if and (include "fusionlog.usesSasl" $root) (include "fusionlog.hasKafkaUser" (list $root $role)) (ne $root.Values.kafka.saslMechanism "OAUTHBEARER") }}
  {{- /* Strimzi's secret has no user name: it is that of the worker's environment. */}}
  env: [{parameter: username, name: FUSIONLOG_KAFKA__SASL_USERNAME, containerName: worker}]
  {{- end }}
  secretTargetRef:
    {{- toYaml . | nindent 4 }}
{{- end }}
{{- end -}}
