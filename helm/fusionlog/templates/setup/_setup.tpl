{{/* The pod that makes the topics and publishes the base: an init container for the first, so that no shell is needed: (list $ hook). */}}
{{- define "fusionlog.setupPod" -}}
{{- $root := index . 0 -}}{{- $hook := index . 1 -}}
metadata:
  labels:
    {{- include "fusionlog.selector" (list $root "setup") | nindent 4 }}
spec:
  {{- include "fusionlog.helperBasics" (list $root "setup") | nindent 2 }}
  restartPolicy: OnFailure
  {{- if $root.Values.topics.publishBase }}
  initContainers:
    {{- include "fusionlog.setupContainer" (list $root $hook "topics" (list "topics" (ternary "create" "check" $hook))) | nindent 4 }}
  {{- end }}
  containers:
    {{- if $root.Values.topics.publishBase }}
    {{- include "fusionlog.setupContainer" (list $root $hook "base" (list "models" "publish" "--bundled")) | nindent 4 }}
    {{- else }}
    {{- include "fusionlog.setupContainer" (list $root $hook "topics" (list "topics" "create")) | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "fusionlog.volumes" (list $root "cli" $hook $root.Values.tmp.sizeLimit) | nindent 4 }}
{{- end -}}

{{/* (list $ hook "name" args). */}}
{{- define "fusionlog.setupContainer" -}}
{{- $root := index . 0 -}}{{- $hook := index . 1 -}}
- name: {{ index . 2 }}
  args: {{ toJson (index . 3) }}
  {{- include "fusionlog.containerBasics" (list $root "agents") | nindent 2 }}
  env:
    {{- include "fusionlog.env" (list $root "cli" dict $hook) | trim | nindent 4 }}
  resources:
    {{- toYaml $root.Values.topics.resources | nindent 4 }}
  volumeMounts:
    {{- include "fusionlog.mounts" (list $root "cli" $hook) | nindent 4 }}
{{- end -}}

{{/* Annotations of the hook: (list weight). */}}
{{- define "fusionlog.setupHook" -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-weight: {{ index . 0 | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}
