// How far it is, and how to end it.
#include <algorithm>
#include <boost/json.hpp>
#include <chrono>

#include "simulator/a1111.hpp"
#include "simulator/encode.hpp"
#include "simulator/hash.hpp"
#include "simulator/png.hpp"
#include "simulator/pod.hpp"

namespace simulator::a1111_handlers {
namespace {

namespace json = boost::json;

// What a live preview looks like: small, and another one at each step.
std::string preview(const Progress& progress) {
    const auto step = static_cast<std::uint64_t>(progress.iteration * progress.steps + progress.step);
    return base64(make_png({64, 64, progress.task, step, 6000, ""}));
}

double seconds(Duration time) {
    return std::chrono::duration<double>(time).count();
}

// From what has passed, as progress.py does.
double left(const Progress& progress) {
    if (progress.share <= 0) return 0;
    return seconds(progress.running) / progress.share * (1 - progress.share);
}

}  // namespace

Reply progress(Pod& pod, const Call& call) {
    const auto now = pod.gpu.progress(call.now);
    const Progress at = now.value_or(Progress{});
    json::object state{{"skipped", at.skipped},
                       {"interrupted", at.interrupted},
                       {"stopping_generation", false},
                       {"job", now ? at.task : ""},
                       {"job_count", now ? at.iterations : 0},
                       {"job_timestamp", "20240226000000"},
                       {"job_no", at.iteration},
                       {"sampling_step", at.step},
                       {"sampling_steps", at.steps}};
    json::value image;
    if (now && call.query.find("skip_current_image=true") == std::string_view::npos) image = preview(at);
    const double share = now ? std::min(at.share, 1.0) : 0.0;
    return Reply::json(json::serialize(json::object{{"progress", share},
                                                    {"eta_relative", now ? left(at) : 0.0},
                                                    {"state", std::move(state)},
                                                    {"current_image", std::move(image)},
                                                    {"textinfo", nullptr}}));
}

Reply internal_progress(Pod& pod, const Call& call) {
    json::error_code error;
    const json::value body = json::parse(json::string_view(call.body.data(), call.body.size()), error);
    const json::object* fields = error ? nullptr : body.if_object();
    const json::value* id = fields ? fields->if_contains("id_task") : nullptr;
    if (!id || !id->is_string()) {
        const std::string_view why =
            error
                ? R"({"detail":[{"loc":["body",0],"msg":"Expecting value","type":"value_error.jsondecode"}]})"
                : R"({"detail":[{"loc":["body","id_task"],"msg":"field required","type":"value_error.missing"}]})";
        return Reply::json(std::string(why), http::status::unprocessable_entity);
    }
    const std::string task(id->get_string());
    const auto pending = pod.gpu.pending();
    const auto place = std::ranges::find(pending, task);
    const bool queued = place != pending.end();
    const bool active = pod.gpu.holder() == task;
    const bool completed = std::ranges::find(pod.finished(), task) != pod.finished().end();
    json::object answer{{"active", active},      {"queued", queued},   {"completed", completed},
                        {"progress", nullptr},   {"eta", nullptr},     {"live_preview", nullptr},
                        {"id_live_preview", -1}, {"textinfo", nullptr}};
    if (!active) {
        answer["textinfo"] = queued ? "In queue: " + std::to_string(place - pending.begin() + 1) + "/" +
                                          std::to_string(pending.size())
                                    : std::string("Waiting...");
    } else if (const auto at = pod.gpu.progress(call.now); at && at->task == task) {
        answer["progress"] = std::min(at->share, 1.0);
        answer["eta"] = left(*at);
        const int picture = at->iteration * at->steps + at->step;
        const json::value* seen = fields->if_contains("id_live_preview");
        const json::value* wanted = fields->if_contains("live_preview");
        answer["id_live_preview"] = picture;
        if ((!wanted || *wanted != false) && (!seen || *seen != picture))
            answer["live_preview"] = "data:image/png;base64," + preview(*at);
    }
    return Reply::json(json::serialize(answer));
}

Reply pending_tasks(Pod& pod, const Call&) {
    json::array tasks;
    for (const std::string& task : pod.gpu.pending()) tasks.emplace_back(task);
    const auto size = tasks.size();
    return Reply::json(json::serialize(json::object{{"size", size}, {"tasks", std::move(tasks)}}));
}

Reply interrupt(Pod& pod, const Call& call) {
    ++pod.stats.interrupts;
    pod.gpu.interrupt(call.now);
    return Reply::json("{}");
}

Reply skip(Pod& pod, const Call& call) {
    pod.gpu.skip(call.now);
    return Reply::json("null");
}

}  // namespace simulator::a1111_handlers
