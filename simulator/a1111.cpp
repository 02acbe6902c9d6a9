// The AUTOMATIC1111 dialect: its routes.
#include "simulator/a1111.hpp"

#include "simulator/gradio.hpp"
#include "simulator/gradio3.hpp"
#include "simulator/login.hpp"

namespace simulator {
namespace {

using namespace a1111_handlers;

constexpr auto get = http::verb::get, post = http::verb::post, head = http::verb::head;
constexpr auto early = Mounted::from_the_start, late = Mounted::with_the_api;

Reply heartbeat(Pod&, const Call&) {
    return gradio::heartbeat_stream();
}

constexpr Route generation(std::string_view path, Heavy handler) {
    return {post, path, 'G', late, true, handler};
}
constexpr Route light(http::verb method, std::string_view path, Light handler) {
    return {method, path, 'L', late, true, handler};
}
constexpr Route web(http::verb method, std::string_view path, char request_class, Light handler) {
    return {method, path, request_class, early, false, handler};
}

constexpr Route routes[] = {
    generation("/sdapi/v1/txt2img", &txt2img),
    generation("/sdapi/v1/img2img", &img2img),
    generation("/sdapi/v1/extra-single-image", &extra_single_image),
    generation("/sdapi/v1/extra-batch-images", &extra_batch_images),
    generation("/sdapi/v1/interrogate", &interrogate),
    generation("/sdapi/v1/options", &set_options),
    generation("/sdapi/v1/refresh-checkpoints", &refresh),
    generation("/sdapi/v1/refresh-vae", &refresh),
    generation("/sdapi/v1/refresh-embeddings", &refresh),
    generation("/sdapi/v1/refresh-loras", &refresh),
    light(post, "/sdapi/v1/unload-checkpoint", &empty_object),
    light(post, "/sdapi/v1/reload-checkpoint", &empty_object),
    light(post, "/sdapi/v1/png-info", &png_info),
    light(post, "/sdapi/v1/interrupt", &interrupt),
    light(post, "/sdapi/v1/skip", &skip),
    light(get, "/sdapi/v1/progress", &progress),
    light(get, "/sdapi/v1/options", &get_options),
    light(get, "/sdapi/v1/cmd-flags", &cmd_flags),
    light(get, "/sdapi/v1/samplers", &samplers),
    light(get, "/sdapi/v1/schedulers", &schedulers),
    light(get, "/sdapi/v1/upscalers", &upscalers),
    light(get, "/sdapi/v1/latent-upscale-modes", &latent_upscale_modes),
    light(get, "/sdapi/v1/sd-models", &sd_models),
    light(get, "/sdapi/v1/sd-vae", &sd_vae),
    light(get, "/sdapi/v1/hypernetworks", &empty_list),
    light(get, "/sdapi/v1/face-restorers", &face_restorers),
    light(get, "/sdapi/v1/realesrgan-models", &empty_list),
    light(get, "/sdapi/v1/prompt-styles", &prompt_styles),
    light(get, "/sdapi/v1/embeddings", &embeddings),
    light(get, "/sdapi/v1/loras", &empty_list),
    light(get, "/sdapi/v1/scripts", &scripts),
    light(get, "/sdapi/v1/script-info", &empty_list),
    light(get, "/sdapi/v1/extensions", &empty_list),
    light(get, "/sdapi/v1/memory", &memory),
    {get, "/internal/ping", 'L', early, true, &empty_object},
    {post, "/internal/progress", 'L', early, true, &internal_progress},
    {get, "/internal/pending-tasks", 'L', early, true, &pending_tasks},
    web(get, "/", 'N', &page),
    web(head, "/", 'N', &page),
    web(get, "/config", 'N', &gradio3::config),
    web(get, "/info", 'L', &gradio3::info),
    web(post, "/login", 'L', &login),
    web(post, "/upload", 'L', &upload),
    web(post, "/reset", 'L', &gradio3::reset),
    {post, "/run/*", 'L', early, true, &gradio3::predict},
    {post, "/api/*", 'L', early, true, &gradio3::predict},
    // Not the WebUI's, but what the pages of newer Gradio apps hold open.
    {get, "/heartbeat/*", 'S', early, false, &heartbeat},
    {get, "/queue/join", 'W', early, false, &gradio3::queue_join},
    web(get, "/theme.css", 'L', &theme),
    web(get, "/favicon.ico", 'L', &favicon),
    web(get, "/robots.txt", 'L', &robots),
    web(get, "/startup-events", 'L', &null),
    web(get, "/file=*", 'L', &file),
    web(head, "/file=*", 'L', &file),
};

}  // namespace

Dialect a1111() {
    return {"a1111", routes};
}

}  // namespace simulator
