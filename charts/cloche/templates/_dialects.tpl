{{/* The dialects that are served, separated by commas. */}}
{{- define "cloche.dialects" -}}
{{- $served := list }}
{{- range $name, $dialect := .Values.gateway.dialects }}
{{- if $dialect.enabled }}{{ $served = append $served $name }}{{ end }}
{{- end }}
{{- join "," $served }}
{{- end }}

{{/* The keys of requests without a key, as DIALECT=NAME separated by commas. */}}
{{- define "cloche.keyless" -}}
{{- $pairs := list }}
{{- range $name, $dialect := .Values.gateway.dialects }}
{{- if and $dialect.enabled $dialect.keyless }}{{ $pairs = append $pairs (printf "%s=%s" $name $dialect.keyless) }}{{ end }}
{{- end }}
{{- join "," $pairs }}
{{- end }}

{{/* The path prefixes of each dialect, as YAML. Those below /api are served in any case. */}}
{{- define "cloche.dialectPaths" -}}
mcp: [/mcp]
piston: []
dify: [/v1/sandbox]
sandboxFusion: [/run_code, /v1/ping]
judge0: [/judge0, /submissions, /languages, /statuses, /about, /version, /license, /isolate, /system_info, /config_info, /statistics, /workers, /authenticate, /authorize]
jobe: [/jobe]
{{- end }}
