{{/* Names and labels. Objects have fixed names, so a namespace holds one installation. */}}

{{- define "cloche.selector" -}}
app.kubernetes.io/name: cloche
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "cloche.labels" -}}
{{ include "cloche.selector" . }}
app.kubernetes.io/part-of: cloche
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | quote }}
{{- end }}

{{/* The names of cluster-scoped objects contain the release's namespace, so that two releases do not collide. */}}
{{- define "cloche.clusterName" -}}
{{ .name }}.{{ .root.Release.Namespace }}
{{- end }}
