{{/* Checks that the schema cannot make: values that contradict each other or the cluster. */}}
{{- define "cloche.checks" -}}
{{- $sandbox := .Values.sandbox -}}
{{- if eq $sandbox.namespace .Release.Namespace -}}
{{- fail (printf "sandbox.namespace: %q is the release's own namespace; programs of strangers need one of their own" $sandbox.namespace) -}}
{{- end -}}
{{- if not $sandbox.create -}}
{{- with lookup "v1" "Namespace" "" $sandbox.namespace -}}
{{- if ne "restricted" (dig "labels" "pod-security.kubernetes.io/enforce" "" .metadata) -}}
{{- fail (printf "sandbox.create: the namespace %q does not enforce Pod Security restricted: kubectl label namespace %s pod-security.kubernetes.io/enforce=restricted" $sandbox.namespace $sandbox.namespace) -}}
{{- end -}}
{{- if not (dig "labels" "cloche.dev/installation" "" .metadata) -}}
{{- fail (printf "sandbox.create: the namespace %q has no label by which other installations know that an operator works there: kubectl label namespace %s cloche.dev/installation=%s" $sandbox.namespace $sandbox.namespace $.Release.Namespace) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if le (int64 $sandbox.retention.hardBytes) (int64 $sandbox.retention.bytes) -}}
{{- fail (printf "sandbox.retention.hardBytes: must be more than sandbox.retention.bytes (%d), for new executions are refused from it on" (int64 $sandbox.retention.bytes)) -}}
{{- end -}}
{{- with .Values.gateway.rateLimit -}}
{{- if gt (len (compact (list .redisUrl .redisUrlSecret.name (ternary "valkey" "" $.Values.valkey.enabled)))) 1 -}}
{{- fail "gateway.rateLimit: redisUrl, redisUrlSecret and valkey.enabled exclude one another: the gateways count in one place" -}}
{{- end -}}
{{- end -}}
{{- if gt (add (int64 .Values.sandbox.users.first) 249) (int64 .Values.sandbox.users.last) -}}
{{- fail (printf "sandbox.users: %d to %d are fewer than 250, one for each Pod" (int64 .Values.sandbox.users.first) (int64 .Values.sandbox.users.last)) -}}
{{- end -}}
{{- $known := list -}}
{{- range $path, $_ := .Files.Glob "runtimes/*.yaml" -}}
{{- $known = append $known (trimSuffix ".yaml" (base $path)) -}}
{{- end -}}
{{- range concat .Values.runtimes.disabled (keys .Values.runtimes.overrides | sortAlpha) -}}
{{- if not (has . $known) -}}
{{- fail (printf "runtimes: %q is no runtime of this chart; it has %s" . (join ", " $known)) -}}
{{- end -}}
{{- end -}}
{{- $images := list "gateway" "operator" "valkey" -}}
{{- range $known -}}
{{- $images = append $images (printf "runtime-%s" .) -}}
{{- end -}}
{{- range concat (keys .Values.image.tags) (keys .Values.image.references) | sortAlpha -}}
{{- if not (has . $images) -}}
{{- fail (printf "image: %q is no image of this chart; it has %s" . (join ", " $images)) -}}
{{- end -}}
{{- end -}}
{{- end }}
