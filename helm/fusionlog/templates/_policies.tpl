{{/* NetworkPolicies: nothing comes in or goes out but what is named. */}}

{{/* The spec of a component's policy: (list $ "component" ingressRules egressRules). */}}
{{- define "fusionlog.policy" -}}
{{- $root := index . 0 -}}{{- $component := index . 1 -}}
podSelector:
  matchLabels:
    {{- include "fusionlog.selector" (list $root $component) | nindent 4 }}
policyTypes: [Ingress, Egress]
{{- with index . 2 }}
ingress:
  {{- toYaml . | nindent 2 }}
{{- else }}
ingress: []
{{- end }}
egress:
  - to:
      {{- toYaml $root.Values.networkPolicy.dns.to | nindent 6 }}
    ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
  {{- if ne $component "submit" }}
  - {{- include "fusionlog.opening" (list $root.Values.networkPolicy.kafka (splitList "," (include "fusionlog.brokers" $root))) | nindent 4 }}
  {{- end }}
  {{- $urls := list -}}
  {{- if and (include "fusionlog.usesSasl" $root) (eq $root.Values.kafka.saslMechanism "OAUTHBEARER") }}{{- $urls = append $urls $root.Values.kafka.auth.oauth.url }}{{- end }}
  {{- if and (or $root.Values.llm.url $root.Values.llm.urlKey) (has $component (list "label" "explain")) }}{{- $urls = append $urls (default "https://" $root.Values.llm.url) }}{{- end }}
  {{- with $urls }}
  - {{- include "fusionlog.opening" (list $root.Values.networkPolicy.llm .) | nindent 4 }}
  {{- end }}
  {{- if eq $component "notify" }}
  {{- $targets := list -}}
  {{- range $root.Values.notifications.targets }}{{- $targets = append $targets (default "https://" .url) }}{{- end }}
  - {{- include "fusionlog.opening" (list $root.Values.networkPolicy.notifications $targets) | nindent 4 }}
  {{- end }}
  {{- with index . 3 }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* A rule of egress: its ports, or those of addresses; its peers, or any: (list opening addresses). */}}
{{- define "fusionlog.opening" -}}
{{- $opening := index . 0 -}}
{{- $ports := $opening.ports -}}
{{- range $address := index . 1 -}}
{{- if not $opening.ports -}}
{{- $host := regexReplaceAll "^[a-z]+://([^/]*@)?|/.*$" $address "" -}}
{{- $port := regexFind ":[0-9]+$" $host | trimPrefix ":" | default (ternary "80" "443" (hasPrefix "http://" $address)) -}}
{{- $ports = append $ports (int $port) | uniq -}}
{{- end -}}
{{- end -}}
ports:
  {{- range $ports }}
  - {port: {{ int . }}, protocol: TCP}
  {{- end }}
{{- with $opening.to }}
to:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Peers that are pods of this release's component: (list $ "component"). */}}
{{- define "fusionlog.peers" -}}
- podSelector:
    matchLabels:
      {{- include "fusionlog.selector" . | nindent 6 }}
{{- end -}}
