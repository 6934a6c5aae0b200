{{/* The environment of processes, and the files of their secrets. */}}

{{- define "fusionlog.strimziNamespace" -}}
{{- default .Release.Namespace .Values.strimzi.namespace -}}
{{- end -}}

{{- define "fusionlog.brokers" -}}
{{- if .Values.kafka.bootstrapServers -}}
{{- .Values.kafka.bootstrapServers -}}
{{- else if .Values.strimzi.cluster -}}
{{- printf "%s-kafka-bootstrap.%s.svc.%s:%v" .Values.strimzi.cluster (include "fusionlog.strimziNamespace" .) .Values.clusterDomain .Values.strimzi.listener.port -}}
{{- else -}}
{{- required "kafka.bootstrapServers is empty: set it to host:port of the brokers, or strimzi.cluster to the name of Strimzi's Kafka" "" -}}
{{- end -}}
{{- end -}}

{{- define "fusionlog.usesSasl" -}}
{{- if hasPrefix "SASL_" .Values.kafka.securityProtocol -}}true{{- end -}}
{{- end -}}

{{- define "fusionlog.usesTls" -}}
{{- if hasSuffix "SSL" .Values.kafka.securityProtocol -}}true{{- end -}}
{{- end -}}

{{/* The name of the chart's secret; hooks before the install have one of their own: (list $ hook). */}}
{{- define "fusionlog.ownSecret" -}}
{{ include "fusionlog.fullname" (index . 0) }}-{{ ternary "setup" "secrets" (index . 1) }}
{{- end -}}

{{/* The role whose login a process has: Ray's nodes, and who submits jobs to them, have that of Ray's jobs. */}}
{{- define "fusionlog.loginRole" -}}
{{- ternary "ray" . (has . (list "rayworker" "submit")) -}}
{{- end -}}

{{/* The KafkaUser of a role: (list $ "role"). */}}
{{- define "fusionlog.kafkaUser" -}}
{{ include "fusionlog.fullname" (index . 0) }}-{{ include "fusionlog.loginRole" (index . 1) }}
{{- end -}}

{{/* The secret of a role's login: (list $ "role" hook). */}}
{{- define "fusionlog.loginSecret" -}}
{{- $root := index . 0 -}}
{{- $auth := $root.Values.kafka.auth -}}
{{- $own := index $auth.existingSecrets (include "fusionlog.loginRole" (index . 1)) -}}
{{- if $own -}}{{ $own }}
{{- else if $auth.existingSecret -}}{{ $auth.existingSecret }}
{{- else if $root.Values.strimzi.users.enabled -}}{{ include "fusionlog.kafkaUser" (list $root (index . 1)) }}
{{- else if $auth.username -}}{{ include "fusionlog.ownSecret" (list $root (index . 2)) }}
{{- else -}}
{{- fail (printf "kafka.securityProtocol %s needs a login for %s: set kafka.auth.existingSecret, kafka.auth.existingSecrets.%s, or kafka.auth.username and password, or kafka.securityProtocol=PLAINTEXT" $root.Values.kafka.securityProtocol (index . 1) (index . 1)) -}}
{{- end -}}
{{- end -}}

{{/* Whether a role's login is that of a KafkaUser of the chart: (list $ "role"). */}}
{{- define "fusionlog.hasKafkaUser" -}}
{{- $root := index . 0 -}}
{{- $auth := $root.Values.kafka.auth -}}
{{- if and $root.Values.strimzi.users.enabled (not $auth.existingSecret) (not (index $auth.existingSecrets (include "fusionlog.loginRole" (index . 1)))) -}}true{{- end -}}
{{- end -}}

{{/* The secret of a role's client certificate; empty: it has none: (list $ "role"). */}}
{{- define "fusionlog.certificateSecret" -}}
{{- $root := index . 0 -}}
{{- $tls := $root.Values.kafka.tls -}}
{{- if include "fusionlog.usesTls" $root -}}
{{- $own := default $tls.clientSecret (index $tls.clientSecrets (include "fusionlog.loginRole" (index . 1))) -}}
{{- if $own -}}{{ $own }}
{{- else if and $root.Values.strimzi.users.enabled (eq $root.Values.strimzi.users.authentication "tls") -}}{{ include "fusionlog.kafkaUser" (list $root (index . 1)) }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "fusionlog.authoritySecret" -}}
{{- if include "fusionlog.usesTls" . -}}
{{- if .Values.kafka.tls.caSecret -}}{{ .Values.kafka.tls.caSecret }}
{{- else if .Values.strimzi.cluster -}}{{ .Values.strimzi.cluster }}-cluster-ca-cert
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The signer that a role is; empty: it signs nothing. The set-up publishes the base with the trainer's key. */}}
{{- define "fusionlog.signer" -}}
{{- get (dict "label" "label" "score" "score" "ray" "trainer" "cli" "trainer") . -}}
{{- end -}}

{{- define "fusionlog.publicKeys" -}}
{{- $root := index . 0 -}}
{{- if $root.Values.signing.publicKeysConfigMap -}}{{ $root.Values.signing.publicKeysConfigMap }}
{{- else if $root.Values.signing.generate -}}{{ include "fusionlog.fullname" $root }}-public-keys
{{- else if $root.Values.signing.publicKeys -}}{{ include "fusionlog.fullname" $root }}-{{ ternary "setup" "systems" (index . 1) }}
{{- else -}}{{ fail "signing.enabled needs the public keys: set signing.generate, signing.publicKeysConfigMap, or signing.publicKeys by --set-file" }}
{{- end -}}
{{- end -}}

{{/* The secret of a signer's private key: (list $ "signer"). */}}
{{- define "fusionlog.keySecret" -}}
{{- $root := index . 0 -}}{{- $signer := index . 1 -}}
{{- $given := index $root.Values.signing.existingSecrets $signer -}}
{{- if $given -}}{{ $given }}
{{- else if $root.Values.signing.generate -}}{{ include "fusionlog.fullname" $root }}-key-{{ $signer }}
{{- else -}}
{{- fail (printf "signing.existingSecrets.%s is empty: name the secret of the private key of signer %s, or set signing.generate" $signer $signer) -}}
{{- end -}}
{{- end -}}

{{- define "fusionlog.systemsConfigMap" -}}
{{- $root := index . 0 -}}
{{- if $root.Values.existingSystemsConfigMap -}}{{ $root.Values.existingSystemsConfigMap }}
{{- else -}}{{ include "fusionlog.fullname" $root }}-{{ ternary "setup" "systems" (index . 1) }}
{{- end -}}
{{- end -}}

{{/* Sources of a role's secrets, each a file that is named as its setting, as a JSON list: (list $ "role" hook). */}}
{{- define "fusionlog.secretSources" -}}
{{- $root := index . 0 -}}{{- $role := index . 1 -}}{{- $hook := index . 2 -}}
{{- $auth := $root.Values.kafka.auth -}}
{{- $sources := list -}}
{{- if and (include "fusionlog.usesSasl" $root) (ne $role "submit") -}}
{{- $items := list (dict "key" $auth.usernameKey "path" "kafka__sasl_username") (dict "key" $auth.passwordKey "path" "kafka__sasl_password") -}}
{{- if eq $root.Values.kafka.saslMechanism "OAUTHBEARER" -}}
{{- $items = list (dict "key" $auth.oauth.clientIdKey "path" "kafka__oauth_client_id") (dict "key" $auth.oauth.clientSecretKey "path" "kafka__oauth_client_secret") -}}
{{- else if include "fusionlog.hasKafkaUser" (list $root $role) -}}
{{- $items = list (dict "key" "password" "path" "kafka__sasl_password") -}}
{{- end -}}
{{- $sources = append $sources (dict "secret" (dict "name" (include "fusionlog.loginSecret" (list $root $role $hook)) "items" $items)) -}}
{{- end -}}
{{- $certificate := include "fusionlog.certificateSecret" (list $root $role) -}}
{{- if and $certificate $root.Values.kafka.tls.keyPasswordKey -}}
{{- $sources = append $sources (dict "secret" (dict "name" $certificate "items" (list (dict "key" $root.Values.kafka.tls.keyPasswordKey "path" "kafka__ssl_key_password")))) -}}
{{- end -}}
{{- if and (has $role (list "label" "explain")) (or $root.Values.llm.existingSecret $root.Values.llm.apiKey) -}}
{{- $name := default (include "fusionlog.ownSecret" (list $root false)) $root.Values.llm.existingSecret -}}
{{- $sources = append $sources (dict "secret" (dict "name" $name "items" (list (dict "key" $root.Values.llm.apiKeyKey "path" "label__api_key")))) -}}
{{- with $root.Values.llm.urlKey -}}
{{- $sources = append $sources (dict "secret" (dict "name" $name "items" (list (dict "key" . "path" "label__url")))) -}}
{{- end -}}
{{- end -}}
{{- if has $role (keys $root.Values.workers) -}}
{{- $sources = append $sources (dict "secret" (dict "name" (include "fusionlog.metricsSecret" $root) "items" (list (dict "key" $root.Values.metrics.tokenKey "path" "metrics__token")))) -}}
{{- end -}}
{{- if and (has $role (list "submit" "train")) $root.Values.ray.enabled $root.Values.ray.auth.enabled -}}
{{- $sources = append $sources (dict "secret" (dict "name" (default (include "fusionlog.rayCluster" $root) $root.Values.ray.auth.existingSecret) "items" (list (dict "key" "auth_token" "path" "ray_token")))) -}}
{{- end -}}
{{- toJson $sources -}}
{{- end -}}

{{- define "fusionlog.metricsSecret" -}}
{{- default (include "fusionlog.ownSecret" (list . false)) .Values.metrics.existingSecret -}}
{{- end -}}

{{- define "fusionlog.rayCluster" -}}
{{ include "fusionlog.fullname" . }}-ray
{{- end -}}

{{/* Settings by their variables, as YAML: (list $ "role" roleSettings hook). */}}
{{- define "fusionlog.variables" -}}
{{- $root := index . 0 -}}{{- $role := index . 1 -}}{{- $hook := index . 3 -}}
{{- $kafka := $root.Values.kafka -}}
{{- $found := dict
  "FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS" (include "fusionlog.brokers" $root)
  "FUSIONLOG_KAFKA__SECURITY_PROTOCOL" $kafka.securityProtocol
  "FUSIONLOG_KAFKA__PARTITIONS" $kafka.partitions
  "FUSIONLOG_KAFKA__REPLICATION_FACTOR" $kafka.replicationFactor
  "FUSIONLOG_TOPIC_PREFIX" $kafka.topicPrefix
  "FUSIONLOG_RAW_PREFIX" $kafka.rawPrefix
  "FUSIONLOG_SYSTEMS_FILE" "/etc/fusionlog/systems.yaml"
  "FUSIONLOG_LOG_LEVEL" $root.Values.logging.level
  "FUSIONLOG_LOG_FORMAT" $root.Values.logging.format
-}}
{{- if include "fusionlog.usesSasl" $root -}}
{{- $_ := set $found "FUSIONLOG_KAFKA__SASL_MECHANISM" $kafka.saslMechanism -}}
{{- if eq $kafka.saslMechanism "OAUTHBEARER" -}}
{{- $_ := set $found "FUSIONLOG_KAFKA__OAUTH_URL" (required "kafka.auth.oauth.url is empty: OAUTHBEARER needs a token endpoint" $kafka.auth.oauth.url) -}}
{{- with $kafka.auth.oauth.scope -}}{{- $_ := set $found "FUSIONLOG_KAFKA__OAUTH_SCOPE" . -}}{{- end -}}
{{- else if include "fusionlog.hasKafkaUser" (list $root $role) -}}
{{- $_ := set $found "FUSIONLOG_KAFKA__SASL_USERNAME" (include "fusionlog.kafkaUser" (list $root $role)) -}}
{{- end -}}
{{- end -}}
{{- if include "fusionlog.authoritySecret" $root -}}
{{- $_ := set $found "FUSIONLOG_KAFKA__SSL_CAFILE" "/run/secrets/fusionlog-tls/ca.crt" -}}
{{- end -}}
{{- if include "fusionlog.certificateSecret" (list $root $role) -}}
{{- $_ := set $found "FUSIONLOG_KAFKA__SSL_CERTFILE" "/run/secrets/fusionlog-tls/tls.crt" -}}
{{- $_ := set $found "FUSIONLOG_KAFKA__SSL_KEYFILE" "/run/secrets/fusionlog-tls/tls.key" -}}
{{- end -}}
{{- if include "fusionlog.secretSources" (list $root $role $hook) | fromJsonArray -}}
{{- $_ := set $found "FUSIONLOG_SECRETS_DIR" "/run/secrets/fusionlog" -}}
{{- end -}}
{{- if $root.Values.signing.enabled -}}
{{- $_ := set $found "FUSIONLOG_SIGNING__PUBLIC_KEYS" "/etc/fusionlog/keys/public-keys.json" -}}
{{- if include "fusionlog.signer" $role -}}
{{- $_ := set $found "FUSIONLOG_SIGNING__KEY_FILE" "/run/secrets/fusionlog-signing/key.pem" -}}
{{- end -}}
{{- end -}}
{{- if has $role (list "label" "explain") -}}
{{- with $root.Values.llm.url -}}{{- $_ := set $found "FUSIONLOG_LABEL__URL" . -}}{{- end -}}
{{- $_ := set $found "FUSIONLOG_LABEL__MODEL" $root.Values.llm.model -}}
{{- end -}}
{{- if eq $role "notify" -}}
{{- $_ := set $found "FUSIONLOG_NOTIFICATIONS_FILE" "/etc/fusionlog/notifications.yaml" -}}
{{- end -}}
{{- if and (has $role (list "ingest" "canary" "cli")) (include "fusionlog.worker" (list $root "canary") | fromYaml).enabled -}}
{{- $_ := set $found "FUSIONLOG_CANARY__SECONDS" 60 -}}
{{- end -}}
{{- if and (has $role (list "submit" "train")) $root.Values.ray.enabled -}}
{{- $_ := set $found "FUSIONLOG_RAY_ADDRESS" (printf "http://%s-head-svc.%s.svc.%s:8265" (include "fusionlog.rayCluster" $root) $root.Release.Namespace $root.Values.clusterDomain) -}}
{{- end -}}
{{- toYaml (mergeOverwrite $found $root.Values.settings (index . 2)) -}}
{{- end -}}

{{/* The items of a container's env from these: (list $ "role" roleSettings hook). */}}
{{- define "fusionlog.env" -}}
{{- range $name, $value := include "fusionlog.variables" . | fromYaml }}
- name: {{ $name }}
  value: {{ if kindIs "string" $value }}{{ $value | quote }}{{ else if kindIs "float64" $value }}{{ ternary (printf "%d" (int64 $value)) (toString $value) (eq (float64 (int64 $value)) $value) | quote }}{{ else if kindIs "slice" $value }}{{ toJson $value | quote }}{{ else }}{{ toString $value | quote }}{{ end }}
{{- end }}
{{- end -}}

{{/* The volumes of a role: (list $ "role" hook tmpSize). */}}
{{- define "fusionlog.volumes" -}}
{{- $root := index . 0 -}}{{- $role := index . 1 -}}{{- $hook := index . 2 -}}
- name: tmp
  emptyDir: {sizeLimit: {{ index . 3 }}}
- name: systems
  configMap:
    name: {{ include "fusionlog.systemsConfigMap" (list $root $hook) }}
    items: [{key: systems.yaml, path: systems.yaml}]
{{- if eq $role "notify" }}
- name: notifications
  configMap:
    name: {{ include "fusionlog.fullname" $root }}-notifications
    items: [{key: notifications.yaml, path: notifications.yaml}]
{{- with $root.Values.notifications.existingSecret }}
- name: targets
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- end }}
{{- with include "fusionlog.secretSources" (list $root $role $hook) | fromJsonArray }}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- toYaml . | nindent 6 }}
{{- end }}
{{- $authority := include "fusionlog.authoritySecret" $root -}}
{{- $certificate := include "fusionlog.certificateSecret" (list $root $role) -}}
{{- if or $authority $certificate }}
- name: tls
  projected:
    defaultMode: 0440
    sources:
      {{- with $authority }}
      - secret: {name: {{ . }}, items: [{key: {{ $root.Values.kafka.tls.caKey }}, path: ca.crt}]}
      {{- end }}
      {{- with $certificate }}
      {{- $isUser := eq . (include "fusionlog.kafkaUser" (list $root $role)) }}
      - secret:
          name: {{ . }}
          items:
            - {key: {{ ternary "user.crt" $root.Values.kafka.tls.certKey $isUser }}, path: tls.crt}
            - {key: {{ ternary "user.key" $root.Values.kafka.tls.keyKey $isUser }}, path: tls.key}
      {{- end }}
{{- end }}
{{- if $root.Values.signing.enabled }}
- name: public-keys
  configMap:
    name: {{ include "fusionlog.publicKeys" (list $root $hook) }}
    items: [{key: {{ $root.Values.signing.publicKeysKey }}, path: public-keys.json}]
{{- with include "fusionlog.signer" $role }}
- name: signing
  secret:
    secretName: {{ include "fusionlog.keySecret" (list $root .) }}
    defaultMode: 0440
    items: [{key: {{ $root.Values.signing.privateKeyKey }}, path: key.pem}]
{{- end }}
{{- end }}
{{- end -}}

{{/* The mounts of these volumes: (list $ "role" hook). */}}
{{- define "fusionlog.mounts" -}}
{{- $root := index . 0 -}}{{- $role := index . 1 -}}
- {name: tmp, mountPath: /tmp}
- {name: systems, mountPath: /etc/fusionlog/systems.yaml, subPath: systems.yaml, readOnly: true}
{{- if eq $role "notify" }}
- {name: notifications, mountPath: /etc/fusionlog/notifications.yaml, subPath: notifications.yaml, readOnly: true}
{{- if $root.Values.notifications.existingSecret }}
- {name: targets, mountPath: /run/secrets/notifications, readOnly: true}
{{- end }}
{{- end }}
{{- if include "fusionlog.secretSources" (list $root $role (index . 2)) | fromJsonArray }}
- {name: secrets, mountPath: /run/secrets/fusionlog, readOnly: true}
{{- end }}
{{- if or (include "fusionlog.authoritySecret" $root) (include "fusionlog.certificateSecret" (list $root $role)) }}
- {name: tls, mountPath: /run/secrets/fusionlog-tls, readOnly: true}
{{- end }}
{{- if $root.Values.signing.enabled }}
- {name: public-keys, mountPath: /etc/fusionlog/keys, readOnly: true}
{{- if include "fusionlog.signer" $role }}
- {name: signing, mountPath: /run/secrets/fusionlog-signing, readOnly: true}
{{- end }}
{{- end }}
{{- end -}}

{{/* The data of the ConfigMap of systems and public keys. */}}
{{- define "fusionlog.systemsData" -}}
{{- if .Values.systems -}}
systems.yaml: {{ toYaml .Values.systems | quote }}
{{- end }}
{{- if and .Values.signing.enabled .Values.signing.publicKeys }}
{{ .Values.signing.publicKeysKey }}: {{ .Values.signing.publicKeys | quote }}
{{- end -}}
{{- end -}}
