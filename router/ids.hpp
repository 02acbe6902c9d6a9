// The ids by which clients without cookies are found again on their pod: what a pod gave a client, or a
// client a pod, and what both name afterwards. "kind:value". Pure.
//   session  session_hash of Gradio             client/js, gradio/routes.py
//   event    event_id of Gradio 4 and 5         gradio/routes.py
//   client   clientId, client_id of ComfyUI     server.py
//   prompt   prompt_id of ComfyUI               server.py
//   task     id_task, "task(...)" of AUTOMATIC1111, force_task_id of its API   modules/progress.py,
//   javascript/ui.js job      id of a job of stable-diffusion.cpp   examples/server
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace router {

namespace id_kind {
inline constexpr std::string_view session = "session", event = "event", client = "client", prompt = "prompt",
                                  task = "task", job = "job";
}

inline constexpr std::size_t longest_id = 128;

// Empty if the value is none: nothing, more than 128 octets, or not printable ASCII.
std::optional<std::string> id(std::string_view kind, std::string_view value);

// Those that a request's target names, each once. `query` without its '?'.
std::vector<std::string> ids_in_target(std::string_view path, std::string_view query);

// One member of a JSON body, of a request or of a pod's answer. "id" names a job only in the answers of
// stable-diffusion.cpp, so its path decides; `data0` stands for data[0].
std::optional<std::string> id_in_member(std::string_view path, std::string_view member,
                                        std::string_view value);

// "task(0a1b...)": what the WebUI's page passes first to a function that takes the GPU.
bool is_task(std::string_view data0);

}  // namespace router
