// The queue: events in, messages out.
#include <algorithm>
#include <chrono>

#include "simulator/gradio.hpp"
#include "simulator/pod.hpp"
#include "simulator/sse.hpp"

namespace simulator::gradio {
namespace {

namespace json = boost::json;

constexpr std::chrono::seconds beat{15};  // heartbeat_rate

double seconds(Duration time) {
    return std::chrono::duration<double>(time).count();
}

json::object message(std::string_view kind, const Event& event) {
    return {{"msg", kind}, {"event_id", event.id}};
}

json::object output(const Event& event, json::array data, bool generating, TimePoint now) {
    const double took = event.started ? seconds(now - event.start) : 0;
    return {{"data", std::move(data)},  {"is_generating", generating}, {"duration", took},
            {"average_duration", took}, {"render_config", nullptr},    {"changed_state_ids", json::array{}}};
}

// The image as a FileData, whose address is of this process only.
json::object file_data(Pod& pod, const Event& event, const std::string& prefix) {
    std::string path = "/tmp/gradio/" + random_id(pod, 40) + "/image.png";
    std::string url = event.root + prefix + "/file=" + path;
    pod.keep_file(path, draw(pod, event.drawing));
    return {{"path", std::move(path)},
            {"url", std::move(url)},
            {"size", nullptr},
            {"orig_name", "image.png"},
            {"mime_type", nullptr},
            {"is_stream", false},
            {"meta", json::object{{"_type", "gradio.FileData"}}}};
}

// What a generator has said after so many steps; the last one is the whole.
std::string story(const Event& event, int step) {
    return event.drawing.prompt + ", step " + std::to_string(step);
}

void started(Queue& queue, Event& event, TimePoint now) {
    event.started = true;
    event.start = now;
    std::erase_if(queue.waiting, [&](const auto& other) { return other->id == event.id; });
    json::object starts = message("process_starts", event);
    starts["eta"] = queue.mean_seconds;
    queue.say(event, std::move(starts));
    std::int64_t rank = 0;
    for (const auto& other : queue.waiting) {  // notify_clients, after each move of the line
        json::object estimation = message("estimation", *other);
        estimation["rank"] = rank;
        estimation["queue_size"] = queue.waiting.size();
        estimation["rank_eta"] = queue.mean_seconds * static_cast<double>(rank + 1);
        queue.say(*other, std::move(estimation));
        ++rank;
    }
}

void stepped(Queue& queue, Event& event, const JobNews& news) {
    json::object progress = message("progress", event);
    progress["progress_data"] = json::array{json::object{{"index", news.step},
                                                         {"length", news.steps},
                                                         {"unit", "steps"},
                                                         {"progress", nullptr},
                                                         {"desc", "Sampling"}}};
    queue.say(event, std::move(progress));
    const int every = std::max(1, news.steps / 4);
    if (!facts(event.function).generator || news.step % every != 0) return;
    // From the second on only the difference to the one before (protocol sse_v2 and later).
    json::value text = json::string(story(event, news.step));
    if (!event.output.empty()) text = json::array{json::array{"replace", json::array{}, std::move(text)}};
    event.output = {json::string(story(event, news.step))};
    json::object generating = message("process_generating", event);
    generating["output"] = output(event, json::array{std::move(text)}, true, news.now);
    generating["success"] = true;
    generating["time_limit"] = nullptr;
    queue.say(event, std::move(generating));
}

void complete(Queue& queue, const Event& event, json::object result, bool success) {
    json::object done = message("process_completed", event);
    done["output"] = std::move(result);
    done["success"] = success;
    done["title"] = success ? json::value(nullptr) : json::value("Error");
    queue.say(event, std::move(done));
    queue.events.erase(event.id);
}

void ended(Pod& pod, Queue& queue, Event& event, const JobNews& news) {
    if (news.withdrawn) {
        queue.events.erase(event.id);
    } else if (news.reply && news.reply->status != http::status::ok) {
        complete(queue, event, {{"error", "CUDA out of memory."}}, false);
    } else {
        if (facts(event.function).generator && !news.interrupted)  // however late its last step was seen
            event.output = {json::string(story(event, event.drawing.steps))};
        const double took = seconds(news.now - event.start);
        queue.mean_seconds = queue.mean_seconds > 0 ? 0.7 * queue.mean_seconds + 0.3 * took : took;
        complete(queue, event, output(event, event.output, false, news.now), true);
    }
    pod.changed();
}

// {data: [prompt, seed, steps]}, behind a task id if the page sends one (Forge).
Drawing drawing_of(Pod& pod, const json::array& data, std::string& task) {
    Drawing drawing;
    drawing.steps = pod.options.steps;
    std::size_t at = 0;
    const auto text = [&](std::size_t i) -> std::string_view {
        if (i >= data.size() || !data[i].is_string()) return {};
        return {data[i].get_string().data(), data[i].get_string().size()};
    };
    if (text(0).starts_with("task(")) task = text(at++);
    drawing.prompt = text(at);
    const auto number = [&](std::size_t i, int fallback) {
        if (i >= data.size() || !data[i].is_number()) return fallback;
        return static_cast<int>(std::clamp(data[i].to_number<double>(), -1.0, 2e9));
    };
    drawing.seed = number(at + 1, -1);
    drawing.steps = number(at + 2, pod.options.steps);
    return settled(pod, drawing);
}

void run_on_gpu(Pod& pod, Queue& queue, std::shared_ptr<Event> event, const std::string& path,
                const std::string& prefix) {
    queue.waiting.push_back(event);
    json::object estimation = message("estimation", *event);
    estimation["rank"] = queue.waiting.size() - 1;
    estimation["queue_size"] = queue.waiting.size();
    estimation["rank_eta"] = queue.mean_seconds * static_cast<double>(queue.waiting.size());
    queue.say(*event, std::move(estimation));

    Job job;
    job.task = event->task;
    job.work = plan_work(pod, event->drawing);
    job.images = facts(event->function).generator ? 0 : 1;
    job.withdrawn = event->withdrawn;
    job.make = [&pod, event, prefix] {
        if (event->function == Function::txt2img)
            event->output = {file_data(pod, *event, prefix), json::string(event->drawing.prompt)};
        return Reply::json("{}");
    };
    job.tell = [&pod, &queue, event](const JobNews& news) {
        switch (news.kind) {
            case JobNews::Kind::started:
                return started(queue, *event, news.now);
            case JobNews::Kind::step:
                return stepped(queue, *event, news);
            case JobNews::Kind::ended:
                return ended(pod, queue, *event, news);
        }
    };
    pod.run_behind(std::move(job), path);
}

// One line of /call/FUNCTION/EVENT for a message of the queue; empty: it is not for such clients.
std::string for_call(const json::object& message) {
    const std::string_view kind = message.at("msg").get_string();
    if (kind == "heartbeat") return sse_event("null", "heartbeat");
    if (kind == "unexpected_error") return sse_event(json::serialize(message.at("message")), "error");
    const bool completed = kind == "process_completed";
    if (!completed && kind != "process_generating") return {};
    const auto* data = message.at("output").get_object().if_contains("data");
    const bool good = message.at("success") == true;
    return sse_event(data ? json::serialize(*data) : "null", !good       ? "error"
                                                             : completed ? "complete"
                                                                         : "generating");
}

class SessionStream : public EventSource {
public:
    SessionStream(Pod& pod, std::string session, bool plain)
        : pod_(pod), session_(std::move(session)), plain_(plain), beat_at_(Clock::now() + beat) {}

    // Who leaves takes along what still waits; what runs goes on (clean_events).
    ~SessionStream() override {
        Queue& queue = queue_of(pod_);
        Session* session = queue.find(session_);
        if (over_ || !session) return;
        std::erase_if(queue.waiting, [&](const std::shared_ptr<Event>& event) {
            if (event->session != session_) return false;
            *event->withdrawn = true;
            session->pending.erase(event->id);
            return true;
        });
        pod_.changed();
    }

    std::string take(TimePoint now) override {
        if (over_) return {};
        Session* session = queue_of(pod_).find(session_);
        if (!session) {
            over_ = true;
            return said({{"msg", "unexpected_error"},
                         {"event_id", nullptr},
                         {"message", "404: Session not found."},
                         {"session_not_found", true},
                         {"success", false}});
        }
        std::string text;
        while (!session->messages.empty() && !over_) {
            const json::object message = std::move(session->messages.front());
            session->messages.pop_front();
            text += said(message);
            if (message.at("msg") != "process_completed") continue;
            session->pending.erase(std::string(message.at("event_id").get_string()));
            if (!session->pending.empty()) continue;
            text += said({{"msg", "close_stream"}, {"event_id", nullptr}});
            over_ = true;
        }
        if (text.empty() && now >= beat_at_) text = said({{"msg", "heartbeat"}});
        if (!text.empty()) beat_at_ = now + beat;
        return text;
    }
    bool over() const override { return over_; }
    std::optional<TimePoint> next() const override { return beat_at_; }

private:
    std::string said(const json::object& message) const {
        return plain_ ? for_call(message) : sse_event(json::serialize(message));
    }

    Pod& pod_;
    std::string session_;
    bool plain_;  // for curl users rather than for the client
    TimePoint beat_at_;
    bool over_ = false;
};

class Heartbeat : public EventSource {
public:
    std::string take(TimePoint now) override {
        if (now < next_) return {};
        next_ = now + beat;
        return sse_event("ALIVE");
    }
    bool over() const override { return false; }
    std::optional<TimePoint> next() const override { return next_; }

private:
    TimePoint next_{};
};

Reply streamed(std::shared_ptr<EventSource> source) {
    Reply reply;
    reply.events = std::move(source);
    return reply;
}

}  // namespace

Session* Queue::find(std::string_view session) {
    const auto it = sessions_.find(session);
    return it == sessions_.end() ? nullptr : &it->second;
}

Session& Queue::open(const std::string& session) {
    if (Session* known = find(session)) return *known;
    if (order_.size() == most_sessions) {
        sessions_.erase(order_.front());
        order_.pop_front();
    }
    order_.push_back(session);
    return sessions_[session];
}

void Queue::say(const Event& event, json::object message) {
    Session* session = find(event.session);
    constexpr std::size_t most_messages = 10'000;
    if (session && session->pending.contains(event.id) && session->messages.size() < most_messages)
        session->messages.push_back(std::move(message));
}

Queue& queue_of(Pod& pod) {
    return pod.dialect_state<Queue>();
}

Reply join(Pod& pod, const Call& call, Function function, json::array data, std::string session,
           std::string prefix) {
    Queue& queue = queue_of(pod);
    auto event = std::make_shared<Event>();
    event->id = random_id(pod, 32);
    event->session = session.empty() ? event->id : std::move(session);
    event->function = function;
    event->root = root_url(call);
    event->arrive = call.now;
    event->drawing = drawing_of(pod, data, event->task);
    if (event->task.empty()) event->task = event->id;
    queue.open(event->session).pending.insert(event->id);
    queue.events[event->id] = event;
    if (facts(function).on_gpu) {
        run_on_gpu(pod, queue, event, std::string(call.path), prefix);
    } else {
        started(queue, *event, call.now);
        const json::array result = run_light(pod, function, data, call.now);
        complete(queue, *event, output(*event, result, false, call.now), true);
        pod.changed();
    }
    return Reply::json(json::serialize(json::object{{"event_id", event->id}}));
}

json::array run_light(Pod& pod, Function function, const json::array& data, TimePoint now) {
    if (function == Function::interrupt) {
        ++pod.stats.interrupts;
        pod.gpu.interrupt(now);
        pod.changed();
        return {};
    }
    std::string task;
    const Drawing drawing = drawing_of(pod, data, task);
    const auto words = std::ranges::count(drawing.prompt, ' ') + (drawing.prompt.empty() ? 0 : 1);
    return {json::string(std::to_string(words) + "/75")};
}

Reply session_stream(Pod& pod, std::string session) {
    return streamed(std::make_shared<SessionStream>(pod, std::move(session), false));
}
Reply call_stream(Pod& pod, std::string event_id) {
    return streamed(std::make_shared<SessionStream>(pod, std::move(event_id), true));
}
Reply heartbeat_stream() {
    return streamed(std::make_shared<Heartbeat>());
}

// It completes for its client; what runs on the GPU goes on to its end (gradio#8188).
Reply cancel(Pod& pod, const Call& call) {
    json::error_code error;
    const json::value body = json::parse(json::string_view(call.body.data(), call.body.size()), error);
    const json::object* fields = error ? nullptr : body.if_object();
    const json::value* id = fields ? fields->if_contains("event_id") : nullptr;
    Queue& queue = queue_of(pod);
    if (id && id->is_string()) {
        const auto it = queue.events.find(std::string_view(id->get_string()));
        if (it != queue.events.end()) {
            const std::shared_ptr<Event> event = it->second;
            if (!event->started) *event->withdrawn = true;
            std::erase(queue.waiting, event);
            complete(queue, *event, json::object{}, true);
            pod.changed();
        }
    }
    return Reply::json(R"({"success":true})");
}

}  // namespace simulator::gradio
