{{/* The reference of one image: (dict "root" $ "image" "gateway"). */}}
{{- define "cloche.image" -}}
{{- $image := .root.Values.image -}}
{{- with get $image.references .image -}}
{{ . }}
{{- else -}}
{{- $tag := get $image.tags .image | default $image.tag | default .root.Chart.AppVersion -}}
{{- $path := prepend (compact (list $image.registry $image.prefix)) "" | rest -}}
{{ append $path .image | join "/" }}:{{ $tag }}
{{- end -}}
{{- end }}

{{/*
When to pull it. Without a registry, a name like cloche/gateway would be looked for in whatever
registry the node takes for its default, where anybody may own it: so never.
*/}}
{{- define "cloche.pullPolicy" -}}
{{- $image := .root.Values.image -}}
{{- if $image.pullPolicy -}}
{{ $image.pullPolicy }}
{{- else if or $image.registry (get $image.references .image) -}}
IfNotPresent
{{- else -}}
Never
{{- end -}}
{{- end }}
