// One event of the page: a WebSocket that is open as long as its function runs, or a POST.
#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <memory>

#include "simulator/gradio3.hpp"
#include "simulator/login.hpp"
#include "simulator/server.hpp"
#include "simulator/websocket.hpp"

namespace simulator::gradio3 {
namespace {

namespace json = boost::json;

constexpr std::string_view join_path = "/queue/join";
constexpr double counting_time = 0.02;         // s: what a token counter holds the lock for
constexpr std::chrono::milliseconds look{50};  // how often a running task looks for its client
constexpr std::chrono::milliseconds progress_every{250};

// Nobody is ahead: a page's events run beside each other (the WebUI's demo.queue(64)) and meet at the lock.
constexpr std::string_view estimation =
    R"({"msg":"estimation","rank":0,"queue_size":1,"avg_event_process_time":null,)"
    R"("avg_event_concurrent_process_time":null,"rank_eta":null,"queue_eta":0})";
constexpr std::string_view send_hash = R"({"msg":"send_hash"})", send_data = R"({"msg":"send_data"})",
                           process_starts = R"({"msg":"process_starts"})";

double seconds(Duration time) {
    return std::chrono::duration<double>(time).count();
}
Duration unscaled(double time) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(time));
}

json::object parse_object(std::string_view text) {
    json::error_code error;
    json::value value = json::parse(json::string_view(text.data(), text.size()), error);
    return !error && value.is_object() ? std::move(value.as_object()) : json::object{};
}

const Function* function_of(const json::object& body) {
    const json::value* index = body.if_contains("fn_index");
    return index && index->is_int64() ? find_function(index->get_int64()) : nullptr;
}

json::array data_of(json::object& body) {
    json::value* data = body.if_contains("data");
    return data && data->is_array() ? std::move(data->get_array()) : json::array{};
}

// Written as text: the data of an image is long and already JSON.
std::string output(std::string_view data, double duration) {
    char times[96];
    std::snprintf(times, sizeof times, R"(,"is_generating":false,"duration":%.4f,"average_duration":%.4f})",
                  duration, duration);
    return R"({"data":)" + std::string(data) + times;
}

std::string completed(std::string_view what, bool success) {
    return R"({"msg":"process_completed","output":)" + std::string(what) +
           (success ? R"(,"success":true})" : R"(,"success":false})");
}

std::string failed(std::string_view why) {
    return completed(json::serialize(json::object{{"error", why}}), false);
}

struct Outcome {
    bool done = false;
    Reply reply;
    std::shared_ptr<bool> client_gone = std::make_shared<bool>(false);
};

struct Thread {  // one of those that synchronous functions run on
    explicit Thread(Server& server) : server_(server) {}
    ~Thread() { server_.free_thread(); }
    Thread(const Thread&) = delete;
    Server& server_;
};

// To its end, whether the client stays or not.
asio::awaitable<void> run_job(Server& server, Job job, std::shared_ptr<Outcome> outcome) {
    co_await server.take_thread();
    const Thread thread(server);
    Call call;
    call.method = http::verb::post;
    call.path = join_path;
    call.now = Clock::now();
    outcome->reply = co_await server.generate(std::move(job), call, outcome->client_gone);
    outcome->done = true;
    server.gpu_bell().ring();
}

class Event {
public:
    Event(Server& server, WebSocket& socket) : server_(server), pod_(server.pod()), socket_(socket) {}

    asio::awaitable<void> serve() {
        if (!co_await say(send_hash)) co_return;
        const auto hash = co_await socket_.receive(unscaled(pod_.options.hash_limit));
        if (!hash) co_return;
        const json::object greeting = parse_object(hash->bytes);
        const Function* function = function_of(greeting);
        if (!function || !greeting.contains("session_hash")) co_return co_await socket_.close(1011);
        if (!co_await say(estimation) || !co_await say(send_data)) co_return;
        const auto sent = co_await socket_.receive(unscaled(pod_.options.data_limit));
        if (!sent) {
            co_await socket_.send(failed("Time out uploading data to server"));
            co_return;
        }
        json::object body = parse_object(sent->bytes);
        const json::array data = data_of(body);
        if (!co_await say(process_starts)) co_return;
        begun_ = Clock::now();
        if (function->kind == Kind::generate)
            co_await generate(*function, data);
        else
            co_await run(*function, data);
    }

private:
    asio::awaitable<bool> say(std::string_view message) {
        co_return co_await socket_.send(std::string(message));
    }

    asio::awaitable<void> complete(std::string_view data) {
        const bool sent =
            co_await socket_.send(completed(output(data, seconds(Clock::now() - begun_)), true));
        if (!sent) ++pod_.stats.aborted;
    }

    asio::awaitable<void> run(const Function& function, const json::array& data) {
        co_await server_.take_thread();
        const Thread thread(server_);
        if (function.kind == Kind::count_tokens)
            co_await server_.hold_briefly(pod_.options.scaled(counting_time));
        const std::string task = task_of(data);
        while (function.kind == Kind::restore && socket_.open() && pending(task))
            co_await server_.gpu_bell().wait(Clock::now() + look);
        const json::array answer = run_light(pod_, function, data, Clock::now());
        server_.gpu_bell().ring();  // it may have been an interrupt
        const std::string text = json::serialize(answer);
        co_await complete(text);
    }

    bool pending(const std::string& task) const {
        const auto line = pod_.gpu.pending();
        return pod_.gpu.holder() == task || std::ranges::find(line, task) != line.end();
    }

    asio::awaitable<void> generate(const Function& function, const json::array& data) {
        auto made = generation(pod_, function, data);
        if (const Reply* refused = std::get_if<Reply>(&made)) {
            co_await socket_.send(failed(refused->body));
            co_return;
        }
        Job& job = std::get<Job>(made);
        const std::string task = job.task;
        const auto drop = pod_.faults.strike(FaultKind::drop, join_path, true);
        const auto outcome = std::make_shared<Outcome>();
        asio::co_spawn(co_await asio::this_coro::executor, run_job(server_, std::move(job), outcome),
                       asio::detached);
        while (!outcome->done && socket_.open()) {
            co_await server_.gpu_bell().wait(Clock::now() + look);
            const auto at = pod_.gpu.progress(Clock::now());
            if (outcome->done || !at || at->task != task) continue;
            if (drop && at->share >= drop->at) socket_.drop();
            tell(*at);
        }
        *outcome->client_gone = !socket_.open();
        if (!socket_.open())
            ++pod_.stats.aborted;
        else if (outcome->reply.status == http::status::ok)
            co_await complete(outcome->reply.body);
        else
            co_await socket_.send(failed("CUDA out of memory"));
    }

    // At most four times a second, and only of what is new.
    void tell(const Progress& at) {
        const int step = at.iteration * at.steps + at.step;
        const auto now = Clock::now();
        if (step == told_step_ || now < told_at_ + progress_every) return;
        told_step_ = step;
        told_at_ = now;
        const json::object progress{{"index", step},
                                    {"length", at.steps * at.iterations},
                                    {"unit", "steps"},
                                    {"progress", nullptr},
                                    {"desc", nullptr}};
        socket_.post(
            json::serialize(json::object{{"msg", "progress"}, {"progress_data", json::array{progress}}}));
    }

    Server& server_;
    Pod& pod_;
    WebSocket& socket_;
    TimePoint begun_{}, told_at_{};
    int told_step_ = -1;
};

}  // namespace

asio::awaitable<void> queue_join(Server& server, WebSocket& socket, const Call&) {
    Event event(server, socket);
    co_await event.serve();
}

std::variant<Reply, Job> predict(Pod& pod, const Call& call) {
    if (!logged_in(pod, call)) return not_authenticated();
    json::object body = parse_object(call.body);
    const Function* function = function_of(body);
    if (!function) function = find_function(call.path.substr(call.path.rfind('/') + 1));
    if (!function) {
        Reply reply = Reply::json(R"({"error":null})", http::status::internal_server_error);
        return reply;
    }
    const json::array data = data_of(body);
    if (function->kind != Kind::generate)
        return Reply::json(output(json::serialize(run_light(pod, *function, data, call.now)), 0.001));
    auto made = generation(pod, *function, data);
    if (Job* job = std::get_if<Job>(&made)) {
        job->make = [draw = std::move(job->make), begun = call.now] {
            return Reply::json(output(draw().body, seconds(Clock::now() - begun)));
        };
    }
    return made;
}

Reply reset(Pod&, const Call&) {
    return Reply::json(R"({"success":true})");
}

}  // namespace simulator::gradio3
