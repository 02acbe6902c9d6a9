// The routes of Gradio 4 and 5 apps: Forge's, without a prefix, and a generic one's under /gradio_api.
#include "simulator/gradio.hpp"

#include "simulator/dialect.hpp"
#include "simulator/multipart.hpp"
#include "simulator/pod.hpp"
#include "simulator/query.hpp"

namespace simulator {
namespace gradio {

namespace json = boost::json;

std::string root_url(const Call& call) {
    std::string host(call.forwarded_host.empty() ? call.host : call.forwarded_host);
    host = host.substr(0, host.find(','));
    constexpr std::string_view default_port = ":80";
    if (host.ends_with(default_port)) host.resize(host.size() - default_port.size());
    const auto proto = call.forwarded_proto.substr(0, call.forwarded_proto.find(','));
    return (proto == "https" ? "https://" : "http://") + host;
}

namespace {

bool is_forge(const Pod& pod) {
    return pod.options.dialect == "forge";
}
std::string prefix_of(const Pod& pod) {
    return is_forge(pod) ? "" : "/gradio_api";
}
Reply invalid() {
    return Reply::detail(http::status::unprocessable_entity, "The body is not what this function takes.");
}

std::optional<json::object> parse_object(const Call& call) {
    json::error_code error;
    json::value body = json::parse(json::string_view(call.body.data(), call.body.size()), error);
    if (error || !body.is_object()) return std::nullopt;
    return std::move(body.as_object());
}

json::array data_of(const json::object& body) {
    const json::value* data = body.if_contains("data");
    return data && data->is_array() ? data->get_array() : json::array{};
}

Reply get_config(Pod& pod, const Call& call) {
    const auto version = is_forge(pod) ? "4.40.0" : "5.49.1";
    return Reply::json(json::serialize(app_config(pod, call, version, prefix_of(pod))));
}

Reply get_page(Pod& pod, const Call& call) {
    const auto version = is_forge(pod) ? "4.40.0" : "5.49.1";
    Reply reply;
    reply.type = "text/html; charset=utf-8";
    reply.body =
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Stable Diffusion</title>\n"
        "<script>window.gradio_config = " +
        json::serialize(app_config(pod, call, version, prefix_of(pod))) +
        ";</script></head><body><gradio-app></gradio-app></body></html>\n";
    return reply;
}

Reply get_info(Pod&, const Call&) {
    return Reply::json(json::serialize(app_info()));
}

Reply get_app_id(Pod& pod, const Call&) {
    return Reply::json(json::serialize(json::object{{"app_id", pod.app_id()}}));
}

Reply queue_join(Pod& pod, const Call& call) {
    const auto body = parse_object(call);
    if (!body) return invalid();
    const json::value* index = body->if_contains("fn_index");
    const json::value* session = body->if_contains("session_hash");
    if (!index || !index->is_int64() || index->get_int64() < 0 || index->get_int64() >= function_count)
        return invalid();
    if (!session || !session->is_string() || session->get_string().empty()) return invalid();
    return join(pod, call, Function{static_cast<int>(index->get_int64())}, data_of(*body),
                std::string(session->get_string()), prefix_of(pod));
}

Reply call_function(Pod& pod, const Call& call) {
    const auto body = parse_object(call);
    const auto function = find_function(after(call.path, "/call/"));
    if (!function) return Reply::detail(http::status::not_found, "Not Found");
    if (!body) return invalid();
    return join(pod, call, *function, data_of(*body), "", prefix_of(pod));
}

Reply queue_data(Pod& pod, const Call& call) {
    return session_stream(pod, query_value(call.query, "session_hash"));
}
Reply call_data(Pod& pod, const Call& call) {
    return call_stream(pod, std::string(after(after(call.path, "/call/"), "/")));
}
Reply get_heartbeat(Pod&, const Call&) {
    return heartbeat_stream();
}
Reply reset(Pod&, const Call&) {
    return Reply::json(R"({"success":true})");
}

// Functions that skip the queue; those on the GPU must not.
Reply run(Pod& pod, const Call& call) {
    const auto body = parse_object(call);
    if (!body) return invalid();
    const bool as_api = call.path.find("/run/") == std::string_view::npos;
    auto function = find_function(after(call.path, as_api ? "/api/" : "/run/"));
    if (const auto* index = body->if_contains("fn_index"); !function && index && index->is_int64())
        if (index->get_int64() >= 0 && index->get_int64() < function_count)
            function = Function{static_cast<int>(index->get_int64())};
    if (!function) return Reply::detail(http::status::not_found, "Not Found");
    if (facts(*function).on_gpu)
        return Reply::detail(http::status::unauthorized,
                             "This API endpoint does not accept direct HTTP POST requests. "
                             "Please join the queue to use this API.");
    const json::array result = run_light(pod, *function, data_of(*body), call.now);
    return Reply::json(json::serialize(json::object{
        {"data", result}, {"is_generating", false}, {"duration", 0.001}, {"average_duration", 0.001}}));
}

Reply upload(Pod& pod, const Call& call) {
    json::array paths;
    for (const FormPart& part : form_parts(call.type, call.body)) {
        if (part.filename.empty()) continue;
        const std::string path = "/tmp/gradio/" + random_id(pod, 40) + "/" + part.filename;
        pod.keep_file(path, std::string(part.body));
        paths.emplace_back(path);
    }
    if (paths.empty()) return invalid();
    return Reply::json(json::serialize(paths));
}

Reply get_file(Pod& pod, const Call& call) {
    const std::string name(after(call.path, "/file="));
    const std::string* bytes = pod.file(name);
    if (!bytes) return Reply::detail(http::status::not_found, "File not found: " + name.substr(0, 200) + ".");
    Reply reply;
    reply.type = name.ends_with(".png") ? "image/png" : "application/octet-stream";
    reply.body = *bytes;
    reply.headers.emplace_back("Accept-Ranges", "bytes");
    return reply;
}

Reply theme(Pod&, const Call&) {
    Reply reply;
    reply.type = "text/css; charset=utf-8";
    reply.body = ":root { color-scheme: light dark; }\n";
    return reply;
}

constexpr auto get = http::verb::get, post = http::verb::post, head = http::verb::head;
constexpr auto early = Mounted::from_the_start;

constexpr Route page_routes[] = {
    {get, "/", 'N', early, false, &get_page},
    {head, "/", 'N', early, false, &get_page},
    {get, "/config", 'N', early, false, &get_config},
    {get, "/theme.css", 'L', early, false, &theme},
};

// Under a prefix and without: Gradio 5 has /config and the page at both.
#define GRADIO_ROUTES(P)                                                                                \
    {get, P "/config", 'L', early, false, &get_config}, {get, P "/info", 'L', early, false, &get_info}, \
        {get, P "/app_id", 'L', early, false, &get_app_id},                                             \
        {post, P "/queue/join", 'J', early, false, &queue_join},                                        \
        {get, P "/queue/data", 'S', early, false, &queue_data},                                         \
        {get, P "/heartbeat/*", 'S', early, false, &get_heartbeat},                                     \
        {post, P "/call/*", 'J', early, false, &call_function},                                         \
        {get, P "/call/*", 'S', early, false, &call_data}, {post, P "/run/*", 'L', early, false, &run}, \
        {post, P "/api/*", 'L', early, false, &run}, {post, P "/cancel", 'L', early, false, &cancel},   \
        {post, P "/reset", 'L', early, false, &reset}, {post, P "/upload", 'L', early, false, &upload}, \
        {get, P "/file=*", 'L', early, false, &get_file}, {                                             \
        head, P "/file=*", 'L', early, false, &get_file                                                 \
    }

constexpr Route prefixed[] = {GRADIO_ROUTES("/gradio_api")};
constexpr Route bare[] = {GRADIO_ROUTES("")};
#undef GRADIO_ROUTES

using Routes = std::vector<Route>;

void append(Routes& routes, std::span<const Route> more) {
    routes.insert(routes.end(), more.begin(), more.end());
}

}  // namespace
}  // namespace gradio

Dialect gradio5() {
    static const auto routes = [] {
        gradio::Routes all;
        gradio::append(all, gradio::page_routes);
        gradio::append(all, gradio::prefixed);
        return all;
    }();
    return {"gradio5", routes, false};
}

// A1111's API beside a page of Gradio 4; no middleware says the time (its api_middleware is commented out).
Dialect forge() {
    static const auto routes = [] {
        gradio::Routes all;
        gradio::append(all, gradio::page_routes);
        gradio::append(all, gradio::bare);
        for (const Route& route : a1111().routes)
            if (route.request_class != 'W') all.push_back(route);  // Gradio 4 has no sockets
        return all;
    }();
    return {"forge", routes, false};
}

}  // namespace simulator
