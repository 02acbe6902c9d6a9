#include "proxy/traffic/job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio.hpp>
#include <boost/json.hpp>

#include "proxy/log.hpp"
#include "proxy/traffic/ask.hpp"
#include "proxy/traffic/cookie.hpp"

namespace proxy {

namespace {

constexpr std::chrono::milliseconds poll_every{250};
constexpr std::chrono::seconds question_patience{10};
constexpr int most_unanswered = 3;
constexpr std::chrono::seconds client_is_late_after{10};
constexpr std::chrono::milliseconds stop_is_seen_after{500};  // the gateway's: it rings for nobody
constexpr std::size_t longest_line_kept = 64;

asio::awaitable<void> pause(Worker& worker, Duration how_long) {
    Waiter::Timer timer(worker.io(), Clock::now() + how_long);
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

Question question_to(const Exchange& x, std::string target) {
    Question question;
    question.target = std::move(target);
    question.host = x.head.host();
    question.authorization = x.head.first("Authorization");
    for (const auto& field : x.head.fields()) {  // a login may be a cookie
        if (!same_name(field.name, "Cookie")) continue;
        const auto& ours = x.service->affinity;
        auto theirs = ours.cookie ? strip_cookie(field.value, ours.cookie_name) : std::string(field.value);
        if (!theirs.empty()) (question.cookie += question.cookie.empty() ? "" : "; ") += theirs;
    }
    return question;
}

// As a part of a target: ids are whatever a client or a pod says, line ends too (RFC 3986 section 2.1).
std::string encoded(std::string_view id) {
    std::string out;
    for (const char c : id) {
        const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           c == '-' || c == '.' || c == '_' || c == '~';
        if (plain)
            out += c;
        else
            out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

std::string without_end(std::string_view path, std::string_view end) {
    return std::string(path.ends_with(end) ? path.substr(0, path.size() - end.size()) : path);
}

const boost::json::value* find(const boost::json::value& in, std::string_view pointer) {
    boost::system::error_code ignored;
    return in.find_pointer(pointer, ignored);
}

bool is_zero(const boost::json::value* number) {
    return number != nullptr && number->is_number() && number->to_number<double>() == 0;
}

// Whether the answer to a poll says that the job is over. What cannot be read says so too: a slot is not held
// for the sake of nonsense.
bool says_over(router::Until until, const Reply& reply) {
    if (reply.status >= 400 && reply.status < 500) return true;  // the pod knows no such job any more
    if (reply.status != 200) return false;
    boost::system::error_code error;
    const auto said = boost::json::parse(reply.body, error);
    if (error) return true;
    switch (until) {
        case router::Until::comfy_prompt:
            return is_zero(find(said, "/exec_info/queue_remaining"));
        case router::Until::sdcpp_job: {
            const auto* status = find(said, "/status");
            if (status == nullptr || !status->is_string()) return true;
            const std::string_view is = status->as_string();
            return is != "queued" && is != "pending" && is != "running" && is != "generating";
        }
        case router::Until::invoke_batch:
            return is_zero(find(said, "/queue/pending")) && is_zero(find(said, "/queue/in_progress"));
        default:
            return true;
    }
}

// What to ask again and again; empty: the answer named no job.
std::string poll_target(const Exchange& x, const AnswerIds& answer) {
    const auto path = x.head.path();
    switch (x.until) {
        case router::Until::comfy_prompt:
            return std::string(path);
        case router::Until::sdcpp_job: {
            const auto id = answer.peek.find("id").value_or("");
            return id.empty() ? std::string{}
                              : without_end(path.substr(0, path.rfind('/')), "/") + "/jobs/" + encoded(id);
        }
        case router::Until::invoke_batch:
            return without_end(path, "/enqueue_batch") + "/status";
        default:
            return {};
    }
}

asio::awaitable<void> poll(Worker& worker, Exchange& x, std::string target, TimePoint deadline) {
    const auto question = question_to(x, std::move(target));
    int unanswered = 0;
    while (Clock::now() < deadline && !worker.stopped() && unanswered < most_unanswered) {
        const auto patience = std::min(deadline, Clock::now() + question_patience);
        const auto reply = co_await ask(worker, *x.backend, question, patience);
        unanswered = reply ? 0 : unanswered + 1;
        if (reply && says_over(x.until, *reply)) co_return;
        co_await pause(worker, poll_every);
    }
}

// Nobody reads the session's stream, so we do: the job's end must be seen.
asio::awaitable<void> read_events(Worker& worker, Exchange& x, const std::string& event, TimePoint deadline) {
    const auto path = x.head.path();
    const bool call = x.until == router::Until::gradio_call;
    auto target =
        call ? without_end(path, "/") + "/" + encoded(event)
             : without_end(without_end(path, "/"), "/join") + "/data?session_hash=" + encoded(x.session_hash);
    JobEvents events(x.service->jobs, x.session_hash, call ? event : std::string{});
    const auto hear = [&](std::string_view content) {
        events.hear(content);
        return !events.wants_more();
    };
    const auto question = question_to(x, std::move(target));
    co_await ask(worker, *x.backend, question, deadline, hear);
}

asio::awaitable<void> until_event_is_over(Worker& worker, Exchange& x, const std::string& event,
                                          TimePoint deadline) {
    auto& jobs = *x.service->jobs;
    const bool call = x.until == router::Until::gradio_call;  // whose streams are one an event
    const auto job = jobs.begin(worker.io(), event, call ? event : x.session_hash);
    auto client_is_late = Clock::now() + client_is_late_after;
    while (!worker.stopped()) {
        const auto now = Clock::now();
        const bool watched = jobs.watched(*job);
        job->alarm.expires_at(
            std::min({deadline, now + stop_is_seen_after, watched ? deadline : client_is_late}));
        if (jobs.over(*job) || now >= deadline) break;
        if (!watched && now >= client_is_late) {
            co_await read_events(worker, x, event, deadline);
            break;  // it heard the end, or there is nobody any more who could tell it
        }
        if (watched) client_is_late = now + client_is_late_after;
        co_await job->alarm.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    jobs.forget(job);
}

}  // namespace

// --- JobEvents

JobEvents::JobEvents(std::shared_ptr<Jobs> jobs, std::string session, std::string event)
    : jobs_(std::move(jobs)), session_(event.empty() ? std::move(session) : event), event_(std::move(event)) {
    jobs_->opened(session_);
}

JobEvents::~JobEvents() {
    jobs_->closed(session_);
}

// Lines of text/event-stream; of a message's data only the ids are kept, however long it is.
void JobEvents::hear(std::string_view content) {
    while (!content.empty()) {
        const auto end = content.find('\n');
        auto piece = content.substr(0, end);
        content.remove_prefix(end == std::string_view::npos ? content.size() : end + 1);
        if (!is_message_) {
            const auto room = longest_line_kept - std::min(longest_line_kept, line_.size());
            const auto front = piece.substr(0, room);
            line_ += front;
            if (line_.starts_with("data:")) {
                is_message_ = true;
                message_ = JsonPeek();
                message_.feed(std::string_view(line_).substr(5));
                message_.feed(piece.substr(front.size()));
            }
        } else {
            message_.feed(piece);
        }
        if (end != std::string_view::npos) line_is_over();
    }
}

void JobEvents::line_is_over() {
    if (is_message_ && event_.empty()) {
        const auto what = message_.find("msg").value_or("");
        const auto event = message_.find("event_id").value_or("");
        if (what == "process_completed" && !event.empty())
            jobs_->ended(event), std::erase(heard_, event);
        else if (!event.empty() && std::ranges::find(heard_, event) == heard_.end())
            heard_.emplace_back(event);
        if (heard_.size() > most_heard) heard_.pop_front();
        if (what == "close_stream" || what == "unexpected_error") all_ended();
    } else if (!event_.empty() &&
               (line_.starts_with("event: complete") || line_.starts_with("event: error"))) {
        jobs_->ended(event_);
    }
    line_.clear();
    is_message_ = false;
}

// The session may have other jobs meanwhile: on another pod, or one that has come just now.
void JobEvents::all_ended() {
    for (const auto& event : std::exchange(heard_, {})) jobs_->ended(event);
}

void JobEvents::end() {
    if (event_.empty())
        all_ended();
    else
        jobs_->ended(event_);
}

bool JobEvents::wants_more() const {
    return jobs_->pending(session_);
}

// --- the slot's wait

asio::awaitable<void> until_job_is_over(Worker& worker, Exchange& x) {
    const auto deadline = x.handed_over + x.service->timeout;
    const auto* answer = dynamic_cast<const AnswerIds*>(x.listener.get());
    if (answer == nullptr) co_return;
    if (x.until == router::Until::gradio_queue || x.until == router::Until::gradio_call) {
        const std::string event(answer->peek.find("event_id").value_or(""));
        if (!event.empty()) co_await until_event_is_over(worker, x, event, deadline);
    } else if (auto target = poll_target(x, *answer); !target.empty()) {
        co_await poll(worker, x, std::move(target), deadline);
    }
    if (Clock::now() >= deadline)
        log_of(LogOf::proxy)
            .about({{"requestId", x.request_id}, {"service", x.service->key}, {"pod", x.backend->name}})
            .warn("{}: pod {} has not ended its job within {:.0f} s (timeoutSeconds); its slot is free again",
                  x.service->key, x.backend->name, std::chrono::duration<double>(x.service->timeout).count());
}

}  // namespace proxy
