// What a pod's process is given: its command line and environment, with $(VAR) expanded as Kubernetes does.
// Pure.
//
// The environment, later ones over earlier ones:
//   1. of the gateway's own, what a program needs to run here at all: PATH, HOME, USER, LOGNAME, SHELL, LANG,
//   LANGUAGE,
//      LC_*, TZ, TMPDIR, LD_LIBRARY_PATH, XDG_*, CUDA_*, NVIDIA_*, the proxies (http_proxy ...) and
//      SSL_CERT_FILE/_DIR. Nothing else: what a pod sees does not depend on who started the gateway, and our
//      secrets stay ours;
//   2. the pod's identity: K_SERVICE, K_CONFIGURATION, K_REVISION and PORT (Knative's runtime contract),
//   HOSTNAME,
//      POD_NAME, POD_NAMESPACE, and POD_ORDINAL, the number at the end of the pod's name less one;
//   3. the manifest's env;  4. the image rule's env;  5. CUDA_VISIBLE_DEVICES, if GPUs are dealt out.
// $(VAR) in the manifest's env sees 2 and what stands before it in 3, its command and args see 2 to 4, as in
// Kubernetes; an image rule, which is about this machine, sees 1 too.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "pods/driver.hpp"
#include "pods/settings.hpp"

namespace pods {

using Variables = std::map<std::string, std::string>;

// "$(NAME)" becomes its value, "$$" a "$"; an unknown or unclosed reference stays as it is.
// Kubernetes: third_party/forked/golang/expansion/expand.go.
std::string expand(std::string_view text, const std::function<const std::string*(const std::string&)>& find);

// The rule for an image: the exact one, else the longest prefix that ends in '*'. Null: none.
const ImageRule* find_rule(const std::vector<ImageRule>& rules, std::string_view image);

// Of the environment `all` ("NAME=value"), what 1. above names.
Variables base_environment(const char* const* all);

// The number at the end of a pod's name less one: 0 for "x-deployment-1". 0 if there is none.
int ordinal(std::string_view pod_name);

struct CommandLine {
    std::vector<std::string> argv;  // argv[0] as it was given; not empty
    std::vector<std::string> env;   // "NAME=value", sorted
    std::string working_dir;        // empty: the gateway's own
};

// Failure: the image has no rule and the manifest no command.
std::variant<CommandLine, Failure> command_line(const PodSpec& spec, const ImageRule* rule,
                                                const Variables& base, std::uint16_t port,
                                                const std::vector<std::string>& gpus);

}  // namespace pods
