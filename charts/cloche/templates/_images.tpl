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
The pull policy. Without a registry it is Never, because the node would look for a name like
cloche/gateway in its default registry, where anyone may own that name.
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
