// What a pod's open port does not say yet. Stable Diffusion WebUI opens its port, goes on to rebuild its
// middleware and mounts its API last (webui.py, modules/api/api.py): between the two "/sdapi" is 404, and an
// HTTP request of anybody may end the process ("Cannot add middleware after an application has started"). So
// after a bare tcpSocket probe a pod is left alone for a while and then asked over HTTP whether it is there.
// Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "pods/container.hpp"
#include "pods/pod.hpp"

namespace pods {

struct SecondStage {
    std::string path;     // GET, once the silence is over, until the answer is no `is_not_mounted`
    Duration silence{0};  // from the opening of the port: not one HTTP request
    Duration window{0};   // from the opening of the port: then the pod is ready whatever it answers

    friend bool operator==(const SecondStage&, const SecondStage&) = default;
};

inline constexpr std::chrono::seconds ask_again{1};
// Mounting has been seen to take 0.5 to 3.2 s. A container whose manifest never says "--api" may never mount
// what we look for, and is waited for less long.
inline constexpr std::chrono::seconds mount_window{30};
inline constexpr std::chrono::seconds mount_window_unsaid{10};

// What one container needs. `profile` as in the annotation pilotlight.dev/profile; `own_silence` is the
// annotation pilotlight.dev/startup-silence and `usual_silence` the gateway's default for it. None:
//   with a silence of 0, and in the profile strict: the port is enough, as in Knative;
//   with a readiness probe of its own over httpGet or exec: it knows better;
//   with --nowebui: there the port opens last (modules/api/api.py `launch`).
std::optional<SecondStage> second_stage(const Container& container, std::string_view profile,
                                        std::optional<Duration> own_silence, Duration usual_silence);

// The answer of a FastAPI application without such a route. Once the API is mounted every answer has
// x-process-time (modules/api/api.py `api_middleware`).
bool is_not_mounted(unsigned status, bool has_process_time, std::string_view body);

}  // namespace pods
