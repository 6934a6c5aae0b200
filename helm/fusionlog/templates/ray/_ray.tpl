{{/* The pod template of a node of Ray: (list $ "role" resources tmpSize placement), placement with nodeSelector and tolerations. */}}
{{- define "fusionlog.rayPod" -}}
{{- $root := index . 0 -}}{{- $role := index . 1 -}}{{- $head := eq $role "ray" -}}{{- $placement := index . 4 -}}
metadata:
  labels:
    {{- include "fusionlog.selector" (list $root "ray") | nindent 4 }}
  annotations:
    checksum/systems: {{ toYaml $root.Values.systems | sha256sum }}
spec:
  {{- $basics := include "fusionlog.podBasics" (list $root "ray") | fromYaml }}
  {{- if and $head $root.Values.ray.autoscaler.enabled }}
  {{- /* The autoscaler beside the head is a client of the API server; KubeRay binds the account to the role that it needs. */}}
  {{- $_ := set $basics "automountServiceAccountToken" true }}
  {{- end }}
  {{- toYaml $basics | nindent 2 }}
  {{- with $placement.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $placement.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ ternary "ray-head" "ray-worker" $head }}
      {{- include "fusionlog.containerBasics" (list $root "ray") | nindent 6 }}
      {{- if $head }}
      ports:
        - {name: gcs-server, containerPort: 6379}
        - {name: dashboard, containerPort: 8265}
        - {name: client, containerPort: 10001}
      {{- end }}
      env:
        {{- include "fusionlog.env" (list $root $role $root.Values.ray.settings false) | trim | nindent 8 }}
        - {name: RAY_USAGE_STATS_ENABLED, value: "0"}
        - {name: HOME, value: /tmp}
      resources:
        {{- toYaml (index . 2) | nindent 8 }}
      volumeMounts:
        {{- include "fusionlog.mounts" (list $root $role false) | nindent 8 }}
        {{- with $root.Values.ray.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    {{- include "fusionlog.volumes" (list $root $role false (index . 3)) | nindent 4 }}
    {{- with $root.Values.ray.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* The number of a group's workers, as JSON, with the live group's other fields: (list $ group). Ray's autoscaler changes the number,
and owns the list of groups from then on: an upgrade that wrote the values' number would end workers in the middle of a job, and one that
left out the server's defaults would be refused as a conflict. */}}
{{- define "fusionlog.rayReplicas" -}}
{{- $root := index . 0 -}}{{- $group := index . 1 -}}
{{- $found := dict "replicas" $group.replicas -}}
{{- if $root.Values.ray.autoscaler.enabled -}}
{{- $cluster := lookup "ray.io/v1" "RayCluster" $root.Release.Namespace (include "fusionlog.rayCluster" $root) -}}
{{- range $live := dig "spec" "workerGroupSpecs" list $cluster -}}
{{- if eq $live.groupName $group.name -}}
{{- $replicas := max $group.minReplicas (min $group.maxReplicas ($live.replicas | default 0)) -}}
{{- $found = merge (dict "replicas" $replicas) (omit $live "groupName" "replicas" "minReplicas" "maxReplicas" "rayStartParams" "template") -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{/* Options of a job from its values, as a JSON list: (list sources data). */}}
{{- define "fusionlog.jobOptions" -}}
{{- $words := list -}}
{{- with index . 1 -}}{{- $words = concat $words (list "--data" .) -}}{{- end -}}
{{- range index . 0 -}}{{- $words = concat $words (list "--source" .) -}}{{- end -}}
{{- toJson $words -}}
{{- end -}}
