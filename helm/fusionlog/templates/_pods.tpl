{{/* Parts that every pod has. */}}

{{/* The pod's fields that do not depend on its work: (list $ "role"). */}}
{{- define "fusionlog.podBasics" -}}
{{- $root := index . 0 -}}
serviceAccountName: {{ include "fusionlog.serviceAccount" . }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- toYaml $root.Values.podSecurityContext | nindent 2 }}
{{- with $root.Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* A container's fields that do not depend on its work: (list $ "image"). */}}
{{- define "fusionlog.containerBasics" -}}
{{- $root := index . 0 -}}
image: {{ include "fusionlog.image" . | quote }}
imagePullPolicy: {{ $root.Values.images.pullPolicy }}
securityContext:
  {{- toYaml $root.Values.containerSecurityContext | nindent 2 }}
{{- end -}}

{{/* Where a worker may run: (list $ "role" worker). */}}
{{- define "fusionlog.placement" -}}
{{- $root := index . 0 -}}{{- $worker := index . 2 -}}
{{- with $worker.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $worker.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- with $worker.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $worker.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $worker.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $worker.topologySpread }}
topologySpreadConstraints:
  {{- range . }}
  - labelSelector:
      matchLabels:
        {{- include "fusionlog.selector" (list $root (index $ 1)) | nindent 8 }}
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* The fields of a pod beside the workers, such as the set-up's: it runs where `defaults` places workers: (list $ "component"). */}}
{{- define "fusionlog.helperBasics" -}}
{{- include "fusionlog.podBasics" . }}
{{- include "fusionlog.placement" (append . (pick (index . 0).Values.defaults "priorityClassName" "nodeSelector" "tolerations" "affinity")) }}
{{- end -}}

{{/* A probe: (list path timing). */}}
{{- define "fusionlog.probe" -}}
httpGet: {path: {{ index . 0 }}, port: metrics}
{{ toYaml (index . 1) }}
{{- end -}}

{{/* The container of a worker: (list $ "role" worker). */}}
{{- define "fusionlog.workerContainer" -}}
{{- $root := index . 0 -}}{{- $role := index . 1 -}}{{- $worker := index . 2 -}}
{{- $settings := $worker.settings -}}
{{- if eq $role "train" -}}
{{- /* The jobs that it submits get its settings. */ -}}
{{- $settings = mergeOverwrite (deepCopy $root.Values.ray.settings) $settings -}}
{{- end -}}
{{- if $worker.gpu.enabled -}}
{{- $settings = merge (dict) $settings (dict "FUSIONLOG_SCORE__PROVIDER" "cuda") -}}
{{- end -}}
- name: worker
  args: [worker, {{ $role }}]
  {{- include "fusionlog.containerBasics" (list $root (ternary "agentsGpu" "agents" $worker.gpu.enabled)) | nindent 2 }}
  ports:
    - {name: metrics, containerPort: {{ $root.Values.metrics.port }}}
  env:
    {{- include "fusionlog.env" (list $root $role $settings false) | trim | nindent 4 }}
    - {name: FUSIONLOG_METRICS_PORT, value: {{ $root.Values.metrics.port | quote }}}
    - {name: FUSIONLOG_METRICS_HOST, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
    {{- if include "fusionlog.isStateful" $role }}
    - {name: FUSIONLOG_KAFKA__GROUP_INSTANCE_ID, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    {{- end }}
    {{- with $worker.extraEnv }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  resources:
    {{- $resources := deepCopy $worker.resources }}
    {{- if $worker.gpu.enabled }}
    {{- $resources = mergeOverwrite $resources (dict "limits" (dict $worker.gpu.resourceName $worker.gpu.count)) }}
    {{- end }}
    {{- toYaml $resources | nindent 4 }}
  startupProbe:
    {{- include "fusionlog.probe" (list "/healthz" $worker.probes.startup) | nindent 4 }}
  livenessProbe:
    {{- include "fusionlog.probe" (list "/healthz" $worker.probes.liveness) | nindent 4 }}
  readinessProbe:
    {{- include "fusionlog.probe" (list "/readyz" $worker.probes.readiness) | nindent 4 }}
  volumeMounts:
    {{- include "fusionlog.mounts" (list $root $role false) | nindent 4 }}
    {{- with $worker.extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}
