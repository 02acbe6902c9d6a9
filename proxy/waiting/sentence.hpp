// What whoever waits is told, in words. Pure.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "pods/pod.hpp"
#include "router/place.hpp"

namespace proxy {

// "Waiting for a pod (2 ahead, about 40 s)"; one line, because A1111's progress bar shows no other
// (javascript/progressbar.js).
std::string sentence(const router::Place&);
std::string sentence(const router::Overview&);

// What the pod that starts is doing: "Loading models and web UI"; empty: nothing to say.
std::string_view activity(const router::Overview&);

// No pod is ready and the last start failed.
bool failing(const router::Overview&);

// As people say it: "about 3 min" is more honest than "173 s". "40 s", "3 min", "1 h 10 min".
std::string roughly(pods::Duration);

// Rounded up: nobody waits 0 s.
std::chrono::seconds whole_seconds(pods::Duration);

}  // namespace proxy
