// stable-diffusion.cpp's server: jobs that are polled, the OpenAI form, and a part of the WebUI's API. Facts
// are from its examples/server/routes_sdcpp.cpp, async_jobs.cpp and routes_openai.cpp.
#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <chrono>
#include <map>
#include <memory>

#include "simulator/dialect.hpp"
#include "simulator/encode.hpp"
#include "simulator/generation.hpp"
#include "simulator/pod.hpp"
#include "simulator/query.hpp"

namespace simulator {
namespace {

namespace json = boost::json;
using Answer = std::variant<Reply, Job>;

struct ImageJob {
    std::string id, status = "queued";
    Drawing drawing;
    std::int64_t created = 0, started = 0, completed = 0;
    std::shared_ptr<bool> withdrawn = std::make_shared<bool>(false);
    std::vector<std::string> images;  // base64
    std::string error_code, error_message;

    bool pending() const { return status == "queued" || status == "generating"; }
};

struct Jobs {
    static constexpr std::size_t most_pending = 64, most_kept = 128;
    std::deque<std::shared_ptr<ImageJob>> all;  // oldest first
    std::uint64_t next_id = 0;

    std::size_t pending() const {
        return static_cast<std::size_t>(
            std::ranges::count_if(all, [](const auto& job) { return job->pending(); }));
    }
    std::shared_ptr<ImageJob> find(std::string_view id) const {
        const auto it = std::ranges::find_if(all, [&](const auto& job) { return job->id == id; });
        return it == all.end() ? nullptr : *it;
    }
    // 1 for the next to run; 0: it does not wait.
    std::int64_t position(const ImageJob& wanted) const {
        std::int64_t place = 0;
        for (const auto& job : all) {
            if (job->status != "queued") continue;
            ++place;
            if (job->id == wanted.id) return place;
        }
        return 0;
    }
    void add(std::shared_ptr<ImageJob> job) {
        all.push_back(std::move(job));
        // Those that are over go first; the real one keeps them for ten minutes.
        for (auto it = all.begin(); all.size() > most_kept && it != all.end();)
            it = (*it)->pending() ? it + 1 : all.erase(it);
    }
};

std::int64_t unix_seconds(const Pod& pod, TimePoint now) {
    return static_cast<std::int64_t>(pod.epoch_ms(now) / 1000);
}

Reply error(http::status status, std::string_view text) {
    return Reply::json(json::serialize(json::object{{"error", text}}), status);
}

json::value or_null(std::int64_t value) {
    return value == 0 ? json::value(nullptr) : json::value(value);
}

json::object described(const Jobs& jobs, const ImageJob& job) {
    json::object out{{"id", job.id},
                     {"kind", "img_gen"},
                     {"status", job.status},
                     {"created", job.created},
                     {"started", or_null(job.started)},
                     {"completed", or_null(job.completed)},
                     {"queue_position", jobs.position(job)},
                     {"result", nullptr},
                     {"error", nullptr}};
    if (job.status == "completed") {
        json::array images;
        for (std::size_t i = 0; i < job.images.size(); ++i)
            images.push_back(json::object{{"index", i}, {"b64_json", job.images[i]}});
        out["result"] = json::object{{"output_format", "png"}, {"images", std::move(images)}};
    } else if (!job.error_code.empty()) {
        out["error"] = json::object{{"code", job.error_code}, {"message", job.error_message}};
    }
    return out;
}

std::variant<json::object, Reply> parse_body(const Call& call) {
    if (call.body.empty()) return error(http::status::bad_request, "empty body");
    json::error_code wrong;
    json::value body = json::parse(json::string_view(call.body.data(), call.body.size()), wrong);
    if (wrong || !body.is_object()) return error(http::status::bad_request, "invalid json");
    return std::move(body.as_object());
}

int number(const json::object& fields, std::string_view name, int fallback) {
    const json::value* value = fields.if_contains(name);
    if (!value || !value->is_number()) return fallback;
    return static_cast<int>(std::clamp(value->to_number<double>(), -1.0, 2e9));
}

std::string text(const json::object& fields, std::string_view name) {
    const json::value* value = fields.if_contains(name);
    return value && value->is_string() ? std::string(value->get_string()) : std::string{};
}

Reply img_gen(Pod& pod, const Call& call) {
    auto parsed = parse_body(call);
    if (auto* wrong = std::get_if<Reply>(&parsed)) return std::move(*wrong);
    const json::object& body = std::get<json::object>(parsed);
    Jobs& jobs = pod.dialect_state<Jobs>();
    if (jobs.pending() >= Jobs::most_pending)
        return error(http::status::too_many_requests, "job queue is full");

    auto made = std::make_shared<ImageJob>();
    const json::value* sampling = body.if_contains("sample_params");
    const bool nested = sampling && sampling->is_object();
    made->drawing.prompt = text(body, "prompt");
    made->drawing.seed = number(body, "seed", -1);
    made->drawing.width = number(body, "width", 512);
    made->drawing.height = number(body, "height", 512);
    made->drawing.count = number(body, "batch_count", 1);
    made->drawing.steps =
        nested ? number(sampling->get_object(), "sample_steps", pod.options.steps) : pod.options.steps;
    made->drawing = settled(pod, made->drawing);
    made->created = unix_seconds(pod, call.now);
    // The real one counts from 0 in every process, so that ids of two pods may be the same; these never are.
    made->id = "job_" + random_id(pod, 8) + "_" + std::to_string(jobs.next_id++);
    jobs.add(made);

    Job job;
    job.task = made->id;
    job.work = plan_work(pod, made->drawing);
    job.images = made->drawing.count;
    job.withdrawn = made->withdrawn;
    job.make = [&pod, made] {
        for (int i = 0; i < made->drawing.count; ++i)
            made->images.push_back(base64(draw(pod, made->drawing, i)));
        return Reply::json("{}");
    };
    job.tell = [&pod, made](const JobNews& news) {
        if (news.kind == JobNews::Kind::started) {
            made->status = "generating";
            made->started = unix_seconds(pod, news.now);
        } else if (news.kind == JobNews::Kind::ended && !news.withdrawn) {
            const bool good = news.reply->status == http::status::ok;
            made->status = good ? "completed" : "failed";
            made->completed = unix_seconds(pod, news.now);
            if (good) return;
            made->error_code = "generation_failed";
            made->error_message = "generate_image returned no results";
        }
    };
    pod.run_behind(std::move(job), std::string(call.path));
    return Reply::json(json::serialize(json::object{{"id", made->id},
                                                    {"kind", "img_gen"},
                                                    {"status", made->status},
                                                    {"created", made->created},
                                                    {"poll_url", "/sdcpp/v1/jobs/" + made->id}}),
                       http::status::accepted);
}

Reply get_job(Pod& pod, const Call& call) {
    const Jobs& jobs = pod.dialect_state<Jobs>();
    const auto job = jobs.find(after(call.path, "/jobs/"));
    if (!job) return error(http::status::not_found, "job not found");
    return Reply::json(json::serialize(described(jobs, *job)));
}

// Only what waits can be cancelled.
Reply cancel_job(Pod& pod, const Call& call) {
    constexpr std::string_view verb = "/cancel";
    std::string_view id = after(call.path, "/jobs/");
    if (!id.ends_with(verb)) return error(http::status::not_found, "not found");
    id.remove_suffix(verb.size());
    Jobs& jobs = pod.dialect_state<Jobs>();
    const auto job = jobs.find(id);
    if (!job) return error(http::status::not_found, "job not found");
    if (job->status == "generating")
        return error(http::status::conflict, "job is currently generating and cannot be interrupted yet");
    if (job->status == "queued") {
        *job->withdrawn = true;
        job->status = "cancelled";
        job->completed = unix_seconds(pod, call.now);
        job->error_code = "cancelled";
        job->error_message = "job cancelled by client";
    }
    return Reply::json(json::serialize(described(jobs, *job)));
}

Reply capabilities(Pod&, const Call&) {
    return Reply::json(json::serialize(json::object{
        {"model", json::object{{"name", "v1-5-pruned-emaonly.safetensors"}, {"stem", "v1-5-pruned-emaonly"}}},
        {"current_mode", "img_gen"},
        {"supported_modes", json::array{"img_gen"}},
        {"limits", json::object{{"min_width", 64},
                                {"max_width", 4096},
                                {"min_height", 64},
                                {"max_height", 4096},
                                {"max_batch_count", 8},
                                {"max_queue_size", Jobs::most_pending}}},
        {"features", json::object{{"cancel_queued", true}, {"cancel_generating", false}}}}));
}

Reply models(Pod&, const Call&) {
    return Reply::json(R"({"data":[{"id":"sd-cpp-local","object":"model","owned_by":"local"}]})");
}

Reply front(Pod&, const Call&) {
    Reply reply;
    reply.type = "text/html";
    reply.body = "Stable Diffusion Server is running";
    return reply;
}

// The OpenAI form: {"prompt", "n", "size": "WxH"}, answered when it is done.
Answer generations(Pod& pod, const Call& call) {
    auto parsed = parse_body(call);
    if (auto* wrong = std::get_if<Reply>(&parsed)) return std::move(*wrong);
    const json::object& body = std::get<json::object>(parsed);
    auto drawing = std::make_shared<Drawing>();
    drawing->prompt = text(body, "prompt");
    if (drawing->prompt.empty()) return error(http::status::bad_request, "prompt required");
    drawing->count = number(body, "n", 1);
    drawing->steps = pod.options.steps;
    const std::string size = text(body, "size");
    if (const auto cross = size.find('x'); cross != std::string::npos) {
        std::from_chars(size.data(), size.data() + cross, drawing->width);
        std::from_chars(size.data() + cross + 1, size.data() + size.size(), drawing->height);
    }
    *drawing = settled(pod, *drawing);
    Job job;
    job.task = pod.next_task("openai");
    job.work = plan_work(pod, *drawing);
    job.images = drawing->count;
    const std::int64_t created = unix_seconds(pod, call.now);
    job.make = [&pod, drawing, created] {
        json::array data;
        for (int i = 0; i < drawing->count; ++i)
            data.push_back(json::object{{"b64_json", base64(draw(pod, *drawing, i))}});
        return Reply::json(json::serialize(
            json::object{{"created", created}, {"data", std::move(data)}, {"output_format", "png"}}));
    };
    return job;
}

constexpr Route own_routes[] = {
    {http::verb::get, "/", 'N', Mounted::from_the_start, false, &front},
    {http::verb::get, "/v1/models", 'L', Mounted::from_the_start, false, &models},
    {http::verb::post, "/v1/images/generations", 'G', Mounted::from_the_start, false, &generations},
    {http::verb::get, "/sdcpp/v1/capabilities", 'L', Mounted::from_the_start, false, &capabilities},
    {http::verb::post, "/sdcpp/v1/img_gen", 'J', Mounted::from_the_start, false, &img_gen},
    {http::verb::get, "/sdcpp/v1/jobs/*", 'L', Mounted::from_the_start, false, &get_job},
    {http::verb::post, "/sdcpp/v1/jobs/*", 'L', Mounted::from_the_start, false, &cancel_job},
};

// What routes_sdapi.cpp has of the WebUI's API: no progress and no interrupt.
constexpr std::string_view sdapi[] = {"/sdapi/v1/txt2img",   "/sdapi/v1/img2img",
                                      "/sdapi/v1/loras",     "/sdapi/v1/upscalers",
                                      "/sdapi/v1/samplers",  "/sdapi/v1/latent-upscale-modes",
                                      "/sdapi/v1/sd-models", "/sdapi/v1/schedulers"};

}  // namespace

Dialect sdcpp() {
    static const auto routes = [] {
        std::vector<Route> all(std::begin(own_routes), std::end(own_routes));
        for (Route route : a1111().routes) {
            if (std::ranges::find(sdapi, route.path) == std::end(sdapi)) continue;
            route.mounted = Mounted::from_the_start;
            all.push_back(route);
        }
        return all;
    }();
    return {"sdcpp", routes, false};
}

}  // namespace simulator
