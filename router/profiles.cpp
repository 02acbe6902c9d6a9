// The built-in rules, in the words in which users write theirs.
#include <array>
#include <span>
#include <utility>

#include "router/rules.hpp"

namespace router {
namespace {

using Lines = std::span<const std::string_view>;

constexpr std::string_view webui_lines[]{
    "# AUTOMATIC1111, Forge, SD.Next: modules/api/api.py, modules/progress.py; what takes the queue lock is "
    "G",
    "POST /sdapi/v1/(server-kill|server-restart|server-stop|shutdown) D",
    "POST /sdapi/v1/(txt2img|img2img) G peek",
    "POST /sdapi/v1/(extra-single-image|extra-batch-images|control|interrogate|vqa|preprocess|mask|detect) G",
    "POST /sdapi/v1/(refresh-*|unload-checkpoint|reload-checkpoint|options|create/**|train/**) G",
    "POST /sdapi/v1/(interrupt|skip|stop-generating) L towards owner",
    "GET /sdapi/v1/progress L towards busy",
    "GET|POST /sdapi/v1/** L",
    "POST /internal/progress L towards busy peek",
    "GET|POST /internal/** L",
    "POST /controlnet/(detect|txt2img|img2img) G",
    "# stable-diffusion.cpp: examples/server",
    "POST /v1/images/(generations|edits) G",
    "POST /sdcpp/v1/(img_gen|vid_gen) J until sdcpp-job",
    "POST /sdcpp/v1/jobs/*/cancel L towards owner",
    "GET /sdcpp/v1/** L",
};

// The page of the WebUIs passes "task(...)" as the first argument of what takes the GPU
// (modules/call_queue.py wrap_gradio_gpu_call); everything else of it is light.
constexpr std::string_view webui_socket_lines[]{
    "# Gradio 3 behind a Stable Diffusion WebUI: gradio/routes.py, gradio/queueing.py",
    "WS (/gradio_api)?/queue/join W if task",
};
constexpr std::string_view webui_event_lines[]{
    "# Gradio 4 behind Forge: every event of the page comes this way, Interrupt too",
    "POST (/gradio_api)?/queue/join J until gradio-queue if task",
};
constexpr std::string_view webui_call_lines[]{
    "# Gradio without its queue: an app that was mounted posts to itself with a token while it works",
    "POST (/gradio_api)?/api/* L if bearer",
    "POST (/gradio_api)?/(run|api)/* G if task",
};

constexpr std::string_view gradio_socket_lines[]{
    "# Gradio 3: gradio/routes.py, gradio/queueing.py",
    "WS (/gradio_api)?/queue/join W",
};
constexpr std::string_view gradio_event_lines[]{
    "# Gradio 4 and 5: the queue",
    "POST (/gradio_api)?/queue/join J until gradio-queue peek",
};
constexpr std::string_view gradio_call_lines[]{
    "# Gradio without its queue: an app that was mounted posts to itself with a token while it works",
    "POST (/gradio_api)?/api/* L if bearer",
    "POST (/gradio_api)?/(run|api)/* G peek",
};

constexpr std::string_view gradio_lines[]{
    "# Gradio: what goes with its queue, and files",
    "POST (/gradio_api)?/call/* J until gradio-call peek",
    "GET (/gradio_api)?/(queue/data|call/*/*|heartbeat/*|upload_progress|dev/reload|stream/**) S",
    "POST (/gradio_api)?/cancel L towards owner peek",
    "POST (/gradio_api)?/reset L peek",
    "POST (/gradio_api)?/component_server L peek",
    "POST (/gradio_api)?/(upload|login) L",
    "GET (/gradio_api)?/(file=**|file/**) L towards seek",
};

constexpr std::string_view comfy_lines[]{
    "# ComfyUI: server.py; ComfyUI-Manager; both also behind /api",
    "GET|POST (/api)?(/v2)?/manager/reboot D",
    "POST (/api)?(/v2)?/customnode/** D",
    "POST (/api)?/prompt J until comfy-prompt peek",
    "WS (/api)?/ws S",
    "POST (/api)?/(interrupt|queue) L towards owner peek",
    "POST (/api)?/jobs/*/cancel L towards owner",
    "GET (/api)?/(view|history/**) L towards seek",
    "GET (/api)?/queue L towards busy",
    "GET|POST|PUT|DELETE (/api)?/(queue|history|view|upload)/** L",
    "GET|POST|PUT|DELETE (/api)?/(object_info|system_stats|free|embeddings|models|jobs)/** L",
    "GET|POST|PUT|DELETE (/api)?/(userdata|settings|extensions)/** L",
};

constexpr std::string_view invoke_lines[]{
    "# InvokeAI: invokeai/app/api/routers; only its queue takes the GPU",
    "POST /api/v1/queue/*/enqueue_batch J until invoke-batch",
    "PUT /api/v1/queue/** L towards owner",
    "* /ws/socket.io S",
    "GET|POST|PUT|PATCH|DELETE /api/(v1|v2)/** L",
};

constexpr std::string_view common_lines[]{
    "# Everything else", "GET (/gradio_api)?/config N", "GET (/|/docs) N", "GET /** S if sse",
    "GET /** N if html", "GET|OPTIONS /** L",           "WS /** S",        "* /** G",
};

constexpr std::string_view strict_lines[]{
    "# Plain Knative: everything takes a slot, a WebSocket as long as it is open",
    "* /** G",
};

// What is looked at in this order. Gradio's /api/* would take ComfyUI's /api/prompt, so it comes last.
constexpr Lines stable_diffusion[]{webui_lines,      webui_socket_lines, webui_event_lines,
                                   webui_call_lines, gradio_lines,       common_lines};
constexpr Lines gradio[]{gradio_socket_lines, gradio_event_lines, gradio_call_lines, gradio_lines,
                         common_lines};
constexpr Lines comfyui[]{comfy_lines, common_lines};
constexpr Lines strict[]{strict_lines};
constexpr Lines automatic[]{webui_lines, webui_socket_lines, gradio_event_lines, gradio_lines,
                            comfy_lines, invoke_lines,       webui_call_lines,   common_lines};

std::span<const Lines> parts_of(Profile profile) {
    switch (profile) {
        case Profile::automatic:
            return automatic;
        case Profile::stable_diffusion:
            return stable_diffusion;
        case Profile::comfyui:
            return comfyui;
        case Profile::gradio:
            return gradio;
        case Profile::strict:
            return strict;
    }
    return automatic;
}

constexpr std::array<std::pair<std::string_view, Profile>, 5> names{
    {{"auto", Profile::automatic},
     {"stable-diffusion", Profile::stable_diffusion},
     {"comfyui", Profile::comfyui},
     {"gradio", Profile::gradio},
     {"strict", Profile::strict}}};

}  // namespace

std::vector<std::string_view> lines_of(Profile profile) {
    std::vector<std::string_view> lines;
    for (const auto part : parts_of(profile)) lines.insert(lines.end(), part.begin(), part.end());
    return lines;
}

std::string_view name_of(Profile profile) {
    return names[static_cast<std::size_t>(profile)].first;
}

std::optional<Profile> profile_named(std::string_view text) {
    for (const auto& [name, profile] : names)
        if (name == text) return profile;
    return std::nullopt;
}

std::string_view meaning_of(Class what) {
    switch (what) {
        case Class::generation:
            return "generation: takes a slot, waits for it, and is demand";
        case Class::job:
            return "job: takes a slot; answered at once, the slot is free again when the job has ended";
        case Class::socket:
            return "Gradio 3 socket: takes a slot while its session works";
        case Class::stream:
            return "stream: open for long; takes no slot and is no demand";
        case Class::light:
            return "light: takes no slot, is no demand, wakes no pod";
        case Class::navigation:
            return "navigation: takes no slot, but wakes a pod";
        case Class::denied:
            return "denied: answered 403";
    }
    return {};
}

std::string_view meaning_of(Until until) {
    switch (until) {
        case Until::answer:
            return "its answer has ended";
        case Until::gradio_queue:
            return "GET queue/data of its session has ended";
        case Until::gradio_call:
            return "GET call/FUNCTION/EVENT has ended";
        case Until::comfy_prompt:
            return "/ws or GET /prompt says that nothing remains in the pod's queue";
        case Until::sdcpp_job:
            return "GET /sdcpp/v1/jobs/JOB is final";
        case Until::invoke_batch:
            return "GET /api/v1/queue/default/status has nothing pending or in progress";
    }
    return {};
}

std::string_view meaning_of(Towards towards) {
    switch (towards) {
        case Towards::any:
            return "its session's pod, else any ready pod";
        case Towards::busy:
            return "its session's pod, else the one that works";
        case Towards::owner:
            return "only the pod that works for this caller";
        case Towards::seek:
            return "its session's pod, else any; after a 404 the others are asked";
    }
    return {};
}

}  // namespace router
