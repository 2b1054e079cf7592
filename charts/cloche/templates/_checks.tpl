{{/* Checks that the schema cannot make: values that contradict each other or the cluster. */}}
{{- define "cloche.checks" -}}
{{- include "cloche.checks.names" . -}}
{{- include "cloche.checks.gateway" . -}}
{{- include "cloche.checks.namespace" . -}}
{{- include "cloche.checks.images" . -}}
{{- $sandbox := .Values.sandbox -}}
{{- if le (int64 $sandbox.retention.hardBytes) (int64 $sandbox.retention.bytes) -}}
{{- fail (printf "sandbox.retention.hardBytes: must be more than sandbox.retention.bytes (%d), because new executions are refused when it is reached" (int64 $sandbox.retention.bytes)) -}}
{{- end -}}
{{- if gt (add (int64 $sandbox.users.first) 249) (int64 $sandbox.users.last) -}}
{{- fail (printf "sandbox.users: %d to %d must be at least 250 IDs, one for each Pod" (int64 $sandbox.users.first) (int64 $sandbox.users.last)) -}}
{{- end -}}
{{- range tuple "system" "sandbox" -}}
{{- $class := get $.Values.priorityClasses . -}}
{{- if and $class.create (not $class.name) -}}
{{- fail (printf "priorityClasses.%s.name: must be set if priorityClasses.%s.create is true" . .) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/*
Names that values of other charts have. The schema accepts them, so that this message and not the
schema's answers them.
*/}}
{{- define "cloche.checks.names" -}}
{{- $top := dict
  "affinity" "gateway.affinity and operator.affinity"
  "autoscaling" "gateway.replicas and operator.replicas"
  "commonLabels" ""
  "extraEnv" ""
  "fullnameOverride" ""
  "imagePullSecrets" "image.pullSecrets for gateway and operator, and sandbox.imagePullSecrets for sandbox Pods"
  "ingress" "gateway.ingress"
  "nameOverride" ""
  "namespaceOverride" ""
  "nodeSelector" "gateway.nodeSelector, operator.nodeSelector and sandbox.nodeSelector"
  "podAnnotations" "gateway.podAnnotations and operator.podAnnotations"
  "podLabels" ""
  "priorityClassName" "gateway.priorityClassName, operator.priorityClassName and sandbox.priorityClassName"
  "redis" "valkey, or gateway.rateLimit.redisUrl for a Redis of your own"
  "replicaCount" "gateway.replicas and operator.replicas"
  "replicas" "gateway.replicas and operator.replicas"
  "resources" "gateway.resources, operator.resources and sandbox.requests"
  "service" "gateway.service"
  "serviceAccount" ""
  "tolerations" "gateway.tolerations, operator.tolerations and sandbox.tolerations" -}}
{{- $image := dict
  "imagePullSecrets" "image.pullSecrets"
  "repository" "image.registry and image.prefix" -}}
{{- $program := dict
  "env" ""
  "extraEnv" ""
  "extraVolumes" ""
  "image" "image.references"
  "imagePullSecrets" "image.pullSecrets"
  "podLabels" "" -}}
{{- $gateway := merge (dict "replicaCount" "gateway.replicas") $program -}}
{{- $operator := merge (dict "replicaCount" "operator.replicas") $program -}}
{{- $others := dict "" $top "image." $image "gateway." $gateway "operator." $operator -}}
{{- range $prefix := keys $others | sortAlpha -}}
{{- $given := $prefix | empty | ternary $.Values (get $.Values (trimSuffix "." $prefix)) -}}
{{- $names := get $others $prefix -}}
{{- range $name := keys $names | sortAlpha -}}
{{- if hasKey $given $name -}}
{{- with get $names $name -}}
{{- fail (printf "%s%s: this chart has no such value; use %s" $prefix $name .) -}}
{{- else -}}
{{- fail (printf "%s%s: this chart has no such value, and none that replaces it; see helm show values" $prefix $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "cloche.checks.gateway" -}}
{{- with .Values.gateway -}}
{{- if and .ingress.enabled (not .ingress.hosts) -}}
{{- fail "gateway.ingress.hosts: must contain at least one host name if gateway.ingress.enabled is true, for example --set gateway.ingress.hosts={run.example.com}" -}}
{{- end -}}
{{- if gt (len (compact (list .rateLimit.redisUrl .rateLimit.redisUrlSecret.name (ternary "valkey" "" $.Values.valkey.enabled)))) 1 -}}
{{- fail "gateway.rateLimit: only one of redisUrl, redisUrlSecret and valkey.enabled can be set, because all gateways must count in the same store" -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "cloche.checks.namespace" -}}
{{- $sandbox := .Values.sandbox -}}
{{- $label := "cloche.dev/installation" -}}
{{- if eq $sandbox.namespace .Release.Namespace -}}
{{- fail (printf "sandbox.namespace: must not be the release's namespace %q, because programs need a separate namespace" $sandbox.namespace) -}}
{{- end -}}
{{- with lookup "v1" "Namespace" "" $sandbox.namespace -}}
{{- $labels := .metadata.labels | default dict -}}
{{- $owner := get $labels $label -}}
{{- if and $owner (ne $owner $.Release.Namespace) -}}
{{- fail (printf "sandbox.namespace: %q belongs to the Cloche installation in the namespace %q; set another sandbox.namespace, or, if that installation no longer exists: kubectl label namespace %s %s=%s --overwrite" $sandbox.namespace $owner $sandbox.namespace $label $.Release.Namespace) -}}
{{- end -}}
{{- if not $sandbox.create -}}
{{- if ne "restricted" (get $labels "pod-security.kubernetes.io/enforce") -}}
{{- fail (printf "sandbox.create: the namespace %q must enforce the Pod Security Standard restricted: kubectl label namespace %s pod-security.kubernetes.io/enforce=restricted" $sandbox.namespace $sandbox.namespace) -}}
{{- end -}}
{{- if not $owner -}}
{{- fail (printf "sandbox.create: the namespace %q must have the label %s, because executions are refused in namespaces without it: kubectl label namespace %s %s=%s" $sandbox.namespace $label $sandbox.namespace $label $.Release.Namespace) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "cloche.checks.images" -}}
{{- $runtimes := list -}}
{{- range $path, $_ := .Files.Glob "runtimes/*.yaml" -}}
{{- $runtimes = append $runtimes (trimSuffix ".yaml" (base $path)) -}}
{{- end -}}
{{- $images := list "gateway" "operator" "valkey" -}}
{{- range $runtimes -}}
{{- $images = append $images (printf "runtime-%s" .) -}}
{{- end -}}
{{- $given := list
  (list "runtimes.disabled" .Values.runtimes.disabled $runtimes "a runtime")
  (list "runtimes.overrides" (keys .Values.runtimes.overrides | sortAlpha) $runtimes "a runtime")
  (list "image.tags" (keys .Values.image.tags | sortAlpha) $images "an image")
  (list "image.references" (keys .Values.image.references | sortAlpha) $images "an image") -}}
{{- range $one := $given -}}
{{- $known := index $one 2 -}}
{{- range $name := index $one 1 -}}
{{- if not (has $name $known) -}}
{{- fail (printf "%s: %q is not %s of this chart, which has %s" (index $one 0) $name (index $one 3) (join ", " $known)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}
