{{/* Names and labels. Room is left for suffixes of roles, pods and jobs within Kubernetes' 63 characters. */}}

{{- define "fusionlog.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Labels that select the pods of a component: (list $ "component"). */}}
{{- define "fusionlog.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ default $root.Chart.Name $root.Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Labels of an object of a component: (list $ "component"). */}}
{{- define "fusionlog.labels" -}}
{{- $root := index . 0 -}}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "fusionlog.selector" . }}
app.kubernetes.io/part-of: fusionlog
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* metadata of an object: (list $ "component" "name" annotations). */}}
{{- define "fusionlog.metadata" -}}
{{- $root := index . 0 -}}
{{- $annotations := merge (dict) (index . 3) $root.Values.commonAnnotations -}}
name: {{ index . 2 }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- include "fusionlog.labels" (list $root (index . 1)) | nindent 2 }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* An image by its place in .Values.images: (list $ "agents"). */}}
{{- define "fusionlog.image" -}}
{{- $root := index . 0 -}}
{{- $image := index $root.Values.images (index . 1) -}}
{{- with $root.Values.images.registry }}{{ . }}/{{ end -}}
{{- $image.repository -}}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ default $root.Chart.AppVersion $image.tag }}{{ end -}}
{{- end -}}

{{/* The service account of a role: (list $ "role"). */}}
{{- define "fusionlog.serviceAccount" -}}
{{- $root := index . 0 -}}
{{- if $root.Values.serviceAccount.create -}}
{{ include "fusionlog.fullname" $root }}-{{ index . 1 }}
{{- else -}}
{{ $root.Values.serviceAccount.name }}
{{- end -}}
{{- end -}}

{{/* The values of a worker: those of its role over `defaults`, as YAML: (list $ "role"). */}}
{{- define "fusionlog.worker" -}}
{{- $root := index . 0 -}}
{{- $role := index . 1 -}}
{{- toYaml (mergeOverwrite (deepCopy $root.Values.defaults) (deepCopy (default dict (index $root.Values.workers $role)))) -}}
{{- end -}}

{{/* The roles that run, as a JSON list. */}}
{{- define "fusionlog.roles" -}}
{{- $roles := list -}}
{{- range $role, $_ := .Values.workers -}}
{{- if (include "fusionlog.worker" (list $ $role) | fromYaml).enabled -}}{{- $roles = append $roles $role -}}{{- end -}}
{{- end -}}
{{- toJson $roles -}}
{{- end -}}

{{/* Whether a role is a static member of its group: it is a StatefulSet. */}}
{{- define "fusionlog.isStateful" -}}
{{- if has . (list "ingest" "score" "label") -}}true{{- end -}}
{{- end -}}

{{/* The systems of the chart and, where it is on, the canary's, as a JSON list. */}}
{{- define "fusionlog.ingested" -}}
{{- $systems := keys (.Values.systems | default dict) | sortAlpha -}}
{{- if (include "fusionlog.worker" (list . "canary") | fromYaml).enabled -}}{{- $systems = append $systems "fusionlog-canary" -}}{{- end -}}
{{- toJson $systems -}}
{{- end -}}

{{/* The systems with `repartition: true`, as a JSON list. */}}
{{- define "fusionlog.repartitioned" -}}
{{- $systems := list -}}
{{- range $name, $system := .Values.systems -}}{{- if and $system $system.repartition -}}{{- $systems = append $systems $name -}}{{- end -}}{{- end -}}
{{- toJson $systems -}}
{{- end -}}

{{/* The name of a topic or a group from a pattern of files/: (list $ "pattern" "system"). */}}
{{- define "fusionlog.topicName" -}}
{{- $root := index . 0 -}}
{{- index . 1 | replace "{topic_prefix}" $root.Values.kafka.topicPrefix | replace "{raw_prefix}" $root.Values.kafka.rawPrefix | replace "{system}" (index . 2) -}}
{{- end -}}
