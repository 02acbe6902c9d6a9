// ComfyUI's routes, each with and without /api.
#include "simulator/comfy.hpp"

#include <algorithm>

#include "simulator/dialect.hpp"
#include "simulator/multipart.hpp"
#include "simulator/pod.hpp"
#include "simulator/query.hpp"

namespace simulator {
namespace comfy_ui {
namespace {

namespace json = boost::json;

json::object parse_object(const Call& call) {
    json::error_code error;
    json::value body = json::parse(json::string_view(call.body.data(), call.body.size()), error);
    return error || !body.is_object() ? json::object{} : std::move(body.as_object());
}

bool is(const json::value& value, const std::string& text) {
    return value.is_string() && std::string_view(value.get_string()) == text;
}

Reply as_json(const json::value& value) {
    return Reply::json(json::serialize(value));
}
Reply nothing(http::status status = http::status::ok) {
    Reply reply;
    reply.status = status;
    reply.type = "text/plain; charset=utf-8";
    return reply;
}

Reply get_prompt(Pod& pod, const Call&) {
    return as_json(pod.dialect_state<State>().status().at("status"));
}

Reply get_queue(Pod& pod, const Call&) {
    json::array running, pending;
    for (const auto& prompt : pod.dialect_state<State>().queue)
        (prompt->running ? running : pending).push_back(queue_item(*prompt));
    return as_json(
        json::object{{"queue_running", std::move(running)}, {"queue_pending", std::move(pending)}});
}

// {"clear": true} or {"delete": [ids]}: what waits, never what runs.
Reply post_queue(Pod& pod, const Call& call) {
    State& state = pod.dialect_state<State>();
    const json::object body = parse_object(call);
    const json::value* clear = body.if_contains("clear");
    const json::value* ids = body.if_contains("delete");
    const bool everything = clear && *clear == true;
    const auto named = [&](const Prompt& prompt) {
        if (!ids || !ids->is_array()) return false;
        return std::ranges::any_of(ids->get_array(),
                                   [&](const json::value& id) { return is(id, prompt.id); });
    };
    std::erase_if(state.queue, [&](const auto& prompt) {
        if (prompt->running || !(everything || named(*prompt))) return false;
        *prompt->withdrawn = true;
        return true;
    });
    state.send_status();
    pod.changed();
    return nothing();
}

Reply get_history(Pod& pod, const Call& call) {
    const std::string_view id = after(call.path, "/history/");
    json::object all;
    for (const auto& [name, entry] : pod.dialect_state<State>().history)
        if (id.empty() || name == id) all[name] = entry;
    return as_json(all);
}

Reply post_history(Pod& pod, const Call& call) {
    State& state = pod.dialect_state<State>();
    const json::object body = parse_object(call);
    if (const auto* clear = body.if_contains("clear"); clear && *clear == true) state.history.clear();
    if (const auto* ids = body.if_contains("delete"); ids && ids->is_array())
        for (const json::value& id : ids->get_array())
            std::erase_if(state.history, [&](const auto& entry) { return is(id, entry.first); });
    return nothing();
}

Reply view(Pod& pod, const Call& call) {
    const std::string name = query_value(call.query, "filename");
    if (name.empty()) return nothing(http::status::bad_request);
    if (name.starts_with('/') || name.find("..") != std::string::npos)
        return nothing(http::status::forbidden);
    std::string type = query_value(call.query, "type");
    if (type.empty()) type = "output";
    const std::string* bytes = pod.file(type + "/" + query_value(call.query, "subfolder") + "/" + name);
    if (!bytes) return nothing(http::status::not_found);
    Reply reply;
    reply.type = "image/png";
    reply.body = *bytes;
    reply.headers.emplace_back("Content-Disposition", "filename=\"" + name + "\"");
    return reply;
}

Reply upload(Pod& pod, const Call& call) {
    std::string name, subfolder, type = "input", bytes;
    bool given = false;
    for (const FormPart& part : form_parts(call.type, call.body)) {
        if (part.name == "image") name = part.filename, bytes = part.body, given = true;
        if (part.name == "subfolder") subfolder = part.body;
        if (part.name == "type") type = part.body;
    }
    if (!given || name.empty()) return nothing(http::status::bad_request);
    pod.keep_file(type + "/" + subfolder + "/" + name, std::move(bytes));
    return as_json(json::object{{"name", name}, {"subfolder", subfolder}, {"type", type}});
}

// With a prompt_id only if that one runs; without, whatever runs.
Reply interrupt(Pod& pod, const Call& call) {
    const json::object body = parse_object(call);
    const json::value* id = body.if_contains("prompt_id");
    const auto& queue = pod.dialect_state<State>().queue;
    const bool meant = !id || std::ranges::any_of(queue, [&](const auto& prompt) {
        return prompt->running && is(*id, prompt->id);
    });
    if (!meant) return nothing();
    ++pod.stats.interrupts;
    pod.gpu.interrupt(call.now);
    pod.changed();
    return nothing();
}

Reply accepted(Pod&, const Call&) {
    return nothing();
}

Reply object_info(Pod&, const Call& call) {
    const std::string_view name = after(call.path, "/object_info/");
    json::object all = node_definitions();
    if (name.empty()) return as_json(all);
    json::object one;
    if (const json::value* node = all.if_contains(name)) one[name] = *node;
    return as_json(one);
}

Reply system_stats(Pod&, const Call&) {
    return Reply::json(
        R"({"system":{"os":"posix","ram_total":33554432000,"ram_free":16777216000,"comfyui_version":"0.3.27",)"
        R"("python_version":"3.12.9","pytorch_version":"2.6.0","embedded_python":false,"argv":["main.py"]},)"
        R"("devices":[{"name":"cuda:0 simulated","type":"cuda","index":0,"vram_total":17179869184,)"
        R"("vram_free":8589934592,"torch_vram_total":4294967296,"torch_vram_free":1073741824}]})");
}

Reply empty_list(Pod&, const Call&) {
    return Reply::json("[]");
}
Reply empty_object(Pod&, const Call&) {
    return Reply::json("{}");
}

Reply page(Pod&, const Call&) {
    Reply reply;
    reply.type = "text/html; charset=utf-8";
    reply.body =
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>ComfyUI</title></head>"
        "<body>ComfyUI, simulated</body></html>\n";
    return reply;
}

constexpr auto get = http::verb::get, post = http::verb::post, head = http::verb::head;
constexpr auto early = Mounted::from_the_start;

constexpr Route light(http::verb method, std::string_view path, Light handler) {
    return {method, path, 'L', early, false, handler};
}

constexpr Route routes[] = {
    {get, "/", 'N', early, false, &page},
    {get, "/ws", 'S', early, false, &talk},
    {post, "/prompt", 'J', early, false, &post_prompt},
    light(get, "/prompt", &get_prompt),
    light(get, "/queue", &get_queue),
    light(post, "/queue", &post_queue),
    light(get, "/history", &get_history),
    light(get, "/history/*", &get_history),
    light(post, "/history", &post_history),
    light(get, "/view", &view),
    light(head, "/view", &view),
    light(post, "/upload/image", &upload),
    light(post, "/upload/mask", &upload),
    light(post, "/interrupt", &interrupt),
    light(post, "/free", &accepted),
    light(get, "/object_info", &object_info),
    light(get, "/object_info/*", &object_info),
    light(get, "/system_stats", &system_stats),
    light(get, "/features", &empty_object),
    light(get, "/settings", &empty_object),
    light(get, "/users", &empty_object),
    light(get, "/embeddings", &empty_list),
    light(get, "/extensions", &empty_list),
    light(get, "/models", &empty_list),
    light(get, "/models/*", &empty_list),
    light(get, "/userdata", &empty_list),
};

}  // namespace
}  // namespace comfy_ui

Dialect comfy() {
    return {"comfy", comfy_ui::routes, false, "/api", true};
}

}  // namespace simulator
