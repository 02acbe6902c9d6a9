// Fields of Kubernetes' PodSpec and Container that a Knative Service may have and that mean nothing to pods
// which are processes: taken with a warning, and known to whoever checks a manifest before it comes here.
#pragma once

#include <string_view>

namespace manifest {

inline constexpr std::string_view ignored_pod_fields[] = {"imagePullSecrets",
                                                          "serviceAccountName",
                                                          "serviceAccount",
                                                          "automountServiceAccountToken",
                                                          "securityContext",
                                                          "nodeSelector",
                                                          "nodeName",
                                                          "affinity",
                                                          "tolerations",
                                                          "hostNetwork",
                                                          "hostPID",
                                                          "hostIPC",
                                                          "hostUsers",
                                                          "shareProcessNamespace",
                                                          "dnsPolicy",
                                                          "dnsConfig",
                                                          "hostAliases",
                                                          "hostname",
                                                          "subdomain",
                                                          "setHostnameAsFQDN",
                                                          "schedulerName",
                                                          "schedulingGates",
                                                          "priorityClassName",
                                                          "priority",
                                                          "preemptionPolicy",
                                                          "runtimeClassName",
                                                          "topologySpreadConstraints",
                                                          "restartPolicy",
                                                          "activeDeadlineSeconds",
                                                          "overhead",
                                                          "os",
                                                          "readinessGates",
                                                          "resourceClaims",
                                                          "ephemeralContainers"};
inline constexpr std::string_view ignored_container_fields[] = {
    "lifecycle", "resizePolicy", "restartPolicy",          "securityContext",
    "stdin",     "stdinOnce",    "terminationMessagePath", "terminationMessagePolicy",
    "tty",       "volumeDevices"};

}  // namespace manifest
